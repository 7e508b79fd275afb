/** Very high frequency data of the DT Device Status log page: what the drive is doing (ADC-3 6.1.2.2.2). */
import { flag, record, u8 } from '#wire';
import type { TapeUnit } from './tape-unit.js';

const veryHighFrequencyData = record(4, {
  removalPrevented: flag(0, 7),
  hostInitiatedUnload: flag(0, 6),
  memoryAccessible: flag(0, 5),
  compressing: flag(0, 4),
  writeProtected: flag(0, 3),
  cleaningRequested: flag(0, 2),
  cleaningRequired: flag(0, 1),
  initialized: flag(0, 0),
  inTransition: flag(1, 7),
  roboticAccess: flag(1, 5),
  mediumPresent: flag(1, 4),
  mediumSeated: flag(1, 2),
  mediumThreaded: flag(1, 1),
  mounted: flag(1, 0),
  activity: u8(2),
  diagnosticData: flag(3, 5),
  encryptionParametersPresent: flag(3, 4),
  encryptionServiceRequested: flag(3, 3),
  recoveryRequested: flag(3, 2),
  interfaceChanged: flag(3, 1),
  tapeAlertChanged: flag(3, 0),
});
const activity = { none: 0x00, cleaning: 0x01 } as const;

export function deviceStatus(unit: TapeUnit): Buffer {
  const { drive } = unit;
  const present = drive.cartridge !== undefined;
  const mounted = drive.state === 'ready';
  return veryHighFrequencyData.encode({
    removalPrevented: drive.removalPrevented,
    hostInitiatedUnload: drive.state === 'unloaded',
    memoryAccessible: mounted,
    compressing: unit.compressionEnabled,
    writeProtected: mounted && ['write-protected', 'read-only-generation'].includes(drive.writable),
    cleaningRequested: unit.tapeAlerts.isActive(0x15),
    cleaningRequired: unit.tapeAlerts.isActive(0x14),
    initialized: true,
    inTransition: false,
    roboticAccess: drive.state === 'empty' || drive.state === 'unloaded',
    mediumPresent: present,
    mediumSeated: present,
    mediumThreaded: mounted,
    mounted,
    activity: drive.state === 'cleaning' ? activity.cleaning : activity.none,
    diagnosticData: false,
    encryptionParametersPresent: drive.encryption.settings.encryption !== 'disable',
    encryptionServiceRequested: false,
    recoveryRequested: false,
    interfaceChanged: false,
    tapeAlertChanged: unit.tapeAlerts.bits !== 0n,
  });
}

/** The mode pages of one tape unit: rows of the table with what is live in them and what setting them does. */
import {
  CONTROL,
  CONTROL_EXTENSION,
  DISCONNECT_RECONNECT,
  type ModePageUse,
  POWER_CONDITION,
  usePage,
} from '#scsi';
import {
  CONTROL_DATA_PROTECTION,
  CONTROL_DATA_PROTECTION_RS,
  DATA_COMPRESSION,
  DEVICE_CONFIGURATION,
  DEVICE_CONFIGURATION_EXTENSION,
  IBM_BEHAVIOR,
  IBM_EARLY_WARNING,
  IBM_ENCRYPTION,
  IBM_EXTENSIONS,
  INFORMATIONAL_EXCEPTIONS,
  MEDIUM_CONFIGURATION,
  MEDIUM_PARTITION,
  READ_WRITE_ERROR_RECOVERY,
} from './mode-pages.table.js';
import type { TapeUnit } from './tape-unit.js';

const MB = 1e6;

export function tapeModePages(unit: TapeUnit): readonly ModePageUse[] {
  const { personality } = unit;
  return [
    usePage(READ_WRITE_ERROR_RECOVERY),
    usePage(DISCONNECT_RECONNECT),
    usePage(CONTROL),
    usePage(CONTROL_EXTENSION),
    ...protectionPages(unit),
    ...recordingPages(unit),
    ...(personality.appendOnly ? [appendOnlyPage(unit)] : []),
    partitionPage(unit),
    usePage(POWER_CONDITION),
    usePage(INFORMATIONAL_EXCEPTIONS, {
      selected: ({ test, testFlagNumber }) => {
        if (test) unit.tapeAlerts.test(testFlagNumber | 0); // a signed number (SSC-4 8.3.6)
      },
    }),
    usePage(MEDIUM_CONFIGURATION, { live: () => ({ worm: unit.drive.cartridge?.worm ?? false }) }),
    ...vendorPages(unit),
  ];
}

function protectionPages({ personality }: TapeUnit): readonly ModePageUse[] {
  if (personality.protection.length === 0) return [];
  return [
    usePage(personality.protection.includes('crc32c') ? CONTROL_DATA_PROTECTION : CONTROL_DATA_PROTECTION_RS),
  ];
}

/** DCE of page 0Fh and the compression algorithm of page 10h are one switch with two handles (SSC-4 8.3.2). */
function recordingPages(unit: TapeUnit): readonly ModePageUse[] {
  return [
    usePage(DATA_COMPRESSION, {
      selected: ({ dce }) => unit.modePages.set(DEVICE_CONFIGURATION, { selectDataCompression: dce ? 1 : 0 }),
    }),
    usePage(DEVICE_CONFIGURATION, {
      live: () => ({ activePartition: unit.drive.position.partition }),
      selected: ({ selectDataCompression }) =>
        unit.modePages.set(DATA_COMPRESSION, { dce: selectDataCompression !== 0 }),
    }),
  ];
}

const appendOnlyPage = (unit: TapeUnit): ModePageUse =>
  usePage(DEVICE_CONFIGURATION_EXTENSION, {
    live: () => ({ volumeContainsEncryptedBlocks: unit.volumeContainsEncrypted }),
    selected: () => applyToDrive(unit),
  });

/** Append-only mode and programmable early warning are the drive's to keep: it works for NDMP too. */
export function applyToDrive(unit: TapeUnit): void {
  const page = unit.modePages.find(DEVICE_CONFIGURATION_EXTENSION);
  if (page === undefined) return;
  const appendOnly = page.writeMode === 1;
  if (unit.drive.appendOnly !== appendOnly) unit.drive.setAppendOnly(appendOnly);
  unit.drive.setProgrammableEarlyWarning(page.programmableEarlyWarningMB * MB);
}

const partitionPage = (unit: TapeUnit): ModePageUse =>
  usePage(MEDIUM_PARTITION, {
    live: () => {
      const ofMedium = unit.drive.state === 'ready' ? unit.drive.cartridge?.medium.partitionsMax : undefined;
      const { partitionsMax } = unit.personality;
      return { additionalPartitionsMax: Math.min(partitionsMax, ofMedium ?? partitionsMax) - 1 };
    },
  });

function vendorPages(unit: TapeUnit): readonly ModePageUse[] {
  const { protection, encryption, vendorModePages } = unit.personality;
  const uses: Readonly<Record<string, () => ModePageUse>> = {
    '24': () =>
      usePage(IBM_EXTENSIONS, {
        defaults: {
          protectsReedSolomon: protection.includes('reed-solomon-crc'),
          protectsCrc32c: protection.includes('crc32c'),
          encryptionCapable: encryption,
        },
        live: () => ({ encryptionEnabled: unit.drive.encryption.settings.encryption !== 'disable' }),
      }),
    '25': () => usePage(IBM_EARLY_WARNING),
    '2f': () => usePage(IBM_BEHAVIOR),
    '30/20': () => usePage(IBM_ENCRYPTION),
  };
  return vendorModePages.flatMap((code) => {
    const use = uses[code];
    return use === undefined ? [] : [use()];
  });
}

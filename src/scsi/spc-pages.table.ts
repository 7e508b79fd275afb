/** Mode pages of all device types (SPC-5 7.5). A device type takes the rows it has; a personality changes defaults. */
import { bits, flag, u16, u32 } from '#wire';
import { modePage } from './mode-page.js';

export const CONTROL = modePage({
  page: 0x0a,
  name: 'Control',
  spec: 'SPC-5 7.5.11',
  length: 12,
  fields: {
    taskSetType: bits(2, 7, 5),
    taskManagementOnly: flag(2, 4),
    descriptorSense: flag(2, 2),
    globalLoggingTargetSaveDisable: flag(2, 1),
    reportLogExceptionCondition: flag(2, 0),
    queueAlgorithmModifier: bits(3, 7, 4),
    noUnitAttentionOnRelease: flag(3, 3),
    queueErrorManagement: bits(3, 2, 1),
    reportACheck: flag(4, 6),
    unitAttentionInterlock: bits(4, 5, 4),
    softwareWriteProtect: flag(4, 3),
    applicationTagOwner: flag(5, 7),
    taskAbortedStatus: flag(5, 6),
    autoloadMode: bits(5, 2, 0),
    busyTimeoutPeriod: u16(8),
    extendedSelfTestSeconds: u16(10),
  },
  defaults: {
    taskSetType: 0,
    taskManagementOnly: false,
    descriptorSense: false,
    globalLoggingTargetSaveDisable: true,
    reportLogExceptionCondition: false,
    queueAlgorithmModifier: 0,
    noUnitAttentionOnRelease: false,
    queueErrorManagement: 0,
    reportACheck: false,
    unitAttentionInterlock: 0,
    softwareWriteProtect: false,
    applicationTagOwner: false,
    taskAbortedStatus: false,
    autoloadMode: 0,
    busyTimeoutPeriod: 0,
    extendedSelfTestSeconds: 1,
  },
  changeable: ['descriptorSense', 'taskAbortedStatus'],
  saveable: true,
});

export const CONTROL_EXTENSION = modePage({
  page: 0x0a,
  subpage: 0x01,
  name: 'Control Extension',
  spec: 'SPC-5 7.5.12',
  length: 32,
  fields: {
    timestampChangeableOutside: flag(4, 2),
    scsiPrecedence: flag(4, 1),
    implicitAsymmetricAccess: flag(4, 0),
    initialCommandPriority: bits(5, 3, 0),
    maximumSenseLength: bits(6, 7, 0),
  },
  defaults: {
    timestampChangeableOutside: true,
    scsiPrecedence: true,
    implicitAsymmetricAccess: false,
    initialCommandPriority: 0,
    maximumSenseLength: 0,
  },
  changeable: ['timestampChangeableOutside', 'scsiPrecedence'],
  saveable: true,
});

export const DISCONNECT_RECONNECT = modePage({
  page: 0x02,
  name: 'Disconnect-Reconnect',
  spec: 'SPC-5 7.5.13, RFC 7143 (all fields of iSCSI are reserved but these two)',
  length: 16,
  fields: { maximumBurstSize: u16(10), firstBurstSize: u16(14) },
  defaults: { maximumBurstSize: 0, firstBurstSize: 0 },
  changeable: [],
});

export const POWER_CONDITION = modePage({
  page: 0x1a,
  name: 'Power Condition',
  spec: 'SPC-5 7.5.16',
  length: 40,
  fields: {
    idleA: flag(3, 1),
    standbyZ: flag(3, 0),
    idleATimer: u32(4),
    standbyZTimer: u32(8),
  },
  defaults: { idleA: false, standbyZ: false, idleATimer: 0, standbyZTimer: 0 },
  changeable: [],
});

export const INFORMATIONAL_EXCEPTIONS = modePage({
  page: 0x1c,
  name: 'Informational Exceptions Control',
  spec: 'SPC-3 7.4.11',
  length: 12,
  fields: {
    performance: flag(2, 7),
    enableBackgroundFunction: flag(2, 5),
    enableWarning: flag(2, 4),
    disableExceptions: flag(2, 3),
    test: flag(2, 2),
    logErrors: flag(2, 0),
    methodOfReporting: bits(3, 3, 0),
    intervalTimer: u32(4),
    reportCount: u32(8),
  },
  defaults: {
    performance: false,
    enableBackgroundFunction: false,
    enableWarning: false,
    disableExceptions: true,
    test: false,
    logErrors: false,
    methodOfReporting: 0,
    intervalTimer: 0,
    reportCount: 0,
  },
  changeable: [],
});

/** Protocol-Specific Port page, short format: which protocol, and no fields of it (RFC 7143 leaves them to nobody). */
export const PROTOCOL_SPECIFIC_PORT = modePage({
  page: 0x19,
  name: 'Protocol Specific Port',
  spec: 'SPC-5 7.5.19',
  length: 8,
  fields: { protocolIdentifier: bits(2, 3, 0) },
  defaults: { protocolIdentifier: 5 },
  changeable: [],
});

/**
 * Mode pages of tape drives, one row each (SSC-4 8.3; IBM LTO SCSI Reference GA32-0928 for the maker's pages 24h, 25h, 2Fh and
 * 30h). The rows that all device types share are in src/scsi. Bytes are counted from the page's first.
 */
import { modePage } from '#scsi';
import { bits, flag, u16, u24, u32, u8 } from '#wire';

export const READ_WRITE_ERROR_RECOVERY = modePage({
  page: 0x01,
  name: 'Read-Write Error Recovery',
  spec: 'SSC-4 8.3.5',
  length: 12,
  fields: {
    transferBlock: flag(2, 5),
    enableEarlyRecovery: flag(2, 3),
    postError: flag(2, 2),
    disableTransferOnError: flag(2, 1),
    disableCorrection: flag(2, 0),
    readRetryCount: u8(3),
    writeRetryCount: u8(8),
  },
  defaults: {
    transferBlock: false,
    enableEarlyRecovery: false,
    postError: false,
    disableTransferOnError: false,
    disableCorrection: false,
    readRetryCount: 0x14,
    writeRetryCount: 0x14,
  },
  changeable: ['readRetryCount', 'writeRetryCount'],
  saveable: true,
});

const protection = {
  page: 0x0a,
  subpage: 0xf0,
  name: 'Control Data Protection',
  spec: 'SSC-4 8.3.9',
  length: 32,
  fields: {
    method: u8(4),
    informationLength: bits(5, 5, 0),
    protectOnWrite: flag(6, 7),
    protectOnRead: flag(6, 6),
    recoverBuffered: flag(6, 5),
  },
  defaults: {
    method: 0,
    informationLength: 0,
    protectOnWrite: false,
    protectOnRead: false,
    recoverBuffered: false,
  },
  changeable: ['method', 'informationLength', 'protectOnWrite', 'protectOnRead'],
} as const;
type Protection = {
  -readonly [K in keyof typeof protection.defaults]: K extends 'method' | 'informationLength'
    ? number
    : boolean;
};

/** A method that the drive has, with its four bytes; and no bits without a method. */
const checkProtection =
  (methodMax: number) =>
  ({
    method,
    informationLength,
    protectOnWrite,
    protectOnRead,
  }: Protection): keyof Protection | undefined => {
    if (method > methodMax) return 'method';
    if (method === 0 && protectOnWrite) return 'protectOnWrite';
    if (method === 0 && protectOnRead) return 'protectOnRead';
    return method !== 0 && informationLength !== 4 ? 'informationLength' : undefined;
  };
/** Protection information behind each logical block, checked on write and added on read: Reed-Solomon CRC and CRC32C. */
export const CONTROL_DATA_PROTECTION = modePage({ ...protection, check: checkProtection(2) });
/** The same of drives that have Reed-Solomon CRC only. */
export const CONTROL_DATA_PROTECTION_RS = modePage({ ...protection, check: checkProtection(1) });

export const DATA_COMPRESSION = modePage({
  page: 0x0f,
  name: 'Data Compression',
  spec: 'SSC-4 8.3.2',
  length: 16,
  fields: {
    dce: flag(2, 7),
    dcc: flag(2, 6),
    dde: flag(3, 7),
    red: bits(3, 6, 5),
    compressionAlgorithm: u32(4),
    decompressionAlgorithm: u32(8),
  },
  // Algorithm 1: the default one of the device server
  defaults: {
    dce: true,
    dcc: true,
    dde: true,
    red: 0,
    compressionAlgorithm: 1,
    decompressionAlgorithm: 1,
  },
  changeable: ['dce', 'compressionAlgorithm'],
  saveable: true,
  check: ({ compressionAlgorithm }) => (compressionAlgorithm > 1 ? 'compressionAlgorithm' : undefined),
});

export const DEVICE_CONFIGURATION = modePage({
  page: 0x10,
  name: 'Device Configuration',
  spec: 'SSC-4 8.3.3',
  length: 16,
  fields: {
    activeFormat: bits(2, 4, 0),
    activePartition: u8(3),
    writeBufferFullRatio: u8(4),
    readBufferEmptyRatio: u8(5),
    writeDelayTime: u16(6),
    objectBufferRecovery: flag(8, 7),
    logicalObjectIdentifiersSupported: flag(8, 6),
    automaticVelocityControl: flag(8, 4),
    stopOnConsecutiveFilemarks: bits(8, 3, 2),
    recoverObjectBufferOrder: flag(8, 1),
    reportEarlyWarning: flag(8, 0),
    endOfDataDefined: bits(10, 7, 5),
    enableEndOfDataGeneration: flag(10, 4),
    synchronizeAtEarlyWarning: flag(10, 3),
    softwareWriteProtect: flag(10, 2),
    blockAddressModeLock: flag(10, 1),
    blockAddressMode: flag(10, 0),
    bufferSizeAtEarlyWarning: u24(11),
    selectDataCompression: u8(14),
    wormTamperReadEnable: bits(15, 7, 6),
    onlyIfReserved: flag(15, 5),
    rewindOnReset: bits(15, 4, 3),
    associatedWriteProtect: flag(15, 2),
    persistentWriteProtect: flag(15, 1),
    permanentWriteProtect: flag(15, 0),
  },
  defaults: {
    activeFormat: 0,
    activePartition: 0,
    writeBufferFullRatio: 0,
    readBufferEmptyRatio: 0,
    writeDelayTime: 0,
    objectBufferRecovery: false,
    logicalObjectIdentifiersSupported: true,
    automaticVelocityControl: false,
    stopOnConsecutiveFilemarks: 0,
    recoverObjectBufferOrder: false,
    reportEarlyWarning: false,
    endOfDataDefined: 0,
    enableEndOfDataGeneration: true,
    synchronizeAtEarlyWarning: true,
    softwareWriteProtect: false,
    blockAddressModeLock: false,
    blockAddressMode: false,
    bufferSizeAtEarlyWarning: 0,
    selectDataCompression: 1,
    wormTamperReadEnable: 0,
    onlyIfReserved: false,
    rewindOnReset: 0,
    associatedWriteProtect: false,
    persistentWriteProtect: false,
    permanentWriteProtect: false,
  },
  changeable: [
    'writeDelayTime',
    'reportEarlyWarning',
    'synchronizeAtEarlyWarning',
    'softwareWriteProtect',
    'blockAddressModeLock',
    'blockAddressMode',
    'selectDataCompression',
    'onlyIfReserved',
    'associatedWriteProtect',
  ],
  saveable: true,
  check: ({ selectDataCompression }) => (selectDataCompression > 1 ? 'selectDataCompression' : undefined),
});

export const DEVICE_CONFIGURATION_EXTENSION = modePage({
  page: 0x10,
  subpage: 0x01,
  name: 'Device Configuration Extension',
  spec: 'SSC-4 8.3.8',
  length: 32,
  fields: {
    tapeAlertRespectFirst: flag(4, 3),
    tapeAlertSelectExceptions: flag(4, 2),
    tapeAlertRespectPageControl: flag(4, 1),
    tapeAlertPreventLogSenseDeactivation: flag(4, 0),
    writeMode: bits(5, 7, 4),
    shortEraseMode: bits(5, 3, 0),
    programmableEarlyWarningMB: u16(6),
    volumeContainsEncryptedBlocks: flag(8, 0),
  },
  defaults: {
    tapeAlertRespectFirst: false,
    tapeAlertSelectExceptions: false,
    tapeAlertRespectPageControl: false,
    tapeAlertPreventLogSenseDeactivation: false,
    writeMode: 0,
    shortEraseMode: 2, // writes an end-of-data indication and nothing more
    programmableEarlyWarningMB: 0,
    volumeContainsEncryptedBlocks: false,
  },
  changeable: [
    'tapeAlertRespectPageControl',
    'tapeAlertPreventLogSenseDeactivation',
    'writeMode',
    'shortEraseMode',
    'programmableEarlyWarningMB',
  ],
  saveable: true,
  check: ({ writeMode, shortEraseMode }) => {
    if (writeMode > 1) return 'writeMode';
    return shortEraseMode > 2 ? 'shortEraseMode' : undefined;
  },
});

/** Units of partition sizes: PSUM 0 bytes, 1 KB, 2 MB, 3 ten to the power of PARTITION UNITS. */
export const PARTITION_SIZE_UNIT = { bytes: 0, kilobytes: 1, megabytes: 2, power: 3 } as const;

export const MEDIUM_PARTITION = modePage({
  page: 0x11,
  name: 'Medium Partition',
  spec: 'SSC-4 8.3.4',
  length: 16,
  lengthMin: 8, // initiators leave out the sizes that they do not set
  fields: {
    additionalPartitionsMax: u8(2),
    additionalPartitions: u8(3),
    fixedDataPartitions: flag(4, 7),
    selectDataPartitions: flag(4, 6),
    initiatorDefinedPartitions: flag(4, 5),
    sizeUnit: bits(4, 4, 3),
    partitionOnFormat: flag(4, 2),
    clear: flag(4, 1),
    addPartition: flag(4, 0),
    mediumFormatRecognition: u8(5),
    partitioningType: bits(6, 7, 4),
    partitionUnits: bits(6, 3, 0),
    size0: u16(8),
    size1: u16(10),
    size2: u16(12),
    size3: u16(14),
  },
  defaults: {
    additionalPartitionsMax: 3,
    additionalPartitions: 0,
    fixedDataPartitions: false,
    selectDataPartitions: false,
    initiatorDefinedPartitions: true,
    sizeUnit: PARTITION_SIZE_UNIT.power,
    partitionOnFormat: true,
    clear: false,
    addPartition: false,
    mediumFormatRecognition: 3,
    partitioningType: 0,
    partitionUnits: 9,
    size0: 0xffff,
    size1: 0,
    size2: 0,
    size3: 0,
  },
  changeable: [
    'additionalPartitions',
    'fixedDataPartitions',
    'selectDataPartitions',
    'initiatorDefinedPartitions',
    'sizeUnit',
    'clear',
    'addPartition',
    'partitioningType',
    'partitionUnits',
    'size0',
    'size1',
    'size2',
    'size3',
  ],
  check: (page) => {
    if (page.additionalPartitions > page.additionalPartitionsMax) return 'additionalPartitions';
    const ways = [page.fixedDataPartitions, page.selectDataPartitions, page.initiatorDefinedPartitions];
    if (ways.filter(Boolean).length > 1) return 'fixedDataPartitions';
    if (page.partitioningType > 3) return 'partitioningType';
    return undefined;
  },
});

/** TapeAlert by polling is what everyone uses. TEST with a flag number raises flags, once exceptions are enabled. */
export const INFORMATIONAL_EXCEPTIONS = modePage({
  page: 0x1c,
  name: 'Informational Exceptions Control',
  spec: 'SSC-4 8.3.6',
  length: 12,
  fields: {
    performance: flag(2, 7),
    enableBackgroundFunction: flag(2, 5),
    enableWarning: flag(2, 4),
    disableExceptions: flag(2, 3),
    test: flag(2, 2),
    logErrors: flag(2, 0),
    method: bits(3, 3, 0),
    intervalTimer: u32(4),
    testFlagNumber: u32(8),
  },
  defaults: {
    performance: false,
    enableBackgroundFunction: false,
    enableWarning: false,
    disableExceptions: true,
    test: false,
    logErrors: false,
    method: 3,
    intervalTimer: 0,
    testFlagNumber: 0,
  },
  changeable: ['disableExceptions', 'test', 'method', 'testFlagNumber'],
  // MRIE 3h reports by sense data when PER = 1, which page 01h does not let be: what is left is polling of TapeAlert.
  check: ({ method, test, disableExceptions }) => {
    if (method !== 0 && method !== 3) return 'method';
    return test && disableExceptions ? 'test' : undefined;
  },
});

export const MEDIUM_CONFIGURATION = modePage({
  page: 0x1d,
  name: 'Medium Configuration',
  spec: 'SSC-4 8.3.7',
  length: 32,
  fields: { worm: flag(2, 0), wormLabelRestrictions: u8(4), wormFilemarkRestrictions: u8(5) },
  // WORM media of LTO: labels and filemarks may not be overwritten once data follows (SSC-4 8.3.7)
  defaults: { worm: false, wormLabelRestrictions: 1, wormFilemarkRestrictions: 2 },
  changeable: [],
});

/** Initiator-specific extensions: LTFS reads the protection methods here, backup programs the encryption capability. */
export const IBM_EXTENSIONS = modePage({
  page: 0x24,
  name: 'Initiator-Specific Extensions (IBM)',
  spec: 'GA32-0928, mode page 24h',
  length: 8,
  fields: {
    protectsReedSolomon: flag(2, 6),
    protectsCrc32c: flag(2, 5),
    encryptionEnabled: flag(5, 0),
    encryptionCapable: flag(7, 0),
  },
  defaults: {
    protectsReedSolomon: false,
    protectsCrc32c: false,
    encryptionEnabled: false,
    encryptionCapable: true,
  },
  changeable: [],
});

export const IBM_EARLY_WARNING = modePage({
  page: 0x25,
  name: 'Logical End of Partition and Early Warning (IBM)',
  spec: 'GA32-0928, mode page 25h',
  length: 32,
  fields: { logicalEndOfPartition: u8(5), earlyWarning: u8(6) },
  defaults: { logicalEndOfPartition: 1, earlyWarning: 1 },
  changeable: [],
});

export const IBM_BEHAVIOR = modePage({
  page: 0x2f,
  name: 'Behavior Configuration (IBM)',
  spec: 'GA32-0928, mode page 2Fh',
  length: 10,
  fields: { fenceBehavior: u8(2), cleanBehavior: u8(3), wormBehavior: u8(4), senseDescription: u8(5) },
  defaults: { fenceBehavior: 0, cleanBehavior: 0, wormBehavior: 1, senseDescription: 0 },
  changeable: [],
});

/** Method 3: keys come from the application, by SECURITY PROTOCOL OUT. */
export const IBM_ENCRYPTION = modePage({
  page: 0x30,
  subpage: 0x20,
  name: 'Device Attributes: Encryption (IBM)',
  spec: 'GA32-0928, mode page 30h, subpage 20h',
  length: 12,
  fields: { method: u8(5), keyPath: u8(6), defaultState: u8(7), densityReporting: u8(8) },
  defaults: { method: 3, keyPath: 1, defaultState: 1, densityReporting: 0 },
  changeable: [],
});

/** The value type of a row. */
export type ValueOfPage<P> = P extends { readonly defaults: infer V } ? V : never;

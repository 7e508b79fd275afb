/**
 * Commands of sequential-access devices, one row each. Sections are those of SSC-4 (INCITS 516), whose clauses SSC-5 keeps:
 * clause 5 explicit address commands, 6 implicit address commands, 7 commands of both; SPC rows name SPC-5.
 *
 * Reservation column: position and mode belong to the unit, so every command that moves or touches the medium conflicts with
 * any reservation of another (SSC-4 4.2, reservations); what only reports is allowed.
 */
import { command } from '#scsi';
import { bits, flag, u16, u24, u32, u64, u8 } from '#wire';

const onMedium = { reservation: 'conflict', needsMedium: true } as const;
const changesMedium = { ...onMedium, writesMedium: true } as const;
/** Motion may first have to make a buffer durable; on a slow store that takes its time. */
const moving = { timeouts: { nominalSeconds: 5, recommendedSeconds: 600 } } as const;
const thorough = { timeouts: { nominalSeconds: 60, recommendedSeconds: 3600 } } as const;

// --- reading and writing --------------------------------------------------------------------------------------------

export const READ_6 = command({
  name: 'READ(6)',
  opcode: 0x08,
  length: 6,
  spec: 'SSC-4 6.4',
  fields: { sili: flag(1, 1), fixed: flag(1, 0), transferLength: u24(2) },
  data: 'in',
  ...onMedium,
});
export const READ_16 = command({
  name: 'READ(16)',
  opcode: 0x88,
  length: 16,
  spec: 'SSC-4 5.3',
  fields: {
    sili: flag(1, 1),
    fixed: flag(1, 0),
    partition: u8(3),
    logicalObject: u64(4),
    transferLength: u24(12),
  },
  data: 'in',
  ...onMedium,
});
export const READ_REVERSE_6 = command({
  name: 'READ REVERSE(6)',
  opcode: 0x0f,
  length: 6,
  spec: 'SSC-4 6.5',
  fields: { byteOrder: flag(1, 2), sili: flag(1, 1), fixed: flag(1, 0), transferLength: u24(2) },
  data: 'in',
  ...onMedium,
});
export const READ_REVERSE_16 = command({
  name: 'READ REVERSE(16)',
  opcode: 0x81,
  length: 16,
  spec: 'SSC-4 5.4',
  fields: {
    byteOrder: flag(1, 2),
    sili: flag(1, 1),
    fixed: flag(1, 0),
    partition: u8(3),
    logicalObject: u64(4),
    transferLength: u24(12),
  },
  data: 'in',
  ...onMedium,
});
export const WRITE_6 = command({
  name: 'WRITE(6)',
  opcode: 0x0a,
  length: 6,
  spec: 'SSC-4 6.8',
  fields: { fixed: flag(1, 0), transferLength: u24(2) },
  data: 'out',
  ...changesMedium,
});
export const WRITE_16 = command({
  name: 'WRITE(16)',
  opcode: 0x8a,
  length: 16,
  spec: 'SSC-4 5.6',
  fields: {
    fcs: flag(1, 3),
    lcs: flag(1, 2),
    fixed: flag(1, 0),
    partition: u8(3),
    logicalObject: u64(4),
    transferLength: u24(12),
  },
  data: 'out',
  ...changesMedium,
});
export const VERIFY_6 = command({
  name: 'VERIFY(6)',
  opcode: 0x13,
  length: 6,
  spec: 'SSC-4 6.7',
  fields: {
    verifyToEnd: flag(1, 5),
    verifyProtection: flag(1, 4),
    verifyByFilemarks: flag(1, 3),
    immediate: flag(1, 2),
    byteCompare: flag(1, 1),
    fixed: flag(1, 0),
    verificationLength: u24(2),
  },
  data: 'out',
  ...onMedium,
  ...thorough,
});
export const VERIFY_16 = command({
  name: 'VERIFY(16)',
  opcode: 0x8f,
  length: 16,
  spec: 'SSC-4 5.5',
  fields: {
    verifyToEnd: flag(1, 5),
    verifyProtection: flag(1, 4),
    verifyByFilemarks: flag(1, 3),
    immediate: flag(1, 2),
    byteCompare: flag(1, 1),
    fixed: flag(1, 0),
    partition: u8(3),
    logicalObject: u64(4),
    verificationLength: u24(12),
  },
  data: 'out',
  ...onMedium,
  ...thorough,
});
/** A count of zero changes nothing and is let through on protected media, so the handler asks, not the gate. */
export const WRITE_FILEMARKS_6 = command({
  name: 'WRITE FILEMARKS(6)',
  opcode: 0x10,
  length: 6,
  spec: 'SSC-4 6.9',
  fields: { immediate: flag(1, 0), filemarkCount: u24(2) },
  data: 'none',
  ...onMedium,
  ...moving,
});
export const WRITE_FILEMARKS_16 = command({
  name: 'WRITE FILEMARKS(16)',
  opcode: 0x80,
  length: 16,
  spec: 'SSC-4 5.7',
  fields: {
    fcs: flag(1, 3),
    lcs: flag(1, 2),
    immediate: flag(1, 0),
    partition: u8(3),
    logicalObject: u64(4),
    filemarkCount: u24(12),
  },
  data: 'none',
  ...onMedium,
  ...moving,
});

// --- motion ---------------------------------------------------------------------------------------------------------

export const REWIND = command({
  name: 'REWIND',
  opcode: 0x01,
  length: 6,
  spec: 'SSC-4 7.10',
  fields: { immediate: flag(1, 0) },
  data: 'none',
  ...onMedium,
  ...moving,
});
export const SPACE_6 = command({
  name: 'SPACE(6)',
  opcode: 0x11,
  length: 6,
  spec: 'SSC-4 6.6',
  fields: { code: bits(1, 3, 0), count: u24(2) },
  data: 'none',
  ...onMedium,
  ...moving,
});
export const SPACE_16 = command({
  name: 'SPACE(16)',
  opcode: 0x91,
  length: 16,
  spec: 'SSC-4 7.12',
  fields: { code: bits(1, 3, 0), count: u64(4), parameterListLength: u16(12) },
  data: 'none',
  ...onMedium,
  ...moving,
});
export const LOCATE_10 = command({
  name: 'LOCATE(10)',
  opcode: 0x2b,
  length: 10,
  spec: 'SSC-4 6.3',
  fields: {
    blockType: flag(1, 2),
    changePartition: flag(1, 1),
    immediate: flag(1, 0),
    logicalObject: u32(3),
    partition: u8(8),
  },
  data: 'none',
  ...onMedium,
  ...moving,
});
export const LOCATE_16 = command({
  name: 'LOCATE(16)',
  opcode: 0x92,
  length: 16,
  spec: 'SSC-4 7.4',
  fields: {
    destinationType: bits(1, 4, 3),
    changePartition: flag(1, 1),
    immediate: flag(1, 0),
    blockAddressMode: flag(2, 0),
    partition: u8(3),
    logicalIdentifier: u64(4),
  },
  data: 'none',
  ...onMedium,
  ...moving,
});
export const READ_POSITION_SHORT = command({
  name: 'READ POSITION, short form, block ID',
  opcode: 0x34,
  serviceAction: 0x00,
  length: 10,
  spec: 'SSC-4 7.7.2',
  fields: {},
  data: 'in',
  ...onMedium,
});
export const READ_POSITION_VENDOR = command({
  name: 'READ POSITION, short form, vendor-specific',
  opcode: 0x34,
  serviceAction: 0x01,
  length: 10,
  spec: 'SSC-4 7.7.2',
  fields: {},
  data: 'in',
  ...onMedium,
});
export const READ_POSITION_LONG = command({
  name: 'READ POSITION, long form',
  opcode: 0x34,
  serviceAction: 0x06,
  length: 10,
  spec: 'SSC-4 7.7.3',
  fields: {},
  data: 'in',
  ...onMedium,
});
export const READ_POSITION_EXTENDED = command({
  name: 'READ POSITION, extended form',
  opcode: 0x34,
  serviceAction: 0x08,
  length: 10,
  spec: 'SSC-4 7.7.4',
  fields: { allocationLength: u16(7) },
  data: 'in',
  ...onMedium,
});
export const LOAD_UNLOAD = command({
  name: 'LOAD UNLOAD',
  opcode: 0x1b,
  length: 6,
  spec: 'SSC-4 7.3',
  fields: {
    immediate: flag(1, 0),
    hold: flag(4, 3),
    endOfTape: flag(4, 2),
    retension: flag(4, 1),
    load: flag(4, 0),
  },
  data: 'none',
  reservation: 'conflict',
  ...moving,
});
export const PREVENT_ALLOW_MEDIUM_REMOVAL = command({
  name: 'PREVENT ALLOW MEDIUM REMOVAL',
  opcode: 0x1e,
  length: 6,
  spec: 'SSC-4 7.5',
  fields: { prevent: bits(4, 1, 0) },
  data: 'none',
  reservation: ({ prevent }) => (prevent === 0 ? 'allowed' : 'conflict'),
});

// --- the medium as a whole --------------------------------------------------------------------------------------------

export const ERASE_6 = command({
  name: 'ERASE(6)',
  opcode: 0x19,
  length: 6,
  spec: 'SSC-4 6.2',
  fields: { immediate: flag(1, 1), long: flag(1, 0) },
  data: 'none',
  ...changesMedium,
  ...thorough,
});
export const ERASE_16 = command({
  name: 'ERASE(16)',
  opcode: 0x93,
  length: 16,
  spec: 'SSC-4 5.2',
  fields: {
    fcs: flag(1, 3),
    lcs: flag(1, 2),
    immediate: flag(1, 1),
    long: flag(1, 0),
    partition: u8(3),
    logicalObject: u64(4),
  },
  data: 'none',
  ...changesMedium,
  ...thorough,
});
export const FORMAT_MEDIUM = command({
  name: 'FORMAT MEDIUM',
  opcode: 0x04,
  length: 6,
  spec: 'SSC-4 7.2',
  fields: { verify: flag(1, 1), immediate: flag(1, 0), format: bits(2, 3, 0), transferLength: u16(3) },
  data: 'out',
  ...changesMedium,
  ...thorough,
});
export const SET_CAPACITY = command({
  name: 'SET CAPACITY',
  opcode: 0x0b,
  length: 6,
  spec: 'SSC-4 7.11',
  fields: { immediate: flag(1, 0), capacityProportion: u16(3) },
  data: 'none',
  ...changesMedium,
  ...thorough,
});
export const ALLOW_OVERWRITE = command({
  name: 'ALLOW OVERWRITE',
  opcode: 0x82,
  length: 16,
  spec: 'SSC-4 7.1',
  fields: { allowOverwrite: bits(2, 3, 0), partition: u8(3), logicalObject: u64(4) },
  data: 'none',
  ...onMedium,
});
export const READ_BLOCK_LIMITS = command({
  name: 'READ BLOCK LIMITS',
  opcode: 0x05,
  length: 6,
  spec: 'SSC-4 7.6',
  fields: { maximumLogicalObject: flag(1, 0) },
  data: 'in',
  reservation: 'allowed',
});
export const REPORT_DENSITY_SUPPORT = command({
  name: 'REPORT DENSITY SUPPORT',
  opcode: 0x44,
  length: 10,
  spec: 'SSC-4 7.9',
  fields: { mediumType: flag(1, 1), media: flag(1, 0), allocationLength: u16(7) },
  data: 'in',
  reservation: 'allowed',
});
export const READ_MEDIA_SERIAL_NUMBER = command({
  name: 'READ MEDIA SERIAL NUMBER',
  opcode: 0xab,
  serviceAction: 0x01,
  length: 12,
  spec: 'SPC-5 clause 6',
  fields: { allocationLength: u32(6) },
  data: 'in',
  reservation: 'allowed',
  needsMedium: true,
});

// --- medium auxiliary memory ------------------------------------------------------------------------------------------

/** The changer has the same command, with an element in front of it. */
export const readAttribute = {
  opcode: 0x8c,
  length: 16,
  spec: 'SPC-5 6.18',
  fields: {
    logicalVolume: u8(5),
    partition: u8(7),
    firstAttribute: u16(8),
    allocationLength: u32(10),
    cache: flag(14, 0),
  },
  data: 'in',
  reservation: 'read',
  needsMedium: true,
} as const;
export const readAttributeActions = {
  values: { name: 'READ ATTRIBUTE, attribute values', serviceAction: 0x00 },
  list: { name: 'READ ATTRIBUTE, attribute list', serviceAction: 0x01 },
  volumes: { name: 'READ ATTRIBUTE, logical volume list', serviceAction: 0x02 },
  partitions: { name: 'READ ATTRIBUTE, partition list', serviceAction: 0x03 },
  supported: { name: 'READ ATTRIBUTE, supported attributes', serviceAction: 0x05 },
} as const;
export const READ_ATTRIBUTE_VALUES = command({ ...readAttribute, ...readAttributeActions.values });
export const READ_ATTRIBUTE_LIST = command({ ...readAttribute, ...readAttributeActions.list });
export const READ_ATTRIBUTE_VOLUMES = command({ ...readAttribute, ...readAttributeActions.volumes });
export const READ_ATTRIBUTE_PARTITIONS = command({ ...readAttribute, ...readAttributeActions.partitions });
export const READ_ATTRIBUTE_SUPPORTED = command({ ...readAttribute, ...readAttributeActions.supported });
/** The drive refuses it on a write-protected cartridge, whose switch guards its memory too; an empty list changes nothing. */
export const WRITE_ATTRIBUTE = command({
  name: 'WRITE ATTRIBUTE',
  opcode: 0x8d,
  length: 16,
  spec: 'SPC-5 6.49',
  fields: { writeThrough: flag(1, 0), logicalVolume: u8(5), partition: u8(7), parameterListLength: u32(10) },
  data: 'out',
  ...onMedium,
});

// --- security protocols -----------------------------------------------------------------------------------------------

export const SECURITY_PROTOCOL_IN = command({
  name: 'SECURITY PROTOCOL IN',
  opcode: 0xa2,
  length: 12,
  spec: 'SPC-5 6.39',
  fields: { protocol: u8(1), specific: u16(2), inc512: flag(4, 7), allocationLength: u32(6) },
  data: 'in',
  reservation: 'read',
});
export const SECURITY_PROTOCOL_OUT = command({
  name: 'SECURITY PROTOCOL OUT',
  opcode: 0xb5,
  length: 12,
  spec: 'SPC-5 6.40',
  fields: { protocol: u8(1), specific: u16(2), inc512: flag(4, 7), transferLength: u32(6) },
  data: 'out',
  reservation: 'conflict',
});

export const tapeTable = {
  READ_6,
  READ_16,
  READ_REVERSE_6,
  READ_REVERSE_16,
  WRITE_6,
  WRITE_16,
  VERIFY_6,
  VERIFY_16,
  WRITE_FILEMARKS_6,
  WRITE_FILEMARKS_16,
  REWIND,
  SPACE_6,
  SPACE_16,
  LOCATE_10,
  LOCATE_16,
  READ_POSITION_SHORT,
  READ_POSITION_VENDOR,
  READ_POSITION_LONG,
  READ_POSITION_EXTENDED,
  LOAD_UNLOAD,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  ERASE_6,
  ERASE_16,
  FORMAT_MEDIUM,
  SET_CAPACITY,
  ALLOW_OVERWRITE,
  READ_BLOCK_LIMITS,
  REPORT_DENSITY_SUPPORT,
  READ_MEDIA_SERIAL_NUMBER,
  READ_ATTRIBUTE_VALUES,
  READ_ATTRIBUTE_LIST,
  READ_ATTRIBUTE_VOLUMES,
  READ_ATTRIBUTE_PARTITIONS,
  READ_ATTRIBUTE_SUPPORTED,
  WRITE_ATTRIBUTE,
  SECURITY_PROTOCOL_IN,
  SECURITY_PROTOCOL_OUT,
} as const;

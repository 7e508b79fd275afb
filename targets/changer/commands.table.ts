/** Commands of media changers as rows (SMC-3 clause 6); those of all device types are in src/scsi. Data only. */
import { command, type UnderReservation } from '#scsi';
import { bits, flag, u16, u24, u8 } from '#wire';
import { readAttribute, readAttributeActions } from '../tape/commands.table.js';

const elementTypeCode = bits(1, 3, 0);

// --- inventory -----------------------------------------------------------------------------------------------------

const INITIALIZE_ELEMENT_STATUS = command({
  name: 'INITIALIZE ELEMENT STATUS',
  opcode: 0x07,
  length: 6,
  spec: 'SMC-3 6.4',
  fields: {},
  data: 'none',
  reservation: 'conflict',
  timeouts: { nominalSeconds: 60, recommendedSeconds: 1800 },
});
const rangeFields = {
  fast: flag(1, 1),
  range: flag(1, 0),
  startingElementAddress: u16(2),
  numberOfElements: u16(6),
};
const INITIALIZE_ELEMENT_STATUS_WITH_RANGE = command({
  name: 'INITIALIZE ELEMENT STATUS WITH RANGE',
  opcode: 0x37,
  length: 10,
  spec: 'SMC-3 6.5',
  fields: rangeFields,
  data: 'none',
  reservation: 'conflict',
  timeouts: { nominalSeconds: 60, recommendedSeconds: 1800 },
});
/** The same before it had an opcode of its own; Exabyte's, and then everyone's. */
const INITIALIZE_ELEMENT_STATUS_WITH_RANGE_VENDOR = command({
  name: 'INITIALIZE ELEMENT STATUS WITH RANGE (vendor)',
  opcode: 0xe7,
  length: 10,
  spec: "the makers' manuals",
  fields: rangeFields,
  data: 'none',
  reservation: 'conflict',
  timeouts: { nominalSeconds: 60, recommendedSeconds: 1800 },
});
const READ_ELEMENT_STATUS = command({
  name: 'READ ELEMENT STATUS',
  opcode: 0xb8,
  length: 12,
  spec: 'SMC-3 6.11',
  fields: {
    volumeTag: flag(1, 4),
    elementTypeCode,
    startingElementAddress: u16(2),
    numberOfElements: u16(4),
    mixed: flag(6, 2),
    currentData: flag(6, 1),
    deviceIdentifier: flag(6, 0),
    allocationLength: u24(7),
  },
  data: 'in',
  // It moves nothing here: whoever may read, may look, and with CURDATA everyone (SMC-3 table 6).
  reservation: (cdb): UnderReservation => (cdb.currentData ? 'allowed' : 'read'),
});
const SEND_VOLUME_TAG = command({
  name: 'SEND VOLUME TAG',
  opcode: 0xb6,
  length: 12,
  spec: 'SMC-3 6.17',
  fields: {
    elementTypeCode,
    elementAddress: u16(2),
    sendActionCode: bits(5, 4, 0),
    parameterListLength: u16(8),
  },
  data: 'out',
  reservation: 'conflict',
});
const REQUEST_VOLUME_ELEMENT_ADDRESS = command({
  name: 'REQUEST VOLUME ELEMENT ADDRESS',
  opcode: 0xb5,
  length: 12,
  spec: 'SMC-3 6.14',
  fields: {
    volumeTag: flag(1, 4),
    elementTypeCode,
    elementAddress: u16(2),
    numberOfElements: u16(4),
    allocationLength: u24(7),
  },
  data: 'in',
  reservation: 'conflict',
});

/** As for tape drives, of the cartridge in an element. */
const ofElement = {
  ...readAttribute,
  spec: 'SMC-3 6.10',
  fields: { elementAddress: u16(2), elementTypeCode: bits(4, 3, 0), ...readAttribute.fields },
  needsMedium: false,
} as const;
const READ_ATTRIBUTE_VALUES = command({ ...ofElement, ...readAttributeActions.values });
const READ_ATTRIBUTE_LIST = command({ ...ofElement, ...readAttributeActions.list });
const READ_ATTRIBUTE_VOLUMES = command({ ...ofElement, ...readAttributeActions.volumes });
const READ_ATTRIBUTE_PARTITIONS = command({ ...ofElement, ...readAttributeActions.partitions });
const READ_ATTRIBUTE_SUPPORTED = command({ ...ofElement, ...readAttributeActions.supported });

// --- the robot -----------------------------------------------------------------------------------------------------

const motion = { nominalSeconds: 30, recommendedSeconds: 900 } as const;

const MOVE_MEDIUM = command({
  name: 'MOVE MEDIUM',
  opcode: 0xa5,
  length: 12,
  spec: 'SMC-3 6.6',
  fields: {
    transportElementAddress: u16(2),
    sourceAddress: u16(4),
    destinationAddress: u16(6),
    invert: flag(10, 0),
  },
  data: 'none',
  reservation: 'conflict',
  timeouts: motion,
});
const EXCHANGE_MEDIUM = command({
  name: 'EXCHANGE MEDIUM',
  opcode: 0xa6,
  length: 12,
  spec: 'SMC-3 6.3',
  fields: {
    transportElementAddress: u16(2),
    sourceAddress: u16(4),
    firstDestinationAddress: u16(6),
    secondDestinationAddress: u16(8),
    invertFirst: flag(10, 1),
    invertSecond: flag(10, 0),
  },
  data: 'none',
  reservation: 'conflict',
  timeouts: motion,
});
const POSITION_TO_ELEMENT = command({
  name: 'POSITION TO ELEMENT',
  opcode: 0x2b,
  length: 10,
  spec: 'SMC-3 6.8',
  fields: { transportElementAddress: u16(2), destinationAddress: u16(4), invert: flag(8, 0) },
  data: 'none',
  reservation: 'conflict',
  timeouts: motion,
});
const OPEN_CLOSE_IMPORT_EXPORT_ELEMENT = command({
  name: 'OPEN/CLOSE IMPORT/EXPORT ELEMENT',
  opcode: 0x1b,
  length: 6,
  spec: 'SMC-3 6.7',
  fields: { elementAddress: u16(2), actionCode: bits(4, 4, 0) },
  data: 'none',
  reservation: 'conflict',
});
const PREVENT_ALLOW_MEDIUM_REMOVAL = command({
  name: 'PREVENT ALLOW MEDIUM REMOVAL',
  opcode: 0x1e,
  length: 6,
  spec: 'SMC-3 6.9',
  fields: { prevent: bits(4, 1, 0) },
  data: 'none',
  // SPC-5 table 64 and SPC-2 table 10: to allow removal is no threat to whoever holds the reservation.
  reservation: (cdb): UnderReservation => (cdb.prevent === 0 ? 'allowed' : 'conflict'),
});

// --- element reservations --------------------------------------------------------------------------------------------

/** Whether these conflict depends on who holds what: their handlers decide. */
const reservationCommand = { reservation: 'allowed', concurrent: true } as const;

const RESERVE_6 = command({
  ...reservationCommand,
  name: 'RESERVE(6)',
  opcode: 0x16,
  length: 6,
  spec: 'SMC-2 6.14 (RESERVE ELEMENT)',
  fields: { element: flag(1, 0), reservationIdentification: u8(2), parameterListLength: u16(3) },
  data: 'out',
});
const RELEASE_6 = command({
  ...reservationCommand,
  name: 'RELEASE(6)',
  opcode: 0x17,
  length: 6,
  spec: 'SMC-2 6.11 (RELEASE ELEMENT)',
  fields: { element: flag(1, 0), reservationIdentification: u8(2) },
  data: 'none',
});
const RESERVE_10 = command({
  ...reservationCommand,
  name: 'RESERVE(10)',
  opcode: 0x56,
  length: 10,
  spec: 'SMC-2 6.15 (RESERVE ELEMENT)',
  fields: { element: flag(1, 0), reservationIdentification: u8(2), parameterListLength: u16(7) },
  data: 'out',
});
const RELEASE_10 = command({
  ...reservationCommand,
  name: 'RELEASE(10)',
  opcode: 0x57,
  length: 10,
  spec: 'SMC-2 6.12 (RELEASE ELEMENT)',
  fields: { element: flag(1, 0), reservationIdentification: u8(2), parameterListLength: u16(7) },
  data: 'none',
});

/** Every command of a media changer that is not common to all device types, or not as there. */
export const smcTable = {
  INITIALIZE_ELEMENT_STATUS,
  RESERVE_6,
  RELEASE_6,
  OPEN_CLOSE_IMPORT_EXPORT_ELEMENT,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  POSITION_TO_ELEMENT,
  INITIALIZE_ELEMENT_STATUS_WITH_RANGE,
  RESERVE_10,
  RELEASE_10,
  READ_ATTRIBUTE_VALUES,
  READ_ATTRIBUTE_LIST,
  READ_ATTRIBUTE_VOLUMES,
  READ_ATTRIBUTE_PARTITIONS,
  READ_ATTRIBUTE_SUPPORTED,
  MOVE_MEDIUM,
  EXCHANGE_MEDIUM,
  REQUEST_VOLUME_ELEMENT_ADDRESS,
  SEND_VOLUME_TAG,
  READ_ELEMENT_STATUS,
  INITIALIZE_ELEMENT_STATUS_WITH_RANGE_VENDOR,
} as const;

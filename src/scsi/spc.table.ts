/** Commands of all device types as rows (SPC-5 clause 6; RESERVE and RELEASE are SPC-2's). Data only. */
import { bits, flag, u16, u24, u32, u8 } from '#wire';
import { command } from './command.js';

const pageControl = bits(2, 7, 6);
const pageCode = bits(2, 5, 0);

// --- what is always answered ---------------------------------------------------------------------------------------

const TEST_UNIT_READY = command({
  name: 'TEST UNIT READY',
  opcode: 0x00,
  length: 6,
  spec: 'SPC-5 6.47',
  fields: {},
  data: 'none',
  reservation: 'allowed',
  conflictsWithReserve: true,
  needsMedium: true,
});
const REQUEST_SENSE = command({
  name: 'REQUEST SENSE',
  opcode: 0x03,
  length: 6,
  spec: 'SPC-5 6.38',
  fields: { descriptorFormat: flag(1, 0), allocationLength: u8(4) },
  data: 'in',
  reservation: 'allowed',
  passesUnitAttention: true,
  concurrent: true,
});
const INQUIRY = command({
  name: 'INQUIRY',
  opcode: 0x12,
  length: 6,
  spec: 'SPC-5 6.7',
  fields: { vitalProductData: flag(1, 0), pageCode: u8(2), allocationLength: u16(3) },
  data: 'in',
  reservation: 'allowed',
  passesUnitAttention: true,
  concurrent: true,
});
const REPORT_LUNS = command({
  name: 'REPORT LUNS',
  opcode: 0xa0,
  length: 12,
  spec: 'SPC-5 6.32',
  fields: { selectReport: u8(2), allocationLength: u32(6) },
  data: 'in',
  reservation: 'allowed',
  passesUnitAttention: true,
  concurrent: true,
});

// --- mode and log pages --------------------------------------------------------------------------------------------

const MODE_SELECT_6 = command({
  name: 'MODE SELECT(6)',
  opcode: 0x15,
  length: 6,
  spec: 'SPC-5 6.12',
  fields: {
    pageFormat: flag(1, 4),
    revertToDefaults: flag(1, 1),
    savePages: flag(1, 0),
    parameterListLength: u8(4),
  },
  data: 'out',
  reservation: 'conflict',
});
const MODE_SELECT_10 = command({
  name: 'MODE SELECT(10)',
  opcode: 0x55,
  length: 10,
  spec: 'SPC-5 6.13',
  fields: {
    pageFormat: flag(1, 4),
    revertToDefaults: flag(1, 1),
    savePages: flag(1, 0),
    parameterListLength: u16(7),
  },
  data: 'out',
  reservation: 'conflict',
});
const MODE_SENSE_6 = command({
  name: 'MODE SENSE(6)',
  opcode: 0x1a,
  length: 6,
  spec: 'SPC-5 6.14',
  fields: {
    disableBlockDescriptors: flag(1, 3),
    pageControl,
    pageCode,
    subpageCode: u8(3),
    allocationLength: u8(4),
  },
  data: 'in',
  reservation: 'read',
});
const MODE_SENSE_10 = command({
  name: 'MODE SENSE(10)',
  opcode: 0x5a,
  length: 10,
  spec: 'SPC-5 6.15',
  fields: {
    longLbaAccepted: flag(1, 4),
    disableBlockDescriptors: flag(1, 3),
    pageControl,
    pageCode,
    subpageCode: u8(3),
    allocationLength: u16(7),
  },
  data: 'in',
  reservation: 'read',
});
const LOG_SELECT = command({
  name: 'LOG SELECT',
  opcode: 0x4c,
  length: 10,
  spec: 'SPC-5 6.8',
  fields: {
    parameterCodeReset: flag(1, 1),
    saveParameters: flag(1, 0),
    pageControl,
    pageCode,
    subpageCode: u8(3),
    parameterListLength: u16(7),
  },
  data: 'out',
  reservation: 'conflict',
});
const LOG_SENSE = command({
  name: 'LOG SENSE',
  opcode: 0x4d,
  length: 10,
  spec: 'SPC-5 6.9',
  fields: {
    saveParameters: flag(1, 0),
    pageControl,
    pageCode,
    subpageCode: u8(3),
    parameterPointer: u16(5),
    allocationLength: u16(7),
  },
  data: 'in',
  reservation: 'allowed',
});

// --- reservations --------------------------------------------------------------------------------------------------

/** Whether these conflict is decided by their handlers: it depends on who holds what. */
const reservationCommand = { reservation: 'allowed', concurrent: true } as const;

const RESERVE_6 = command({
  ...reservationCommand,
  name: 'RESERVE(6)',
  opcode: 0x16,
  length: 6,
  spec: 'SPC-2 7.22',
  fields: {},
  data: 'none',
});
const RELEASE_6 = command({
  ...reservationCommand,
  name: 'RELEASE(6)',
  opcode: 0x17,
  length: 6,
  spec: 'SPC-2 7.17',
  fields: {},
  data: 'none',
});
const RESERVE_10 = command({
  ...reservationCommand,
  name: 'RESERVE(10)',
  opcode: 0x56,
  length: 10,
  spec: 'SPC-2 7.21',
  fields: { parameterListLength: u16(7) },
  data: 'none',
});
const RELEASE_10 = command({
  ...reservationCommand,
  name: 'RELEASE(10)',
  opcode: 0x57,
  length: 10,
  spec: 'SPC-2 7.16',
  fields: { parameterListLength: u16(7) },
  data: 'none',
});

const reserveIn = {
  ...reservationCommand,
  opcode: 0x5e,
  length: 10,
  fields: { allocationLength: u16(7) },
  data: 'in',
} as const;
const READ_KEYS = command({
  ...reserveIn,
  name: 'PERSISTENT RESERVE IN, READ KEYS',
  serviceAction: 0x00,
  spec: 'SPC-5 6.16.2',
});
const READ_RESERVATION = command({
  ...reserveIn,
  name: 'PERSISTENT RESERVE IN, READ RESERVATION',
  serviceAction: 0x01,
  spec: 'SPC-5 6.16.3',
});
const REPORT_CAPABILITIES = command({
  ...reserveIn,
  name: 'PERSISTENT RESERVE IN, REPORT CAPABILITIES',
  serviceAction: 0x02,
  spec: 'SPC-5 6.16.4',
});
const READ_FULL_STATUS = command({
  ...reserveIn,
  name: 'PERSISTENT RESERVE IN, READ FULL STATUS',
  serviceAction: 0x03,
  spec: 'SPC-5 6.16.5',
});

const reserveOut = {
  ...reservationCommand,
  opcode: 0x5f,
  length: 10,
  spec: 'SPC-5 6.17',
  fields: { scope: bits(2, 7, 4), type: bits(2, 3, 0), parameterListLength: u32(5) },
  data: 'out',
} as const;
const REGISTER = command({ ...reserveOut, name: 'PERSISTENT RESERVE OUT, REGISTER', serviceAction: 0x00 });
const RESERVE = command({ ...reserveOut, name: 'PERSISTENT RESERVE OUT, RESERVE', serviceAction: 0x01 });
const RELEASE = command({ ...reserveOut, name: 'PERSISTENT RESERVE OUT, RELEASE', serviceAction: 0x02 });
const CLEAR = command({ ...reserveOut, name: 'PERSISTENT RESERVE OUT, CLEAR', serviceAction: 0x03 });
const PREEMPT = command({ ...reserveOut, name: 'PERSISTENT RESERVE OUT, PREEMPT', serviceAction: 0x04 });
const PREEMPT_AND_ABORT = command({
  ...reserveOut,
  name: 'PERSISTENT RESERVE OUT, PREEMPT AND ABORT',
  serviceAction: 0x05,
});
const REGISTER_AND_IGNORE_EXISTING_KEY = command({
  ...reserveOut,
  name: 'PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY',
  serviceAction: 0x06,
});
const REGISTER_AND_MOVE = command({
  ...reserveOut,
  name: 'PERSISTENT RESERVE OUT, REGISTER AND MOVE',
  serviceAction: 0x07,
});

// --- what the unit can do ------------------------------------------------------------------------------------------

const maintenanceIn = { opcode: 0xa3, length: 12, data: 'in' } as const;
const maintenanceOut = { opcode: 0xa4, length: 12, data: 'out', reservation: 'conflict' } as const;

const REPORT_IDENTIFYING_INFORMATION = command({
  ...maintenanceIn,
  name: 'REPORT IDENTIFYING INFORMATION',
  serviceAction: 0x05,
  spec: 'SPC-5 6.31',
  fields: { allocationLength: u32(6), informationType: bits(10, 7, 1) },
  reservation: 'allowed',
});
const SET_IDENTIFYING_INFORMATION = command({
  ...maintenanceOut,
  name: 'SET IDENTIFYING INFORMATION',
  serviceAction: 0x06,
  spec: 'SPC-5 6.42',
  fields: { parameterListLength: u32(6), informationType: bits(10, 7, 1) },
});
const REPORT_TARGET_PORT_GROUPS = command({
  ...maintenanceIn,
  name: 'REPORT TARGET PORT GROUPS',
  serviceAction: 0x0a,
  spec: 'SPC-5 6.36',
  fields: { parameterDataFormat: bits(1, 7, 5), allocationLength: u32(6) },
  reservation: 'allowed',
  concurrent: true,
});
const REPORT_SUPPORTED_OPERATION_CODES = command({
  ...maintenanceIn,
  name: 'REPORT SUPPORTED OPERATION CODES',
  serviceAction: 0x0c,
  spec: 'SPC-5 6.34',
  fields: {
    returnTimeouts: flag(2, 7),
    reportingOptions: bits(2, 2, 0),
    requestedOpcode: u8(3),
    requestedAction: u16(4),
    allocationLength: u32(6),
  },
  reservation: 'read',
  concurrent: true,
});
const REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS = command({
  ...maintenanceIn,
  name: 'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
  serviceAction: 0x0d,
  spec: 'SPC-5 6.35',
  fields: { extended: flag(2, 7), allocationLength: u32(6) },
  reservation: 'read',
  concurrent: true,
});
const REPORT_TIMESTAMP = command({
  ...maintenanceIn,
  name: 'REPORT TIMESTAMP',
  serviceAction: 0x0f,
  spec: 'SPC-5 6.37',
  fields: { allocationLength: u32(6) },
  reservation: 'allowed',
});
const SET_TIMESTAMP = command({
  ...maintenanceOut,
  name: 'SET TIMESTAMP',
  serviceAction: 0x0f,
  spec: 'SPC-5 6.45',
  fields: { parameterListLength: u32(6) },
});

// --- diagnostics ---------------------------------------------------------------------------------------------------

const RECEIVE_DIAGNOSTIC_RESULTS = command({
  name: 'RECEIVE DIAGNOSTIC RESULTS',
  opcode: 0x1c,
  length: 6,
  spec: 'SPC-5 6.26',
  fields: { pageCodeValid: flag(1, 0), pageCode: u8(2), allocationLength: u16(3) },
  data: 'in',
  reservation: 'read',
});
const SEND_DIAGNOSTIC = command({
  name: 'SEND DIAGNOSTIC',
  opcode: 0x1d,
  length: 6,
  spec: 'SPC-5 6.41',
  fields: {
    selfTestCode: bits(1, 7, 5),
    pageFormat: flag(1, 4),
    selfTest: flag(1, 2),
    deviceOffline: flag(1, 1),
    unitOffline: flag(1, 0),
    parameterListLength: u16(3),
  },
  data: 'out',
  reservation: 'conflict',
  timeouts: { nominalSeconds: 5, recommendedSeconds: 600 },
});
const WRITE_BUFFER = command({
  name: 'WRITE BUFFER',
  opcode: 0x3b,
  length: 10,
  spec: 'SPC-5 6.50',
  fields: {
    modeSpecific: bits(1, 7, 5),
    mode: bits(1, 4, 0),
    bufferId: u8(2),
    bufferOffset: u24(3),
    parameterListLength: u24(6),
  },
  data: 'out',
  reservation: 'conflict',
});
const READ_BUFFER = command({
  name: 'READ BUFFER(10)',
  opcode: 0x3c,
  length: 10,
  spec: 'SPC-5 6.20',
  fields: {
    modeSpecific: bits(1, 7, 5),
    mode: bits(1, 4, 0),
    bufferId: u8(2),
    bufferOffset: u24(3),
    allocationLength: u24(6),
  },
  data: 'in',
  reservation: 'read',
});

/** Every command that tape drives and changers share; keys are the names of the handlers in spc.ts. */
export const spcTable = {
  TEST_UNIT_READY,
  REQUEST_SENSE,
  INQUIRY,
  MODE_SELECT_6,
  RESERVE_6,
  RELEASE_6,
  MODE_SENSE_6,
  RECEIVE_DIAGNOSTIC_RESULTS,
  SEND_DIAGNOSTIC,
  WRITE_BUFFER,
  READ_BUFFER,
  LOG_SELECT,
  LOG_SENSE,
  MODE_SELECT_10,
  RESERVE_10,
  RELEASE_10,
  MODE_SENSE_10,
  READ_KEYS,
  READ_RESERVATION,
  REPORT_CAPABILITIES,
  READ_FULL_STATUS,
  REGISTER,
  RESERVE,
  RELEASE,
  CLEAR,
  PREEMPT,
  PREEMPT_AND_ABORT,
  REGISTER_AND_IGNORE_EXISTING_KEY,
  REGISTER_AND_MOVE,
  REPORT_LUNS,
  REPORT_IDENTIFYING_INFORMATION,
  REPORT_TARGET_PORT_GROUPS,
  REPORT_SUPPORTED_OPERATION_CODES,
  REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
  REPORT_TIMESTAMP,
  SET_IDENTIFYING_INFORMATION,
  SET_TIMESTAMP,
} as const;

/**
 * Every PDU of RFC 7143 chapter 11 as a record: the basic header segment's 48 bytes, field by field, and the additional
 * header segments. The hot reader and writer of pdu.ts are held equal to these rows by a test; everything that is not hot
 * uses the rows themselves.
 */
import {
  bits,
  bytes,
  flag,
  record,
  u16,
  u24,
  u32,
  u8,
  type Fields,
  type RecordCodec,
  type ValueOf,
} from '#wire';

export const bhsBytes = 48;
/** TotalAHSLength counts words of four bytes in one byte. */
export const ahsBytesMax = 255 * 4;
/** Reserved value of Initiator Task Tag and Target Transfer Tag: "none" (RFC 7143 11.2.1.8, 11.7.4). */
export const noTag = 0xffff_ffff;

export interface Pdu<V = unknown> {
  readonly name: string;
  readonly opcode: number;
  /** Section of RFC 7143. */
  readonly section: string;
  readonly from: 'initiator' | 'target';
  /** A command in the order of CmdSN, unless it is immediate. */
  readonly numbered: boolean;
  readonly bhs: RecordCodec<V>;
}

const lengths = { totalAhsLength: u8(4), dataSegmentLength: u24(5) } as const;
const request = { immediate: flag(0, 6), opcode: bits(0, 5, 0), ...lengths } as const;
const response = { opcode: bits(0, 5, 0), ...lengths } as const;
const final = { final: flag(1, 7) } as const;
const lun = { lun: bytes(8, 8) } as const;
const taskTag = { initiatorTaskTag: u32(16) } as const;
const transferTag = { targetTransferTag: u32(20) } as const;
const commandNumbers = { cmdSN: u32(24), expStatSN: u32(28) } as const;
const statusNumbers = { statSN: u32(24), expCmdSN: u32(28), maxCmdSN: u32(32) } as const;

function pdu<const F extends Fields>(
  name: string,
  opcode: number,
  section: string,
  kind: 'command' | 'message' | 'answer',
  fields: F,
): Pdu<ValueOf<F>> {
  const bhs = record(bhsBytes, fields);
  return {
    name,
    opcode,
    section,
    from: kind === 'answer' ? 'target' : 'initiator',
    numbered: kind === 'command',
    bhs,
  };
}

export const PDU = {
  nopOut: pdu('NOP-Out', 0x00, '11.18', 'command', {
    ...request,
    ...final,
    ...lun,
    ...taskTag,
    ...transferTag,
    ...commandNumbers,
  }),
  scsiCommand: pdu('SCSI Command', 0x01, '11.3', 'command', {
    ...request,
    ...final,
    read: flag(1, 6),
    write: flag(1, 5),
    attribute: bits(1, 2, 0),
    ...lun,
    ...taskTag,
    expectedDataTransferLength: u32(20),
    ...commandNumbers,
    cdb: bytes(32, 16),
  }),
  taskManagementRequest: pdu('Task Management Function Request', 0x02, '11.5', 'command', {
    ...request,
    ...final,
    function: bits(1, 6, 0),
    ...lun,
    ...taskTag,
    referencedTaskTag: u32(20),
    ...commandNumbers,
    refCmdSN: u32(32),
    expDataSN: u32(36),
  }),
  loginRequest: pdu('Login Request', 0x03, '11.12', 'message', {
    ...request,
    transit: flag(1, 7),
    continues: flag(1, 6),
    currentStage: bits(1, 3, 2),
    nextStage: bits(1, 1, 0),
    versionMax: u8(2),
    versionMin: u8(3),
    isid: bytes(8, 6),
    tsih: u16(14),
    ...taskTag,
    cid: u16(20),
    ...commandNumbers,
  }),
  textRequest: pdu('Text Request', 0x04, '11.10', 'command', {
    ...request,
    ...final,
    continues: flag(1, 6),
    ...lun,
    ...taskTag,
    ...transferTag,
    ...commandNumbers,
  }),
  dataOut: pdu('SCSI Data-Out', 0x05, '11.7', 'message', {
    ...request,
    ...final,
    ...lun,
    ...taskTag,
    ...transferTag,
    expStatSN: u32(28),
    dataSN: u32(36),
    bufferOffset: u32(40),
  }),
  logoutRequest: pdu('Logout Request', 0x06, '11.14', 'command', {
    ...request,
    ...final,
    reason: bits(1, 6, 0),
    ...taskTag,
    cid: u16(20),
    ...commandNumbers,
  }),
  snackRequest: pdu('SNACK Request', 0x10, '11.16', 'message', {
    ...request,
    ...final,
    type: bits(1, 3, 0),
    ...lun,
    ...taskTag,
    ...transferTag,
    expStatSN: u32(28),
    begRun: u32(40),
    runLength: u32(44),
  }),
  nopIn: pdu('NOP-In', 0x20, '11.19', 'answer', {
    ...response,
    ...final,
    ...lun,
    ...taskTag,
    ...transferTag,
    ...statusNumbers,
  }),
  scsiResponse: pdu('SCSI Response', 0x21, '11.4', 'answer', {
    ...response,
    ...final,
    bidirectionalOverflow: flag(1, 4),
    bidirectionalUnderflow: flag(1, 3),
    overflow: flag(1, 2),
    underflow: flag(1, 1),
    response: u8(2),
    status: u8(3),
    ...taskTag,
    snackTag: u32(20),
    ...statusNumbers,
    expDataSN: u32(36),
    bidirectionalResidualCount: u32(40),
    residualCount: u32(44),
  }),
  taskManagementResponse: pdu('Task Management Function Response', 0x22, '11.6', 'answer', {
    ...response,
    ...final,
    response: u8(2),
    ...taskTag,
    ...statusNumbers,
  }),
  loginResponse: pdu('Login Response', 0x23, '11.13', 'answer', {
    ...response,
    transit: flag(1, 7),
    continues: flag(1, 6),
    currentStage: bits(1, 3, 2),
    nextStage: bits(1, 1, 0),
    versionMax: u8(2),
    versionActive: u8(3),
    isid: bytes(8, 6),
    tsih: u16(14),
    ...taskTag,
    ...statusNumbers,
    statusClass: u8(36),
    statusDetail: u8(37),
  }),
  textResponse: pdu('Text Response', 0x24, '11.11', 'answer', {
    ...response,
    ...final,
    continues: flag(1, 6),
    ...lun,
    ...taskTag,
    ...transferTag,
    ...statusNumbers,
  }),
  dataIn: pdu('SCSI Data-In', 0x25, '11.7', 'answer', {
    ...response,
    ...final,
    acknowledge: flag(1, 6),
    overflow: flag(1, 2),
    underflow: flag(1, 1),
    hasStatus: flag(1, 0),
    status: u8(3),
    ...lun,
    ...taskTag,
    ...transferTag,
    ...statusNumbers,
    dataSN: u32(36),
    bufferOffset: u32(40),
    residualCount: u32(44),
  }),
  logoutResponse: pdu('Logout Response', 0x26, '11.15', 'answer', {
    ...response,
    ...final,
    response: u8(2),
    ...taskTag,
    ...statusNumbers,
    time2Wait: u16(40),
    time2Retain: u16(42),
  }),
  readyToTransfer: pdu('Ready To Transfer', 0x31, '11.8', 'answer', {
    ...response,
    ...final,
    ...lun,
    ...taskTag,
    ...transferTag,
    ...statusNumbers,
    r2tSN: u32(36),
    bufferOffset: u32(40),
    desiredDataTransferLength: u32(44),
  }),
  asyncMessage: pdu('Asynchronous Message', 0x32, '11.9', 'answer', {
    ...response,
    ...final,
    ...lun,
    ...taskTag,
    ...statusNumbers,
    asyncEvent: u8(36),
    asyncVCode: u8(37),
    parameter1: u16(38),
    parameter2: u16(40),
    parameter3: u16(42),
  }),
  reject: pdu('Reject', 0x3f, '11.17', 'answer', {
    ...response,
    ...final,
    reason: u8(2),
    ...taskTag,
    ...statusNumbers,
    dataSN: u32(36),
  }),
} as const;

export type PduName = keyof typeof PDU;
export type FieldsOf<Name extends PduName> =
  (typeof PDU)[Name]['bhs'] extends RecordCodec<infer V> ? V : never;

/** Additional header segments of a SCSI Command (11.2.2): the start that each type has. */
export const AHS = {
  /** AHSLength counts from the byte behind AHSType: reserved byte, then the CDB's bytes from 16 on. */
  extendedCdb: { type: 1, codec: record(4, { ahsLength: u16(0), ahsType: u8(2) }) },
  bidirectionalReadLength: {
    type: 2,
    codec: record(8, { ahsLength: u16(0), ahsType: u8(2), readLength: u32(4) }),
  },
} as const;

/** Task attributes of a SCSI Command (11.3.1.1 ATTR). */
export const ATTRIBUTE = { untagged: 0, simple: 1, ordered: 2, headOfQueue: 3, aca: 4 } as const;

/** Reject reasons (11.17.1). */
export const REJECT = {
  dataDigestError: 0x02,
  snackReject: 0x03,
  protocolError: 0x04,
  commandNotSupported: 0x05,
  tooManyImmediateCommands: 0x06,
  taskInProgress: 0x07,
  invalidDataAck: 0x08,
  invalidPduField: 0x09,
  outOfResources: 0x0a,
  waitingForLogout: 0x0c,
} as const;
export type RejectReason = (typeof REJECT)[keyof typeof REJECT];

/** Task management functions and responses (11.5.1, 11.6.1). */
export const TASK_FUNCTION = {
  abortTask: 1,
  abortTaskSet: 2,
  clearAca: 3,
  clearTaskSet: 4,
  logicalUnitReset: 5,
  targetWarmReset: 6,
  targetColdReset: 7,
  taskReassign: 8,
} as const;
export const TASK_RESPONSE = {
  functionComplete: 0,
  taskDoesNotExist: 1,
  lunDoesNotExist: 2,
  taskStillAllegiant: 3,
  reassignmentNotSupported: 4,
  functionNotSupported: 5,
  authorizationFailed: 6,
  functionRejected: 255,
} as const;
export type TaskResponse = (typeof TASK_RESPONSE)[keyof typeof TASK_RESPONSE];

/** Logout reasons and responses (11.14.1, 11.15.1). */
export const LOGOUT_REASON = { closeSession: 0, closeConnection: 1, removeForRecovery: 2 } as const;
export const LOGOUT_RESPONSE = {
  closed: 0,
  cidNotFound: 1,
  recoveryNotSupported: 2,
  cleanupFailed: 3,
} as const;

/** Events of an Asynchronous Message (11.9.1). */
export const ASYNC_EVENT = {
  scsi: 0,
  logoutRequest: 1,
  connectionDrop: 2,
  sessionDrop: 3,
  negotiationRequest: 4,
  tasksTerminated: 5,
  vendor: 255,
} as const;

/** Login stages (11.12.3); 2 is reserved. */
export const STAGE = { security: 0, operational: 1, fullFeature: 3 } as const;

/** Login status codes (11.13.5): class in the high byte, detail in the low. */
export const LOGIN_STATUS = {
  success: 0x0000,
  targetMovedTemporarily: 0x0101,
  targetMovedPermanently: 0x0102,
  initiatorError: 0x0200,
  authenticationFailure: 0x0201,
  authorizationFailure: 0x0202,
  notFound: 0x0203,
  targetRemoved: 0x0204,
  unsupportedVersion: 0x0205,
  tooManyConnections: 0x0206,
  missingParameter: 0x0207,
  cannotIncludeInSession: 0x0208,
  sessionTypeNotSupported: 0x0209,
  sessionDoesNotExist: 0x020a,
  invalidDuringLogin: 0x020b,
  targetError: 0x0300,
  serviceUnavailable: 0x0301,
  outOfResources: 0x0302,
} as const;
export type LoginStatus = (typeof LOGIN_STATUS)[keyof typeof LOGIN_STATUS];

/** Headers of what a connection says that nobody asked for (RFC 7143 11.9, 11.17, 11.19). */
import { OPCODE } from './pdu.js';
import { noTag, PDU, type RejectReason } from './pdu.table.js';

/** What `emit` fills in. */
export const unnumbered = {
  totalAhsLength: 0,
  dataSegmentLength: 0,
  statSN: 0,
  expCmdSN: 0,
  maxCmdSN: 0,
} as const;

export const rejectHeader = (reason: RejectReason): Buffer =>
  PDU.reject.bhs.encode({
    opcode: OPCODE.reject,
    final: true,
    reason,
    initiatorTaskTag: noTag,
    dataSN: 0,
    ...unnumbered,
  });

export const asyncMessageHeader = (event: number, parameters: readonly [number, number, number]): Buffer =>
  PDU.asyncMessage.bhs.encode({
    opcode: OPCODE.asyncMessage,
    final: true,
    lun: Buffer.alloc(8),
    initiatorTaskTag: noTag,
    asyncEvent: event,
    asyncVCode: 0,
    parameter1: parameters[0],
    parameter2: parameters[1],
    parameter3: parameters[2],
    ...unnumbered,
  });

/** Any PDU answers it; the transfer tag is for those who look at captures. */
export const pingHeader = (transferTag: number): Buffer =>
  PDU.nopIn.bhs.encode({
    opcode: OPCODE.nopIn,
    final: true,
    lun: Buffer.alloc(8),
    initiatorTaskTag: noTag,
    targetTransferTag: transferTag,
    ...unnumbered,
  });

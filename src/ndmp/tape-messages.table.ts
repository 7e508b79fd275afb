/** TAPE (spec4 3.4). */
import { recordBytesMax } from '#limits';
import { error, message } from './message.js';
import { cdbReply, cdbRequest } from './scsi-messages.table.js';
import { MtioOperation, Name, TapeMode } from './types.js';
import { only, opaque, pieces, since, u32, u64 } from './xdr.js';

export const tapeMessages = {
  tapeOpen: message({
    title: 'TAPE_OPEN',
    code: 0x300,
    request: { device: Name, mode: TapeMode },
    reply: { error },
  }),
  tapeClose: message({ title: 'TAPE_CLOSE', code: 0x301, request: {}, reply: { error } }),
  tapeGetState: message({
    title: 'TAPE_GET_STATE',
    code: 0x302,
    request: {},
    reply: {
      /** Bits of TAPE_UNSUPPORTED; version 2 has all ones in what is not known. */
      unsupported: since(3, u32),
      error,
      /** Bits of TAPE_FLAG. */
      flags: u32,
      fileNum: u32,
      softErrors: u32,
      /** 0: variable. */
      blockSize: u32,
      blockno: u32,
      totalSpace: u64,
      spaceRemain: u64,
      partition: only(3, u32),
    },
  }),
  tapeMtio: message({
    title: 'TAPE_MTIO',
    code: 0x303,
    request: { tapeOp: MtioOperation, count: u32 },
    reply: { error, residCount: u32 },
  }),
  tapeWrite: message({
    title: 'TAPE_WRITE',
    code: 0x304,
    request: { dataOut: opaque(recordBytesMax) },
    reply: { error, count: u32 },
  }),
  /** `dataIn` in pieces: the slices of a record go out as they are. */
  tapeRead: message({
    title: 'TAPE_READ',
    code: 0x305,
    request: { count: u32 },
    reply: { error, dataIn: pieces(recordBytesMax) },
  }),
  tapeExecuteCdb: message({
    title: 'TAPE_EXECUTE_CDB',
    code: 0x307,
    request: cdbRequest,
    reply: cdbReply,
  }),
};

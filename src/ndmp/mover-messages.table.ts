/** MOVER (spec4 3.6), with its notices. */
import { error, message, post } from './message.js';
import {
  AddressCodec,
  AddressType,
  MoverHaltReason,
  MoverMode,
  MoverState,
  PauseReason,
  Text,
} from './types.js';
import { since, u32, u64, until } from './xdr.js';

const window = { offset: u64, length: u64 };
const plain = { request: {}, reply: { error } };

export const moverMessages = {
  moverGetState: message({
    title: 'MOVER_GET_STATE',
    code: 0xa00,
    request: {},
    reply: {
      error,
      mode: since(4, MoverMode),
      state: MoverState,
      pauseReason: PauseReason,
      haltReason: MoverHaltReason,
      recordSize: u32,
      recordNum: u32,
      /** `data_written` in versions 2 and 3. */
      bytesMoved: u64,
      seekPosition: u64,
      bytesLeftToRead: u64,
      windowOffset: u64,
      windowLength: u64,
      dataConnectionAddr: since(3, AddressCodec),
    },
  }),
  moverListen: message({
    title: 'MOVER_LISTEN',
    code: 0xa01,
    request: { mode: MoverMode, addrType: AddressType },
    reply: { error, dataConnectionAddr: AddressCodec },
  }),
  moverContinue: message({ title: 'MOVER_CONTINUE', code: 0xa02, ...plain }),
  moverAbort: message({ title: 'MOVER_ABORT', code: 0xa03, ...plain }),
  moverStop: message({ title: 'MOVER_STOP', code: 0xa04, ...plain }),
  moverSetWindow: message({ title: 'MOVER_SET_WINDOW', code: 0xa05, request: window, reply: { error } }),
  moverRead: message({ title: 'MOVER_READ', code: 0xa06, request: window, reply: { error } }),
  moverClose: message({ title: 'MOVER_CLOSE', code: 0xa07, ...plain }),
  moverSetRecordSize: message({
    title: 'MOVER_SET_RECORD_SIZE',
    code: 0xa08,
    request: { len: u32 },
    reply: { error },
  }),
  moverConnect: message({
    title: 'MOVER_CONNECT',
    code: 0xa09,
    versions: [3, 4],
    request: { mode: MoverMode, addr: AddressCodec },
    reply: { error },
  }),
  notifyMoverHalted: post({
    title: 'NOTIFY_MOVER_HALTED',
    code: 0x503,
    request: { reason: MoverHaltReason, textReason: until(3, Text) },
  }),
  notifyMoverPaused: post({
    title: 'NOTIFY_MOVER_PAUSED',
    code: 0x504,
    request: { reason: PauseReason, seekPosition: u64 },
  }),
};

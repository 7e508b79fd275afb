/** DATA (spec4 3.5), with its notices. */
import { ndmpNamesMax } from '#limits';
import { error, message, post } from './message.js';
import {
  AddressCodec,
  AddressType,
  allOnes,
  DataHaltReason,
  DataOperation,
  DataState,
  Environment,
  Name,
  Path,
  Text,
} from './types.js';
import { array, type Infer, only, since, struct, u16, u32, u64, until } from './xdr.js';

/**
 * A name to recover. Versions mean different things by `destinationPath` and `name`: in version 2 the first is the whole
 * destination; in version 3 it is a directory and `name` a new name (`destination_dir`, `new_name`); see ndmp.md.
 */
export const RecoverName = struct({
  originalPath: Path,
  destinationPath: Path,
  name: since(3, Path),
  otherName: since(3, Path),
  ssid: only(2, u16),
  node: since(3, u64, allOnes),
  fhInfo: u64,
});
export type RecoverName = Infer<typeof RecoverName>;

/** In version 2 the request names the mover to connect to. */
const recover = {
  request: {
    mover: until(2, AddressCodec),
    env: Environment,
    nlist: array(RecoverName, ndmpNamesMax),
    buType: Name,
  },
  reply: { error },
};
const plain = { request: {}, reply: { error } };

export const dataMessages = {
  dataGetState: message({
    title: 'DATA_GET_STATE',
    code: 0x400,
    request: {},
    reply: {
      /** Bits of DATA_UNSUPPORTED. */
      unsupported: since(3, u32),
      error,
      operation: DataOperation,
      state: DataState,
      haltReason: DataHaltReason,
      bytesProcessed: u64,
      estBytesRemain: u64,
      estTimeRemain: u32,
      /** Version 2: of the mover. */
      dataConnectionAddr: AddressCodec,
      readOffset: u64,
      readLength: u64,
    },
  }),
  dataStartBackup: message({
    title: 'DATA_START_BACKUP',
    code: 0x401,
    request: { mover: until(2, AddressCodec), buType: Name, env: Environment },
    reply: { error },
  }),
  dataStartRecover: message({ title: 'DATA_START_RECOVER', code: 0x402, ...recover }),
  dataAbort: message({ title: 'DATA_ABORT', code: 0x403, ...plain }),
  dataGetEnv: message({
    title: 'DATA_GET_ENV',
    code: 0x404,
    request: {},
    reply: { error, env: Environment },
  }),
  dataStop: message({ title: 'DATA_STOP', code: 0x407, ...plain }),
  dataListen: message({
    title: 'DATA_LISTEN',
    code: 0x409,
    versions: [3, 4],
    request: { addrType: AddressType },
    reply: { error, dataConnectionAddr: AddressCodec },
  }),
  dataConnect: message({
    title: 'DATA_CONNECT',
    code: 0x40a,
    versions: [3, 4],
    request: { addr: AddressCodec },
    reply: { error },
  }),
  dataStartRecoverFilehist: message({ title: 'DATA_START_RECOVER_FILEHIST', code: 0x40b, ...recover }),
  notifyDataHalted: post({
    title: 'NOTIFY_DATA_HALTED',
    code: 0x501,
    request: { reason: DataHaltReason, textReason: until(3, Text) },
  }),
  notifyDataRead: post({ title: 'NOTIFY_DATA_READ', code: 0x505, request: { offset: u64, length: u64 } }),
};

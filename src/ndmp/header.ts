/** The header of every message, the same in all versions (spec4 2.6; what is common before a version is agreed). */
import { type NdmpVersion, u32, type Xdr, XdrError, XdrReader } from './xdr.js';

export const headerBytes = 24;

export interface NdmpHeader {
  /** Counts the messages of one direction from 1. */
  readonly sequence: number;
  /** Seconds since 1970. */
  readonly timeStamp: number;
  /** A post (NOTIFY, LOG, FH) is a request that nobody answers. */
  readonly type: 'request' | 'reply';
  readonly code: number;
  /** Of the request that is answered; 0 in requests. */
  readonly replySequence: number;
  /** The number of an error: not 0 when the message itself could not be taken, which then has no body. */
  readonly error: number;
}

export const Header: Xdr<NdmpHeader> = {
  read(from) {
    const sequence = from.u32();
    const timeStamp = from.u32();
    const type = from.u32();
    if (type > 1) throw new XdrError('value', `${type} is neither request nor reply`);
    return {
      sequence,
      timeStamp,
      type: type === 0 ? 'request' : 'reply',
      code: from.u32(),
      replySequence: from.u32(),
      error: from.u32(),
    };
  },
  write(to, header) {
    u32.write(to, header.sequence);
    u32.write(to, header.timeStamp);
    u32.write(to, header.type === 'request' ? 0 : 1);
    u32.write(to, header.code);
    u32.write(to, header.replySequence);
    u32.write(to, header.error);
  },
  empty: () => ({ sequence: 0, timeStamp: 0, type: 'request', code: 0, replySequence: 0, error: 0 }),
};

/** Header and body of a message. Throws XdrError when there is no header. */
export function parseMessage(message: Buffer, version: NdmpVersion): { header: NdmpHeader; body: Buffer } {
  const header = Header.read(new XdrReader(message.subarray(0, headerBytes), version));
  return { header, body: message.subarray(headerBytes) };
}

/** All messages of versions 2, 3 and 4, by canonical name; and how their bodies travel. */
import { configMessages } from './config-messages.table.js';
import { connectMessages } from './connect-messages.table.js';
import { dataMessages } from './data-messages.table.js';
import type { NdmpStatus } from './errors.table.js';
import { historyMessages } from './history-messages.table.js';
import { type Answer, codeOf, type Message, readBody, type Slices, writeBody } from './message.js';
import { moverMessages } from './mover-messages.table.js';
import { scsiMessages } from './scsi-messages.table.js';
import { tapeMessages } from './tape-messages.table.js';
import type { NdmpVersion } from './xdr.js';

export const MESSAGES = {
  ...connectMessages,
  ...configMessages,
  ...scsiMessages,
  ...tapeMessages,
  ...dataMessages,
  ...moverMessages,
  ...historyMessages,
};
type Messages = typeof MESSAGES;
export type MessageName = keyof Messages;
type Row<K extends MessageName> = Messages[K];

/** What is answered. */
export type RequestName = {
  [K in MessageName]: Row<K> extends { reply: undefined } ? never : K;
}[MessageName];
/** What the server says unasked. */
export type PostName = Exclude<MessageName, RequestName | 'connectClose'>;

export type RequestOf<K extends MessageName> = Row<K> extends Message<infer Q, infer _> ? Q : never;
/** Without `error`. */
export type ReplyOf<K extends RequestName> = Row<K> extends Message<infer _, infer R> ? R : never;
export type PostOf<K extends PostName> = RequestOf<K>;

export const messageNames = Object.keys(MESSAGES) as readonly MessageName[];
export const rowOf = (name: MessageName): Message<unknown, unknown> => MESSAGES[name];
export const isRequest = (name: MessageName): name is RequestName => rowOf(name).reply !== undefined;
/** Is it the server that says it? */
export const isPost = (name: MessageName): name is PostName => !isRequest(name) && name !== 'connectClose';

const byCode = (version: NdmpVersion): ReadonlyMap<number, MessageName> =>
  new Map(
    messageNames.flatMap((name) => {
      const code = codeOf(rowOf(name), version);
      return code === undefined ? [] : [[code, name] as const];
    }),
  );
const NAMES: Readonly<Record<NdmpVersion, ReadonlyMap<number, MessageName>>> = {
  2: byCode(2),
  3: byCode(3),
  4: byCode(4),
};

/** The message that `version` means by a code; undefined for none: NOT_SUPPORTED. */
export const messageOf = (code: number, version: NdmpVersion): MessageName | undefined =>
  NAMES[version].get(code);

/** The code of a message. Throws RangeError when `version` does not have it: check `versions` of its row before. */
export function codeIn(name: MessageName, version: NdmpVersion): number {
  const code = codeOf(rowOf(name), version);
  if (code === undefined) throw new RangeError(`NDMP version ${version} has no ${name}`);
  return code;
}

// --- bodies: requests and posts, replies ----------------------------------------------------------------------------------

/** Throws XdrError when the body is not one of this message: header error XDR_DECODE. */
export const decodeRequest = <K extends MessageName>(name: K, body: Buffer, version: NdmpVersion) =>
  readBody(rowOf(name).request, body, version) as RequestOf<K>;

export const encodeRequest = <K extends MessageName>(
  name: K,
  value: RequestOf<K>,
  version: NdmpVersion,
): Slices => writeBody(rowOf(name).request, value, version);

/** For clients. */
export const decodeReply = <K extends RequestName>(name: K, body: Buffer, version: NdmpVersion) =>
  readBody(replyCodec(name), body, version) as Answer<ReplyOf<K>>;

/** The reply of a request that was done. */
export const encodeReply = <K extends RequestName>(name: K, body: ReplyOf<K>, version: NdmpVersion): Slices =>
  writeBody(replyCodec(name), { error: 'no-err', body }, version);

/** The reply of a request that was refused: complete, with zeros. */
export const encodeRefusal = (name: RequestName, error: NdmpStatus, version: NdmpVersion): Slices =>
  writeBody(replyCodec(name), { error, body: replyCodec(name).empty() }, version);

export const encodePost = encodeRequest;

function replyCodec(name: RequestName) {
  const { reply } = rowOf(name);
  if (reply === undefined) throw new RangeError(`${name} is not answered`);
  return reply;
}

/**
 * What a message is: one row for each, from which decoding, encoding, gates, pages and fuzz follow.
 *
 * A reply's canonical body has no `error`: handlers return the body or throw NdmpError. Where the error travels (first, or
 * behind `unsupported`) is in the row's structure, as the field `error`.
 */
import { type NdmpStatus, Status } from './errors.table.js';
import {
  type Members,
  type NdmpVersion,
  struct,
  type StructOf,
  type Xdr,
  XdrReader,
  XdrWriter,
} from './xdr.js';

/** What a session must have done before it may send this. */
export type Needs = 'nothing' | 'connected' | 'authorized';
export type Slices = readonly Uint8Array[];
const versionsOfAll: readonly NdmpVersion[] = [2, 3, 4];

export interface Message<Request, Reply> {
  /** The name that the standard prints, without version. */
  readonly title: string;
  readonly code: number;
  /** Codes in versions that number it differently. */
  readonly codes: Readonly<Partial<Record<NdmpVersion, number>>>;
  readonly versions: readonly NdmpVersion[];
  readonly needs: Needs;
  readonly request: Xdr<Request>;
  readonly reply: ReplyCodec<Reply> | undefined;
}
export interface ReplyCodec<Reply> {
  read(from: XdrReader): Answer<Reply>;
  write(to: XdrWriter, answer: Answer<Reply>): void;
  empty(): Reply;
}
/** A reply as it travels. When the error is not `no-err`, the body is zeros. */
export interface Answer<Reply> {
  readonly error: NdmpStatus;
  readonly body: Reply;
}

interface Rest {
  readonly title: string;
  readonly code: number;
  readonly codes?: Readonly<Partial<Record<NdmpVersion, number>>>;
  readonly versions?: readonly NdmpVersion[];
  readonly needs?: Needs;
}
const rest = (row: Rest) => ({
  title: row.title,
  code: row.code,
  codes: row.codes ?? {},
  versions: row.versions ?? versionsOfAll,
  needs: row.needs ?? 'authorized',
});

/** The place of the error in a reply's structure. */
export const error = Status;
type ReplyMembers = Members & { readonly error: typeof Status };
type BodyOf<M extends Members> = { readonly [K in Exclude<keyof M, 'error'>]: StructOf<M>[K] };

/** A request and its reply, both as fields in the order in which they travel. */
export function message<const Q extends Members, const R extends ReplyMembers>(
  row: Rest & { readonly request: Q; readonly reply: R },
): Message<StructOf<Q>, BodyOf<R>> & { readonly reply: ReplyCodec<BodyOf<R>> } {
  return { ...rest(row), request: struct(row.request), reply: replyOf<BodyOf<R>>(row.reply) };
}
/** A message that is not answered: from the server (NOTIFY, LOG, FH), and CONNECT_CLOSE. */
export function post<const Q extends Members>(
  row: Rest & { readonly request: Q },
): Message<StructOf<Q>, never> & { readonly reply: undefined } {
  return { ...rest(row), request: struct(row.request), reply: undefined };
}

function replyOf<Body extends object>(members: Members): ReplyCodec<Body> {
  const codec = struct(members) as Xdr<unknown> as Xdr<Body & { readonly error: NdmpStatus }>;
  return {
    read(from) {
      const { error: status, ...body } = codec.read(from);
      return { error: status, body: body as unknown as Body };
    },
    write: (to, answer) => codec.write(to, { ...answer.body, error: answer.error }),
    empty() {
      const { error: _, ...body } = codec.empty();
      return body as unknown as Body;
    },
  };
}

/** Has `version` this message, and under which number? */
export const codeOf = (
  row: Pick<Message<unknown, unknown>, 'code' | 'codes' | 'versions'>,
  version: NdmpVersion,
): number | undefined => (row.versions.includes(version) ? (row.codes[version] ?? row.code) : undefined);

/** One whole body. Throws XdrError for less, more or something else. */
export function readBody<T>(codec: { read(from: XdrReader): T }, body: Buffer, version: NdmpVersion): T {
  const from = new XdrReader(body, version);
  const value = codec.read(from);
  from.finish();
  return value;
}
export function writeBody<T>(
  codec: { write(to: XdrWriter, value: T): void },
  value: T,
  version: NdmpVersion,
): Slices {
  const to = new XdrWriter(version);
  codec.write(to, value);
  return to.slices();
}

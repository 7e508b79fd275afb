/**
 * How the command line talks to the daemon: lines of JSON over a unix socket in the home, one reply per request, in order.
 *
 *   {"verb":"tape.move","input":{"barcode":"A00001L8","to":"drive0"}}
 *   {"ok":true,"result":{…},"notes":["A00001L8 is now in drive0"],"warnings":[]}
 *   {"ok":false,"error":{"code":"conflict","message":"…","facts":{…}}}
 *
 * Who may open the socket (mode 0660, in a folder of mode 0700) is an administrator.
 */
import { ProtocolError, type RefusedCode, TapesiloError } from '#errors';

export interface Request {
  readonly verb: string;
  readonly input: unknown;
}
/** `failed`: not the operator's doing; the daemon's log says more. */
export type FailureCode = RefusedCode | 'failed';
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}
/** What a daemon answered instead of a result. */
export class AdminError extends TapesiloError<FailureCode> {}

export interface Success {
  readonly ok: true;
  readonly result: unknown;
  /** What was done, in sentences. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}
export type Reply = Success | { readonly ok: false; readonly error: Failure };

/** A request is what a person typed; a reply may list ten thousand cartridges. */
export const requestBytesMax = 1024 * 1024;
export const replyBytesMax = 64 * 1024 * 1024;

export const encodeLine = (message: Request | Reply): Buffer => Buffer.from(`${JSON.stringify(message)}\n`);

/** Puts chunks together to lines. Throws ProtocolError 'line-too-long'. */
export class Lines {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      this.#keep(chunk.subarray(from, end));
      lines.push(Buffer.concat(this.#parts, this.#length).toString('utf8'));
      this.#parts = [];
      this.#length = 0;
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
    return lines;
  }
  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#bytesMax) {
      throw new ProtocolError('line-too-long', `A line has more than ${this.#bytesMax} bytes`);
    }
    if (part.length > 0) this.#parts.push(Buffer.from(part)); // a chunk is a loan
  }
}

export function parseRequest(line: string): Request {
  const value = parseObject(line);
  const { verb, input } = value as { verb?: unknown; input?: unknown };
  if (typeof verb !== 'string') throw new ProtocolError('no-verb', 'A request names a verb');
  return { verb, input: input ?? {} };
}
/** The daemon is trusted to say what it means; that it is one is checked. */
export function parseReply(line: string): Reply {
  const value = parseObject(line) as unknown as Reply;
  if (typeof value.ok !== 'boolean')
    throw new ProtocolError('no-reply', 'What answers is no tapesilo daemon');
  return value;
}
function parseObject(line: string): object {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new ProtocolError('not-json', 'A line is not JSON', {}, { cause });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new ProtocolError('not-json', 'A line is not a JSON object');
}

/** Settling: what became of each name that was asked for, and what could not be set of files, said once and not for each of millions. */
import { E } from '#env';
import type { Events } from '../events.js';
import type { Tally } from '../steps.js';
import type { RecoverStatus } from '../tree-engine.js';
import { errorText } from '../tree-root.js';
import type { Wanted } from './recover-names.js';

export class Settling {
  readonly #events: Events;
  readonly #tally: Tally;
  readonly #status = new Map<number, RecoverStatus>();
  readonly #said = new Set<string>();

  constructor(events: Events, tally: Tally) {
    this.#events = events;
    this.#tally = tally;
  }
  /** Something of the name was recovered. */
  found({ index }: Wanted): void {
    if (index !== undefined && !this.#status.has(index)) this.#status.set(index, 'ok');
  }
  /** Something of the name was not: the first reason counts. */
  failed({ index }: Wanted, path: Buffer, error: number, text = errorText(error)): void {
    const status = statusOf(error);
    const before = index === undefined ? undefined : this.#status.get(index);
    if (index !== undefined && (before === undefined || before === 'ok')) this.#status.set(index, status);
    this.trouble(path, text, status);
  }
  trouble(path: Buffer, text: string, status?: RecoverStatus): void {
    this.#tally.troubles += 1;
    this.#events.log({
      level: 'error',
      text,
      path: Buffer.from(path),
      ...(status === undefined ? {} : { status }),
    });
  }
  /** A name that will not be looked for any more. */
  settle({ index }: Wanted): void {
    if (index === undefined) return;
    this.#events.settled(index, this.#status.get(index) ?? 'not-found');
  }
  isFound({ index }: Wanted): boolean {
    return index !== undefined && this.#status.has(index);
  }
  /** Owner, mode, times or an attribute that could not be set; the file is there. */
  amiss(path: Buffer, what: string, error: number): void {
    this.#tally.troubles += 1;
    const key = `${what} ${error}`;
    if (this.#said.has(key) || this.#said.size >= saidMax) return;
    this.#said.add(key);
    const text = `Its ${what} cannot be set: ${errorText(error)}; more of that kind will not be told`;
    this.#events.log({ level: 'warning', text, path: Buffer.from(path) });
  }
}
const saidMax = 256;

function statusOf(error: number): RecoverStatus {
  switch (-error) {
    case E.perm:
    case E.access:
    case E.readOnly:
    case E.crossDevice:
      return 'permission';
    case E.noEntry:
    case E.notFolder:
    case E.loop:
      return 'no-directory';
    case E.noMemory:
      return 'out-of-memory';
    default:
      return 'io';
  }
}

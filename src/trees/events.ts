/**
 * Events: what a job tells beside its image, in batches: history entries and log lines, as bytes that go from thread to thread
 * in one piece. A batch that is full is a step (`events`), so that whoever reads slowly slows the job.
 */
import { treeEventBytes } from '../limits.js';
import { type FileStat, inNanoseconds } from './file-stat.js';
import type { HistoryEntry, RecoverStatus, TreeFileType, TreeLogEntry } from './tree-engine.js';

const FILE_TYPES = [
  'directory',
  'fifo',
  'character-device',
  'block-device',
  'regular',
  'symlink',
  'socket',
  'other',
] as const satisfies readonly TreeFileType[];
const LEVELS = ['normal', 'warning', 'error'] as const satisfies readonly TreeLogEntry['level'][];
const STATUSES = [
  'ok',
  'permission',
  'not-found',
  'no-directory',
  'out-of-memory',
  'io',
  'undefined',
] as const satisfies readonly RecoverStatus[];

/** One of each kind: history is the common one. */
const KIND = { history: 0, log: 1, settled: 2 } as const;
/** Of a history entry without its path. */
const historyBytes = 96;
const none = 0xff;

export type TreeEvent =
  | { readonly kind: 'history'; readonly entry: HistoryEntry }
  | { readonly kind: 'log'; readonly entry: TreeLogEntry }
  | { readonly kind: 'settled'; readonly name: number; readonly status: RecoverStatus };

/** What of a file's stat is history. */
export type HistoryStat = Pick<
  FileStat,
  'type' | 'permissions' | 'uid' | 'gid' | 'links' | 'inode' | 'size' | 'time'
>;

export class Events {
  #bytes = Buffer.alloc(treeEventBytes);
  #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }
  get isFull(): boolean {
    return this.#length >= treeEventBytes / 2;
  }
  /** Enough for a message of its own. */
  get isWorthSending(): boolean {
    return this.#length >= treeEventBytes / 16;
  }
  /** The batch, as memory of its own. */
  take(): Uint8Array {
    const batch = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length);
    this.#length = 0;
    return batch;
  }
  #reserve(bytes: number): number {
    const at = this.#length;
    if (at + bytes > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(2 * this.#bytes.length, at + bytes)); // paths of one entry are limited
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer, larger.byteOffset);
    }
    this.#length = at + bytes;
    return at;
  }
  /** `node`: where an image has numbers of its own. */
  history(path: Uint8Array, stat: HistoryStat, parentNode: bigint, fhInfo: number, node = stat.inode): void {
    const at = this.#reserve(historyBytes + path.length);
    const view = this.#view;
    view.setUint8(at, KIND.history);
    view.setUint8(at + 1, FILE_TYPES.indexOf(stat.type));
    view.setUint16(at + 2, stat.permissions, true);
    view.setUint32(at + 4, path.length, true);
    view.setUint32(at + 8, stat.uid, true);
    view.setUint32(at + 12, stat.gid, true);
    view.setUint32(at + 16, stat.links, true);
    view.setBigUint64(at + 24, node, true);
    view.setBigUint64(at + 32, parentNode, true);
    view.setBigUint64(at + 40, BigInt(fhInfo), true);
    view.setBigUint64(at + 48, BigInt(stat.size), true);
    view.setBigInt64(at + 56, inNanoseconds(stat.time('modified')), true);
    view.setBigInt64(at + 64, inNanoseconds(stat.time('accessed')), true);
    view.setBigInt64(at + 72, inNanoseconds(stat.time('changed')), true);
    this.#bytes.set(path, at + historyBytes);
  }
  log({ level, text, path, status }: TreeLogEntry): void {
    const words = Buffer.from(text);
    const pathBytes = path?.length ?? 0;
    const at = this.#reserve(16 + words.length + pathBytes);
    this.#view.setUint8(at, KIND.log);
    this.#view.setUint8(at + 1, LEVELS.indexOf(level));
    this.#view.setUint8(at + 2, status === undefined ? none : STATUSES.indexOf(status));
    this.#view.setUint8(at + 3, path === undefined ? 0 : 1);
    this.#view.setUint32(at + 4, words.length, true);
    this.#view.setUint32(at + 8, pathBytes, true);
    this.#bytes.set(words, at + 16);
    if (path !== undefined) this.#bytes.set(path, at + 16 + words.length);
  }
  settled(name: number, status: RecoverStatus): void {
    const at = this.#reserve(8);
    this.#view.setUint8(at, KIND.settled);
    this.#view.setUint8(at + 1, STATUSES.indexOf(status));
    this.#view.setUint32(at + 4, name, true);
  }
}

/** The other end of `Events.take`. Paths are views of the batch, which is nobody else's. */
export function eventsOf(batch: Uint8Array): TreeEvent[] {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  const events: TreeEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    const [event, length] = eventAt(bytes, at);
    events.push(event);
    at += length;
  }
  return events;
}

function eventAt(bytes: Buffer, at: number): readonly [TreeEvent, lengthBytes: number] {
  const kind = bytes[at];
  if (kind === KIND.history) return historyAt(bytes, at);
  if (kind === KIND.log) return logAt(bytes, at);
  const status = STATUSES[bytes[at + 1] ?? 0] ?? 'undefined';
  return [{ kind: 'settled', name: bytes.readUInt32LE(at + 4), status }, 8];
}

function historyAt(bytes: Buffer, at: number): readonly [TreeEvent, lengthBytes: number] {
  const pathLength = bytes.readUInt32LE(at + 4);
  const length = historyBytes + pathLength;
  const entry: HistoryEntry = {
    path: bytes.subarray(at + historyBytes, at + length),
    node: bytes.readBigUInt64LE(at + 24),
    parentNode: bytes.readBigUInt64LE(at + 32),
    fhInfo: bytes.readBigUInt64LE(at + 40),
    type: FILE_TYPES[bytes[at + 1] ?? 0] ?? 'other',
    mode: bytes.readUInt16LE(at + 2),
    uid: bytes.readUInt32LE(at + 8),
    gid: bytes.readUInt32LE(at + 12),
    size: bytes.readBigUInt64LE(at + 48),
    mtime: bytes.readBigInt64LE(at + 56),
    atime: bytes.readBigInt64LE(at + 64),
    ctime: bytes.readBigInt64LE(at + 72),
    links: bytes.readUInt32LE(at + 16),
  };
  return [{ kind: 'history', entry }, length];
}

function logAt(bytes: Buffer, at: number): readonly [TreeEvent, lengthBytes: number] {
  const from = at + 16;
  const to = from + bytes.readUInt32LE(at + 4);
  const end = to + bytes.readUInt32LE(at + 8);
  const status = STATUSES[bytes[at + 2] ?? none];
  const entry: TreeLogEntry = {
    level: LEVELS[bytes[at + 1] ?? 0] ?? 'normal',
    text: bytes.toString('utf8', from, to),
    ...(bytes[at + 3] === 1 ? { path: bytes.subarray(to, end) } : {}),
    ...(status === undefined ? {} : { status }),
  };
  return [{ kind: 'log', entry }, end - at];
}

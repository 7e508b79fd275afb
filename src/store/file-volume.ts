/**
 * FileVolume: a folder with one file per stream and the commit record.
 *
 * The barrier: bytes of changed streams, then their fdatasync and the folder's where a file is new, then the next slot of the
 * commit record and its fdatasync. A crash before the last step leaves the record before it, whose bytes nobody has
 * touched: what is committed is only written over after a commit that gave it up (S9).
 */
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import type { Disk, DiskFile } from '#env';
import { StoreError } from '#errors';
import {
  type CommitRecord,
  decodeCommit,
  encodeCommit,
  labelBytesMax,
  slotBytes,
  slots,
} from './commit-record.js';
import { Barrier } from './barrier.js';
import { FileStream } from './file-stream.js';
import type { SegmentPool } from './segment-pool.js';
import type { SpaceGuard } from './space-guard.js';
import type { Stream, Volume } from './store.js';
import type { StreamHost } from './write-behind.js';

export interface VolumeHost {
  readonly disk: Disk;
  readonly pool: SegmentPool;
  readonly guard: SpaceGuard;
  closed(volume: FileVolume): void;
}

/** What a commit is to make durable. */
interface State {
  readonly label: Buffer;
  readonly lengths: ReadonlyMap<string, number>;
}

/** Of each slot, written when the volume is made: what a common label takes. */
const preparedBytes = 8 * 1024;
export const commitName = 'commit';
export const streamFileName = (stream: string): string => `${stream}.stream`;
const streamName = /^[a-z0-9-]{1,40}$/;

export class FileVolume implements Volume, StreamHost {
  readonly id: string;
  readonly pool: SegmentPool;
  readonly guard: SpaceGuard;
  readonly #host: VolumeHost;
  readonly #folder: string;
  readonly #commitFile: DiskFile;
  readonly #streams = new Map<string, FileStream>();
  #committed: CommitRecord;
  /** Commits since the volume was opened. */
  #commits = 0;
  readonly #barrier = new Barrier<State>(async (state) => await this.#carryOut(state));
  #filesMade = 0;
  #filesSynced = 0;
  #refusal: StoreError | undefined;

  /** For `openVolume`. */
  constructor(host: VolumeHost, folder: string, id: string, commitFile: DiskFile, committed: CommitRecord) {
    this.id = id;
    this.pool = host.pool;
    this.guard = host.guard;
    this.#host = host;
    this.#folder = folder;
    this.#commitFile = commitFile;
    this.#committed = committed;
  }
  /** For `openVolume`: a stream that was committed. */
  adopt(name: string, file: DiskFile | undefined, fileBytes: number): void {
    const length = this.#committed.streams.get(name) ?? 0;
    this.#streams.set(name, new FileStream(name, this, file, fileBytes, length));
  }

  get label(): Buffer {
    return this.#committed.label;
  }
  stream(name: string): Stream {
    assert(streamName.test(name), `"${name}" is no name of a stream`);
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const made = new FileStream(name, this, undefined, 0, 0);
    this.#streams.set(name, made);
    return made;
  }
  streams(): readonly string[] {
    return [...this.#streams.values()].filter(({ length }) => length > 0).map(({ name }) => name);
  }
  /** Bytes of its files, and bytes granted that are not in them yet. */
  occupied(): { readonly inFiles: number; readonly pending: number } {
    const all = { inFiles: slots * slotBytes, pending: 0 };
    for (const stream of this.#streams.values()) {
      all.inFiles += stream.fileBytes;
      all.pending += stream.pendingBytes;
    }
    return all;
  }

  // --- what streams ask

  get refusal(): StoreError | undefined {
    return this.#refusal;
  }
  checkAppend(): void {
    this.#barrier.checkAppend();
  }
  truncated(): void {
    this.#barrier.truncated();
  }
  fail(error: StoreError): void {
    const facts = { volume: this.id, because: error.code };
    this.#refusal ??= new StoreError('broken', `Volume ${this.id} has failed`, facts, { cause: error });
    for (const stream of this.#streams.values()) stream.abandon();
  }
  async makeFile(name: string): Promise<DiskFile> {
    const file = await this.#host.disk.open(join(this.#folder, streamFileName(name)), 'create');
    this.#filesMade += 1;
    return file;
  }

  // --- the barrier

  commit(label: Buffer): Promise<void> {
    assert(label.length <= labelBytesMax);
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    const lengths = new Map<string, number>();
    for (const { name, length } of this.#streams.values()) if (length > 0) lengths.set(name, length);
    return this.#barrier.commit({ label: Buffer.from(label), lengths });
  }
  async #carryOut({ lengths, label }: State): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const next = { sequence: this.#committed.sequence + 1, streams: lengths, label };
    if (!isSame(next, this.#committed)) {
      await Promise.all([...this.#streams.values()].map(async (stream) => await flushed(stream)));
      await this.#syncFolder();
      await this.#writeSlot(next);
      this.#committed = next;
      this.#commits += 1;
    }
  }
  async #syncFolder(): Promise<void> {
    const made = this.#filesMade;
    if (made === this.#filesSynced) return;
    await this.#orFail(async () => await this.#host.disk.syncDirectory(this.#folder));
    this.#filesSynced = made;
  }
  async #writeSlot(commit: CommitRecord): Promise<void> {
    const slot = commit.sequence % slots;
    const bytes = encodeCommit(this.id, slot, commit);
    const again = decodeCommit(this.id, slot, bytes);
    assert(again !== undefined && again.sequence === commit.sequence && isSame(again, commit)); // S5
    await this.#orFail(async () => await this.#commitFile.writeAt(bytes, slot * slotBytes), 'full');
    await this.#orFail(async () => await this.#commitFile.sync());
  }
  /** Any failure breaks the volume, except `harmless`. */
  async #orFail(act: () => Promise<void>, harmless?: 'full'): Promise<void> {
    try {
      await act();
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      if (cause.code !== harmless) this.fail(cause);
      throw cause;
    }
  }

  async #repeatCommit(): Promise<void> {
    try {
      await this.#writeSlot({ ...this.#committed, sequence: this.#committed.sequence + 1 });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error; // else only the repetition is missing: what was committed is
    }
  }
  async close(): Promise<void> {
    await this.#barrier.ended();
    const sound = this.#refusal === undefined;
    try {
      // The second slot gets the same state, so that damage of one does not bring back an older one.
      if (sound && this.#commits > 0) await this.#repeatCommit();
    } finally {
      this.#refusal ??= new StoreError('broken', `Volume ${this.id} is closed`, { volume: this.id });
      for (const { name } of this.#streams.values()) {
        await this.#streams.get(name)?.close(this.#committed.streams.get(name) ?? 0, sound);
      }
      await this.#commitFile.close();
      this.#host.closed(this);
    }
  }
}

async function flushed(stream: FileStream): Promise<void> {
  await stream.flush();
  await stream.sync();
}

const isSame = (a: CommitRecord, b: CommitRecord): boolean =>
  a.label.equals(b.label) &&
  a.streams.size === b.streams.size &&
  [...a.streams].every(([name, length]) => b.streams.get(name) === length);

/** At its last committed state. Throws 'missing', 'corrupt'. */
export async function openVolume(host: VolumeHost, folder: string, id: string): Promise<FileVolume> {
  const commitFile = await host.disk.open(join(folder, commitName), 'existing');
  const opened: DiskFile[] = [commitFile];
  try {
    const committed = await readCommit(commitFile, id);
    const volume = new FileVolume(host, folder, id, commitFile, committed);
    for (const name of committed.streams.keys()) {
      const file = await openStream(host.disk, join(folder, streamFileName(name)));
      if (file !== undefined) opened.push(file);
      volume.adopt(name, file, (await file?.size()) ?? 0);
    }
    return volume;
  } catch (error) {
    for (const file of opened) await file.close();
    throw error;
  }
}
/** A lost file is like an empty one: the reads that need it fail, the others do not. */
async function openStream(disk: Disk, path: string): Promise<DiskFile | undefined> {
  try {
    return await disk.open(path, 'existing');
  } catch (error) {
    if (error instanceof StoreError && error.code === 'missing') return undefined;
    throw error;
  }
}
async function readCommit(file: DiskFile, id: string): Promise<CommitRecord> {
  const found: CommitRecord[] = [];
  const bytes = Buffer.alloc(slotBytes);
  for (let slot = 0; slot < slots; slot++) {
    const got = await file.readAt(bytes, slot * slotBytes);
    const record = decodeCommit(id, slot, bytes.subarray(0, got));
    if (record !== undefined) found.push(record);
  }
  const latest = found.toSorted((a, b) => b.sequence - a.sequence)[0];
  if (latest === undefined)
    throw new StoreError('corrupt', `Volume ${id} has no sound commit record`, { volume: id });
  return latest;
}

/** Files and folder of a new volume, durable but for the folder's own name. */
export async function makeVolume(disk: Disk, folder: string, id: string): Promise<void> {
  await disk.makeDirectory(folder);
  const file = await disk.open(join(folder, commitName), 'create');
  try {
    const empty = { sequence: 0, streams: new Map<string, number>(), label: Buffer.alloc(0) };
    // Both slots take their space now: a commit that gives space back must not need any.
    for (let slot = 0; slot < slots; slot++)
      await file.writeAt(Buffer.alloc(preparedBytes), slot * slotBytes);
    await file.writeAt(encodeCommit(id, 0, empty), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory(folder);
}

/**
 * WriteBehind: the file of a stream, and the writing of its dirty segments: full ones at once, a few at a time, all of them
 * on `flush`.
 */
import { strict as assert } from 'node:assert';
import type { DiskFile } from '#env';
import { StoreError } from '#errors';
import { type Segment, segmentBytes, type SegmentPool } from './segment-pool.js';
import type { SpaceGuard } from './space-guard.js';

/** What a stream needs of its volume. */
export interface StreamHost {
  readonly pool: SegmentPool;
  readonly guard: SpaceGuard;
  /** What every call is refused with: 'broken', or nothing. */
  readonly refusal: StoreError | undefined;
  /** Asserts that no truncation waits for its commit. */
  checkAppend(): void;
  truncated(): void;
  /** An 'io' error: nothing of the volume may be trusted until it is opened again (S6). */
  fail(error: StoreError): void;
  makeFile(name: string): Promise<DiskFile>;
}

/** Writes under way at a time, and full segments that may wait for theirs before appending waits. */
const writesMax = 3;
const behindMax = 6;

export class WriteBehind {
  readonly #host: StreamHost;
  readonly #name: string;
  /** The stream's. Whoever is not in here any more is of no interest. */
  readonly #segments: Map<number, Segment>;
  #file: DiskFile | undefined;
  #fileBytes: number;
  /** Numbers of the writes under way, in the order of their beginnings. */
  readonly #writing = new Set<number>();
  #nextWrite = 0;
  #unsynced = false;
  /** The disk was full: what is dirty waits for space. */
  #stalled: StoreError | undefined;
  #progress: (() => void)[] = [];

  constructor(
    host: StreamHost,
    name: string,
    segments: Map<number, Segment>,
    file: DiskFile | undefined,
    fileBytes: number,
  ) {
    this.#host = host;
    this.#name = name;
    this.#segments = segments;
    this.#file = file;
    this.#fileBytes = fileBytes;
  }

  get file(): DiskFile | undefined {
    return this.#file;
  }
  async makeFile(): Promise<void> {
    this.#file ??= await this.#host.makeFile(this.#name);
  }
  /** Bytes of the file. */
  get fileBytes(): number {
    return this.#fileBytes;
  }
  get stalled(): boolean {
    return this.#stalled !== undefined;
  }
  /** Appending is too far ahead: wait for `progress`. */
  get behind(): boolean {
    if (this.#writing.size < writesMax) return false;
    let dirty = 0;
    for (const segment of this.#segments.values()) if (segment.dirty) dirty += 1;
    return dirty > behindMax;
  }
  /** Resolves after the next write, and when the volume has failed: look again. */
  async progress(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#progress.push(resolve);
    });
  }
  #tellProgress(): void {
    const waiting = this.#progress;
    this.#progress = [];
    for (const resolve of waiting) resolve();
  }
  #check(): void {
    if (this.#host.refusal !== undefined) throw this.#host.refusal;
  }

  /** Begins to write full segments; the first come first. */
  start(): void {
    if (this.#stalled !== undefined) return;
    for (const segment of this.#segments.values()) {
      if (this.#writing.size >= writesMax) return;
      if (segment.to === segmentBytes && segment.dirty && !segment.writing) this.#write(segment);
    }
  }
  /** Begins to write this one, full or not. */
  clean(segment: Segment): void {
    if (this.#stalled === undefined && this.#host.refusal === undefined) this.#write(segment);
  }
  /** Likewise, though the disk was full when last asked. */
  retry(segment: Segment): void {
    this.#stalled = undefined;
    this.clean(segment);
  }
  #write(segment: Segment): void {
    const file = this.#file;
    assert(file !== undefined && !segment.writing);
    const from = segment.flushed;
    const to = segment.to;
    const place = segment.index * segmentBytes;
    segment.writing = true;
    segment.pins += 1;
    const number = this.#nextWrite++;
    this.#writing.add(number);
    this.#unsynced = true;
    const ended = (): void => {
      segment.writing = false;
      this.#writing.delete(number);
    };
    file.writeAt(segment.memory.subarray(from, to), place + from).then(
      () => {
        ended();
        segment.flushed = Math.min(to, segment.to); // a truncation may have taken some of it
        this.#fileBytes = Math.max(this.#fileBytes, place + to);
        this.#written(segment);
      },
      (cause: unknown) => {
        ended();
        this.#failed(cause);
        this.#host.pool.unpin(segment); // then those who wait for memory see why there is none
      },
    );
  }
  #written(segment: Segment): void {
    // What was just written is rarely read back, and the system caches it: let its memory, still warm, be used again.
    const held = this.#segments.get(segment.index) === segment;
    if (held && segment.to === segmentBytes && !segment.dirty && segment.pins === 1) {
      this.#segments.delete(segment.index);
      this.#host.pool.disown(segment);
    }
    this.#host.pool.unpin(segment);
    this.start();
    this.#tellProgress();
  }
  #failed(cause: unknown): void {
    const error = cause instanceof StoreError ? cause : new StoreError('io', 'Writing failed', {}, { cause });
    if (error.code === 'full') {
      this.#stalled = error;
      this.#host.guard.revoke();
    } else this.#host.fail(error);
    this.#tellProgress();
  }

  /**
   * Resolves when all below `length` is in the file, and no write is under way that began before the call: what a truncation
   * cut off does not come back. Others may go on appending. Throws 'full' when it waits for space.
   */
  async flush(length: number): Promise<void> {
    this.#stalled = undefined;
    const mine = this.#nextWrite;
    for (;;) {
      this.#check();
      const stalled = this.#stalled as StoreError | undefined; // set meanwhile, by a write that ended
      if (stalled === undefined) {
        if (!this.#writeBelow(length) && !this.#isWritingFromBefore(mine)) return;
      } else if (this.#writing.size === 0) throw stalled;
      await this.progress();
    }
  }
  /** Begins to write what is dirty below; whether there is any, being written or not. */
  #writeBelow(length: number): boolean {
    let dirty = false;
    for (const segment of this.#segments.values()) {
      if (!isDirtyBelow(segment, length)) continue;
      dirty = true;
      if (this.#writing.size < writesMax && !segment.writing) this.#write(segment);
    }
    return dirty;
  }
  /** Whether a write from before the one of that number is under way. */
  #isWritingFromBefore(number: number): boolean {
    for (const oldest of this.#writing) return oldest < number;
    return false;
  }
  /** Makes durable what was written. */
  async sync(): Promise<void> {
    if (!this.#unsynced || this.#file === undefined) return;
    this.#unsynced = false;
    try {
      await this.#file.sync();
    } catch (cause) {
      // What the system could not write it may have dropped: the file is not what we think it is, whatever the reason.
      const error = new StoreError('io', `Synchronizing stream ${this.#name} failed`, {}, { cause });
      this.#host.fail(error);
      throw error;
    }
  }

  /** Resolves when no write is under way; whoever waits for progress is told that there will be none. */
  async settled(): Promise<void> {
    while (this.#writing.size > 0) await this.progress();
    this.#tellProgress();
  }
  /** Closes the file, cut to `length` if that is given. */
  async close(length: number | undefined): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      if (length !== undefined && this.#fileBytes > length) {
        await file.truncate(length);
        this.#fileBytes = length;
      }
    } finally {
      await file.close();
    }
  }
}

const isDirtyBelow = (segment: Segment, length: number): boolean =>
  segment.dirty && segment.index * segmentBytes + segment.flushed < length;

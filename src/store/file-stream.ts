/**
 * FileStream: one stream of a volume as one file.
 *
 * Appended bytes are copied into segments and written behind; a segment that is full is written at once, the last one at a
 * commit. Reads are views of segments, read ahead when they go forward. Invariants:
 *
 *   F1 every byte below `length` is valid in an owned segment, or in the file, or both
 *   F2 a segment with bytes that are not in the file is owned
 *   F3 the last segment, if owned, is valid up to `length`
 */
import { strict as assert } from 'node:assert';
import type { DiskFile } from '#env';
import { StoreError } from '#errors';
import type { Slab } from '#wire';
import { type Segment, segmentBytes, type SegmentOwner, type SegmentPool } from './segment-pool.js';
import { SegmentSlab } from './segment-slab.js';
import type { SpaceGuard } from './space-guard.js';
import type { Stream } from './store.js';

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
/** Segments read ahead of a reader that goes forward. */
const aheadSegments = 4;
const DONE: Promise<void> = Promise.resolve();

export class FileStream implements Stream, SegmentOwner {
  readonly name: string;
  readonly #host: StreamHost;
  readonly #pool: SegmentPool;
  readonly #segments = new Map<number, Segment>();
  #file: DiskFile | undefined;
  #length: number;
  /** Bytes of the file, and bytes for which there is space. */
  #fileBytes: number;
  #grantedBytes: number;
  /** Committed bytes that the file did not have when it was opened: from … to. */
  #missingFrom: number;
  #missingTo: number;
  #writes = 0;
  #unsynced = false;
  /** The disk was full: what is dirty waits for space. */
  #stalled: StoreError | undefined;
  #progress: (() => void)[] = [];
  #nextOffset = -1;

  constructor(name: string, host: StreamHost, file: DiskFile | undefined, fileBytes: number, length: number) {
    this.name = name;
    this.#host = host;
    this.#pool = host.pool;
    this.#file = file;
    this.#length = length;
    this.#fileBytes = fileBytes;
    this.#grantedBytes = fileBytes;
    this.#missingFrom = Math.min(fileBytes, length);
    this.#missingTo = length;
  }

  get length(): number {
    return this.#length;
  }
  get fileBytes(): number {
    return this.#fileBytes;
  }
  /** Granted, and not in the file yet. */
  get pendingBytes(): number {
    return Math.max(0, this.#grantedBytes - this.#fileBytes);
  }

  // --- appending

  #check(): void {
    if (this.#host.refusal !== undefined) throw this.#host.refusal;
  }

  append(slices: readonly Uint8Array[]): Promise<void> {
    if (this.#host.refusal !== undefined) return Promise.reject(this.#host.refusal);
    this.#host.checkAppend();
    let bytes = 0;
    for (const slice of slices) bytes += slice.length;
    const growth = this.#length + bytes - this.#grantedBytes;
    if (this.#file === undefined || this.#stalled !== undefined || this.#isBehind())
      return this.#appendSlowly(slices, bytes);
    if (growth > 0) {
      if (!this.#host.guard.grant(growth)) return this.#appendSlowly(slices, bytes);
      this.#grantedBytes += growth;
    }
    let done = 0;
    for (const slice of slices) {
      for (let at = 0; at < slice.length;) {
        const segment = this.#segmentToFill(this.#length + done);
        if (segment === undefined) return this.#appendRest(slices, bytes, done);
        const part = this.#fill(segment, this.#length + done, slice, at);
        at += part;
        done += part;
      }
    }
    this.#length += bytes;
    return DONE;
  }

  async #appendSlowly(slices: readonly Uint8Array[], bytes: number): Promise<void> {
    this.#file ??= await this.#host.makeFile(this.name);
    if (this.#stalled !== undefined) await this.flush();
    while (this.#isBehind()) await this.#someProgress();
    this.#check();
    const growth = this.#length + bytes - this.#grantedBytes;
    if (growth > 0) {
      await this.#host.guard.ask(growth);
      this.#grantedBytes += growth;
    }
    await this.#appendRest(slices, bytes, 0);
  }
  /** From byte `done` on, waiting for memory. */
  async #appendRest(slices: readonly Uint8Array[], bytes: number, done: number): Promise<void> {
    let before = 0;
    for (const slice of slices) {
      let at = Math.min(slice.length, Math.max(0, done - before));
      while (at < slice.length) {
        const place = this.#length + before + at;
        let segment = this.#segmentToFill(place);
        if (segment === undefined) {
          await this.#pool.until(() => this.#segmentFor(place) !== undefined);
          this.#check();
          segment = this.#segmentFor(place);
          if (segment === undefined) continue; // somebody else's again
        }
        at += this.#fill(segment, place, slice, at);
        if (this.#isBehind()) await this.#someProgress();
        this.#check();
      }
      before += slice.length;
    }
    this.#length += bytes;
  }

  /** As `#segmentFor`, but not before those who wait. */
  #segmentToFill(place: number): Segment | undefined {
    const segment = this.#segments.get(Math.floor(place / segmentBytes));
    if (segment !== undefined && segment.seenTo <= place % segmentBytes) return segment;
    return this.#pool.contended ? undefined : this.#segmentFor(place);
  }
  /** The segment in which the byte at `place`, the first behind all others, is to be; undefined when there is no memory. */
  #segmentFor(place: number): Segment | undefined {
    const index = Math.floor(place / segmentBytes);
    const at = place % segmentBytes;
    const held = this.#segments.get(index);
    if (held === undefined) {
      const segment = this.#pool.take(this, index);
      if (segment === undefined) return undefined;
      segment.from = segment.to = segment.flushed = segment.seenTo = at;
      this.#segments.set(index, segment);
      return segment;
    }
    if (held.seenTo <= at || held.pins === 0) {
      held.seenTo = Math.min(held.seenTo, at);
      return held;
    }
    // A truncation left bytes behind `at` that somebody still reads: go on in other memory.
    const segment = this.#pool.take(this, index);
    if (segment === undefined) return undefined;
    held.memory.copy(segment.memory, held.from, held.from, at);
    segment.from = held.from;
    segment.to = segment.seenTo = at;
    segment.flushed = Math.min(held.flushed, at);
    this.#segments.set(index, segment);
    this.#pool.disown(held);
    return segment;
  }
  #fill(segment: Segment, place: number, slice: Uint8Array, from: number): number {
    const at = place % segmentBytes;
    const part = Math.min(segmentBytes - at, slice.length - from);
    segment.memory.set(part === slice.length ? slice : slice.subarray(from, from + part), at);
    segment.to = at + part;
    if (segment.to === segmentBytes) this.#startWrites();
    return part;
  }

  // --- writing behind

  clean(segment: Segment): void {
    if (this.#stalled === undefined) this.#write(segment);
  }
  #isBehind(): boolean {
    if (this.#writes < writesMax) return false;
    let full = 0;
    for (const segment of this.#segments.values()) if (segment.dirty) full += 1;
    return full > behindMax;
  }
  /** Full segments first come, first written. */
  #startWrites(): void {
    if (this.#stalled !== undefined) return;
    for (const segment of this.#segments.values()) {
      if (this.#writes >= writesMax) return;
      if (segment.to === segmentBytes && segment.dirty && !segment.writing) this.#write(segment);
    }
  }
  #write(segment: Segment): void {
    const file = this.#file;
    assert(file !== undefined && !segment.writing);
    const from = segment.flushed;
    const to = segment.to;
    const place = segment.index * segmentBytes;
    segment.writing = true;
    segment.pins += 1;
    this.#writes += 1;
    this.#unsynced = true;
    const ended = (): void => {
      segment.writing = false;
      this.#writes -= 1;
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
        this.#pool.unpin(segment);
        this.#failed(cause);
      },
    );
  }
  #written(segment: Segment): void {
    // What was just written is rarely read back, and the system caches it: let its memory, still warm, be used again.
    if (segment.owner === this && segment.to === segmentBytes && !segment.dirty && segment.pins === 1) {
      this.#segments.delete(segment.index);
      this.#pool.disown(segment);
    }
    this.#pool.unpin(segment);
    this.#startWrites();
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
  #someProgress(): Promise<void> {
    return new Promise((resolve) => this.#progress.push(resolve));
  }
  /** Whoever waits looks again: after each write, and when the volume has failed. */
  #tellProgress(): void {
    const waiting = this.#progress;
    this.#progress = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves when everything appended before is in the file. Throws 'full' when it waits for space, 'broken'. */
  async flush(): Promise<void> {
    const target = this.#length;
    this.#stalled = undefined;
    for (;;) {
      this.#check();
      const stalled = this.#stalled as StoreError | undefined; // set meanwhile, by a write that ended
      if (stalled !== undefined) {
        if (this.#writes === 0) throw stalled;
      } else {
        for (const segment of this.#segments.values()) {
          if (this.#writes >= writesMax) break;
          if (isDirtyBelow(segment, target) && !segment.writing) this.#write(segment);
        }
        if (this.#writes === 0) return;
      }
      await this.#someProgress();
    }
  }
  /** Makes durable what `flush` has put into the file. */
  async sync(): Promise<void> {
    if (!this.#unsynced || this.#file === undefined) return;
    this.#unsynced = false;
    try {
      await this.#file.sync();
    } catch (cause) {
      // What the system could not write it may have dropped: the file is not what we think it is, whatever the reason.
      const error = new StoreError('io', `Synchronizing stream ${this.name} failed`, {}, { cause });
      this.#host.fail(error);
      throw error;
    }
  }

  // --- cutting

  truncate(length: number): void {
    this.#check();
    assert(length >= 0 && length <= this.#length);
    if (length === this.#length) return;
    this.#host.truncated();
    this.#length = length;
    this.#missingTo = Math.min(this.#missingTo, length);
    this.#nextOffset = -1;
    const last = Math.floor(length / segmentBytes);
    const at = length % segmentBytes;
    for (const segment of this.#segments.values()) {
      if (segment.index > last || (segment.index === last && segment.from >= at)) this.#drop(segment);
      else if (segment.index === last && segment.to > at) {
        segment.to = at;
        segment.flushed = Math.min(segment.flushed, at);
      }
    }
  }
  #drop(segment: Segment): void {
    this.#segments.delete(segment.index);
    this.#pool.disown(segment);
  }
  evict(segment: Segment): void {
    this.#segments.delete(segment.index);
  }

  // --- reading

  read(offset: number, length: number): Promise<Slab> {
    if (this.#host.refusal !== undefined) return Promise.reject(this.#host.refusal);
    assert(offset >= 0 && length > 0 && offset + length <= this.#length);
    if (offset < this.#missingTo && offset + length > this.#missingFrom) return this.#missing(offset, length);
    const goesForward = offset === this.#nextOffset;
    this.#nextOffset = offset + length;
    const held = this.#held(offset, length);
    if (goesForward) this.#readAhead(offset + length, offset);
    if (held !== undefined) return Promise.resolve(new SegmentSlab(this.#pool, held, offset, length));
    return this.#readSlowly(offset, length);
  }
  async #missing(offset: number, length: number): Promise<never> {
    const facts = { stream: this.name, offset, length, missingFrom: this.#missingFrom };
    throw new StoreError(
      'corrupt',
      `The file of stream ${this.name} is shorter than what was committed`,
      facts,
    );
  }
  async #readSlowly(offset: number, length: number): Promise<Slab> {
    const first = Math.floor(offset / segmentBytes);
    const last = Math.floor((offset + length - 1) / segmentBytes);
    for (;;) {
      await this.#pool.until(() => this.#own(first, last));
      this.#check();
      assert(offset + length <= this.#length, 'nobody cuts off what is being read');
      for (let index = first; index <= last; index++) await this.#loaded(index);
      const held = this.#held(offset, length);
      // Taken away again while we waited: possible only when memory is very short.
      if (held !== undefined) return new SegmentSlab(this.#pool, held, offset, length);
    }
  }
  /** The segments of the bytes, if all are at hand. */
  #held(offset: number, length: number): Segment[] | undefined {
    const first = Math.floor(offset / segmentBytes);
    const end = offset + length;
    const held: Segment[] = [];
    for (let index = first; index * segmentBytes < end; index++) {
      const segment = this.#segments.get(index);
      if (segment === undefined || segment.loading !== undefined) return undefined;
      const from = index === first ? offset % segmentBytes : 0;
      if (
        segment.from > from ||
        index * segmentBytes + segment.to < Math.min(end, (index + 1) * segmentBytes)
      )
        return undefined;
      held.push(segment);
    }
    for (const segment of held) this.#pool.touch(segment);
    return held;
  }
  /** Has every segment from first to last owned, and loading if need be; false when there is no memory for all of them. */
  #own(first: number, last: number): boolean {
    const absent: number[] = [];
    let idle = 0;
    for (let index = first; index <= last; index++) {
      const segment = this.#segments.get(index);
      if (segment === undefined) absent.push(index);
      else {
        this.#pool.touch(segment);
        if (segment.pins === 0 && !segment.dirty) idle += 1;
      }
    }
    if (absent.length > 0 && absent.length > this.#pool.available - idle) return false;
    for (const index of absent) {
      const segment = this.#pool.take(this, index);
      if (segment === undefined) return false;
      this.#segments.set(index, segment);
      // Pinned at once by the load, or the next one might be given its memory.
      this.#load(segment, Math.min(segmentBytes, this.#length - index * segmentBytes));
    }
    for (let index = first; index <= last; index++) {
      const segment = this.#segments.get(index);
      if (segment !== undefined && segment.from > 0 && segment.loading === undefined)
        this.#load(segment, segment.from);
    }
    return true;
  }
  /** Reads bytes 0 … to of the segment from the file: F1 says that they are there. */
  #load(segment: Segment, to: number): void {
    assert(this.#file !== undefined);
    const place = segment.index * segmentBytes;
    const wasEmpty = segment.to === segment.from;
    if (wasEmpty && segment.to < to) segment.from = segment.to = segment.flushed = segment.seenTo = to;
    segment.pins += 1;
    const ended = (): void => {
      segment.loading = undefined;
      this.#pool.unpin(segment);
    };
    segment.loading = this.#file.readAt(segment.memory.subarray(0, to), place).then(
      (got) => {
        segment.memory.fill(0, got, to); // behind the end of the file: `#missing` answers for it
        segment.from = 0;
        ended();
      },
      (cause: unknown) => {
        ended();
        // The bytes behind `from` may be appended ones that only this memory has (F2).
        if (segment.owner === this && !segment.dirty && segment.pins === 0) this.#drop(segment);
        throw cause;
      },
    );
    segment.loading.catch(() => undefined); // whoever needs the bytes asks again, and is told
  }
  async #loaded(index: number): Promise<void> {
    const segment = this.#segments.get(index);
    if (segment?.loading !== undefined) await segment.loading;
  }

  willRead(offset: number): void {
    if (this.#file === undefined || offset >= this.#length) return;
    this.#nextOffset = offset;
    this.#readAhead(offset, offset);
  }
  /** Begins to load what comes next, as far as memory is there; gives up what lies a segment behind. */
  #readAhead(from: number, done: number): void {
    const past = this.#segments.get(Math.floor(done / segmentBytes) - 2);
    if (past !== undefined && past.pins === 0 && !past.dirty) this.#drop(past);
    const first = Math.floor(from / segmentBytes);
    for (let index = first; index <= first + aheadSegments; index++) {
      if (index * segmentBytes >= this.#length) return;
      if (this.#segments.has(index)) continue;
      if (this.#pool.contended || this.#pool.available === 0 || !this.#own(index, index)) return;
    }
  }

  // --- ending

  /** Gives the memory back, trims the file to what is committed, closes it. */
  async close(committedBytes: number, trim: boolean): Promise<void> {
    while (this.#writes > 0) await this.#someProgress();
    for (const segment of this.#segments.values()) {
      if (segment.loading !== undefined) await segment.loading.catch(() => undefined);
      if (segment.owner === this) this.#drop(segment);
    }
    this.#tellProgress();
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      if (trim && this.#fileBytes > committedBytes) {
        await file.truncate(committedBytes);
        this.#fileBytes = committedBytes;
      }
    } finally {
      await file.close();
    }
  }
}

const isDirtyBelow = (segment: Segment, target: number): boolean =>
  segment.dirty && segment.index * segmentBytes + segment.flushed < target;

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
import type { Slab } from '#wire';
import { type Segment, segmentBytes, type SegmentOwner, type SegmentPool } from './segment-pool.js';
import { SegmentSlab } from './segment-slab.js';
import type { Stream } from './store.js';
import { missingError, starvedError } from './stream-errors.js';
import { type StreamHost, WriteBehind } from './write-behind.js';

/** Segments read ahead of a reader that goes forward. */
const aheadSegments = 4;
const DONE: Promise<void> = Promise.resolve();

export class FileStream implements Stream, SegmentOwner {
  readonly name: string;
  readonly #host: StreamHost;
  readonly #pool: SegmentPool;
  readonly #segments = new Map<number, Segment>();
  readonly #behind: WriteBehind;
  #length: number;
  /** Bytes for which there is space. */
  #grantedBytes: number;
  /** Committed bytes that the file did not have when it was opened: from … to. */
  #missingFrom: number;
  #missingTo: number;
  #nextOffset = -1;

  constructor(name: string, host: StreamHost, file: DiskFile | undefined, fileBytes: number, length: number) {
    this.name = name;
    this.#host = host;
    this.#pool = host.pool;
    this.#behind = new WriteBehind(host, name, this.#segments, file, fileBytes);
    this.#length = length;
    this.#grantedBytes = fileBytes;
    this.#missingFrom = Math.min(fileBytes, length);
    this.#missingTo = length;
  }

  get length(): number {
    return this.#length;
  }
  get fileBytes(): number {
    return this.#behind.fileBytes;
  }
  /** Granted, not in the file yet. */
  get pendingBytes(): number {
    return Math.max(0, this.#grantedBytes - this.#behind.fileBytes);
  }

  // --- appending

  #check(): void {
    if (this.#host.refusal !== undefined) throw this.#host.refusal;
  }

  append(slices: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#host.refusal !== undefined) return Promise.reject(this.#host.refusal);
    this.#host.checkAppend();
    let bytes = 0;
    for (const slice of slices) bytes += slice.length;
    const growth = this.#length + bytes - this.#grantedBytes;
    if (this.#behind.file === undefined || this.#behind.stalled || this.#behind.behind)
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
    return undefined;
  }

  reserve(bytes: number): Promise<void> {
    if (this.#host.refusal !== undefined) return Promise.reject(this.#host.refusal);
    const growth = this.#length + bytes - this.#grantedBytes;
    return growth > 0 ? this.#ask(growth) : DONE;
  }
  async #ask(growth: number): Promise<void> {
    await this.#host.guard.ask(growth, () => (this.#grantedBytes += growth));
  }

  async #appendSlowly(slices: readonly Uint8Array[], bytes: number): Promise<void> {
    await this.#behind.makeFile();
    if (this.#behind.stalled) await this.flush();
    while (this.#behind.behind) await this.#behind.progress();
    this.#check();
    const growth = this.#length + bytes - this.#grantedBytes;
    if (growth > 0) await this.#ask(growth);
    await this.#appendRest(slices, bytes, 0);
  }
  /** From byte `done` on, waiting for memory. */
  async #appendRest(slices: readonly Uint8Array[], bytes: number, done: number): Promise<void> {
    let before = 0;
    for (const slice of slices) {
      let at = Math.min(slice.length, Math.max(0, done - before));
      while (at < slice.length) {
        const place = this.#length + before + at;
        const segment = this.#segmentToFill(place);
        if (segment === undefined) at += await this.#fillSoon(place, slice, at);
        else at += this.#fill(segment, place, slice, at);
        if (this.#behind.behind) await this.#behind.progress();
        this.#check();
      }
      before += slice.length;
    }
    this.#length += bytes;
  }

  /**
   * In turn with those who wait for memory. Pinned until it is filled, or the next of them would be given it. Throws 'full',
   * and nothing was appended, when there will be none before the disk has space.
   */
  async #fillSoon(place: number, slice: Uint8Array, at: number): Promise<number> {
    let segment: Segment | undefined;
    let [probed, refused] = [false, false];
    await this.#pool.until(() => {
      segment = this.#segmentFor(place);
      if (segment !== undefined) {
        segment.pins += 1;
        return true;
      }
      if (!this.#pool.starved) return false;
      if (probed)
        this.#cutBack(); // now that nothing is being written
      else this.#pool.probe();
      [refused, probed] = [probed, true];
      return refused;
    });
    if (segment === undefined) throw starvedError(this.name);
    try {
      this.#check();
      return this.#fill(segment, place, slice, at);
    } finally {
      this.#pool.unpin(segment);
    }
  }
  /** As `#segmentFor`, but not before those who wait. */
  #segmentToFill(place: number): Segment | undefined {
    const segment = this.#segments.get(Math.floor(place / segmentBytes));
    const continues = segment !== undefined && segment.seenTo <= place % segmentBytes;
    if (continues && (segment.dirty || !this.#pool.dirtied)) return segment;
    return this.#pool.contended ? undefined : this.#segmentFor(place);
  }
  /** The segment in which the byte at `place`, the first behind all others, is to be; undefined when there is no memory. */
  #segmentFor(place: number): Segment | undefined {
    const index = Math.floor(place / segmentBytes);
    const at = place % segmentBytes;
    const held = this.#segments.get(index);
    if (held?.dirty !== true && this.#pool.dirtied) return undefined;
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
    segment.goOnFrom(held, at);
    this.#segments.set(index, segment);
    this.#pool.disown(held);
    return segment;
  }
  #fill(segment: Segment, place: number, slice: Uint8Array, from: number): number {
    const at = place % segmentBytes;
    const part = Math.min(segmentBytes - at, slice.length - from);
    segment.memory.set(part === slice.length ? slice : slice.subarray(from, from + part), at);
    segment.to = at + part;
    if (segment.to === segmentBytes) this.#behind.start();
    return part;
  }

  // --- writing behind

  clean(segment: Segment): void {
    this.#behind.clean(segment);
  }
  get stalled(): boolean {
    return this.#behind.stalled;
  }
  retry(segment: Segment): void {
    this.#behind.retry(segment);
  }
  /** Resolves when everything appended before is in the file. Throws 'full' when it waits for space, 'broken'. */
  async flush(): Promise<void> {
    await this.#behind.flush(this.#length);
  }
  /** Makes durable what `flush` has put into the file. */
  async sync(): Promise<void> {
    await this.#behind.sync();
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
    this.#cutBack();
  }
  /** Forgets the bytes behind the end. */
  #cutBack(): void {
    const length = this.#length;
    const last = Math.floor(length / segmentBytes);
    const at = length % segmentBytes;
    for (const segment of this.#segments.values()) {
      if (segment.index > last || (segment.index === last && segment.from >= at)) this.#drop(segment);
      else if (segment.index === last) segment.cut(at);
    }
  }
  #drop(segment: Segment): void {
    this.#segments.delete(segment.index);
    this.#pool.disown(segment);
  }
  /** The volume has failed: what it did not commit is of no use, and the memory is wanted by others. */
  abandon(): void {
    for (const segment of this.#segments.values()) this.#drop(segment);
  }
  evict({ index }: Segment): void {
    this.#segments.delete(index);
  }

  // --- reading

  read(offset: number, length: number): Promise<Slab> {
    if (this.#host.refusal !== undefined) return Promise.reject(this.#host.refusal);
    assert(offset >= 0 && length > 0 && offset + length <= this.#length);
    if (this.#lacks(offset, length)) return Promise.reject(missingError(this.name, offset, length));
    const goesForward = offset === this.#nextOffset;
    this.#nextOffset = offset + length;
    const held = this.#held(offset, length);
    if (goesForward) this.#readAhead(offset + length, offset);
    if (held !== undefined) return Promise.resolve(new SegmentSlab(this.#pool, held, offset, length));
    return this.#readSlowly(offset, length);
  }
  #lacks(from: number, length: number): boolean {
    return this.#missingFrom < this.#missingTo && from < this.#missingTo && from + length > this.#missingFrom;
  }
  async #readSlowly(offset: number, length: number): Promise<Slab> {
    const first = Math.floor(offset / segmentBytes);
    const last = Math.floor((offset + length - 1) / segmentBytes);
    // Pinned from the moment they are ours: who holds memory waits for the disk only, never for more memory.
    let pinned: readonly Segment[] = [];
    await this.#pool.until(() => {
      if (!this.#own(first, last)) return false;
      pinned = this.#pinned(first, last);
      return true;
    });
    try {
      this.#check();
      for (const segment of pinned) if (segment.loading !== undefined) await segment.loading;
      this.#check();
      const held = this.#held(offset, length);
      assert(held !== undefined, 'nobody cuts off what is being read');
      return new SegmentSlab(this.#pool, held, offset, length);
    } finally {
      for (const segment of pinned) this.#pool.unpin(segment);
    }
  }
  #pinned(first: number, last: number): Segment[] {
    const pinned: Segment[] = [];
    for (let index = first; index <= last; index++) {
      const segment = this.#segments.get(index);
      assert(segment !== undefined);
      this.#pool.pin(segment);
      pinned.push(segment);
    }
    return pinned;
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
    const { file } = this.#behind;
    assert(file !== undefined);
    const place = segment.index * segmentBytes;
    const wasEmpty = segment.to === segment.from;
    if (wasEmpty && segment.to < to) segment.from = segment.to = segment.flushed = segment.seenTo = to;
    segment.pins += 1;
    const ended = (): void => {
      segment.loading = undefined;
      this.#pool.unpin(segment);
    };
    segment.loading = file.readAt(segment.memory.subarray(0, to), place).then(
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
  willRead(offset: number): void {
    if (this.#behind.file === undefined || offset >= this.#length) return;
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
    await this.#behind.settled();
    for (const segment of this.#segments.values()) {
      if (segment.loading !== undefined) await segment.loading.catch(() => undefined);
      if (segment.owner === this) this.#drop(segment);
    }
    await this.#behind.close(trim ? committedBytes : undefined);
  }
}

/**
 * SegmentPool: the memory of a group's streams: equal, page-aligned segments, made once and used again (fresh memory and
 * unaligned copies are both dear). A segment caches `segmentBytes` of one stream at a multiple of them, so that memory
 * and file are equally aligned.
 *
 * A segment is free, or owned by a stream. Owned ones that are clean and not pinned can be taken from their stream, the
 * longest unused first.
 */
import { strict as assert } from 'node:assert';
import { alignedBuffer } from '#wire';

const MiB = 1024 * 1024;
export const segmentBytes = MiB;
/** A largest read spans 17 segments; streams that write need some besides. */
export const segmentsMin = 24;
/** Segments that bytes not yet in their files never take: a largest read finds memory when the disk takes nothing. */
const segmentsForReading = 18;
/** Segments made at a time: each WebAssembly memory costs address space. */
const segmentsPerMaking = 8;
const pageBytes = 4096;

export interface SegmentOwner {
  /** Forget the segment: it is clean and not pinned. */
  evict(segment: Segment): void;
  /** Begin to write its dirty bytes: memory is short. */
  clean(segment: Segment): void;
  /** Its dirty bytes are not written before there is space on the disk. */
  readonly stalled: boolean;
  /** Try it, though stalled. */
  retry(segment: Segment): void;
}

export class Segment {
  readonly memory: Buffer;
  owner: SegmentOwner | undefined;
  /** Its place in the stream, in segments. */
  index = 0;
  /** Bytes from … to are valid. */
  from = 0;
  to = 0;
  /** Bytes below are in the file. */
  flushed = 0;
  /** Highest `to` that a reader may look at: appending below it, after a truncation, needs memory of its own. */
  seenTo = 0;
  /** Readers, writes and loads under way. */
  pins = 0;
  /** A write of it is under way. */
  writing = false;
  loading: Promise<void> | undefined;

  constructor(memory: Buffer) {
    this.memory = memory;
  }
  get dirty(): boolean {
    return this.flushed < this.to;
  }
  /** Forgets what is valid behind `at`. */
  cut(at: number): void {
    this.to = Math.min(this.to, at);
    this.flushed = Math.min(this.flushed, this.to);
  }
  /** Is as the other up to `at`. */
  goOnFrom({ memory, from, flushed }: Segment, at: number): void {
    memory.copy(this.memory, from, from, at);
    this.from = from;
    this.to = this.seenTo = at;
    this.flushed = Math.min(flushed, at);
  }
}

export class SegmentPool {
  readonly segmentsMax: number;
  readonly #free: Segment[] = [];
  /** Owned segments, longest unused first. */
  readonly #used = new Set<Segment>();
  readonly #waiting: (() => boolean)[] = [];
  #made = 0;
  #changing = false;

  constructor(segmentsMax: number) {
    assert(segmentsMax >= segmentsMin);
    this.segmentsMax = segmentsMax;
  }

  /** Segments that could be had now. */
  get available(): number {
    let count = this.#free.length + this.segmentsMax - this.#made;
    for (const segment of this.#used) if (isIdle(segment)) count += 1;
    return count;
  }
  /** So many segments are dirty that no other may become so. */
  get dirtied(): boolean {
    let count = 0;
    for (const segment of this.#used) if (segment.dirty) count += 1;
    return count >= this.segmentsMax - segmentsForReading;
  }
  /** And none of them becomes clean until the disk has space: who wants to append would wait for who knows how long. */
  get starved(): boolean {
    if (!this.dirtied) return false;
    for (const segment of this.#used) {
      if (segment.dirty && (segment.writing || segment.owner?.stalled !== true)) return false;
    }
    return true;
  }
  /** True when somebody waits: take nothing out of turn. */
  get contended(): boolean {
    return this.#waiting.length > 0;
  }

  /** A segment for the stream, without content, or undefined when there is none to be had now. */
  take(owner: SegmentOwner, index: number): Segment | undefined {
    const segment = this.#free.pop() ?? this.#make() ?? this.#evicted();
    if (segment === undefined) return undefined;
    segment.owner = owner;
    segment.index = index;
    segment.from = segment.to = segment.flushed = segment.seenTo = 0;
    this.#used.add(segment);
    return segment;
  }
  #make(): Segment | undefined {
    const count = Math.min(segmentsPerMaking, this.segmentsMax - this.#made);
    if (count <= 0) return undefined;
    const memory = alignedBuffer(count * segmentBytes);
    for (let at = 0; at < memory.length; at += pageBytes) memory[at] = 0; // touched now, not while a host waits
    this.#made += count;
    for (let i = count - 1; i >= 0; i--) {
      this.#free.push(new Segment(memory.subarray(i * segmentBytes, (i + 1) * segmentBytes)));
    }
    return this.#free.pop();
  }
  #evicted(): Segment | undefined {
    for (const segment of this.#used) {
      if (!isIdle(segment)) continue;
      segment.owner?.evict(segment);
      this.#used.delete(segment);
      return segment;
    }
    return undefined;
  }

  /**
   * Calls `attempt` now, and again whenever segments may have come free, until it is true. In the order of asking; an
   * attempt takes all that it needs or nothing, so nobody waits holding what another waits for.
   */
  async until(attempt: () => boolean): Promise<void> {
    if (!this.contended && attempt()) return;
    this.#relieve();
    await new Promise<void>((resolve) => {
      this.#waiting.push(() => {
        if (!attempt()) return false;
        resolve();
        return true;
      });
    });
  }
  /** Something came free, or will not. */
  changed(): void {
    if (this.#changing) return; // an attempt gave something back: the loop below goes on
    this.#changing = true;
    while (this.#waiting[0]?.() === true) this.#waiting.shift();
    this.#changing = false;
    if (this.contended) this.#relieve();
  }
  /** Finds out whether the disk, which was full, has space now: a segment of each stream is tried. `changed` follows. */
  probe(): void {
    for (const segment of this.#used) {
      if (segment.dirty && !segment.writing && segment.owner?.stalled === true) segment.owner.retry(segment);
    }
  }
  /** Dirty tails of streams that pause hold memory: have them written. */
  #relieve(): void {
    for (const segment of this.#used) {
      if (segment.dirty && !segment.writing && segment.pins === 0) segment.owner?.clean(segment);
    }
  }

  /** Says that it was used just now. */
  touch(segment: Segment): void {
    if (!this.#used.delete(segment)) return;
    this.#used.add(segment);
  }
  pin(segment: Segment): void {
    segment.pins += 1;
    segment.seenTo = Math.max(segment.seenTo, segment.to);
  }
  unpin(segment: Segment): void {
    assert(segment.pins > 0);
    segment.pins -= 1;
    if (segment.pins > 0) return;
    if (segment.owner === undefined) this.#free.push(segment);
    this.changed();
  }
  /** The stream has no more use for it; its memory is free when the last pin goes. */
  disown(segment: Segment): void {
    segment.owner = undefined;
    this.#used.delete(segment);
    if (segment.pins > 0) return;
    this.#free.push(segment);
    this.changed();
  }
}

const isIdle = (segment: Segment): boolean => segment.pins === 0 && !segment.dirty;

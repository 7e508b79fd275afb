/**
 * DataStream: a stream that is cut by content, its chunks looked up, the new ones put into containers.
 *
 *   D1 the recipe, then the bytes behind the last cut (the tail), are the stream
 *   D2 what a commit covers is told by a mark; recipes only grow between a mark and its commit
 *   D3 an append that a full disk refuses leaves everything as it was
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';
import type { Slab } from '#wire';
import type { Stream } from '../store.js';
import type { ByteWriter } from './bytes.js';
import { fingerprintBytes, KIND } from './container.format.js';
import { ChunkFinder } from './chunk-finder.js';
import { SlabFiller } from './chunk-reader.js';
import { chunkBytesMax, chunkBytesMin, inputBytes } from './engine-limits.js';
import type { CutState } from './kernels.js';
import type { OpenContainer } from './open-container.js';
import type { Recipe, RecipeMark } from './recipe.js';
import { encodeChange } from './recipe.format.js';
import { Reservation } from './reservation.js';
import { type DataMark, located, type StreamHost } from './stream-host.js';
import type { DataState } from './volume-state.js';

const DONE: Promise<void> = Promise.resolve();
const noSlices: readonly Uint8Array[] = [];

export class DataStream implements Stream {
  readonly name: string;
  readonly #host: StreamHost;
  readonly #recipe: Recipe;
  #length: number;
  /** Bytes of the recipe that are as the journal has them. */
  #keep: number;
  #journaled: RecipeMark;
  #journaledLength: number;

  /** Input: the tail from … to, scanned up to a place, with the ends of chunks that were found and not taken yet. */
  #buffer: Buffer | undefined;
  #from = 0;
  #to = 0;
  #scanned = 0;
  readonly #cutState: CutState = { bytes: 0, hash: 0 };
  readonly #cuts = new Int32Array(Math.ceil(inputBytes / chunkBytesMin) + 2);
  #cutBase = 0;
  #cutCount = 0;
  #cutNext = 0;
  /** What is being appended. */
  #slices = noSlices;
  #slice = 0;
  #sliceAt = 0;
  /** State before an append that takes longer than a call. */
  #before: DataMark | undefined;
  /** The same in the making: recipe and tail before the first chunk of this append. */
  #captured: RecipeMark | undefined;
  #tailBefore: Buffer | undefined;
  #tailBytes = 0;
  /** Space is granted chunk by chunk. */
  #tight = false;

  readonly #finder: ChunkFinder;
  readonly reservation: Reservation;
  #open: OpenContainer | undefined;
  #blocked: Promise<void> | undefined;
  #nextOffset = -1;

  constructor(name: string, host: StreamHost, state: DataState) {
    this.name = name;
    this.#host = host;
    this.#finder = new ChunkFinder(host.engine);
    this.reservation = new Reservation(host.engine);
    this.#recipe = state.recipe;
    this.#length = this.#journaledLength = state.recipe.bytes + state.tail.length;
    this.#keep = state.recipe.bytes;
    this.#journaled = state.recipe.mark;
    if (state.tail.length > 0) {
      this.#buffer = host.engine.inputs.take();
      state.tail.copy(this.#buffer);
      this.#to = state.tail.length;
    }
  }
  get length(): number {
    return this.#length;
  }
  get recipe(): Recipe {
    return this.#recipe;
  }

  // --- appending

  append(slices: readonly Uint8Array[]): Promise<void> {
    const { refusal, engine } = this.#host;
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#host.checkAppend();
    let bytes = 0;
    for (const slice of slices) bytes += slice.length;
    if (engine.containers.stalled || !this.reservation.use(bytes)) return this.#appendTight(slices, bytes);
    this.#begin(slices);
    if (this.#advance()) {
      this.#length += bytes;
      return DONE;
    }
    return this.#appendSlowly(bytes);
  }
  async reserve(bytes: number): Promise<void> {
    this.#check();
    await this.reservation.raise(bytes);
  }
  #begin(slices: readonly Uint8Array[]): void {
    assert(this.#before === undefined, 'appends of a stream come one after another');
    this.#buffer ??= this.#host.engine.inputs.take();
    this.#slices = slices;
    this.#slice = this.#sliceAt = 0;
    this.#captured = undefined;
  }
  /** An append counts when it is done: until then a commit covers what was there before its first chunk. */
  #capture(buffer: Buffer): void {
    this.#tailBefore ??= Buffer.alloc(inputBytes);
    this.#captured = this.#recipe.mark;
    this.#tailBytes = this.#length - this.#captured.bytes;
    buffer.copy(this.#tailBefore, 0, this.#from, this.#from + this.#tailBytes);
  }
  async #appendTight(slices: readonly Uint8Array[], bytes: number): Promise<void> {
    const { engine } = this.#host;
    if (engine.containers.stalled) await engine.containers.retry();
    const before = this.mark();
    try {
      await engine.ask(bytes);
    } catch (cause) {
      if (!(cause instanceof StoreError) || cause.code !== 'full') throw cause;
      this.#tight = true; // what is stored already needs no room
    }
    try {
      this.#check();
      this.#begin(slices);
      this.#before = before;
      this.#captured = before.recipe;
      while (!this.#advance()) await this.#unblocked();
      this.#length += bytes;
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === 'full') this.#restore(before);
      throw cause;
    } finally {
      this.#tight = false;
      this.#before = undefined;
    }
  }
  async #appendSlowly(bytes: number): Promise<void> {
    assert(this.#captured !== undefined && this.#tailBefore !== undefined);
    const tail = Buffer.from(this.#tailBefore.subarray(0, this.#tailBytes));
    const before = { length: this.#length, recipe: this.#captured, tail };
    this.#before = before;
    try {
      do await this.#unblocked();
      while (!this.#advance());
      this.#length += bytes;
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === 'full') this.#restore(before);
      throw cause;
    } finally {
      this.#before = undefined;
    }
  }
  async #unblocked(): Promise<void> {
    const blocked = this.#blocked;
    this.#blocked = undefined;
    await blocked;
    this.#check();
  }
  #check(): void {
    if (this.#host.refusal !== undefined) throw this.#host.refusal;
  }
  /** D3. */
  #restore({ recipe, tail }: DataMark): void {
    if (recipe.bytes < this.#recipe.bytes) this.#recipe.truncate(recipe.bytes);
    this.#setTail(tail);
  }
  #setTail(tail: Buffer): void {
    this.#buffer ??= this.#host.engine.inputs.take();
    tail.copy(this.#buffer);
    this.#from = 0;
    this.#to = tail.length;
    this.#rescan();
  }
  #rescan(): void {
    this.#scanned = this.#from;
    this.#cutState.bytes = this.#cutState.hash = 0;
    this.#cutCount = this.#cutNext = 0;
    this.#finder.forget();
  }

  /** Goes on until the input is used up; false when `#blocked` must be awaited first. */
  #advance(): boolean {
    const buffer = this.#buffer;
    assert(buffer !== undefined);
    for (;;) {
      while (this.#cutNext < this.#cutCount) {
        if (this.#captured === undefined) this.#capture(buffer);
        const end = this.#cutBase + (this.#cuts[this.#cutNext] ?? 0);
        if (!this.#chunk(buffer, this.#from, end)) return false;
        this.#from = end;
        this.#cutNext += 1;
      }
      if (this.#slice < this.#slices.length) this.#fill(buffer);
      else if (this.#scanned === this.#to) {
        this.#slices = noSlices;
        return true;
      }
      this.#cutBase = this.#scanned;
      this.#cutCount = this.#host.engine.kernels.cut(
        buffer,
        this.#scanned,
        this.#to,
        this.#cutState,
        this.#cuts,
      );
      this.#cutNext = 0;
      this.#scanned = this.#to;
    }
  }
  #fill(buffer: Buffer): void {
    if (this.#from > 0 && buffer.length - this.#to < inputBytes / 2) {
      buffer.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#scanned -= this.#from;
      this.#from = 0;
    }
    while (this.#to < buffer.length) {
      const slice = this.#slices[this.#slice];
      if (slice === undefined) return;
      const part = Math.min(slice.length - this.#sliceAt, buffer.length - this.#to);
      const whole = part === slice.length;
      buffer.set(whole ? slice : slice.subarray(this.#sliceAt, this.#sliceAt + part), this.#to);
      this.#to += part;
      this.#sliceAt += part;
      if (this.#sliceAt < slice.length) return;
      this.#slice += 1;
      this.#sliceAt = 0;
    }
  }

  /** One chunk into the recipe. False when something must be awaited; the same call then goes on. */
  #chunk(buffer: Buffer, from: number, to: number): boolean {
    const finder = this.#finder;
    this.#blocked = finder.look(buffer, from, to);
    if (this.#blocked !== undefined) return false;
    const { source } = finder;
    if (source === undefined) return this.#store(buffer, from, to);
    const { engine } = this.#host;
    const open = engine.containers.openOf(source.id);
    if (open !== undefined) this.#host.depend(open);
    else assert(engine.containers.table.has(source.id), 'S4: what is referred to is there');
    this.#recipe.push(source.id, finder.ordinal, to - from);
    engine.touch(source.id, finder.ordinal);
    finder.next();
    return true;
  }
  /** A new chunk into this stream's container. */
  #store(buffer: Buffer, from: number, to: number): boolean {
    const { engine } = this.#host;
    const { containers } = engine;
    const bytes = to - from;
    if (this.#tight && !engine.guard.grant(bytes + fingerprintBytes)) {
      this.#blocked = engine
        .ask(bytes + fingerprintBytes)
        .then(() => engine.guard.give(bytes + fingerprintBytes));
      return false;
    }
    let open = this.#open;
    if (open !== undefined && !open.hasRoomFor(bytes)) {
      if (open.state === 'filling') containers.seal(open);
      open = undefined;
    }
    open ??= containers.begin(KIND.data);
    if (open === undefined) {
      this.#blocked = containers.beginSoon(KIND.data).then((begun) => {
        this.#open = begun;
      });
      return false;
    }
    this.#open = open;
    const { digest } = this.#finder;
    const ordinal = open.add(buffer, from, to, digest, 0);
    containers.cache.put(open.source, ordinal, digest, 0);
    this.#host.depend(open);
    this.#recipe.push(open.id, ordinal, bytes);
    this.#finder.next();
    return true;
  }

  // --- cutting

  truncate(length: number): void {
    this.#check();
    assert(length >= 0 && length <= this.#length && this.#before === undefined);
    if (length === this.#length) return;
    this.#host.truncated();
    if (length < this.#recipe.bytes) {
      this.#recipe.truncate(length);
      this.#keep = Math.min(this.#keep, length);
    }
    this.#length = length;
    this.#to = this.#from + length - this.#recipe.bytes;
    this.#rescan();
    this.#nextOffset = -1;
  }

  // --- committing

  /** What a commit called now covers. */
  mark(): DataMark {
    return this.#before ?? this.#markOf(this.#length);
  }
  #markOf(length: number): DataMark {
    const recipe = this.#recipe.mark;
    const tail = length - recipe.bytes;
    // Whether or not more has come in behind it: the tail begins where the recipe ends.
    const copy =
      this.#buffer === undefined
        ? Buffer.alloc(0)
        : Buffer.from(this.#buffer.subarray(this.#from, this.#from + tail));
    assert(tail >= 0 && tail <= inputBytes);
    return { length, recipe, tail: copy };
  }
  isChanged(mark: DataMark): boolean {
    return mark.length !== this.#journaledLength || this.#keep < this.#journaled.bytes;
  }
  /** What VolumeState.apply reads. */
  encode(to: ByteWriter, mark: DataMark): void {
    to.text(this.name).varint(0);
    encodeChange(to, this.#recipe, this.#keep, this.#journaled, mark.recipe);
    to.block(mark.tail);
  }
  journaled(mark: DataMark): void {
    this.#journaled = mark.recipe;
    this.#journaledLength = mark.length;
    this.#keep = mark.recipe.bytes;
  }

  // --- reading

  async read(offset: number, length: number): Promise<Slab> {
    this.#check();
    assert(offset >= 0 && length > 0 && offset + length <= this.#length);
    const { engine } = this.#host;
    const forward = offset === this.#nextOffset;
    this.#nextOffset = offset + length;
    const slab = await engine.reads.takeSoon(length);
    try {
      this.#check();
      const filler = new SlabFiller(slab);
      while (filler.filled < length)
        await this.#readSome(offset, offset + filler.filled, offset + length, filler);
    } catch (error) {
      slab.release();
      throw error;
    }
    if (forward) this.#ahead(offset + length);
    return slab;
  }
  async #readSome(begin: number, at: number, end: number, filler: SlabFiller): Promise<void> {
    const cut = this.#recipe.bytes;
    if (at >= cut) {
      assert(this.#buffer !== undefined);
      const from = this.#from + at - cut;
      filler.put(this.#buffer, from, from + end - at);
      return;
    }
    const run = await this.#host.engine.runIn(this.#recipe, at);
    try {
      await this.#host.engine.chunks.copyRun(run, at, Math.min(end, run.to), filler);
    } catch (cause) {
      throw located(cause, this.#host, this.name, begin + filler.filled);
    }
  }
  willRead(offset: number): void {
    if (offset >= this.#length) return;
    this.#nextOffset = offset;
    this.#ahead(offset);
  }
  #ahead(offset: number): void {
    if (offset >= this.#recipe.bytes || this.#host.refusal !== undefined) return;
    const look = async (): Promise<void> => {
      const run = await this.#host.engine.runIn(this.#recipe, offset);
      if (this.#host.engine.containers.openOf(run.container) === undefined)
        await this.#host.engine.chunks.prefetch(run, offset);
    };
    look().catch(() => undefined); // whoever reads it is told
  }

  /** Gives its memory back. */
  close(): void {
    if (this.#buffer !== undefined) this.#host.engine.inputs.give(this.#buffer);
    this.#buffer = undefined;
    if (this.#open?.state === 'filling' && this.#open.count === 0)
      this.#host.engine.containers.drop(this.#open);
    this.#open = undefined;
  }
}
assert(inputBytes >= 4 * chunkBytesMax);

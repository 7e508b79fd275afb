/**
 * DataStream: a stream that is cut by content, its chunks looked up, the new ones put into containers.
 *
 *   D1 the recipe, then the bytes behind the last cut (the tail), are the stream
 *   D2 what a commit covers is told by a mark; recipes only grow between a mark and its commit
 *   D3 an append that a full disk refuses leaves everything as it was
 */
import { strict as assert } from 'node:assert';
import { hash } from 'node:crypto';
import { StoreError } from '../../errors.js';
import type { Slab } from '#wire';
import type { Stream } from '../store.js';
import type { ByteWriter } from './bytes.js';
import { type ContainerKind, Directory, fingerprintBytes, KIND } from './container.format.js';
import { SlabFiller } from './chunk-reader.js';
import { type FingerprintSource, isAt } from './fingerprint-cache.js';
import { chunkBytesMax, chunkBytesMin, inputBytes } from './engine-limits.js';
import type { CutState } from './kernels.js';
import type { OpenContainer } from './open-container.js';
import { type Recipe, type RecipeMark, type Run, Runs } from './recipe.js';
import { encodeRuns } from './recipe.format.js';
import type { StreamHost } from './stream-host.js';
import type { DataState } from './volume-state.js';

const DONE: Promise<void> = Promise.resolve();
const noSlices: readonly Uint8Array[] = [];
const dataKind: ContainerKind = KIND.data;

export interface DataMark {
  readonly length: number;
  readonly recipe: RecipeMark;
  readonly tail: Buffer;
}

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

  readonly #digest = Buffer.alloc(fingerprintBytes);
  #hashed = false;
  #verdict: 'unknown' | 'new' | 'known' = 'unknown';
  #source: FingerprintSource | undefined;
  #index = 0;
  #open: OpenContainer | undefined;
  #blocked: Promise<void> | undefined;
  #nextOffset = -1;

  constructor(name: string, host: StreamHost, state: DataState) {
    this.name = name;
    this.#host = host;
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
    if (engine.containers.stalled || !engine.guard.grant(bytes)) return this.#appendTight(slices, bytes);
    this.#begin(slices);
    if (this.#advance()) {
      this.#length += bytes;
      return DONE;
    }
    return this.#appendSlowly(bytes);
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
    this.#hashed = false;
    this.#verdict = 'unknown';
    this.#source = undefined;
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
      buffer.set(
        part === slice.length ? slice : slice.subarray(this.#sliceAt, this.#sliceAt + part),
        this.#to,
      );
      this.#to += part;
      this.#sliceAt += part;
      if (this.#sliceAt < slice.length) return;
      this.#slice += 1;
      this.#sliceAt = 0;
    }
  }

  /** One chunk into the recipe. False when something must be awaited; the same call then goes on. */
  #chunk(buffer: Buffer, from: number, to: number): boolean {
    if (!this.#hashed) {
      // As a string of bytes it comes fastest (performance.md A2); Node's types do not list that encoding here.
      this.#digest.write(hash('sha256', buffer.subarray(from, to), 'latin1' as 'hex'), 'latin1');
      this.#hashed = true;
      this.#look();
    }
    if (this.#verdict === 'unknown') return false;
    if (this.#verdict === 'known') {
      if (this.#source?.stale !== false) {
        this.#verdict = 'new'; // collected while we waited
      } else {
        this.#take(this.#source, this.#index, to - from);
        return true;
      }
    }
    return this.#store(buffer, from, to);
  }
  #took(): true {
    this.#hashed = false;
    this.#verdict = 'unknown';
    return true;
  }
  #take(source: FingerprintSource, index: number, bytes: number): void {
    const ordinal = source instanceof Directory ? (source.ordinals[index] ?? 0) : index;
    const open = this.#host.engine.containers.openOf(source.id);
    if (open !== undefined) this.#host.depend(open);
    else assert(this.#host.engine.containers.table.has(source.id), 'S4: what is referred to is there');
    this.#recipe.push(source.id, ordinal, bytes);
    this.#host.engine.touch(source.id, ordinal);
    this.#took();
  }
  /** Sets the verdict, or what to wait for. */
  #look(): void {
    const { engine } = this.#host;
    const last = this.#source;
    const next = this.#index + 1;
    if (last?.stale === false && last.fingerprints !== undefined && next < last.count) {
      if (isAt(last.fingerprints, next, this.#digest, 0)) {
        this.#index = next;
        this.#verdict = 'known';
        return;
      }
    }
    const source = engine.containers.cache.find(this.#digest, 0);
    if (source !== undefined) {
      this.#source = source;
      this.#index = engine.containers.cache.index;
      this.#verdict = 'known';
      return;
    }
    const found = engine.index.peek(this.#digest, 0);
    if (found === 'absent') this.#verdict = 'new';
    else this.#blocked = this.#ask(found === 'ask' ? undefined : found);
  }
  async #ask(hint: { readonly container: number; readonly ordinal: number } | undefined): Promise<void> {
    const { engine } = this.#host;
    const found = hint ?? (await engine.index.find(this.#digest, 0));
    this.#verdict = 'new';
    if (found === undefined || !engine.containers.table.has(found.container)) return;
    let directory: Directory;
    try {
      directory = await engine.containers.loadDirectory(found.container);
    } catch (cause) {
      if (cause instanceof StoreError) return; // damaged: store it again
      throw cause;
    }
    const index = directory.indexOf(found.ordinal);
    if (index === -1 || directory.fingerprints === undefined || directory.stale) return;
    if (!isAt(directory.fingerprints, index, this.#digest, 0)) return; // S10
    this.#source = directory;
    this.#index = index;
    this.#verdict = 'known';
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
    open ??= containers.begin(dataKind);
    if (open === undefined) {
      this.#blocked = containers.beginSoon(dataKind).then((begun) => {
        this.#open = begun;
      });
      return false;
    }
    this.#open = open;
    const ordinal = open.add(buffer, from, to, this.#digest, 0);
    containers.cache.put(open.source, ordinal, this.#digest, 0);
    this.#host.depend(open);
    this.#recipe.push(open.id, ordinal, bytes);
    this.#source = undefined;
    return this.#took();
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
    const { runs } = this.#recipe;
    const before = this.#journaled;
    const after = mark.recipe;
    to.text(this.name).varint(0).varint(this.#keep);
    let index = this.#recipe.indexOf(before.runs);
    let chunks = 0;
    let bytes = 0;
    if (this.#keep < before.bytes) {
      index = runs.end > this.#keep ? runs.indexAt(this.#keep) : runs.length;
    } else if (index > 0) {
      const last = runs.at(index - 1);
      const end = Math.min(last.to, after.bytes);
      if (end > before.bytes) {
        bytes = end - before.bytes;
        chunks = (after.runs === before.runs ? after.lastCount : last.count) - before.lastCount;
      }
    }
    to.varint(chunks).varint(bytes);
    const until = this.#recipe.indexOf(after.runs);
    const added = new Runs(0);
    for (; index < until; index++) {
      const run = runs.at(index);
      const isLast = index === until - 1;
      added.push(
        run.container,
        run.first,
        isLast ? after.lastCount : run.count,
        (isLast ? after.bytes : run.to) - run.from,
      );
    }
    encodeRuns(to, added, 0, added.length);
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
    const run = await this.runAt(at);
    try {
      await this.#host.engine.chunks.copyRun(run, at, Math.min(end, run.to), filler);
    } catch (cause) {
      if (!(cause instanceof StoreError) || cause.code !== 'corrupt') throw cause;
      const from = begin + filler.filled;
      const facts = { ...cause.facts, volume: this.#host.id, stream: this.name, offset: from };
      throw new StoreError(
        'corrupt',
        `Stream ${this.name} of ${this.#host.id} is damaged at ${from}`,
        facts,
        { cause },
      );
    }
  }
  /** The run that holds the byte, which lies in the recipe. */
  async runAt(offset: number): Promise<Run> {
    const { runs, pieces } = this.#recipe;
    if (offset >= runs.from) return runs.at(runs.indexAt(offset));
    return await this.#host.engine.runAt(pieces, offset);
  }
  willRead(offset: number): void {
    if (offset >= this.#length) return;
    this.#nextOffset = offset;
    this.#ahead(offset);
  }
  #ahead(offset: number): void {
    if (offset >= this.#recipe.bytes || this.#host.refusal !== undefined) return;
    const look = async (): Promise<void> => {
      const run = await this.runAt(offset);
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

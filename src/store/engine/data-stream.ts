/**
 * DataStream: a stream that is cut by content, its chunks looked up, the new ones put into containers. What is appended goes into
 * the ring and counts from then on; the crew cuts it, and chunks enter the recipe behind the writer's back.
 *
 *   D1 the recipe, then the bytes in the ring, are the stream
 *   D2 what a commit covers is told by a mark; recipes only grow between a mark and its commit
 *   D3 an append that a full disk refuses leaves everything as it was
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';
import type { Slab } from '#wire';
import type { Stream } from '../store.js';
import type { ByteWriter } from './bytes.js';
import { ChunkPlacer } from './chunk-placer.js';
import type { Filler } from './chunk-reader.js';
import { chunkBytesMax, ringHeldBytesMax } from './engine-limits.js';
import { Intake } from './intake.js';
import type { Recipe, RecipeMark } from './recipe.js';
import { encodeChange } from './recipe.format.js';
import { Reservation } from './reservation.js';
import type { Ring } from './ring.js';
import type { DataMark, StreamHost } from './stream-host.js';
import { StreamReader } from './stream-reader.js';
import type { DataState } from './volume-state.js';

const nothing = Buffer.alloc(0);

/** A commit waits for the recipe to come to this length of the stream. */
interface AwaitedMark {
  readonly length: number;
  readonly resolve: (mark: DataMark) => void;
  readonly reject: (error: StoreError) => void;
}

export class DataStream implements Stream {
  readonly name: string;
  readonly #host: StreamHost;
  readonly #recipe: Recipe;
  readonly #placer: ChunkPlacer;
  readonly #reader: StreamReader;
  readonly reservation: Reservation;
  #length: number;
  /** Bytes of the recipe that are as the journal has them. */
  #keep: number;
  #journaled: RecipeMark;
  #journaledLength: number;

  readonly #intake: Intake;
  /** Changes when what is in the ring is not what it was: whoever waited for a place of it is not concerned any more. */
  #era = 0;
  #isPlacing = false;
  /** Why placing came to a halt: 'full'. */
  #halt: StoreError | undefined;
  /** Of an append under way: bytes that were granted and are not in the ring yet. */
  #comingBytes = 0;
  /** An append is under way; the mark of what was there before it, once the recipe has gone on beyond that. */
  #isAppending = false;
  /** Some of it is in the ring, and not all of it. */
  #isPartly = false;
  #before: DataMark | undefined;
  #awaited: AwaitedMark[] = [];
  /** Told when there is news of the ring. */
  #waiting: (() => void)[] = [];

  constructor(name: string, host: StreamHost, state: DataState) {
    this.name = name;
    this.#host = host;
    this.reservation = new Reservation(host.engine);
    this.#recipe = state.recipe;
    this.#placer = new ChunkPlacer(host, state.recipe);
    this.#reader = new StreamReader(name, host, state.recipe, (offset, to, filler) =>
      this.#heldAt(offset, to, filler),
    );
    this.#length = this.#journaledLength = state.recipe.bytes + state.tail.length;
    this.#keep = state.recipe.bytes;
    this.#journaled = state.recipe.mark;
    this.#intake = new Intake(host.engine.rings, {
      found: () => this.#place(),
      hint: (slip, place, bytes) =>
        this.#placer.hint(slip, place - (this.#intake.ring?.begin ?? place), bytes),
      left: () => {
        this.#era += 1;
        this.#isPlacing = false;
        this.#placer.forget();
      },
    });
    if (state.tail.length > 0) this.#intake.refill(state.tail);
  }
  get length(): number {
    return this.#length;
  }
  get recipe(): Recipe {
    return this.#recipe;
  }
  /** Bytes that are not in containers yet. */
  get heldBytes(): number {
    return this.#intake.heldBytes + this.#comingBytes;
  }

  // --- appending

  append(slices: readonly Uint8Array[]): Promise<void> | undefined {
    const { refusal, engine } = this.#host;
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#host.checkAppend();
    assert(!this.#isAppending, 'appends of a stream come one after another');
    let bytes = 0;
    for (const slice of slices) bytes += slice.length;
    const isHalted = engine.containers.stalled || this.#halt !== undefined;
    if (isHalted || !this.reservation.use(bytes)) return this.#appendTight(slices, bytes);
    if (this.#intake.open().roomBytes < bytes) return this.#appendSlowly(slices, bytes);
    for (const slice of slices) this.#intake.put(slice, 0);
    this.#length += bytes;
    this.#feed(false);
    return undefined;
  }
  landing(bytes: number): Slab | undefined {
    if (this.#host.refusal !== undefined) return undefined;
    try {
      return this.#intake.landing(bytes);
    } catch (cause) {
      if (cause instanceof StoreError) return undefined; // no memory for a ring: if it matters, appending will tell
      throw cause;
    }
  }
  async reserve(bytes: number): Promise<void> {
    this.#check();
    await this.reservation.raise(bytes);
  }
  /** Longer than there is room for now. */
  async #appendSlowly(slices: readonly Uint8Array[], bytes: number): Promise<void> {
    this.#isAppending = true;
    this.#comingBytes = bytes;
    try {
      // What fits the ring as a whole waits until it does: then nothing of it is there before all of it.
      const wanted = Math.min(bytes, ringHeldBytesMax / 2);
      await this.#until(() => this.#intake.open().roomBytes >= wanted);
      await this.#fill(slices);
      this.#length += bytes;
    } catch (cause) {
      if (this.#isRefusal(cause)) this.#restore(this.#before ?? this.#markNow());
      throw cause;
    } finally {
      this.#appended();
    }
    this.#feed(false);
  }
  async #fill(slices: readonly Uint8Array[]): Promise<void> {
    for (const slice of slices) {
      for (let at = 0; at < slice.length;) {
        const bytes = this.#intake.put(slice, at);
        at += bytes;
        this.#comingBytes = Math.max(0, this.#comingBytes - bytes);
        if (at === slice.length) break;
        this.#isPartly = true;
        await this.#until(() => this.#intake.open().roomBytes > 0);
      }
    }
  }
  /** Space is granted chunk by chunk: what is stored already needs no room. */
  async #appendTight(slices: readonly Uint8Array[], bytes: number): Promise<void> {
    const { engine } = this.#host;
    this.#isAppending = true;
    try {
      if (engine.containers.stalled) await engine.containers.retry();
      await this.#drained();
      this.#before = this.#markNow();
      try {
        await engine.ask(bytes, () => (this.#comingBytes = bytes));
      } catch (cause) {
        if (!(cause instanceof StoreError) || cause.code !== 'full') throw cause;
        this.#placer.isTight = true;
      }
      this.#check();
      await this.#fill(slices);
      await this.#drained();
      this.#length += bytes;
    } catch (cause) {
      if (this.#isRefusal(cause) && this.#before !== undefined) this.#restore(this.#before);
      throw cause;
    } finally {
      this.#placer.isTight = false;
      this.#appended();
    }
  }
  #appended(): void {
    this.#isAppending = this.#isPartly = false;
    this.#comingBytes = 0;
    this.#before = undefined;
  }
  /** This append was refused; the stream goes on. */
  #isRefusal(cause: unknown): boolean {
    return cause instanceof StoreError && this.#host.refusal === undefined;
  }
  #check(): void {
    if (this.#host.refusal !== undefined) throw this.#host.refusal;
  }
  /** D3. */
  #restore({ recipe, tail }: DataMark): void {
    const held = recipe.bytes === this.#recipe.bytes ? this.#copy(this.#length) : tail;
    if (recipe.bytes < this.#recipe.bytes) this.#recipe.truncate(recipe.bytes);
    this.#intake.refill(held);
  }
  /** What the ring holds of the stream up to that length. */
  #copy(length: number): Buffer {
    return this.#intake.copy(length - this.#recipe.bytes);
  }

  // --- from the ring into the recipe

  /** Has bytes cut; `all`: also when they are few. */
  #feed(all: boolean): void {
    const { ring } = this.#intake;
    if (ring === undefined) return;
    ring.hand(all);
    this.#place();
  }
  /** Everything that was found goes into the recipe; whoever waits for that is told. */
  #place(): void {
    const { ring } = this.#intake;
    if (this.#isPlacing || ring === undefined) return;
    try {
      this.#check();
      while (ring.next()) {
        this.#noteBefore(ring.chunkTo - ring.chunkFrom);
        const blocked = this.#placer.place(ring);
        if (blocked !== undefined) {
          this.#isPlacing = true;
          void this.#placeLater(blocked);
          return;
        }
        ring.take();
      }
      this.#halt = undefined;
    } catch (cause) {
      this.#stop(cause);
      return;
    }
    ring.hand(this.#awaited.length > 0 || this.#placer.isTight);
    this.#settle(ring);
    this.#tell();
  }
  async #placeLater(blocked: Promise<void>): Promise<void> {
    const era = this.#era;
    let failure: unknown;
    try {
      await blocked;
    } catch (cause) {
      failure = cause;
    }
    const isBug = failure !== undefined && !(failure instanceof StoreError);
    if (era !== this.#era && !isBug) return;
    this.#isPlacing = false;
    if (failure === undefined) this.#place();
    else this.#stop(failure);
  }
  #stop(cause: unknown): void {
    if (!(cause instanceof StoreError)) throw cause;
    this.#halt = cause;
    for (const { reject } of this.#awaited.splice(0)) reject(cause);
    this.#tell();
  }
  #tell(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
  /** Throws what brought placing to a halt, which may be over when it is asked for again. */
  async #until(holds: () => boolean): Promise<void> {
    this.#halt = undefined;
    for (;;) {
      this.#feed(true);
      this.#check();
      if (this.#halt !== undefined) throw this.#halt as StoreError; // set meanwhile
      if (holds()) return;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
  /** Resolves when everything in the ring is cut as far as it can be, and placed. */
  async #drained(): Promise<void> {
    await this.#until(() => this.#intake.ring?.settled === this.#intake.ring?.end);
  }

  // --- committing

  /** What a commit called now covers. */
  mark(): DataMark | Promise<DataMark> {
    const length = this.#length;
    this.#halt = undefined;
    this.#feed(true);
    if (this.#before !== undefined) return this.#before;
    const { ring } = this.#intake;
    if (ring === undefined || this.#isSettled(ring, length)) return this.#markNow();
    const later = new Promise<DataMark>((resolve, reject) => {
      if (this.#halt === undefined) this.#awaited.push({ length, resolve, reject });
      else reject(this.#halt);
    });
    later.catch(() => undefined); // a later commit may take its place, and ask again
    return later;
  }
  #isSettled(ring: Ring, length: number): boolean {
    return ring.settled >= ring.begin + length - this.#recipe.bytes;
  }
  /** Marks that the recipe has come to. */
  #settle(ring: Ring): void {
    while (this.#awaited.length > 0) {
      const length = this.#awaited[0]?.length ?? 0;
      if (!this.#isSettled(ring, length)) return;
      this.#awaited.shift()?.resolve(this.#markAt(length));
    }
  }
  /** The next chunk goes beyond what somebody waits for, or beyond what an append under way began with. */
  #noteBefore(bytes: number): void {
    if (this.#awaited.length === 0 && !this.#isPartly) return;
    const end = this.#recipe.bytes + bytes;
    while (this.#awaited.length > 0 && (this.#awaited[0]?.length ?? 0) < end) {
      const awaited = this.#awaited.shift();
      awaited?.resolve(this.#markAt(awaited.length));
    }
    if (this.#isPartly && this.#before === undefined && end > this.#length) this.#before = this.#markNow();
  }
  #markNow(): DataMark {
    return this.#markAt(this.#length);
  }
  #markAt(length: number): DataMark {
    const recipe = this.#recipe.mark;
    assert(length >= recipe.bytes);
    return { length, recipe, tail: this.#copy(length) };
  }
  isChanged(mark: DataMark): boolean {
    return mark.length !== this.#journaledLength || this.#keep < this.#journaled.bytes;
  }
  /** What VolumeState.apply reads. */
  encode(to: ByteWriter, mark: DataMark): void {
    assert(mark.tail.length < chunkBytesMax && mark.recipe.bytes + mark.tail.length === mark.length);
    to.text(this.name).varint(0);
    encodeChange(to, this.#recipe, this.#keep, this.#journaled, mark.recipe);
    to.block(mark.tail);
  }
  journaled(mark: DataMark): void {
    this.#journaled = mark.recipe;
    this.#journaledLength = mark.length;
    this.#keep = mark.recipe.bytes;
  }

  // --- cutting

  truncate(length: number): void {
    this.#check();
    assert(length >= 0 && length <= this.#length && !this.#isAppending && this.#awaited.length === 0);
    if (length === this.#length) return;
    this.#host.truncated();
    const held = length > this.#recipe.bytes ? this.#copy(length) : nothing;
    this.#intake.refill(held);
    if (length < this.#recipe.bytes) {
      this.#recipe.truncate(length);
      this.#keep = Math.min(this.#keep, length);
    }
    this.#length = length;
    this.#reader.forget();
  }

  // --- reading

  async read(offset: number, length: number): Promise<Slab> {
    this.#check();
    assert(offset >= 0 && length > 0 && offset + length <= this.#length);
    return await this.#reader.read(offset, length);
  }
  willRead(offset: number): void {
    if (offset < this.#length) this.#reader.willRead(offset);
  }
  /** Bytes at an offset of the stream that are in the ring. */
  #heldAt(offset: number, to: number, filler: Filler): void {
    const { ring } = this.#intake;
    assert(ring !== undefined);
    const from = ring.begin + offset - this.#recipe.bytes;
    ring.read(from, from + to - offset, (memory, first, last) => filler.put(memory, first, last));
  }

  /** Gives its memory back. */
  close(): void {
    this.#intake.letGo();
    this.#placer.close();
    for (const { reject } of this.#awaited.splice(0))
      reject(new StoreError('broken', `Stream ${this.name} is closed`));
    this.#tell();
  }
}

/** EntryStream: a stream of small entries of one size: never cut into chunks, stored in columns (see EntryLog). */
import { strict as assert } from 'node:assert';
import type { Slab } from '#wire';
import type { Stream } from '../store.js';
import type { ByteWriter } from './bytes.js';
import { SlabFiller } from './chunk-reader.js';
import type { EntryLog } from './entry-log.js';
import { Reservation } from './reservation.js';
import { located, type StreamHost } from './stream-host.js';
import type { EntriesState } from './volume-state.js';

export class EntryStream implements Stream {
  readonly name: string;
  readonly log: EntryLog;
  readonly #host: StreamHost;
  #keep: number;
  #journaledLength: number;
  readonly reservation: Reservation;

  constructor(name: string, host: StreamHost, state: EntriesState) {
    this.name = name;
    this.#host = host;
    this.reservation = new Reservation(host.engine);
    this.log = state.log;
    this.#keep = this.#journaledLength = state.log.bytes;
  }
  get length(): number {
    return this.log.bytes;
  }
  #check(): void {
    if (this.#host.refusal !== undefined) throw this.#host.refusal;
  }
  async append(slices: readonly Uint8Array[]): Promise<void> {
    this.#check();
    this.#host.checkAppend();
    const { engine } = this.#host;
    if (engine.containers.stalled) await engine.containers.retry();
    let bytes = 0;
    for (const slice of slices) bytes += slice.length;
    // Compressed it will be far less, but how much is not known yet.
    await this.reserve(bytes);
    this.#check();
    for (const slice of slices) this.log.append(slice);
    this.reservation.bytes -= bytes;
  }
  async reserve(bytes: number): Promise<void> {
    this.#check();
    await this.reservation.raise(bytes);
  }
  truncate(length: number): void {
    this.#check();
    assert(length >= 0 && length <= this.length);
    if (length === this.length) return;
    this.#host.truncated();
    this.log.truncate(length);
    this.#keep = Math.min(this.#keep, length);
  }

  mark(): number {
    return this.log.bytes;
  }
  isChanged(mark: number): boolean {
    return mark !== this.#journaledLength || this.#keep < this.#journaledLength;
  }
  encode(to: ByteWriter, mark: number): void {
    to.text(this.name).varint(this.log.entryBytes).varint(this.#keep).block(this.log.slice(this.#keep, mark));
  }
  journaled(mark: number): void {
    this.#keep = this.#journaledLength = mark;
  }

  async read(offset: number, length: number): Promise<Slab> {
    this.#check();
    assert(offset >= 0 && length > 0 && offset + length <= this.length);
    const slab = await this.#host.engine.reads.takeSoon(length);
    try {
      const filler = new SlabFiller(slab);
      while (filler.filled < length) await this.#readSome(offset + filler.filled, offset + length, filler);
      this.#check();
    } catch (error) {
      slab.release();
      throw error;
    }
    return slab;
  }
  async #readSome(at: number, end: number, filler: SlabFiller): Promise<void> {
    const { log } = this;
    if (at >= log.from) {
      const bytes = log.slice(at, end);
      filler.put(bytes, 0, bytes.length);
      return;
    }
    const index = log.pieces.findIndex((piece) => piece.end > at);
    const piece = log.pieces[index];
    assert(piece !== undefined);
    const begins = log.pieces[index - 1]?.end ?? 0;
    try {
      const bytes = await this.#host.engine.entriesOf(piece, log.entryBytes);
      filler.put(bytes, at - begins, Math.min(end, piece.end) - begins);
    } catch (cause) {
      throw located(cause, this.#host, this.name, at);
    }
  }
  willRead(): void {
    return; // a piece holds ten thousand of them
  }
  close(): void {
    return;
  }
}

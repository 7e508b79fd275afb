/**
 * DedupVolume: an open volume: streams as their writer sees them, and the commits of them. What the journal says of the volume is
 * kept apart (VolumeState) and only the journal changes it.
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';
import { Barrier } from '../barrier.js';
import type { Stream, StreamShape, Volume } from '../store.js';
import { ByteWriter } from './bytes.js';
import { DataStream } from './data-stream.js';
import type { Engine, OpenVolume } from './engine.js';
import { labelBytesMax } from './engine-limits.js';
import { EntryStream } from './entry-stream.js';
import type { OpenContainer } from './open-container.js';
import type { Piece } from './recipe.js';
import type { DataMark, StreamHost } from './stream-host.js';
import { newStream, type StreamState, type VolumeState } from './volume-state.js';

type Marks = ReadonlyMap<DataStream | EntryStream, DataMark | Promise<DataMark> | number>;
/** What a commit is to make durable. */
interface Snapshot {
  readonly label: Buffer;
  readonly marks: Marks;
}
const streamName = /^[a-z0-9-]{1,40}$/;
export interface DedupVolumeHost {
  closed(volume: DedupVolume): void;
}

export class DedupVolume implements Volume, StreamHost, OpenVolume {
  readonly id: string;
  readonly engine: Engine;
  readonly #host: DedupVolumeHost;
  readonly #streams = new Map<string, DataStream | EntryStream>();
  readonly #depends = new Set<OpenContainer>();
  #label: Buffer;
  readonly #barrier = new Barrier<Snapshot>(async (state) => await this.#carryOut(state));
  #closed: StoreError | undefined;

  /** `state`: its own copy. */
  constructor(id: string, engine: Engine, host: DedupVolumeHost, state: VolumeState) {
    this.id = id;
    this.engine = engine;
    this.#host = host;
    this.#label = state.label;
    for (const [name, stream] of state.streams) {
      this.#streams.set(
        name,
        stream.kind === 'data' ? new DataStream(name, this, stream) : new EntryStream(name, this, stream),
      );
    }
  }

  get label(): Buffer {
    return this.#label;
  }
  stream(name: string, shape: StreamShape = {}): Stream {
    assert(streamName.test(name), `"${name}" is no name of a stream`);
    const known = this.#streams.get(name);
    const entryBytes = shape.entryBytes ?? 0;
    if (known !== undefined) return known;
    const state = newStream(entryBytes);
    const made =
      state.kind === 'data' ? new DataStream(name, this, state) : new EntryStream(name, this, state);
    this.#streams.set(name, made);
    return made;
  }
  streams(): readonly string[] {
    return [...this.#streams.values()].filter(({ length }) => length > 0).map(({ name }) => name);
  }
  working(): StreamState[] {
    return [...this.#streams.values()].map((stream) =>
      stream instanceof DataStream
        ? { kind: 'data', recipe: stream.recipe, tail: Buffer.alloc(0) }
        : { kind: 'entries', log: stream.log },
    );
  }
  get reservedBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams.values()) {
      bytes += stream.reservation.bytes;
      if (stream instanceof DataStream) bytes += stream.heldBytes;
    }
    return bytes;
  }
  get streamsOpen(): number {
    return this.#streams.size;
  }

  // --- what streams and the engine ask

  get refusal(): StoreError | undefined {
    return this.#closed ?? this.engine.refusal;
  }
  checkAppend(): void {
    this.#barrier.checkAppend();
  }
  truncated(): void {
    this.#barrier.truncated();
  }
  depend(open: OpenContainer): void {
    this.#depends.add(open);
  }
  adopt(name: string, before: readonly Piece[], added: readonly Piece[], count: number): void {
    const stream = this.#streams.get(name);
    const end = added.at(-1)?.end ?? 0;
    if (stream instanceof DataStream) {
      const { recipe } = stream;
      if (!isSamePlace(recipe.pieces, before) || recipe.runs.length < count) return;
      if (recipe.runs.at(count - 1).to === end) recipe.adopt([...recipe.pieces, ...added], count);
    } else if (stream !== undefined) {
      const { log } = stream;
      if (isSamePlace(log.pieces, before) && log.bytes >= end) log.adopt([...log.pieces, ...added]);
    }
  }

  // --- the barrier

  commit(label: Buffer): Promise<void> {
    assert(label.length <= labelBytesMax);
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const marks = new Map([...this.#streams.values()].map((stream) => [stream, stream.mark()] as const));
    return this.#barrier.commit({ label: Buffer.from(label), marks });
  }
  async #carryOut({ label, marks }: Snapshot): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    const all: (readonly [DataStream | EntryStream, DataMark | number])[] = [];
    // All of them, also when one fails: nobody waits for a mark of a commit that is over.
    await Promise.allSettled([...marks.values()].map(async (mark) => await mark));
    for (const [stream, mark] of marks) all.push([stream, await mark]);
    const changed = all.filter(([stream, mark]) => isChanged(stream, mark));
    if (changed.length > 0 || !label.equals(this.#label)) {
      const depends = new Set(this.#depends);
      await this.engine.commit({ volume: this.id, depends, encode: () => encodeChange(label, changed) });
      for (const open of depends) this.#depends.delete(open);
      for (const [stream, mark] of changed) settle(stream, mark);
      this.#label = label;
    }
  }

  async close(): Promise<void> {
    await this.#barrier.ended();
    if (this.#closed !== undefined) return;
    this.#closed = new StoreError('broken', `Volume ${this.id} is closed`, { volume: this.id });
    for (const stream of this.#streams.values()) stream.close();
    this.#host.closed(this);
  }
}

const isSamePlace = (a: readonly Piece[], b: readonly Piece[]): boolean => {
  const [last, other] = [a.at(-1), b.at(-1)];
  return (
    a.length === b.length &&
    last?.container === other?.container &&
    last?.ordinal === other?.ordinal &&
    last?.end === other?.end
  );
};
function isChanged(stream: DataStream | EntryStream, mark: DataMark | number): boolean {
  if (stream instanceof DataStream) return typeof mark === 'object' && stream.isChanged(mark);
  return typeof mark === 'number' && stream.isChanged(mark);
}
function settle(stream: DataStream | EntryStream, mark: DataMark | number): void {
  if (stream instanceof DataStream) {
    if (typeof mark === 'object') stream.journaled(mark);
  } else if (typeof mark === 'number') stream.journaled(mark);
}
function encodeChange(
  label: Buffer,
  changed: readonly (readonly [DataStream | EntryStream, DataMark | number])[],
): Buffer {
  const to = new ByteWriter().block(label).varint(changed.length);
  for (const [stream, mark] of changed) {
    if (stream instanceof DataStream) {
      if (typeof mark === 'object') stream.encode(to, mark);
    } else if (typeof mark === 'number') stream.encode(to, mark);
  }
  return to.finish();
}

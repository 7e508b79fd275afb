/**
 * ContainerTable: where each container lies, by its number; 24 bytes of memory each (6 MB per TB of unique data). Also the
 * sums per pack that collection and the space of the group are reckoned with.
 */
import { strict as assert } from 'node:assert';
import type { ByteReader, ByteWriter } from './bytes.js';
import { type ContainerKind, KIND, type Place } from './container.format.js';
import { containerAlignBytes, containerChunksMax } from './engine-limits.js';

export interface ContainerFact {
  readonly id: number;
  readonly generation: number;
  readonly kind: ContainerKind;
  readonly place: Place;
  /** One more than the highest number of a chunk that it ever had. */
  readonly ordinals: number;
  /** Chunks that are in this generation of it. */
  readonly chunks: number;
  readonly rawBytes: number;
  /** It has regions that could be compressed better. */
  readonly fast: boolean;
}
export interface PackSum {
  /** Bytes of the containers that lie there. */
  liveBytes: number;
  containers: number;
  /** Where the last of them ended that was ever put there. */
  endBytes: number;
}

/** `counts`: ordinals in the low 12 bits, chunks in the next 12, then two flags. */
const columns = { pack: 0, offset: 1, bytes: 2, generation: 3, counts: 4, raw: 5 } as const;
const width = 6;
const countBits = 0x1000;
const metaBit = 0x100_0000;
const fastBit = 0x200_0000;
assert(containerChunksMax < countBits);
const countsOf = ({ ordinals, chunks, kind, fast }: ContainerFact): number =>
  ordinals + chunks * countBits + (kind === KIND.meta ? metaBit : 0) + (fast ? fastBit : 0);
const fromCounts = (counts: number): Pick<ContainerFact, 'ordinals' | 'chunks' | 'kind' | 'fast'> => ({
  ordinals: counts % countBits,
  chunks: Math.floor(counts / countBits) % countBits,
  kind: (counts & metaBit) === 0 ? KIND.data : KIND.meta,
  fast: (counts & fastBit) !== 0,
});

export class ContainerTable {
  #cells = new Uint32Array(1024 * width);
  /** Highest number in use, ever. */
  #last = 0;
  #count = 0;
  #rawBytes = 0;
  #metaBytes = 0;
  #dataBytes = 0;
  #fastBytes = 0;
  #endBytes = 0;
  readonly #packs = new Map<number, PackSum>();

  get last(): number {
    return this.#last;
  }
  get count(): number {
    return this.#count;
  }
  /** Of data: unique bytes as they were written. */
  get rawBytes(): number {
    return this.#rawBytes;
  }
  /** On disk, of containers with recipes and states. */
  get metaBytes(): number {
    return this.#metaBytes;
  }
  /** On disk, of containers with chunks of streams; and those of them that have fast regions. */
  get dataBytes(): number {
    return this.#dataBytes;
  }
  get fastBytes(): number {
    return this.#fastBytes;
  }
  /** Of the files of all packs. */
  get packBytes(): number {
    return this.#endBytes;
  }
  /** Bytes of packs in which no container lies. */
  get desertedBytes(): number {
    return this.#endBytes - this.#dataBytes - this.#metaBytes;
  }
  get packs(): ReadonlyMap<number, Readonly<PackSum>> {
    return this.#packs;
  }
  /** Its file is gone. */
  dropPack(pack: number): void {
    const sum = this.#packs.get(pack);
    if (sum === undefined) return;
    assert(sum.containers === 0);
    this.#endBytes -= sum.endBytes;
    this.#packs.delete(pack);
  }
  has(id: number): boolean {
    return id > 0 && id <= this.#last && (this.#cells[id * width] ?? 0) !== 0;
  }
  get(id: number): ContainerFact | undefined {
    if (!this.has(id)) return undefined;
    const cell = (column: number): number => this.#cells[id * width + column] ?? 0;
    return {
      id,
      generation: cell(columns.generation),
      place: {
        pack: cell(columns.pack),
        offset: cell(columns.offset) * containerAlignBytes,
        bytes: cell(columns.bytes) * containerAlignBytes,
      },
      ...fromCounts(cell(columns.counts)),
      rawBytes: cell(columns.raw),
    };
  }
  ordinalsOf(id: number): number {
    return this.has(id) ? (this.#cells[id * width + columns.counts] ?? 0) % countBits : 0;
  }
  *ids(): Iterable<number> {
    for (let id = 1; id <= this.#last; id++) if (this.has(id)) yield id;
  }
  set(fact: ContainerFact): void {
    const { id, place } = fact;
    assert(id > 0 && place.pack > 0);
    this.#forget(id);
    while ((id + 1) * width > this.#cells.length) {
      const grown = new Uint32Array(2 * this.#cells.length);
      grown.set(this.#cells);
      this.#cells = grown;
    }
    this.#last = Math.max(this.#last, id);
    const at = id * width;
    this.#cells[at + columns.pack] = place.pack;
    this.#cells[at + columns.offset] = place.offset / containerAlignBytes;
    this.#cells[at + columns.bytes] = place.bytes / containerAlignBytes;
    this.#cells[at + columns.generation] = fact.generation;
    this.#cells[at + columns.counts] = countsOf(fact);
    this.#cells[at + columns.raw] = fact.rawBytes;
    this.#add(fact, 1);
    this.#grow(place.pack, place.offset + place.bytes);
  }
  /** To all sums; `sign` −1 takes it out of them. */
  #add({ kind, place, rawBytes, fast }: ContainerFact, sign: 1 | -1): void {
    this.#count += sign;
    if (kind === KIND.data) {
      this.#rawBytes += sign * rawBytes;
      this.#dataBytes += sign * place.bytes;
      if (fast) this.#fastBytes += sign * place.bytes;
    } else this.#metaBytes += sign * place.bytes;
    const sum = this.#packOf(place.pack);
    sum.liveBytes += sign * place.bytes;
    sum.containers += sign;
  }
  #packOf(pack: number): PackSum {
    const known = this.#packs.get(pack);
    if (known !== undefined) return known;
    const made = { liveBytes: 0, containers: 0, endBytes: 0 };
    this.#packs.set(pack, made);
    return made;
  }
  #grow(pack: number, endBytes: number): void {
    const sum = this.#packOf(pack);
    this.#endBytes += Math.max(0, endBytes - sum.endBytes);
    sum.endBytes = Math.max(sum.endBytes, endBytes);
  }
  #forget(id: number): void {
    const old = this.get(id);
    if (old !== undefined) this.#add(old, -1);
  }
  remove(id: number): void {
    this.#forget(id);
    if (id <= this.#last) this.#cells[id * width] = 0;
  }

  encode(to: ByteWriter): void {
    to.u32(this.#last).u32(this.#count);
    for (const id of this.ids()) {
      to.u32(id);
      for (let column = 0; column < width; column++) to.u32(this.#cells[id * width + column] ?? 0);
    }
    to.u32(this.#packs.size);
    for (const [pack, { endBytes }] of this.#packs) to.u32(pack).u32(endBytes);
  }
  static decode(from: ByteReader): ContainerTable {
    const table = new ContainerTable();
    const last = from.u32();
    const count = from.u32();
    for (let i = 0; i < count; i++) {
      const id = from.u32();
      const [pack, offset, bytes, generation, counts, rawBytes] = Array.from({ length: width }, () =>
        from.u32(),
      );
      if (id === 0 || id > last || pack === 0) throw from.corrupt('has a container without a place');
      table.set({
        id,
        generation: generation ?? 0,
        place: {
          pack: pack ?? 0,
          offset: (offset ?? 0) * containerAlignBytes,
          bytes: (bytes ?? 0) * containerAlignBytes,
        },
        ...fromCounts(counts ?? 0),
        rawBytes: rawBytes ?? 0,
      });
    }
    table.#last = Math.max(last, table.#last);
    for (let left = from.u32(); left > 0; left--) table.#grow(from.u32(), from.u32());
    return table;
  }
}

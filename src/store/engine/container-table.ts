/**
 * ContainerTable: where each container lies, by its number; 24 bytes of memory each (6 MB per TB of unique data), in pages that go
 * when the last of their containers has gone: numbers are not used again. Also the
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
const rowBytes = width * 4;
const pageRows = 1024;
const countBits = 0x1000;
const metaBit = 0x100_0000;
const fastBit = 0x200_0000;
assert(containerChunksMax < countBits);
const countsOf = ({ ordinals, chunks, kind, fast }: ContainerFact): number =>
  ordinals + chunks * countBits + (kind === KIND.meta ? metaBit : 0) + (fast ? fastBit : 0);
const fromCounts = (counts: number): Pick<ContainerFact, 'ordinals' | 'chunks' | 'kind' | 'fast'> => ({
  ordinals: counts % countBits,
  chunks: Math.floor(counts / countBits) % countBits,
  kind: kindFrom(counts),
  fast: (counts & fastBit) !== 0,
});

const kindFrom = (counts: number): ContainerKind => ((counts & metaBit) === 0 ? KIND.data : KIND.meta);

interface Page {
  readonly cells: Uint32Array;
  count: number;
}
const pageOf = (id: number): number => Math.floor(id / pageRows);

export class ContainerTable {
  readonly #pages = new Map<number, Page>();
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
  get memoryBytes(): number {
    return this.#pages.size * pageRows * rowBytes;
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
    return this.#cell(id, columns.pack) !== 0;
  }
  #cell(id: number, column: number): number {
    return this.#pages.get(pageOf(id))?.cells[(id % pageRows) * width + column] ?? 0;
  }
  get(id: number): ContainerFact | undefined {
    if (!this.has(id)) return undefined;
    return {
      id,
      generation: this.#cell(id, columns.generation),
      place: {
        pack: this.#cell(id, columns.pack),
        offset: this.#cell(id, columns.offset) * containerAlignBytes,
        bytes: this.#cell(id, columns.bytes) * containerAlignBytes,
      },
      ...fromCounts(this.#cell(id, columns.counts)),
      rawBytes: this.#cell(id, columns.raw),
    };
  }
  /** As `get` says it, without all the rest. */
  kindOf(id: number): ContainerKind | undefined {
    return this.has(id) ? kindFrom(this.#cell(id, columns.counts)) : undefined;
  }
  ordinalsOf(id: number): number {
    return this.#cell(id, columns.counts) % countBits;
  }
  /** From `from` on, ascending. */
  *ids(from = 0): Iterable<number> {
    for (const number of [...this.#pages.keys()].toSorted((a, b) => a - b)) {
      const end = (number + 1) * pageRows;
      for (let id = Math.max(from, number * pageRows); id < end; id++) if (this.has(id)) yield id;
    }
  }
  set(fact: ContainerFact): void {
    const { id, place } = fact;
    assert(id > 0 && place.pack > 0);
    this.#forget(id);
    const number = pageOf(id);
    const page = this.#pages.get(number) ?? { cells: new Uint32Array(pageRows * width), count: 0 };
    this.#pages.set(number, page);
    const at = (id % pageRows) * width;
    page.cells[at + columns.pack] = place.pack;
    page.cells[at + columns.offset] = place.offset / containerAlignBytes;
    page.cells[at + columns.bytes] = place.bytes / containerAlignBytes;
    page.cells[at + columns.generation] = fact.generation;
    page.cells[at + columns.counts] = countsOf(fact);
    page.cells[at + columns.raw] = fact.rawBytes;
    page.count += 1;
    this.#last = Math.max(this.#last, id);
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
    const page = this.#pages.get(pageOf(id));
    if (old === undefined || page === undefined) return;
    this.#add(old, -1);
    page.count -= 1;
    page.cells[(id % pageRows) * width] = 0;
  }
  remove(id: number): void {
    this.#forget(id);
    if (this.#pages.get(pageOf(id))?.count === 0) this.#pages.delete(pageOf(id));
  }

  /** Page by page as it lies in memory, from the first row in use to the last. */
  encode(to: ByteWriter): void {
    to.u32(this.#last).u32(this.#pages.size);
    for (const [number, { cells }] of this.#pages) {
      let from = 0;
      let end = pageRows;
      while (from < end && cells[from * width] === 0) from += 1;
      while (end > from && cells[(end - 1) * width] === 0) end -= 1;
      to.u32(number * pageRows + from).u32(end - from);
      to.raw(Buffer.from(cells.buffer, from * rowBytes, (end - from) * rowBytes));
    }
    to.u32(this.#packs.size);
    for (const [pack, { endBytes }] of this.#packs) to.u32(pack).u32(endBytes);
  }
  static decode(from: ByteReader): ContainerTable {
    const table = new ContainerTable();
    const last = from.u32();
    for (let left = from.u32(); left > 0; left--) table.#decodePage(from, last);
    table.#last = last;
    for (let left = from.u32(); left > 0; left--) table.#grow(from.u32(), from.u32());
    return table;
  }
  #decodePage(from: ByteReader, last: number): void {
    const first = from.u32();
    const rows = from.u32();
    const row = first % pageRows;
    const fits = row + rows <= pageRows && (rows === 0 || first + rows - 1 <= last);
    if (!fits || this.#pages.has(pageOf(first))) throw from.corrupt('has containers that overlap');
    const page = { cells: new Uint32Array(pageRows * width), count: 0 };
    Buffer.from(page.cells.buffer).set(from.raw(rows * rowBytes), row * rowBytes);
    this.#pages.set(pageOf(first), page);
    for (let index = 0; index < rows; index++) {
      const fact = this.get(first + index);
      if (fact === undefined) continue;
      if (fact.id === 0) throw from.corrupt('has a container without a number');
      page.count += 1;
      this.#add(fact, 1);
      this.#grow(fact.place.pack, fact.place.offset + fact.place.bytes);
    }
  }
}

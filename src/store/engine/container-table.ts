/**
 * ContainerTable: where each container lies, by its number; 24 bytes of memory each (6 MB per TB of unique data). Also the
 * sums per pack that collection and the space of the group are reckoned with.
 */
import { strict as assert } from 'node:assert';
import type { ByteReader, ByteWriter } from './bytes.js';
import { type ContainerKind, KIND, type Place } from './container.format.js';
import { containerAlignBytes } from './engine-limits.js';

export interface ContainerFact {
  readonly id: number;
  readonly generation: number;
  readonly kind: ContainerKind;
  readonly place: Place;
  /** One more than the highest number of a chunk that it ever had. */
  readonly ordinals: number;
  readonly rawBytes: number;
}
export interface PackSum {
  /** Bytes of the containers that lie there. */
  liveBytes: number;
  containers: number;
  /** Where the last of them ended that was ever put there. */
  endBytes: number;
}

const columns = { pack: 0, offset: 1, bytes: 2, generation: 3, ordinals: 4, raw: 5 } as const;
const width = 6;
const metaBit = 0x1_0000;

export class ContainerTable {
  #cells = new Uint32Array(1024 * width);
  /** Highest number in use, ever. */
  #last = 0;
  #count = 0;
  #rawBytes = 0;
  #metaBytes = 0;
  readonly packs = new Map<number, PackSum>();

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
  has(id: number): boolean {
    return id > 0 && id <= this.#last && (this.#cells[id * width] ?? 0) !== 0;
  }
  get(id: number): ContainerFact | undefined {
    if (!this.has(id)) return undefined;
    const cell = (column: number): number => this.#cells[id * width + column] ?? 0;
    return {
      id,
      generation: cell(columns.generation),
      kind: cell(columns.ordinals) >= metaBit ? KIND.meta : KIND.data,
      place: {
        pack: cell(columns.pack),
        offset: cell(columns.offset) * containerAlignBytes,
        bytes: cell(columns.bytes) * containerAlignBytes,
      },
      ordinals: cell(columns.ordinals) % metaBit,
      rawBytes: cell(columns.raw),
    };
  }
  ordinalsOf(id: number): number {
    return this.has(id) ? (this.#cells[id * width + columns.ordinals] ?? 0) % metaBit : 0;
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
    this.#cells[at + columns.ordinals] = fact.ordinals + (fact.kind === KIND.meta ? metaBit : 0);
    this.#cells[at + columns.raw] = fact.rawBytes;
    this.#count += 1;
    if (fact.kind === KIND.data) this.#rawBytes += fact.rawBytes;
    else this.#metaBytes += place.bytes;
    const sum = this.packs.get(place.pack) ?? { liveBytes: 0, containers: 0, endBytes: 0 };
    sum.liveBytes += place.bytes;
    sum.containers += 1;
    sum.endBytes = Math.max(sum.endBytes, place.offset + place.bytes);
    this.packs.set(place.pack, sum);
  }
  #forget(id: number): void {
    const old = this.get(id);
    if (old === undefined) return;
    this.#count -= 1;
    if (old.kind === KIND.data) this.#rawBytes -= old.rawBytes;
    else this.#metaBytes -= old.place.bytes;
    const sum = this.packs.get(old.place.pack);
    assert(sum !== undefined);
    sum.liveBytes -= old.place.bytes;
    sum.containers -= 1;
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
    to.u32(this.packs.size);
    for (const [pack, { endBytes }] of this.packs) to.u32(pack).u32(endBytes);
  }
  static decode(from: ByteReader): ContainerTable {
    const table = new ContainerTable();
    const last = from.u32();
    const count = from.u32();
    for (let i = 0; i < count; i++) {
      const id = from.u32();
      const [pack, offset, bytes, generation, ordinals, rawBytes] = Array.from({ length: width }, () =>
        from.u32(),
      );
      if (id === 0 || id > last || pack === 0) throw from.corrupt('has a container without a place');
      table.set({
        id,
        generation: generation ?? 0,
        kind: (ordinals ?? 0) >= metaBit ? KIND.meta : KIND.data,
        place: {
          pack: pack ?? 0,
          offset: (offset ?? 0) * containerAlignBytes,
          bytes: (bytes ?? 0) * containerAlignBytes,
        },
        ordinals: (ordinals ?? 0) % metaBit,
        rawBytes: rawBytes ?? 0,
      });
    }
    table.#last = Math.max(last, table.#last);
    for (let left = from.u32(); left > 0; left--) {
      const pack = from.u32();
      const endBytes = from.u32();
      const sum = table.packs.get(pack) ?? { liveBytes: 0, containers: 0, endBytes: 0 };
      sum.endBytes = Math.max(sum.endBytes, endBytes);
      table.packs.set(pack, sum);
    }
    return table;
  }
}

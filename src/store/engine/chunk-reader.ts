/** ChunkReader: chunks of containers, wherever they are: still in memory, in a cached region, on the disk. */
import { StoreError } from '../../errors.js';
import type { Slab } from '#wire';
import { damaged, type Directory } from './container.format.js';
import type { ContainerStore } from './container-store.js';
import { regionsAtOnceMax } from './engine-limits.js';
import type { Root } from './group-state.js';
import type { Run } from './recipe.js';
import type { Block } from './region-cache.js';
import { plainVolumes, type VolumeCipher } from './volume-cipher.js';

/** Fills the slices of a slab in order. */
export class SlabFiller implements Filler {
  readonly #slices: readonly Buffer[];
  #slice = 0;
  #at = 0;
  filled = 0;

  constructor(slab: Slab) {
    this.#slices = slab.slices;
  }
  putOf({ memory }: Block, from: number, to: number): void {
    this.put(memory, from, to);
  }
  put(source: Buffer, from: number, to: number): void {
    this.filled += to - from;
    for (let at = from; at < to;) {
      const target = this.#slices[this.#slice];
      if (target === undefined) throw new RangeError('more than the slab holds');
      const part = Math.min(to - at, target.length - this.#at);
      source.copy(target, this.#at, at, at + part);
      at += part;
      this.#at += part;
      if (this.#at === target.length) {
        this.#slice += 1;
        this.#at = 0;
      }
    }
  }
}

/** Takes what is read, in order. */
export interface Filler {
  readonly filled: number;
  /** Bytes that stay where they are no longer than this call. */
  put(source: Buffer, from: number, to: number): void;
  /** Bytes of a region, which is pinned for no longer than this call either. */
  putOf(block: Block, from: number, to: number): void;
}

export class ChunkReader {
  readonly #containers: ContainerStore;
  readonly #volumes: VolumeCipher;
  constructor(containers: ContainerStore, volumes: VolumeCipher = plainVolumes) {
    this.#containers = containers;
    this.#volumes = volumes;
  }

  /** Bytes from … to of the stream, which lie in the run, into `filler`. StoreError 'corrupt', 'io'. */
  async copyRun(run: Run, from: number, to: number, filler: Filler): Promise<void> {
    let at = from;
    let place = run.from;
    for (let ordinal = run.first; at < to;) {
      if (ordinal >= run.first + run.count) throw damaged(run.container, 'run', { first: run.first });
      const open = this.#containers.openOf(run.container);
      if (open?.holdsMemory === true) {
        const bytes = open.lengthOf(ordinal);
        if (place + bytes > at) {
          const part = Buffer.alloc(Math.min(to, place + bytes) - at);
          open.readChunk(ordinal, at - place, at - place + part.length, part, 0);
          filler.put(part, 0, part.length);
          at += part.length;
        }
        place += bytes;
        ordinal += 1;
        continue;
      }
      const directory =
        this.#containers.directoryOf(run.container) ?? (await this.#containers.loadDirectory(run.container));
      const reached = await this.#copyRegion(directory, run, ordinal, { place, at, to }, filler);
      ordinal = reached.ordinal;
      place = reached.place;
      at = reached.at;
    }
  }
  /** As much as lies in the region of the chunk. */
  async #copyRegion(
    directory: Directory,
    run: Run,
    ordinal: number,
    range: { readonly place: number; readonly at: number; readonly to: number },
    filler: Filler,
  ): Promise<{ ordinal: number; place: number; at: number }> {
    let { place, at } = range;
    let index = directory.indexOf(ordinal);
    if (index === -1) throw damaged(directory.id, 'chunk', { ordinal });
    const first = index;
    // Whole chunks before the range are passed over without being read.
    while (place + (directory.lengths[index] ?? 0) <= at) {
      place += directory.lengths[index] ?? 0;
      index += 1;
      if (index === directory.count || directory.ordinals[index] !== ordinal + index - first)
        throw damaged(directory.id, 'chunk', { ordinal: ordinal + index - first });
    }
    const region = directory.regionOf[index] ?? 0;
    const { regions } = this.#containers;
    const block = regions.peek(directory, region) ?? (await this.#get(directory, region));
    if (block === undefined) return { ordinal: ordinal + index - first, place, at }; // moved: look again
    try {
      const end = run.first + run.count;
      for (; index < directory.count && at < range.to; index++) {
        if (directory.regionOf[index] !== region || (directory.ordinals[index] ?? 0) >= end) break;
        if (directory.ordinals[index] !== ordinal + index - first) break;
        const bytes = directory.lengths[index] ?? 0;
        const offset = (directory.offsets[index] ?? 0) + at - place;
        const part = Math.min(range.to - at, bytes - (at - place));
        filler.putOf(block, offset, offset + part);
        block.unreadBytes -= part;
        at += part;
        if (at < place + bytes) break;
        place += bytes;
      }
    } finally {
      regions.unpin(block);
    }
    return { ordinal: ordinal + index - first, place, at };
  }
  /** Undefined when the container was moved meanwhile and its old place is gone. */
  async #get(
    directory: Directory,
    region: number,
  ): Promise<Awaited<ReturnType<ContainerStore['regions']['get']>> | undefined> {
    try {
      return await this.#containers.regions.get(directory, region);
    } catch (cause) {
      if (directory.stale && cause instanceof StoreError) return undefined;
      throw cause;
    }
  }
  /** Begins to load the region of the byte at `offset`, and some behind it. Where they end in the stream; `loaded` never rejects. */
  async prefetch(
    run: Run,
    offset: number,
  ): Promise<{ readonly end: number; readonly loaded: Promise<void> }> {
    const directory =
      this.#containers.directoryOf(run.container) ?? (await this.#containers.loadDirectory(run.container));
    let index = directory.indexOf(run.first);
    let place = run.from;
    while (index >= 0 && index < directory.count && place + (directory.lengths[index] ?? 0) <= offset)
      place += directory.lengths[index++] ?? 0;
    const region = directory.regionOf[index];
    if (index < 0 || region === undefined) return { end: run.to, loaded: Promise.resolve() };
    const { regions } = this.#containers;
    const together = Math.max(1, regions.loader.together(directory, region, regionsAtOnceMax));
    let last = region;
    for (; index < directory.count && place < run.to; index++) {
      const next = directory.regionOf[index] ?? 0;
      if (next !== last && (next !== last + 1 || next >= region + together)) break;
      last = next;
      place += directory.lengths[index] ?? 0;
    }
    const loaded = regions.prepare(directory, region, last - region + 1);
    return { end: Math.min(place, run.to), loaded };
  }

  /** What a MetaWriter stored. */
  async readMeta(root: Root): Promise<Buffer> {
    return this.#volumes.openStored(await this.readChunks(root));
  }
  /** Chunks as they are. */
  async readChunks(root: Root): Promise<Buffer> {
    const bytes = Buffer.alloc(root.bytes);
    const filler = new SlabFiller({ length: bytes.length, slices: [bytes], release: () => undefined });
    const { container, ordinal: first, chunks: count } = root;
    await this.copyRun({ container, first, count, from: 0, to: bytes.length }, 0, bytes.length, filler);
    return bytes;
  }
}

/** ChunkReader: chunks of containers, wherever they are: still in memory, in a cached region, on the disk. */
import { StoreError } from '../../errors.js';
import type { Slab } from '#wire';
import { damaged, type Directory } from './container.format.js';
import type { ContainerStore } from './container-store.js';
import type { Root } from './group-state.js';
import type { OpenContainer } from './open-container.js';
import type { ReadPlan } from './read-plan.js';
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

/** Places of a run's chunks in a directory. */
interface Cursor {
  index: number;
  /** Where the chunk at `index` begins in the stream. */
  place: number;
  /** What is to be added to a place for the number of its chunk: none is missing within a run. */
  readonly skew: number;
}
/** At the chunk that holds the byte at `at` of the stream. */
function cursorAt(directory: Directory, run: Run, at: number): Cursor {
  const first = directory.indexOf(run.first);
  if (first === -1) throw damaged(directory.id, 'chunk', { ordinal: run.first });
  const skew = run.first - first;
  let [index, place] = [first, run.from];
  for (let bytes = directory.lengths[index] ?? 0; place + bytes <= at;) {
    place += bytes;
    index += 1;
    checkChunk(directory, run, index, skew);
    bytes = directory.lengths[index] ?? 0;
  }
  return { index, place, skew };
}
function checkChunk(directory: Directory, { first, count }: Run, index: number, skew: number): void {
  const ordinal = index + skew;
  if (ordinal >= first + count) throw damaged(directory.id, 'run', { first });
  if (index >= directory.count || directory.ordinals[index] !== ordinal)
    throw damaged(directory.id, 'chunk', { ordinal });
}
/** Where the chunk ends in its region: not behind it, whatever the head says, or one would wait for ever for bytes that are not there. */
function endOf({ offsets, lengths, regionOf, regions }: Directory, index: number): number {
  const end = (offsets[index] ?? 0) + (lengths[index] ?? 0);
  return Math.min(end, regions[regionOf[index] ?? 0]?.rawBytes ?? 0);
}
/** As much as lies in the region of the chunk at the cursor, which is in the block. */
function copyRegion(
  directory: Directory,
  run: Run,
  cursor: Cursor,
  range: { readonly block: Block; readonly at: number; readonly to: number },
  filler: Filler,
): number {
  const { block, to } = range;
  let { at } = range;
  let { index, place } = cursor;
  const region = directory.regionOf[index];
  for (; at < to && directory.regionOf[index] === region; index++) {
    if (endOf(directory, index) > block.readyBytes) break;
    checkChunk(directory, run, index, cursor.skew);
    const bytes = directory.lengths[index] ?? 0;
    const offset = (directory.offsets[index] ?? 0) + at - place;
    const part = Math.min(to - at, place + bytes - at);
    filler.putOf(block, offset, offset + part);
    block.unreadBytes -= part;
    at += part;
    place += bytes;
  }
  cursor.index = index;
  cursor.place = place;
  return at;
}
/**
 * For each region that bytes from … to of the run lie in: where the run leaves it in the stream, and how far it goes in the region. Where it
 * came to: before the one that was answered false.
 */
function eachRegion(
  directory: Directory,
  run: Run,
  from: number,
  to: number,
  visit: (region: number, place: number, end: number, bytes: number) => boolean,
): number {
  const { count, lengths, regionOf } = directory;
  let index = directory.indexOf(run.first);
  if (index < 0) return run.to; // whoever reads it is told
  let place = run.from;
  while (index < count && place < run.to) {
    if (place >= to) return place;
    const begins = place;
    const region = regionOf[index] ?? 0;
    let end = 0;
    for (; index < count && place < run.to && regionOf[index] === region; index++) {
      end = endOf(directory, index);
      place += lengths[index] ?? 0;
    }
    if (place > from && !visit(region, Math.min(place, run.to), end, place - begins))
      return Math.max(begins, from);
  }
  return run.to;
}
/** Chunks of a container that is still in memory. */
function copyHeld(
  open: OpenContainer,
  run: Run,
  { from, to }: { readonly from: number; readonly to: number },
  filler: Filler,
): number {
  let at = from;
  let place = run.from;
  for (let ordinal = run.first; at < to; ordinal++) {
    if (ordinal >= run.first + run.count) throw damaged(run.container, 'run', { first: run.first });
    const bytes = open.lengthOf(ordinal);
    if (place + bytes > at) {
      const part = Buffer.alloc(Math.min(to, place + bytes) - at);
      open.readChunk(ordinal, at - place, at - place + part.length, part, 0);
      filler.put(part, 0, part.length);
      at += part.length;
    }
    place += bytes;
  }
  return at;
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
    for (let at = this.copyAtHand(run, from, to, filler); at < to;) {
      const block = await this.#bring(run, at);
      try {
        at = this.copyAtHand(run, at, to, filler);
      } finally {
        if (block !== undefined) this.#containers.regions.unpin(block);
      }
    }
  }
  /** As many of them as need not be waited for. Where it came to. StoreError 'corrupt'. */
  copyAtHand(run: Run, from: number, to: number, filler: Filler): number {
    const open = this.#containers.openOf(run.container);
    if (open?.holdsMemory === true) return copyHeld(open, run, { from, to }, filler);
    const directory = this.#containers.directoryOf(run.container);
    if (directory === undefined) return from;
    const { regions } = this.#containers;
    let at = from;
    for (const cursor = cursorAt(directory, run, at); at < to;) {
      const { index } = cursor;
      const block = regions.peek(directory, directory.regionOf[index] ?? 0, endOf(directory, index));
      if (block === undefined) break;
      try {
        at = copyRegion(directory, run, cursor, { block, at, to }, filler);
      } finally {
        regions.unpin(block);
      }
    }
    return at;
  }
  /** What keeps the byte at `at` from being at hand. A block is pinned; undefined: look again. */
  async #bring(run: Run, at: number): Promise<Block | undefined> {
    const directory = this.#containers.directoryOf(run.container);
    if (directory === undefined) await this.#containers.loadDirectory(run.container);
    if (directory === undefined || this.#containers.openOf(run.container)?.holdsMemory === true)
      return undefined;
    const { index } = cursorAt(directory, run, at);
    return await this.#get(directory, directory.regionOf[index] ?? 0, endOf(directory, index));
  }
  /** Undefined when the container was moved meanwhile and its old place is gone. */
  async #get(
    directory: Directory,
    region: number,
    bytes: number,
  ): Promise<Awaited<ReturnType<ContainerStore['regions']['get']>> | undefined> {
    try {
      return await this.#containers.regions.get(directory, region, bytes);
    } catch (cause) {
      if (directory.stale && cause instanceof StoreError) return undefined;
      throw cause;
    }
  }
  /**
   * Begins to load regions that bytes from … to of the run lie in, as much of each as is planned. How far it came: not to `to` when there
   * is no room, further when the last of them holds more of the run. Undefined when the directory is not at hand.
   */
  prepare(run: Run, from: number, to: number, plan: ReadPlan): number | undefined {
    const directory = this.#containers.directoryOf(run.container);
    if (directory === undefined) return undefined;
    const { regions } = this.#containers;
    return eachRegion(directory, run, from, to, (region, place, end) => {
      const rawBytes = directory.regions[region]?.rawBytes ?? 0;
      const wanted = plan.take(directory, region);
      if (place > plan.until) return regions.prepare(directory, region, rawBytes, rawBytes);
      const isComing = regions.prepare(
        directory,
        region,
        Math.max(wanted?.end ?? 0, end),
        wanted?.bytes ?? 0,
      );
      if (!isComing && wanted !== undefined) plan.note(directory, region, wanted.end, wanted.bytes); // it is asked again
      return isComing;
    });
  }
  /** Notes what will be wanted of regions for bytes from … to of the run. Where it came to; undefined when the directory is not at hand. */
  plan(run: Run, from: number, to: number, plan: ReadPlan): number | undefined {
    const directory = this.#containers.directoryOf(run.container);
    if (directory === undefined) return undefined;
    return eachRegion(directory, run, from, to, (region, _, end, bytes) => {
      plan.note(directory, region, end, bytes);
      return true;
    });
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

/**
 * Generations: a container written again elsewhere, under its number, with what is to be kept of it: collection, recompression and
 * healing are that. It is durable before it takes the place of the one before (S1, S3), and whoever makes one has the engine's turn of
 * moves.
 *
 * A region that does not verify is carried on as lost: lengths and fingerprints of its chunks stay, so that everything around it is
 * read as before, and a sound copy can take its place some day; but its pack does not have to stay for it. That is done only if the
 * region was found damaged before, on another occasion, and still is: one failed reading is no reason to give up bytes that are there.
 */
import { hash } from 'node:crypto';
import { type Directory, fingerprintBytes, isFast, KIND } from './container.format.js';
import type { ContainerFact } from './container-table.js';
import type { Engine } from './engine.js';
import type { Density, OpenContainer } from './open-container.js';
import type { Pacer } from './pacer.js';
import { isUnreadable } from './unreadable.js';

export interface Wish {
  isKept(ordinal: number): boolean;
  /** Compress densely what was compressed fast. */
  readonly recompress: boolean;
}
export interface Move {
  readonly old: ContainerFact;
  readonly made: ContainerFact;
  /** Chunks of it that are lost. */
  readonly lost: readonly number[];
}
/** New generations that become durable together. */
export const movesTogether = 16;

/** Written; undefined when it cannot be made: something of it cannot be read, which was not known, or nothing is to be kept. */
export async function regenerate(
  engine: Engine,
  fact: ContainerFact,
  wish: Wish,
  pacer: Pacer,
): Promise<Move | undefined> {
  const directory = await readableDirectory(engine, fact);
  if (directory === undefined) return undefined;
  try {
    directory.fingerprints ??= await fingerprintsOf(engine, directory, pacer);
    return await written(engine, fact, directory, wish, pacer);
  } catch (cause) {
    if (!isUnreadable(cause)) throw cause;
    engine.quarantine.noticed(cause, directory);
    return undefined;
  }
}
async function written(
  engine: Engine,
  fact: ContainerFact,
  directory: Directory,
  wish: Wish,
  pacer: Pacer,
): Promise<Move | undefined> {
  const { containers } = engine;
  const density: () => Density = () =>
    fact.kind === KIND.data && !wish.recompress ? containers.density : 'dense';
  const open = await containers.beginAgainSoon(fact.id, fact.kind, density);
  const lost: number[] = [];
  try {
    for (let region = 0; region < directory.regions.length; region++) {
      await pacer.breathe();
      await copyRegion(engine, directory, region, wish, open, lost);
    }
    if (open.count === 0) return undefined;
    const generation = fact.generation + 1;
    await open.ended();
    const image = open.seal(engine.group, generation, (bytes) => containers.packs.reserve(bytes));
    const { place, rawBytes, count: chunks } = open;
    if (place === undefined || open.directory === undefined) return undefined;
    const made = { ...fact, generation, place, chunks, rawBytes, fast: isFast(open.directory) };
    await containers.writeImage(image, made);
    return { old: fact, made, lost };
  } finally {
    await open.packed();
    containers.workspaces.give(open.release());
  }
}
export async function readableDirectory(engine: Engine, fact: ContainerFact): Promise<Directory | undefined> {
  try {
    return await engine.containers.readDirectory(fact);
  } catch (cause) {
    if (isUnreadable(cause)) return undefined; // scrubbing says more
    throw cause;
  }
}

async function copyRegion(
  engine: Engine,
  directory: Directory,
  region: number,
  wish: Wish,
  open: OpenContainer,
  lost: number[],
): Promise<void> {
  const indexes = indexesOf(directory, region);
  const kept = indexes.filter((index) => wish.isKept(directory.ordinals[index] ?? 0));
  if (kept.length === 0) return;
  const { regions } = engine.containers;
  const asItIs = !wish.recompress || directory.regions[region]?.dense === true;
  try {
    if (asItIs && kept.length === indexes.length) {
      const stored = Buffer.alloc(directory.regions[region]?.storedBytes ?? 0);
      await regions.loader.readStored(directory, region, stored);
      await open.addRegion(directory, region, stored);
      return;
    }
    const block = await regions.get(directory, region);
    try {
      for (const index of kept) await add(open, directory, index, chunkIn(directory, index, block.memory));
    } finally {
      regions.unpin(block);
    }
  } catch (cause) {
    if (!isUnreadable(cause) || !isKnownLost(engine, directory, kept)) throw cause;
    const rescued = await rescue(engine, directory, kept);
    if (rescued !== undefined) for (const [index, chunk] of rescued) await add(open, directory, index, chunk);
    else {
      await open.addLost(directory, region);
      for (const index of kept) lost.push(directory.ordinals[index] ?? 0);
    }
  }
}
function isKnownLost(engine: Engine, { id, ordinals }: Directory, indexes: readonly number[]): boolean {
  return indexes.every((index) => engine.quarantine.has(id, ordinals[index] ?? 0));
}
async function add(
  open: OpenContainer,
  { ordinals, fingerprints }: Directory,
  index: number,
  chunk: Buffer,
): Promise<void> {
  const at = index * fingerprintBytes;
  while (!open.canTake(chunk.length)) await open.change();
  if (fingerprints !== undefined)
    open.addAs(ordinals[index] ?? 0, chunk, fingerprints.subarray(at, at + fingerprintBytes));
}
export function indexesOf({ regionOf }: Directory, region: number): number[] {
  const indexes: number[] = [];
  for (let index = regionOf.indexOf(region); index >= 0 && regionOf[index] === region; index++)
    indexes.push(index);
  return indexes;
}
export function chunkIn({ offsets, lengths }: Directory, index: number, memory: Buffer): Buffer {
  const from = offsets[index] ?? 0;
  return memory.subarray(from, from + (lengths[index] ?? 0));
}
export function digestOf({ cipher }: Engine, chunk: Buffer): Buffer {
  const digest = hash('sha256', chunk, 'buffer');
  cipher.fingerprints.permute(digest, 0, fingerprintBytes);
  return digest;
}
export function isChunk(engine: Engine, { fingerprints }: Directory, index: number, chunk: Buffer): boolean {
  const at = index * fingerprintBytes;
  const digest = digestOf(engine, chunk);
  return fingerprints?.compare(digest, 0, fingerprintBytes, at, at + fingerprintBytes) === 0;
}

/** All of them, from where the same content was stored again; undefined when one is missing. */
async function rescue(
  engine: Engine,
  directory: Directory,
  indexes: readonly number[],
): Promise<ReadonlyMap<number, Buffer> | undefined> {
  const chunks = new Map<number, Buffer>();
  for (const index of indexes) {
    const copy = engine.quarantine.copyOf(directory.id, directory.ordinals[index] ?? 0);
    if (copy === undefined) return undefined;
    try {
      const bytes = directory.lengths[index] ?? 0;
      const chunk = await engine.chunks.readChunks({ ...copy, chunks: 1, bytes });
      if (!isChunk(engine, directory, index, chunk)) return undefined;
      chunks.set(index, chunk);
    } catch (cause) {
      if (!isUnreadable(cause)) throw cause;
      return undefined;
    }
  }
  return chunks;
}
/** Made again from the chunks, when their own bytes have rotted; zeros for chunks that cannot be read. */
async function fingerprintsOf(engine: Engine, directory: Directory, pacer: Pacer): Promise<Buffer> {
  const fingerprints = Buffer.alloc(directory.count * fingerprintBytes);
  const { regions } = engine.containers;
  for (let region = 0; region < directory.regions.length; region++) {
    await pacer.breathe();
    try {
      const block = await regions.get(directory, region);
      for (const index of indexesOf(directory, region)) {
        digestOf(engine, chunkIn(directory, index, block.memory)).copy(
          fingerprints,
          index * fingerprintBytes,
        );
      }
      regions.unpin(block);
    } catch (cause) {
      if (!isUnreadable(cause) || !isKnownLost(engine, directory, indexesOf(directory, region))) throw cause;
    }
  }
  return fingerprints;
}

/** Makes them durable, then they take their places: those of which `isRight` is still true. Journaled with the next batch. */
export async function settleMoves(
  engine: Engine,
  moves: readonly Move[],
  isRight: (move: Move) => boolean,
): Promise<number> {
  if (moves.length === 0) return 0;
  await engine.containers.sync();
  let bytes = 0;
  for (const move of moves) {
    const { old, made, lost } = move;
    if (engine.state.containers.get(old.id)?.generation !== old.generation || !isRight(move)) continue;
    engine.state.containers.set(made);
    engine.containers.forget(old.id);
    engine.owed.push({ kind: 'container', container: made });
    engine.quarantine.set(old.id, lost);
    bytes += made.place.bytes;
  }
  return bytes;
}

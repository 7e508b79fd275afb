/**
 * Scrubber: reads everything again, verifies it, and says what is damaged and whom that concerns. A container can be
 * replaced later from elsewhere; until then reading its damaged chunks fails and everything else goes on.
 */
import { hash } from 'node:crypto';
import { CanceledError, StoreError } from '../../errors.js';
import { type Directory, fingerprintBytes } from './container.format.js';
import type { Engine } from './engine.js';
import type { Recipe, Run } from './recipe.js';

export interface ScrubOptions {
  readonly signal?: AbortSignal;
  /** Awaited before each container: the throttle. */
  readonly pace?: (bytes: number) => Promise<void>;
}
/** Bytes of a stream that cannot be read. */
export interface DamagedRange {
  readonly volume: string;
  readonly stream: string;
  readonly offset: number;
  readonly bytes: number;
}
export interface ScrubReport {
  readonly containers: number;
  readonly chunks: number;
  /** Containers with damage, and the numbers of the chunks that are lost in each; undefined: all of them. */
  readonly damaged: ReadonlyMap<number, ReadonlySet<number> | undefined>;
  readonly ranges: readonly DamagedRange[];
  /** Volumes whose recipe or label is lost. */
  readonly volumes: readonly string[];
}
const rangesMax = 100_000;

export async function scrub(engine: Engine, options: ScrubOptions = {}): Promise<ScrubReport> {
  const damaged = new Map<number, ReadonlySet<number> | undefined>();
  let containers = 0;
  let chunks = 0;
  for (const id of engine.state.containers.ids()) {
    if (options.signal?.aborted === true) throw new CanceledError('Scrubbing was canceled');
    await options.pace?.(0);
    engine.check();
    const found = await verify(engine, id);
    containers += 1;
    chunks += found.chunks;
    if (found.lost === undefined || found.lost.size > 0) damaged.set(id, found.lost);
  }
  const { ranges, volumes } = await concerned(engine, damaged);
  return { containers, chunks, damaged, ranges, volumes };
}

interface Verified {
  readonly chunks: number;
  readonly lost: ReadonlySet<number> | undefined;
}
async function verify(engine: Engine, id: number): Promise<Verified> {
  const fact = engine.state.containers.get(id);
  if (fact === undefined) return { chunks: 0, lost: new Set() }; // collected meanwhile
  let directory: Directory;
  try {
    directory = await engine.containers.readDirectory(fact);
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'corrupt') throw cause;
    const moved = engine.state.containers.get(id)?.generation !== fact.generation;
    return moved ? await verify(engine, id) : { chunks: fact.ordinals, lost: undefined };
  }
  const lost = new Set<number>();
  for (let region = 0; region < directory.regions.length; region++) {
    if (await isSound(engine, directory, region)) continue;
    if (engine.state.containers.get(id)?.generation !== fact.generation) return await verify(engine, id);
    for (let index = directory.regionOf.indexOf(region); directory.regionOf[index] === region; index++) {
      lost.add(directory.ordinals[index] ?? 0);
    }
  }
  return { chunks: directory.count, lost };
}
/** From the disk, not from a cache: its checksum, and the fingerprint of every chunk. */
async function isSound(engine: Engine, directory: Directory, region: number): Promise<boolean> {
  const { regions } = engine.containers;
  try {
    await regions.readStored(directory, region, Buffer.alloc(directory.regions[region]?.storedBytes ?? 0));
    const block = await regions.get(directory, region);
    try {
      return (
        directory.fingerprints === undefined ||
        areChunksSound(engine, directory, region, block.memory, directory.fingerprints)
      );
    } finally {
      regions.unpin(block);
    }
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'corrupt') throw cause;
    return false;
  }
}
function areChunksSound(
  { cipher }: Engine,
  directory: Directory,
  region: number,
  memory: Buffer,
  fingerprints: Buffer,
): boolean {
  for (let index = directory.regionOf.indexOf(region); directory.regionOf[index] === region; index++) {
    const from = directory.offsets[index] ?? 0;
    const digest = hash('sha256', memory.subarray(from, from + (directory.lengths[index] ?? 0)), 'buffer');
    cipher.fingerprints.permute(digest, 0, fingerprintBytes);
    const at = index * fingerprintBytes;
    if (fingerprints.compare(digest, 0, fingerprintBytes, at, at + fingerprintBytes) !== 0) return false;
  }
  return true;
}

/** Which bytes of which streams the damage concerns. */
async function concerned(
  engine: Engine,
  damaged: ReadonlyMap<number, ReadonlySet<number> | undefined>,
): Promise<{ readonly ranges: DamagedRange[]; readonly volumes: string[] }> {
  const ranges: DamagedRange[] = [];
  const volumes: string[] = [];
  if (damaged.size === 0) return { ranges, volumes };
  for (const entry of engine.state.volumes.values()) {
    try {
      const state = await engine.stateOf(entry);
      for (const [stream, one] of state.streams) {
        if (one.kind === 'data') await ofRecipe(engine, damaged, entry.id, stream, one.recipe, ranges);
        else {
          let begins = 0;
          for (const { container, ordinal, end } of one.log.pieces) {
            const lost = damaged.get(container);
            const hit = damaged.has(container) && (lost === undefined || lost.has(ordinal));
            if (hit && ranges.length < rangesMax)
              ranges.push({ volume: entry.id, stream, offset: begins, bytes: end - begins });
            begins = end;
          }
        }
      }
    } catch (cause) {
      if (!(cause instanceof StoreError) || cause.code !== 'corrupt') throw cause;
      volumes.push(entry.id);
    }
  }
  return { ranges, volumes };
}
async function ofRecipe(
  engine: Engine,
  damaged: ReadonlyMap<number, ReadonlySet<number> | undefined>,
  volume: string,
  stream: string,
  recipe: Recipe,
  ranges: DamagedRange[],
): Promise<void> {
  for (let at = 0; at < recipe.bytes && ranges.length < rangesMax;) {
    const run: Run =
      at >= recipe.runs.from
        ? recipe.runs.at(recipe.runs.indexAt(at))
        : await engine.runAt(recipe.pieces, at);
    at = run.to;
    if (!damaged.has(run.container)) continue;
    const lost = damaged.get(run.container);
    if (lost === undefined) {
      ranges.push({ volume, stream, offset: run.from, bytes: run.to - run.from });
      continue;
    }
    const directory = await engine.containers.loadDirectory(run.container);
    let offset = run.from;
    for (let ordinal = run.first; ordinal < run.first + run.count && offset < run.to; ordinal++) {
      const bytes = Math.min(directory.lengths[directory.indexOf(ordinal)] ?? 0, run.to - offset);
      if (lost.has(ordinal)) ranges.push({ volume, stream, offset, bytes });
      offset += bytes;
    }
  }
}

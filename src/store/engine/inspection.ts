/**
 * Inspection: an image of a container, in memory, verified in everything: both heads, the checksum of each region, what comes out of it,
 * and the fingerprint of every chunk. For scrubbing, verifying, and for copies that come from elsewhere.
 */
import { xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import {
  type ContainerName,
  decodeHead,
  type Directory,
  fingerprintBytes,
  footBytes,
  headBytesBefore,
  regionSeed,
} from './container.format.js';
import { headBytesMax, regionAlignBytes, regionBytesMax } from './engine-limits.js';
import type { Engine } from './engine.js';
import { chunkIn, indexesOf, isChunk } from './generations.js';
import { CODEC } from './kernels.js';
import type { Means } from './means.js';
import type { Pacer } from './pacer.js';
import { PLACE, type RegionCipher } from './region-cipher.js';

export interface Inspected {
  /** Undefined when neither head verifies. */
  readonly directory: Directory | undefined;
  /** Of the two. */
  readonly heads: number;
  /** Regions that do not verify, or whose chunks are not what they were. */
  readonly lost: ReadonlySet<number>;
}

/** Memory in which regions are opened, by the means that gave it. */
interface Scratch {
  readonly stored: Buffer;
  readonly raw: Buffer;
}
const idle = new WeakMap<Means, Scratch[]>();

/** `id`, `generation`: what it should be. */
export async function inspect(
  engine: Engine,
  name: ContainerName,
  { id, generation }: { readonly id: number; readonly generation: number },
  image: Buffer,
  pacer: Pacer,
): Promise<Inspected> {
  const cipher = engine.cipher.regions;
  const heads = headsOf(name, id, image, cipher).filter((head) => head?.generation === generation);
  const [directory] = heads;
  if (directory === undefined) return { directory, heads: 0, lost: new Set() };
  directory.fingerprints = fingerprintsIn(directory, image, cipher);
  const lost = new Set<number>();
  const free = idle.get(engine.means) ?? [];
  idle.set(engine.means, free);
  const scratch = free.pop() ?? {
    stored: engine.means.arena.allocate(regionBytesMax + regionAlignBytes),
    raw: engine.means.arena.allocate(regionBytesMax),
  };
  try {
    for (let region = 0; region < directory.regions.length; region++) {
      await pacer.breathe();
      if (!isRegionSound(engine, directory, region, image, scratch)) lost.add(region);
    }
  } finally {
    free.push(scratch);
  }
  return { directory, heads: heads.length, lost };
}

function headsOf(
  name: ContainerName,
  id: number,
  image: Buffer,
  cipher: RegionCipher,
): (Directory | undefined)[] {
  const first = decodeHead(name, id, image.subarray(0, headBytesMax), cipher);
  const headBytes = headBytesBefore(image);
  const from = image.length - footBytes - (headBytes ?? 0);
  const last =
    headBytes === undefined || from < 0
      ? undefined
      : decodeHead(name, id, image.subarray(from, image.length - footBytes), cipher);
  return [first, last].filter((head) => head !== undefined);
}
function fingerprintsIn(directory: Directory, image: Buffer, cipher: RegionCipher): Buffer | undefined {
  const { fingerprintsOffset: from, count } = directory;
  const bytes = count * fingerprintBytes;
  const stored = image.subarray(from, from + bytes + cipher.overheadBytes);
  const seed = regionSeed(directory.id, PLACE.fingerprints);
  if (xxh64(stored, seed) !== directory.fingerprintsChecksum) return undefined;
  const fingerprints = Buffer.alloc(stored.length);
  const opened = fingerprints.subarray(0, bytes);
  return cipher.open(directory, PLACE.fingerprints, stored, opened) ? opened : undefined;
}
function isRegionSound(
  engine: Engine,
  directory: Directory,
  number: number,
  image: Buffer,
  { stored, raw }: Scratch,
): boolean {
  const region = directory.regions[number];
  const { regions: cipher } = engine.cipher;
  if (region === undefined || region.codec === CODEC.lost) return false;
  const { offset, storedBytes, rawBytes, codec, checksum } = region;
  const source = image.subarray(offset, offset + storedBytes + cipher.overheadBytes);
  if (xxh64(source, regionSeed(directory.id, number)) !== checksum) return false;
  const packed = stored.subarray(0, storedBytes);
  if (!cipher.open(directory, number, source, packed)) return false;
  const content = codec === CODEC.none ? packed : raw.subarray(0, rawBytes);
  try {
    if (codec !== CODEC.none) engine.means.kernels.decompress(codec, packed, content);
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    return false;
  }
  return (
    directory.fingerprints === undefined ||
    indexesOf(directory, number).every((index) =>
      isChunk(engine, directory, index, chunkIn(directory, index, content)),
    )
  );
}

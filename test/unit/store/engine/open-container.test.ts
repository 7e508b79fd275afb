/** A container in the making: whatever shrinks and whenever that is known, its chunks are what was put in. */
import test, { type ExecutionContext } from 'ava';
import { DelayedCrew } from '#support';
import { xxh64 } from '#wire';
import { Arena } from '../../../../src/store/engine/arena.js';
import { decodeHead, KIND, regionSeed } from '../../../../src/store/engine/container.format.js';
import { headAlignBytes } from '../../../../src/store/engine/engine-limits.js';
import { CODEC, plainKernels } from '../../../../src/store/engine/kernels.js';
import { OpenContainer } from '../../../../src/store/engine/open-container.js';
import {
  plainRegions,
  type RegionCipher,
  SealedRegions,
} from '../../../../src/store/engine/region-cipher.js';
import { InlineCrew } from '../../../../src/store/engine/crew.js';
import { EFFORT } from '../../../../src/store/engine/slips.js';
import { Workspaces } from '../../../../src/store/engine/workspace.js';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

/** Chunks of random bytes for a while, then chunks that shrink to a half or a tenth. */
function chunksOf(dice: SimRandom): () => Buffer {
  let kind = 0;
  return () => {
    if (dice.integer(20) === 0) kind = dice.integer(3);
    const chunk = patternBytes(dice.integer(1 << 30), 4096 + dice.integer(61_440));
    return kind === 0
      ? chunk
      : chunk.fill(dice.integer(256), Math.floor(chunk.length / (kind === 1 ? 2 : 10)));
  };
}
/** Returns the codecs of its regions. */
async function fill(t: ExecutionContext, seed: number, cipher: RegionCipher): Promise<Set<number>> {
  const dice = new SimRandom(seed);
  const arena = new Arena();
  const crew = new DelayedCrew(arena, plainKernels, dice);
  const workspace = new Workspaces(arena, 2).take();
  if (workspace === undefined) throw new Error('no memory');
  const tools = { arena, kernels: plainKernels, crew, effort: EFFORT.fast };
  const open = new OpenContainer(7, KIND.data, tools, workspace, () => 'fast', cipher);
  const chunks: Buffer[] = [];
  const check = (ordinal: number): void => {
    const chunk = chunks[ordinal] ?? Buffer.alloc(0);
    const target = Buffer.alloc(chunk.length);
    open.readChunk(ordinal, 0, chunk.length, target, 0);
    if (!target.equals(chunk)) t.fail(`seed ${seed}: chunk ${ordinal} of ${chunks.length}`);
  };
  const next = chunksOf(dice);
  for (let chunk = next(); open.hasRoomFor(chunk.length); chunk = next()) {
    while (!open.canTake(chunk.length)) await open.change();
    chunks.push(chunk);
    open.add(chunk, 0, chunk.length, patternBytes(chunks.length, 32), 0);
    check(dice.integer(chunks.length));
  }
  await open.ended();
  for (const ordinal of chunks.keys()) check(ordinal);
  const place = { pack: 1, offset: 0, bytes: 0 };
  const image = open.seal(5n, 0, (bytes) => ({ ...place, bytes }));
  t.is(image.byteOffset % headAlignBytes, 0, 'the disk can fetch it from there');
  const name = { group: 5n, place: { ...place, bytes: image.length } };
  const directory = decodeHead(name, 7, image, cipher);
  t.is(directory?.count, chunks.length);
  const codecs = new Set<number>();
  let first = 0;
  for (const [number, region] of (directory?.regions ?? []).entries()) {
    const stored = image.subarray(region.offset, region.offset + region.storedBytes + cipher.overheadBytes);
    t.is(xxh64(stored, regionSeed(7, number)), region.checksum);
    const packed = Buffer.alloc(region.storedBytes);
    t.true(cipher.open(open, number, stored, packed));
    const raw = Buffer.alloc(region.rawBytes);
    if (region.codec === CODEC.none) packed.copy(raw);
    else plainKernels.decompress(region.codec, packed, raw);
    t.true(raw.equals(Buffer.concat(chunks.slice(first, first + region.chunks))));
    first += region.chunks;
    codecs.add(region.codec);
  }
  return codecs;
}

test('chunks of regions that shrink and of those that do not, packed early and late', async (t) => {
  let mixed = 0;
  for (let seed = 1; seed <= 16; seed++) mixed += (await fill(t, seed, plainRegions)).size - 1;
  t.true(mixed > 8, `both kinds in ${mixed}`);
});
test('the same when regions are sealed, which makes them longer', async (t) => {
  for (let seed = 1; seed <= 6; seed++) {
    const cipher = new SealedRegions(patternBytes(1, 32), (bytes) => patternBytes(seed, bytes));
    await fill(t, 100 + seed, cipher);
  }
});

test('it needs no more on disk than it says before it is sealed', async (t) => {
  const arena = new Arena();
  const workspaces = new Workspaces(arena, 2);
  const tools = {
    arena,
    kernels: plainKernels,
    crew: new InlineCrew(arena, plainKernels),
    effort: EFFORT.fast,
  };
  for (let bytes = 5000; bytes < 5000 + 4096; bytes += 31) {
    const workspace = workspaces.take();
    if (workspace === undefined) return t.fail();
    const open = new OpenContainer(7, KIND.data, tools, workspace, () => 'none');
    for (const part of [bytes, 4096, 4096]) open.add(patternBytes(1, part), 0, part, patternBytes(2, 32), 0);
    const { pendingBytes } = open;
    await open.ended();
    const image = open.seal(5n, 0, (all) => ({ pack: 1, offset: 0, bytes: all }));
    t.true(image.length <= pendingBytes, `${bytes}`);
    workspaces.give(open.release());
  }
  return t.pass();
});

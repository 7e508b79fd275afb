/**
 * Every bit of every structure on the disk, flipped, one at a time: it is noticed or harmless, and nothing reads as anything else. Read
 * with the functions that the engine reads with, from a group as a crash has left it.
 */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { type Env, realEnv } from '#env';
import { StoreError } from '#errors';
import { Arena, DedupGroup, type KeySource, plainKernels } from '#store';
import { SimDisk } from '#support';
import { newestCheckpoint, readCheckpoint } from '../../../../src/store/engine/checkpoint.js';
import type { ContainerFact } from '../../../../src/store/engine/container-table.js';
import { KIND } from '../../../../src/store/engine/container.format.js';
import { defaultTuning, type Engine } from '../../../../src/store/engine/engine.js';
import { plainGroup } from '../../../../src/store/engine/group-cipher.js';
import { IndexRun } from '../../../../src/store/engine/index-run.js';
import { readJournal } from '../../../../src/store/engine/journal.js';
import { openSuperblock, recover } from '../../../../src/store/engine/recovery.js';
import { readSuperblock } from '../../../../src/store/engine/superblock.js';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const folder = 'group';
const tuning = { checkpointBytes: 6000, pieceRuns: 2, indexEntries: 2 };
const secrets: Env['secrets'] = {
  file: async (path) => await Promise.resolve({ bytes: Buffer.alloc(32, path), mode: 0o600 }),
  command: async () => await Promise.reject(new Error('There is none')),
};
const key: KeySource = { kind: 'file', path: '/key' };
type Kind = 'plain' | 'encrypted';

interface Bench {
  readonly disk: SimDisk;
  readonly engine: Engine;
  readonly kind: Kind;
}
/** A group with a little of everything, as a crash has left it, and an engine that has recovered from that. */
async function bench(kind: Kind): Promise<Bench> {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  const sealed = kind === 'plain' ? {} : { keySource: key };
  const envOf = (): Env => ({ ...realEnv(), random: new SimRandom(disk.calls), disk: disk.begin(), secrets });
  const memory = { kernels: plainKernels, reserveBytes: 0, memoryBytes: 8 * 1024 * 1024 };
  const group = await DedupGroup.open({ env: envOf(), folder, ...memory, tuning, ...sealed });
  const volume = await group.create('one');
  for (let round = 0; round < 12; round++) {
    // It compresses to nearly nothing, so that containers are small.
    await volume
      .stream('data')
      .append([patternBytes(round, 300), Buffer.alloc(70_000, `${round} and again `)]);
    await volume.stream('entries', { entryBytes: 24 }).append([Buffer.alloc(24 * 20, round)]);
    await volume.commit(Buffer.from(`state ${round}`));
  }
  // What the journal says since the last checkpoint is short.
  volume.stream('data').truncate(100);
  for (let round = 0; round < 3; round++) await volume.commit(Buffer.from(`last ${round}`));
  disk.crash('drop');
  const env = envOf();
  const { superblock, ring } = await openSuperblock(
    { env, folder },
    undefined,
    kind === 'plain' ? undefined : key,
  );
  const options = { env, folder, ...memory, arena: new Arena(), threads: 0, capacityBytes: Infinity };
  const settings = { ...options, tuning: { ...defaultTuning, ...tuning }, density: 'fast' as const };
  const engine = await recover(settings, superblock, (means) => ring?.standOn(means) ?? plainGroup);
  return { disk, engine, kind };
}
/** Of the newest file in a folder of the group. */
async function newestIn(
  { engine }: Bench,
  part: string,
  suffix: string,
): Promise<{ path: string; number: number }> {
  const name = (await engine.env.disk.list(`${folder}${part}`)).findLast((one) => one.endsWith(suffix)) ?? '';
  return { path: `${folder}${part}/${name}`, number: Number.parseInt(name, 10) };
}

interface Flips {
  flips: number;
  /** 'corrupt', or not there. */
  noticed: number;
  /** The same as before. */
  harmless: number;
}
/** Flips one bit after the other of what the file has from … to. Of what is encrypted, where all bits are alike, one a byte. */
async function flip(
  { disk, kind }: Bench,
  path: string,
  read: () => Promise<unknown>,
  from = 0,
  to = disk.contentOf(path).length,
): Promise<Flips> {
  const found: Flips = { flips: 0, noticed: 0, harmless: 0 };
  const before = await read();
  for (let at = from; at < to; at++) {
    const bits = kind === 'encrypted' ? [at % 8] : [0, 1, 2, 3, 4, 5, 6, 7];
    for (const bit of bits) {
      disk.rot(path, at, bit);
      const after = await read().catch(noticed);
      disk.rot(path, at, bit);
      found.flips += 1;
      if (after === 'noticed' || after === undefined) found.noticed += 1;
      else if (isDeepStrictEqual(after, before)) found.harmless += 1;
      else throw new Error(`${path}: byte ${at}, bit ${bit}: something else was read`);
    }
  }
  return found;
}
function noticed(error: unknown): 'noticed' {
  if (error instanceof StoreError && error.code === 'corrupt') return 'noticed';
  throw error;
}

for (const kind of ['plain', 'encrypted'] as const) {
  test.serial(`a journal with one flipped bit says what it said (${kind})`, async (t) => {
    const world = await bench(kind);
    const { engine } = world;
    const part = `${folder}/journal`;
    const { newest } = await newestCheckpoint(engine.env.disk, folder, engine);
    const [from, sequence] = [newest?.segment ?? 1, newest?.state.sequence ?? 0];
    const read = async (): Promise<unknown> =>
      (await readJournal(engine.env.disk, part, engine, from, sequence)).batches;
    const { path } = await newestIn(world, '/journal', '.journal');
    const { flips, noticed: lost } = await flip(world, path, read);
    t.is(lost, 0, 'every batch is there twice');
    t.true(flips > 1000, `${flips} flips`);
  });

  test.serial(`a checkpoint with one flipped bit is none (${kind})`, async (t) => {
    const world = await bench(kind);
    const { engine } = world;
    const { path, number } = await newestIn(world, '', '.checkpoint');
    const read = async (): Promise<unknown> => await readCheckpoint(engine.env.disk, folder, engine, number);
    const { flips, noticed: lost } = await flip(world, path, read);
    t.true(lost > 300 && flips - lost < 8 * 512, `${lost} of ${flips}`);
  });

  test.serial(`a superblock with one flipped bit costs nothing (${kind})`, async (t) => {
    const world = await bench(kind);
    const { engine } = world;
    const read = async (): Promise<unknown> => {
      const { id, sequence, settings, keys } =
        (await readSuperblock(engine.env.disk, folder))?.superblock ?? {};
      return { id, sequence, settings, keys };
    };
    for (const copy of [0, 1]) {
      const { noticed: lost } = await flip(world, `${folder}/superblock-${copy}`, read);
      t.is(lost, 0);
    }
  });

  test.serial(
    `a run of the index with one flipped bit finds what it found, or nothing (${kind})`,
    async (t) => {
      const world = await bench(kind);
      const { engine } = world;
      const { path, number } = await newestIn(world, '/index', '.run');
      const content = world.disk.contentOf(path);
      const entry = { hi: content.readUInt32LE(4096 + 16), lo: content.readUInt32LE(4096 + 20) };
      const page = Buffer.alloc(4096);
      const read = async (): Promise<unknown> => {
        const run = await IndexRun.open(engine.env.disk, `${folder}/index`, engine.group, number);
        const found = await run?.find(entry.hi, entry.lo, page);
        return found;
      };
      t.truthy(await read());
      const { noticed: lost, flips } = await flip(world, path, read);
      t.true(lost > 100, `${lost} of ${flips}`);
    },
  );

  test.serial(
    `every bit of a container, and of its mirror, matters or does not: nothing reads as other bytes (${kind})`,
    async (t) => {
      const world = await bench(kind);
      const { engine } = world;
      const facts = [...engine.state.containers.ids()].map((id) => engine.state.containers.get(id));
      const readOf = (fact: ContainerFact) => async (): Promise<unknown> => {
        const directory = await engine.containers.readDirectory(fact);
        const regions: Buffer[] = [];
        for (const [number, { storedBytes }] of directory.regions.entries()) {
          const region = Buffer.alloc(storedBytes);
          await engine.containers.regions.loader.readStored(directory, number, region);
          regions.push(region);
        }
        const { ordinals, lengths, offsets, fingerprints } = directory;
        if (fact.kind === KIND.meta) return { ordinals, lengths, offsets, regions };
        // Without its fingerprints it can be read, and its chunks are not found again.
        return fingerprints === undefined ? undefined : { ordinals, lengths, offsets, fingerprints, regions };
      };
      const pathOf = ({ place }: ContainerFact): string =>
        `${folder}/packs/000000/${`${place.pack}`.padStart(9, '0')}.pack`;
      const data = facts.find((fact) => fact?.kind === KIND.data);
      const meta = facts.find((fact) => fact?.kind === KIND.meta);
      if (data === undefined || meta === undefined) throw new Error('there is none');
      const inside = async (path: string, fact: ContainerFact): Promise<Flips> =>
        await flip(world, path, readOf(fact), fact.place.offset, fact.place.offset + fact.place.bytes);
      const { noticed: inData, flips } = await inside(pathOf(data), data);
      t.true(inData > 300, `${inData} of ${flips}`);
      const { noticed: inMeta } = await inside(pathOf(meta), meta);
      t.is(inMeta, 0, 'recipes and states are there twice');
      // The mirror, when it is all that there is.
      const { disk } = world;
      const { regions } = await engine.containers.readDirectory(meta);
      const { offset, bytes } = meta.place;
      for (const at of [0, bytes - 1, ...regions.map((region) => region.offset)])
        disk.rot(pathOf(meta), offset + at, 3);
      const mirror = `${folder}/mirrors/${`${meta.id}`.padStart(10, '0')}-${meta.generation}.mirror`;
      const { noticed: inMirror } = await flip(world, mirror, readOf(meta));
      t.true(inMirror > 100, `${inMirror} in the mirror`);
    },
  );
}

/** Reading chunks that lie scattered: regions are opened as far as is needed, and what is read is right, also when more of them is needed later. */
import { join } from 'node:path';
import test from 'ava';
import { openPageCache, realEnv } from '#env';
import { DedupGroup, type Stream } from '#store';
import { tempFolder } from '#support';
import { copyOf } from '#wire';
import type { Directory } from '../../../../src/store/engine/container.format.js';
import { ChunkReader } from '../../../../src/store/engine/chunk-reader.js';
import type { ContainerStore } from '../../../../src/store/engine/container-store.js';
import { ReadPlan } from '../../../../src/store/engine/read-plan.js';
import { RegionLoader } from '../../../../src/store/engine/region-loader.js';
import { patternBytes } from '../../../contract/store.js';

const KiB = 1024;
const recordBytes = 200 * KiB;
const words = Array.from({ length: 64 }, (_, index) => `${(index * 7919 + 4096).toString(36)} of `);
/** Text that nothing else has. */
const text = (seed: number, bytes: number): Buffer =>
  Buffer.from([...patternBytes(seed, bytes)].map((byte) => words[byte % 64]).join('')).subarray(0, bytes);

const testThere = (await openPageCache()) === undefined ? test.skip : test;
test('a plan knows the end of all that is wanted of a region, once', (t) => {
  const plan = new ReadPlan();
  const [one, other] = [{ id: 1 } as Directory, { id: 2 } as Directory]; // no more of them is looked at
  plan.note(one, 3, 500, 100);
  plan.note(other, 3, 900, 200);
  plan.note(one, 3, 700, 50);
  plan.note(one, 3, 600, 10);
  t.deepEqual(plan.take(one, 3), { end: 700, bytes: 160 });
  t.is(plan.take(one, 3), undefined);
  plan.restart(5);
  t.is(plan.until, 5);
  t.is(plan.take(other, 3), undefined);
});

test('what there is no room for is asked again as it was planned', (t) => {
  const asked: [region: number, bytes: number, uses: number][] = [];
  const chunks = 4;
  const directory = {
    id: 1,
    count: chunks,
    indexOf: (ordinal: number) => ordinal,
    lengths: [100, 100, 100, 100],
    offsets: [0, 100, 200, 300],
    regionOf: [0, 0, 0, 0],
    regions: [{ rawBytes: 400 }],
  } as unknown as Directory; // no more of it is looked at
  const containers = {
    directoryOf: () => directory,
    regions: {
      prepare: (_: Directory, region: number, bytes: number, uses: number): boolean =>
        asked.push([region, bytes, uses]) > 1,
    },
  } as unknown as ContainerStore; // likewise
  const reader = new ChunkReader(containers);
  const plan = new ReadPlan();
  const runs = [
    { container: 1, first: 0, count: 1, from: 0, to: 100 },
    { container: 1, first: 2, count: 1, from: 100, to: 200 },
  ];
  for (const run of runs) t.is(reader.plan(run, run.from, run.to, plan), run.to);
  plan.until = 200;
  const [run] = runs;
  if (run === undefined) return t.fail();
  t.is(reader.prepare(run, 0, 100, plan), 0);
  t.is(reader.prepare(run, 0, 100, plan), 100);
  return t.deepEqual(asked, [
    [0, 300, 200],
    [0, 300, 200],
  ]);
});

async function isRight(stream: Stream, content: Buffer, at: number): Promise<boolean> {
  const part = content.subarray(at, at + recordBytes);
  const slab = await stream.read(at, part.length);
  try {
    return copyOf(slab).equals(part);
  } finally {
    slab.release();
  }
}
/** Behind each record, `also` is done. */
async function areRight(
  stream: Stream,
  content: Buffer,
  also: (at: number) => Promise<boolean> = async () => await Promise.resolve(true),
): Promise<boolean> {
  for (let at = 0; at < content.length; at += recordBytes)
    if (!(await isRight(stream, content, at)) || !(await also(at))) return false;
  return true;
}

testThere('what takes parts of regions opens those parts, and what takes all has all', async (t) => {
  const opened: [part: number, whole: number] = [0, 0];
  const load = Reflect.get<RegionLoader, 'load'>(RegionLoader.prototype, 'load');
  RegionLoader.prototype.load = async function (directory, number, target, enough) {
    opened[0] += enough;
    opened[1] += directory.regions[number]?.rawBytes ?? 0;
    return await load.call(this, directory, number, target, enough);
  };
  const first = text(1, 9000 * KiB);
  // From each part of the first some is missing: now its end, now its middle.
  const parts: Buffer[] = [];
  for (let at = 0; at < first.length; at += 500 * KiB)
    parts.push(
      first.subarray(at, at + 130 * KiB),
      text(at + 2, 40 * KiB),
      first.subarray(at + 170 * KiB, at + 200 * KiB),
    );
  const second = Buffer.concat(parts);
  // The cache has room for 32 regions of the 48 that there are.
  const options = {
    env: realEnv(),
    folder: join(await tempFolder(t), 'group'),
    reserveBytes: 0,
    threads: 2,
    memoryBytes: 32 * KiB * KiB,
  };
  let group = await DedupGroup.open(options);
  for (const [name, content] of Object.entries({ first, second })) {
    const volume = await group.create(name);
    await volume.stream('data').append([content]);
    await volume.commit(Buffer.alloc(0));
  }
  await group.close();
  for (const turn of [1, 2]) {
    group = await DedupGroup.open(options);
    const streams = {
      first: (await group.open('first')).stream('data'),
      second: (await group.open('second')).stream('data'),
    };
    if (turn === 1) {
      t.true(await areRight(streams.second, second));
      t.true(opened[0] < opened[1] * 0.9, `${opened[0]} of ${opened[1]} bytes`);
      t.true(await areRight(streams.first, first));
    } else {
      // The system has all of it in memory by now. What lies behind that in regions that are there as far as the second wants them.
      const behind = async (at: number): Promise<boolean> =>
        await isRight(streams.first, first, (at / recordBytes) * 500 * KiB + recordBytes);
      t.true(await areRight(streams.second, second, behind));
    }
    await group.close();
  }
});

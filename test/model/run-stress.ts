/**
 * `npm run stress -- [--seed 1] [--seconds 30] [--sealed]`: a deduplicating group with real threads on a real disk, and little memory:
 * writers, three readers for each, collecting, optimizing and verifying, all at once. Whatever is read is held against what was
 * written, also a while later and after opening again. Ends with status 1 when something was otherwise.
 *
 * Histories (`run-histories.ts`) see every order of the disk's calls, but threads only in their simulation; what becomes of memory
 * that real ones share is seen here. The seed says what is done, not in which order threads come.
 */
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { realEnv } from '#env';
import { DedupGroup, type DedupGroupOptions, type Stream, type Volume } from '#store';
import type { Slab } from '#wire';
import { SimRandom } from '../sim/sim-random.js';
import { bytesOf, label, patternBytes } from '../contract/store.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '30' },
    sealed: { type: 'boolean', default: false },
  },
});
const random = new SimRandom(Number(values.seed));
const KiB = 1024;
const contentBytesMax = 40 * KiB * KiB;
const readersOfTape = 3;
const readSizes = [1, 3000, 64 * KiB, 256 * KiB, 700_000, 1_500_000];
/** Some of it is there again and again, some compresses, some does not. */
const material = Array.from({ length: 12 }, (_, index) => {
  const bytes = patternBytes(index, 700_000);
  return index % 2 === 0 ? Buffer.from(bytes.map((byte, at) => (at % 4096 < 1500 ? byte : 7))) : bytes;
});
const somePart = (bytesMax: number): Buffer => {
  const of = random.pick(material);
  const from =
    random.integer(100_000) + (bytesMax < of.length ? random.integer(of.length - bytesMax - 100_000) : 0);
  return of.subarray(from, Math.min(from + bytesMax, of.length) - random.integer(bytesMax * 0.8));
};
/** Some chunks of many regions: what a backup of a later week is. */
const scattered = (): Buffer =>
  Buffer.concat(Array.from({ length: 1 + random.integer(10) }, () => somePart(70_000)));
let isOver = false;
const counts = { appends: 0, cuts: 0, reads: 0, collections: 0, verified: 0 };

interface Coming {
  readonly bytes: Buffer;
  readonly slab: Slab | undefined;
}
/** What a tape should be. Nobody cuts it off while somebody reads. */
class Tape {
  readonly id: string;
  readonly content = Buffer.alloc(contentBytesMax);
  length = 0;
  readers = 0;
  isCutting = false;
  readonly #volume: Volume;
  readonly stream: Stream;
  readonly #coming: Coming[] = [];

  constructor(id: string, volume: Volume) {
    this.id = id;
    this.#volume = volume;
    this.stream = volume.stream('data');
  }
  async write(): Promise<void> {
    while (!isOver) {
      while (this.length + 700_000 > contentBytesMax) await this.#cut(); // it may cut off little
      while (this.#coming.length < 1 + random.integer(5)) this.#expect();
      const [next] = this.#coming.splice(random.integer(10) === 0 ? 1 : 0, 1);
      if (next !== undefined) await this.#append(next);
      if (random.integer(3) === 0) await this.commit();
      if (random.integer(4) === 0) await sleep(random.integer(60));
    }
  }
  /** Its place is given when it is on its way, and it comes at once; then others come, and some are given up. */
  #expect(): void {
    const bytes = random.integer(3) === 0 ? scattered() : somePart(700_000);
    const slab = random.integer(5) > 0 ? this.stream.landing?.(bytes.length) : undefined;
    let at = 0;
    for (const slice of slab?.slices ?? []) at += bytes.copy(slice, 0, at);
    this.#coming.push({ bytes, slab });
  }
  async #append({ bytes, slab }: Coming): Promise<void> {
    if (slab === undefined || slab.length === 0) await this.stream.append([bytes]);
    else if (random.integer(8) > 0) await this.stream.append(slab.slices);
    else {
      for (const slice of slab.slices) slice.fill(0xee);
      slab.release();
      return;
    }
    slab?.release();
    bytes.copy(this.content, this.length);
    this.length += bytes.length;
    counts.appends += 1;
  }
  async #cut(): Promise<void> {
    this.isCutting = true;
    while (this.readers > 0) await sleep(1);
    this.length = random.integer(this.length);
    this.stream.truncate(this.length);
    await this.commit();
    this.isCutting = false;
    counts.cuts += 1;
  }
  async commit(): Promise<void> {
    await this.#volume.commit(label(this.id));
  }
  /** Some reads one behind the other, from somewhere. */
  async read(): Promise<void> {
    while (!isOver) {
      const size = random.pick(readSizes);
      let at = random.integer(Math.max(1, this.length));
      for (let left = 1 + random.integer(60); left > 0 && at < this.length && !this.isCutting; left--) {
        at += await this.#readAt(at, Math.min(size, this.length - at));
      }
      await sleep(random.integer(3));
    }
  }
  async #readAt(at: number, bytes: number): Promise<number> {
    this.readers += 1;
    const slab = await this.stream.read(at, bytes);
    const wanted = Buffer.from(this.content.subarray(at, at + bytes));
    const check = (when: string): void =>
      assert(
        Buffer.concat(slab.slices).equals(wanted),
        `${this.id}, ${bytes} bytes at ${at}: other bytes ${when}`,
      );
    check('at once');
    if (random.integer(8) === 0) {
      await sleep(random.integer(15));
      check('a while later');
    }
    slab.release();
    this.readers -= 1;
    counts.reads += 1;
    return bytes;
  }
}
async function keep(group: DedupGroup, tapes: readonly Tape[]): Promise<void> {
  while (!isOver) {
    await sleep(random.integer(200));
    const what = random.integer(3);
    if (what === 0) await group.collect({ garbageShareMin: random.pick([0, 0.02, 0.3]) });
    else if (what === 1) await group.optimize({ garbageShareMin: 0.02 });
    if (what < 2) {
      counts.collections += 1;
      continue;
    }
    const { id } = random.pick(tapes);
    const { lost, ranges } = await group.verify(id);
    assert(!lost && ranges.length === 0, `verifying ${id} found damage`);
    counts.verified += 1;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tapesilo-stress-'));
const options: DedupGroupOptions = {
  env: realEnv(),
  folder: join(folder, 'group'),
  reserveBytes: 0,
  threads: 2,
  memoryBytes: 24 * KiB * KiB,
  density: random.pick(['adaptive', 'adaptive', 'dense']),
  tuning: {
    packBytes: random.pick([64 * KiB, 8 * KiB * KiB]),
    passphraseCost: 4,
    pieceRuns: random.pick([4, 32]),
    checkpointBytes: 400_000,
  },
  ...(values.sealed
    ? {
        keySource: {
          kind: 'passphrase',
          passphrase: async () => await Promise.resolve('a secret of the stress'),
        },
      }
    : {}),
};
try {
  const group = await DedupGroup.open(options);
  const tapes: Tape[] = [];
  for (const id of ['one', 'two', 'three']) tapes.push(new Tape(id, await group.create(id)));
  const readers = tapes.flatMap((tape) =>
    Array.from({ length: readersOfTape }, async () => await tape.read()),
  );
  const over = sleep(Number(values.seconds) * 1000).then(() => (isOver = true));
  await Promise.all([over, keep(group, tapes), ...readers, ...tapes.map(async (tape) => await tape.write())]);
  for (const tape of tapes) await tape.commit();
  await group.close();
  const again = await DedupGroup.open(options);
  for (const { id, content, length } of tapes) {
    const stream = (await again.open(id)).stream('data');
    assert.equal(stream.length, length, id);
    for (let at = 0; at < length; at += 256 * KiB) {
      const bytes = Math.min(256 * KiB, length - at);
      const got = await bytesOf(stream, at, bytes);
      assert(got.equals(content.subarray(at, at + bytes)), `${id}: other bytes at ${at} when opened again`);
    }
  }
  await again.close();
  process.stdout.write(`seed ${values.seed}: ${JSON.stringify(counts)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

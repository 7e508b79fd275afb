/** Regions at hand, under readers that want more and less of them in any order: what is pinned is right and stays so, and nobody waits for ever. */
import test from 'ava';
import { SimRandom } from '../../../sim/sim-random.js';
import { StoreError } from '#errors';
import { Arena } from '../../../../src/store/engine/arena.js';
import type { Directory } from '../../../../src/store/engine/container.format.js';
import { InlineCrew } from '../../../../src/store/engine/crew.js';
import { plainKernels } from '../../../../src/store/engine/kernels.js';
import { type Block, RegionCache } from '../../../../src/store/engine/region-cache.js';
import type { RegionLoader } from '../../../../src/store/engine/region-loader.js';

const blocksMax = 16;
const rawBytes = 100;
const poison = 255;
const directories = [0, 1].map(
  (generation) =>
    ({
      id: 7,
      generation,
      regions: Array.from({ length: 40 }, () => ({ rawBytes })),
    }) as unknown as Directory, // no more is looked at
);
const numberOf = (directory: Directory, region: number): number => directory.generation * 100 + region;

class World {
  readonly random: SimRandom;
  readonly cache: RegionCache;
  /** Blocks that are loaded into, and blocks that are pinned, by what they have to hold. */
  readonly #loading = new Set<Buffer>();
  readonly #pinned = new Map<Block, { number: number; pins: number }>();
  waiting = 0;

  constructor(seed: number) {
    this.random = new SimRandom(seed);
    const arena = new Arena();
    const loader = {
      load: async (directory: Directory, region: number, target: Buffer, enough: number) =>
        await this.#load(directory, region, target, enough),
    } as unknown as RegionLoader; // likewise
    const means = { arena, kernels: plainKernels, crew: new InlineCrew(arena, plainKernels) };
    this.cache = new RegionCache(means, loader, blocksMax);
  }
  async breathe(): Promise<void> {
    for (let turns = this.random.integer(6); turns > 0; turns--) {
      if (this.random.integer(3) > 0) await Promise.resolve();
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }
  async #load(directory: Directory, region: number, target: Buffer, enough: number): Promise<number> {
    if (this.#loading.has(target)) throw new Error('two load into one block');
    for (const block of this.#pinned.keys())
      if (block.memory === target) throw new Error('loads into what is read');
    this.#loading.add(target);
    target.fill(poison, 0, rawBytes);
    await this.breathe();
    const isWhole = this.random.integer(4) === 0;
    target.fill(numberOf(directory, region), 0, isWhole ? rawBytes : enough);
    this.#loading.delete(target);
    if (this.random.integer(12) === 0) throw new StoreError('io', 'of the test');
    return isWhole ? rawBytes : enough;
  }
  check(block: Block, number: number, bytes: number): void {
    if (block.readyBytes < bytes) throw new Error(`${block.readyBytes} bytes instead of ${bytes}`);
    for (let at = 0; at < bytes; at++)
      if (block.memory[at] !== number) throw new Error(`other bytes of ${number}: ${block.memory[at]}`);
  }
  #note(block: Block, number: number, by: number): void {
    const known = this.#pinned.get(block) ?? { number, pins: 0 };
    if (known.number !== number) throw new Error('one block for two regions');
    known.pins += by;
    if (known.pins === 0) this.#pinned.delete(block);
    else this.#pinned.set(block, known);
  }
  async #use(block: Block, number: number, bytes: number): Promise<void> {
    this.#note(block, number, 1);
    this.check(block, number, bytes);
    block.unreadBytes -= this.random.integer(bytes + 1);
    const isLent = this.random.integer(3) === 0 && this.cache.lend(block);
    if (isLent) this.#note(block, number, 1);
    if (this.random.integer(2) === 0) await this.breathe();
    this.check(block, number, bytes);
    this.#note(block, number, -1);
    this.cache.unpin(block);
    if (!isLent) return;
    await this.breathe();
    await this.breathe();
    this.check(block, number, bytes);
    this.#note(block, number, -1);
    this.cache.takeBack(block);
  }
  async reader(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const directory = this.random.pick(directories);
      const region = this.random.integer(this.random.pick([4, 40]));
      const bytes = 1 + this.random.integer(rawBytes);
      const number = numberOf(directory, region);
      const what = this.random.integer(4);
      if (what === 0) {
        const block = this.cache.peek(directory, region, bytes);
        if (block !== undefined) await this.#use(block, number, bytes);
      } else if (what === 1) this.cache.prepare(directory, region, bytes, this.random.integer(bytes + 1));
      else {
        this.waiting += 1;
        const got = await this.cache.get(directory, region, bytes).catch((error: unknown) => {
          if (error instanceof StoreError) return undefined;
          throw error;
        });
        this.waiting -= 1;
        if (got !== undefined) await this.#use(got, number, bytes);
      }
      if (this.random.integer(3) === 0) await this.breathe();
    }
  }
  /** All blocks can be pinned at once: none is held by anybody. */
  async pinAll(): Promise<Set<Block>> {
    const blocks = new Set<Block>();
    for (let region = 0; blocks.size < blocksMax;) {
      const block = await this.cache.get(directories[0] as Directory, region).catch(() => undefined);
      if (block === undefined) continue;
      blocks.add(block);
      region += 1;
    }
    return blocks;
  }
}

test('whoever has a block has the right bytes in it as long as he has it, and all of them can be had afterwards', async (t) => {
  t.timeout(60_000);
  for (
    let seed = Number(process.env['CACHE_SEED'] ?? 1), runs = Number(process.env['CACHE_RUNS'] ?? 60);
    runs > 0;
    runs--, seed++
  ) {
    const world = new World(seed);
    const readers = Array.from({ length: 3 + world.random.integer(30) }, async () => await world.reader(60));
    await Promise.all(readers);
    await world.breathe();
    t.is((await world.pinAll()).size, blocksMax, `seed ${seed}`);
  }
});

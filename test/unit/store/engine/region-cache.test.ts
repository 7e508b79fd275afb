/** Regions at hand: nobody is given one before it is there. */
import test from 'ava';
import { Arena } from '../../../../src/store/engine/arena.js';
import type { Directory } from '../../../../src/store/engine/container.format.js';
import { InlineCrew } from '../../../../src/store/engine/crew.js';
import { plainKernels } from '../../../../src/store/engine/kernels.js';
import { type Block, RegionCache } from '../../../../src/store/engine/region-cache.js';
import type { RegionLoader } from '../../../../src/store/engine/region-loader.js';

const blocksMax = 16;
/** Its regions are full of their numbers. */
const directory = {
  id: 7,
  generation: 0,
  regions: Array.from({ length: 40 }, () => ({ rawBytes: 1000 })),
} as unknown as Directory; // no more of it is looked at
const loader = {
  load: async (_: Directory, region: number, target: Buffer, enough: number) => {
    await Promise.resolve();
    target.fill(region);
    return enough;
  },
} as unknown as RegionLoader; // likewise

function newCache(): RegionCache {
  const arena = new Arena();
  const means = { arena, kernels: plainKernels, crew: new InlineCrew(arena, plainKernels) };
  return new RegionCache(means, loader, blocksMax);
}
const settled = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

test('a region that is there in part is loaded anew when more is wanted, and readers keep what they have', async (t) => {
  const cache = newCache();
  t.true(cache.prepare(directory, 5, 300, 300));
  const waiting = cache.get(directory, 5, 400);
  await settled();
  t.is((await waiting).readyBytes, 1000, 'who waited for more than was coming has it loaded anew');
  cache.unpin(await waiting);

  t.true(cache.prepare(directory, 6, 300, 300));
  await settled();
  t.is(cache.peek(directory, 6, 301), undefined);
  const part = cache.peek(directory, 6, 300);
  t.is(part?.readyBytes, 300);
  t.true(cache.prepare(directory, 6, 200, 10), 'that much is there');
  t.is(cache.peek(directory, 6, 300), part);
  t.true(cache.prepare(directory, 6, 301, 10));
  part?.memory.fill(99);
  const whole = await cache.get(directory, 6);
  t.not(whole, part);
  t.deepEqual([whole.memory[0], whole.readyBytes, part?.memory[0]], [6, 1000, 99]);
});
test('first goes what was read as far as it was wanted', async (t) => {
  const cache = newCache();
  const blockOf = async (region: number): Promise<Block> => {
    const block = await cache.get(directory, region, 300);
    cache.unpin(block);
    return block;
  };
  for (let region = 0; region < blocksMax; region++) cache.prepare(directory, region, 300, 200);
  await settled();
  cache.prepare(directory, 4, 300, 100);
  for (const region of [3, 4]) {
    const block = await cache.get(directory, region, 300);
    block.unreadBytes -= 200;
    cache.unpin(block);
  }
  const spent = await blockOf(3);
  t.is(await blockOf(20), spent);
  t.not(await blockOf(21), spent);
  t.not(cache.peek(directory, 4, 300), undefined, 'of this more was wanted later');
});
test('a region that waits for a block is not taken for loaded before it is', async (t) => {
  const cache = newCache();
  const pinned: Block[] = [];
  for (let region = 0; region < blocksMax; region++) pinned.push(await cache.get(directory, region));
  const late = cache.get(directory, 33);
  const [first] = pinned;
  if (first !== undefined) cache.unpin(first);
  let seen: Block | undefined;
  for (let turn = 0; turn < 50 && seen === undefined; turn++) {
    seen = cache.peek(directory, 33, 1);
    if (seen !== undefined) t.is(seen.memory[0], 33);
    await Promise.resolve();
  }
  t.is(seen, await late);
});
test('a region that is wanted again and again costs no memory each time', async (t) => {
  const cache = newCache();
  for (let region = 0; region < 4; region++) cache.prepare(directory, region, 300, 100);
  await settled();
  const before = process.memoryUsage().heapUsed;
  const turns = 4_000_000;
  for (let turn = 0; turn < turns; turn++) {
    const block = cache.peek(directory, turn % 4, 300);
    if (block === undefined) return t.fail('It is there');
    block.unreadBytes -= 100;
    cache.unpin(block);
    cache.prepare(directory, turn % 4, 300, 100);
  }
  const grownBytes = process.memoryUsage().heapUsed - before;
  t.true(grownBytes < turns * 5, `${grownBytes} bytes`);
  return t.not(cache.peek(directory, 0, 300), undefined);
});

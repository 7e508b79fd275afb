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
  load: async (_: Directory, region: number, target: Buffer) => {
    await Promise.resolve();
    target.fill(region);
  },
} as unknown as RegionLoader; // likewise

test('a region that waits for a block is not taken for loaded before it is', async (t) => {
  const arena = new Arena();
  const means = { arena, kernels: plainKernels, crew: new InlineCrew(arena, plainKernels) };
  const cache = new RegionCache(means, loader, blocksMax);
  const pinned: Block[] = [];
  for (let region = 0; region < blocksMax; region++) pinned.push(await cache.get(directory, region));
  const late = cache.get(directory, 33);
  const [first] = pinned;
  if (first !== undefined) cache.unpin(first);
  let seen: Block | undefined;
  for (let turn = 0; turn < 50 && seen === undefined; turn++) {
    seen = cache.peek(directory, 33);
    if (seen !== undefined) t.is(seen.memory[0], 33);
    await Promise.resolve();
  }
  t.is(seen, await late);
});

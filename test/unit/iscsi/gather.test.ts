import test from 'ava';
import fc from 'fast-check';
import { copyOf, type Slab, SlabPool } from '#wire';
import { ByteRanges, Gather, GatherMemory } from '../../../src/iscsi/gather.js';

const blockBytes = 65_536;
const memoryOf = (blocksMax: number): { pool: SlabPool; memory: GatherMemory } => {
  const pool = new SlabPool({ blockBytes, blocksMax });
  return { pool, memory: new GatherMemory(pool) };
};
const pattern = (from: number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => ((from + index) * 7 + ((from + index) >> 8)) & 0xff));

test('bytes land and are carved in order through a ring smaller than the stream', (t) => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(lengths, lengths, (landings, carvings) => {
      const { pool, memory } = memoryOf(8);
      const slab = memory.take(3 * blockBytes);
      if (slab === undefined) throw new Error('no memory');
      const gather = new Gather(memory, slab, () => undefined);
      let landed = 0;
      let carved = 0;
      for (let turn = 0; turn < 60; turn++) {
        const want = landings[turn % landings.length] ?? 1;
        const length = Math.min(want, gather.limit - landed);
        const chunk = Buffer.concat([Buffer.alloc(3, 1), pattern(landed, length), Buffer.alloc(3, 1)]);
        gather.land(chunk, 3, 3 + length, landed);
        landed += length;
        const take = Math.min(carvings[turn % carvings.length] ?? 1, landed - carved);
        if (take === 0) continue;
        const part = gather.carve(take);
        t.is(part.length, take);
        t.true(copyOf(part).equals(pattern(carved, take)));
        carved += take;
        part.release();
      }
      gather.close();
      t.is(pool.freeBytes, 8 * blockBytes);
    }),
    { numRuns: 30 },
  );
});
test('a block is not reused while the unit holds a part of it', (t) => {
  const { memory } = memoryOf(4);
  const gather = new Gather(memory, memory.take(2 * blockBytes) as Slab, () => undefined);
  const first = Buffer.alloc(2 * blockBytes, 1);
  gather.land(first, 0, first.length, 0);
  const one = gather.carve(100);
  const two = gather.carve(2 * blockBytes - 100);
  two.release();
  t.is(gather.limit, 2 * blockBytes);
  one.release();
  t.is(gather.limit, 4 * blockBytes);
  gather.close();
});
test('memory goes back when the last part is released, also after the end', (t) => {
  const { pool, memory } = memoryOf(4);
  const gather = new Gather(memory, memory.take(100) as Slab, () => undefined);
  gather.land(Buffer.alloc(100), 0, 100, 0);
  const part = gather.carve(50);
  gather.close();
  gather.close();
  t.is(pool.freeBytes, 3 * blockBytes);
  part.release();
  t.is(pool.freeBytes, 4 * blockBytes);
  t.throws(() => part.release());
});
test('a session has its share of the pool, and waits its turn for more', async (t) => {
  const { pool, memory } = memoryOf(8);
  const held = memory.take(4 * blockBytes) as Slab;
  t.is(memory.take(1), undefined, 'half of the pool is the limit');
  t.is(pool.freeBytes, 4 * blockBytes, 'though the pool has more');
  const order: number[] = [];
  const waits = [3, 2].map(async (blocks) => {
    const slab = await memory.takeSoon(blocks * blockBytes);
    order.push(blocks);
    return slab;
  });
  memory.giveBack(held);
  const first = (await waits[0]) as Slab;
  t.deepEqual(order, [3]);
  t.is(memory.take(1), undefined, 'nobody overtakes who waits');
  memory.giveBack(first);
  memory.giveBack((await waits[1]) as Slab);
  t.deepEqual(order, [3, 2]);
  t.is(memory.takenBytes, 0);
  t.is(pool.freeBytes, 8 * blockBytes);
});

test('ranges: any order, each byte once', (t) => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, fc.infiniteStream(fc.nat()), (points, random) => {
      const edges = [0, ...points.toSorted((a, b) => a - b), 1000];
      const parts = edges.slice(1).map((to, index) => [edges[index] ?? 0, to] as const);
      const ranges = new ByteRanges();
      while (parts.length > 0) {
        t.false(ranges.covers(0, 1000));
        const [[from, to] = [0, 0]] = parts.splice(Number(random.next().value) % parts.length, 1);
        t.true(ranges.add(from, to));
        t.false(ranges.add(from, to), 'a byte twice');
        t.true(ranges.covers(from, to));
      }
      t.true(ranges.covers(0, 1000));
      t.is(ranges.count, 1);
    }),
  );
});

import test from 'ava';
import { alignedBuffer, copyOf, SlabPool } from '#wire';

test('a slab covers its length over blocks, and the memory comes back', (t) => {
  const pool = new SlabPool({ blockBytes: 65536, blocksMax: 4 });
  const slab = pool.take(65536 * 2 + 10);
  t.deepEqual(
    slab?.slices.map((slice) => slice.length),
    [65536, 65536, 10],
  );
  t.is(pool.freeBytes, 65536);
  t.is(pool.take(65537), undefined);
  slab?.release();
  t.is(pool.freeBytes, 65536 * 4);
});
test('who waits is served in order, and nobody overtakes', async (t) => {
  const pool = new SlabPool({ blockBytes: 65536, blocksMax: 2 });
  const first = pool.take(65536);
  const order: string[] = [];
  const large = pool.takeSoon(65536 * 2).then((slab) => {
    order.push('large');
    slab.release();
  });
  const small = pool.takeSoon(1).then((slab) => {
    order.push('small');
    slab.release();
  });
  t.is(pool.take(1), undefined, 'a waiting slab is not overtaken');
  first?.release();
  await Promise.all([large, small]);
  t.deepEqual(order, ['large', 'small']);
  t.is(pool.freeBytes, 65536 * 2);
});
test('releasing twice is a bug that stops', (t) => {
  const slab = new SlabPool({ blockBytes: 65536, blocksMax: 1 }).take(5);
  slab?.slices[0]?.write('hello');
  t.is(slab === undefined ? '' : copyOf(slab).toString(), 'hello');
  slab?.release();
  t.throws(() => slab?.release(), { message: /released once/ });
});
test('aligned memory starts at a page', (t) => {
  t.is(alignedBuffer(100_000).byteOffset, 0);
  t.is(alignedBuffer(100_000).length, 100_000);
});

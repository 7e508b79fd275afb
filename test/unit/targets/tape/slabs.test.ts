import test from 'ava';
import { copyOf, type Slab, SlabPool } from '#wire';
import {
  cut,
  Gatherer,
  parts,
  reversed,
  sameBytes,
  slicesOf,
  tail,
  withSuffix,
} from '../../../../targets/tape/slabs.js';

/** A slab over many small slices, that counts how often it is released. */
function pieces(bytes: Buffer, sliceBytes: number): { slab: Slab; released: () => number } {
  let released = 0;
  const slices: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += sliceBytes) slices.push(bytes.subarray(at, at + sliceBytes));
  return { slab: { length: bytes.length, slices, release: () => (released += 1) }, released: () => released };
}
const bytes = Buffer.from(Array.from({ length: 100 }, (_, index) => index));

test('views across slices', (t) => {
  for (const sliceBytes of [1, 3, 7, 100]) {
    const { slab } = pieces(bytes, sliceBytes);
    for (const [from, length] of [
      [0, 0],
      [0, 100],
      [6, 8],
      [99, 1],
      [100, 0],
    ] as const) {
      t.deepEqual(Buffer.concat(slicesOf(slab, from, length)), bytes.subarray(from, from + length));
    }
    t.deepEqual(copyOf(cut(slab, 10)), bytes.subarray(0, 10));
    t.deepEqual(copyOf(tail(slab, 10)), bytes.subarray(90));
    t.deepEqual(copyOf(withSuffix(slab, Buffer.from('xy'))), Buffer.concat([bytes, Buffer.from('xy')]));
  }
});

test('parts: each is released on its own, the whole with the last of them, and no part twice', (t) => {
  const { slab, released } = pieces(bytes, 9);
  const list = parts(slab, 20);
  t.deepEqual(
    list.map((part) => copyOf(part)[0]),
    [0, 20, 40, 60, 80],
  );
  for (const part of list) {
    t.is(released(), 0);
    part.release();
  }
  t.is(released(), 1);
  t.throws(() => list[0]?.release());
  t.throws(() => parts(slab, 30), undefined, 'whole parts only');
});

test('reversed: in memory of the pool, over blocks, and the source is released', async (t) => {
  const pool = new SlabPool({ blockBytes: 64 * 1024, blocksMax: 8 });
  const long = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
  const { slab, released } = pieces(long, 1000);
  const back = await reversed(pool, slab);
  t.true(copyOf(back).equals(Buffer.from(long).reverse()));
  t.is(released(), 1);
  back.release();
  t.is(pool.freeBytes, 8 * 64 * 1024);
});

test('the same bytes, however they are sliced', (t) => {
  t.true(sameBytes(pieces(bytes, 7).slab, pieces(bytes, 11).slab));
  const other = Buffer.from(bytes);
  other[98] = 0;
  t.false(sameBytes(pieces(bytes, 7).slab, pieces(other, 11).slab));
  t.false(sameBytes(pieces(bytes, 7).slab, pieces(bytes.subarray(1), 7).slab));
});

test('gathering: small records leave together and in order, large ones as they are, and all memory comes back', async (t) => {
  const pool = new SlabPool({ blockBytes: 64 * 1024, blocksMax: 2 });
  const sent: Buffer[] = [];
  const gatherer = new Gatherer(pool, async (slab) => {
    await Promise.resolve();
    sent.push(copyOf(slab));
    slab.release();
  });
  let expected = Buffer.alloc(0);
  let releases = 0;
  const sizes = [100, 30_000, 30_000, 30_000, 60_000, 5];
  for (const [index, size] of sizes.entries()) {
    const { slab, released } = pieces(Buffer.alloc(size, index + 1), 999);
    expected = Buffer.concat([expected, copyOf(slab)]);
    await gatherer.add(slab);
    releases += released();
  }
  await gatherer.flush();
  t.true(Buffer.concat(sent).equals(expected));
  t.is(releases, sizes.length);
  t.true(sent.length < sizes.length);
  t.is(pool.freeBytes, 2 * 64 * 1024);
  await gatherer.add(pieces(bytes, 7).slab);
  gatherer.discard();
  t.is(pool.freeBytes, 2 * 64 * 1024);
});

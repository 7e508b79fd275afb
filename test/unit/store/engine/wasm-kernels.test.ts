/** Which regions are compressed, and that they come back. */
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import test from 'ava';
import { Arena } from '../../../../src/store/engine/arena.js';
import { regionBytesMax } from '../../../../src/store/engine/engine-limits.js';
import { openWasmKernels } from '../../../../src/store/engine/wasm-kernels.js';
import { lines, noise } from '../kernels/workbench.js';

const arena = new Arena();
const kernels = await openWasmKernels(arena);
const [source, target, back] = [0, 1, 2].map(() => arena.allocate(regionBytesMax)) as [
  Buffer,
  Buffer,
  Buffer,
];

/** Bytes that are stored of a region, of 100. */
function share(bytes: Buffer, dense: boolean): number {
  bytes.copy(source);
  const from = source.subarray(0, bytes.length);
  const packed = kernels.compress(from, target.subarray(0, bytes.length), dense);
  if (packed === undefined) return 100;
  const to = randomFillSync(back.subarray(0, bytes.length));
  kernels.decompress(packed.codec, target.subarray(0, packed.bytes), to);
  return to.equals(from) ? (packed.bytes / bytes.length) * 100 : NaN;
}
const random = noise('region', regionBytesMax);
/** Random data, overwritten from each multiple of `period` on. */
function sprinkled(period: number, put: (at: number) => Buffer): Buffer {
  const bytes = Buffer.from(random);
  for (let at = 0; at + period <= bytes.length; at += period) put(at).copy(bytes, at);
  return bytes;
}
function program(): Buffer {
  const file = openSync(process.execPath, 'r');
  const bytes = Buffer.alloc(regionBytesMax);
  readSync(file, bytes, 0, bytes.length, 30_000_000);
  closeSync(file);
  return bytes;
}
const repeatedAt = 100_001;
/** Name, bytes, and the most of 100 that is stored of them fast and densely. */
const cases: readonly (readonly [string, Buffer, number, number])[] = [
  ['random', random, 100, 100],
  ['a part of a region of it', random.subarray(0, 5000), 100, 100],
  ['text', lines(regionBytesMax), 35, 25],
  ['a program', program(), 90, 85],
  ['base64', Buffer.from(random.subarray(0, 196_608).toString('base64')), 100, 77],
  ['bytes of seven bits', Buffer.from(random.map((byte) => byte & 127)), 100, 89],
  ['zero padding of records', sprinkled(1024, () => Buffer.alloc(70)), 95, 95],
  ['the same head of all records', sprinkled(1000, () => random.subarray(0, 80)), 95, 94],
  ['a tenth that is repeated', sprinkled(50_000, (at) => random.subarray(at + 25_000, at + 30_000)), 94, 94],
  ['text at the end', Buffer.concat([random.subarray(0, 200_000), lines(62_144)]), 86, 84],
];
for (const [name, bytes, fast, dense] of cases) {
  test(`${name}: at most ${fast} of 100 are stored fast, ${dense} densely`, (t) => {
    const shares = [share(bytes, false), share(bytes, true)];
    t.true((shares[0] ?? NaN) <= fast && (shares[1] ?? NaN) <= dense, shares.join());
    if (fast === 100) t.is(shares[0], 100);
    if (dense === 100) t.is(shares[1], 100);
  });
}

test('what hardly shrinks is stored as it is, and reading it back costs nothing', (t) => {
  const bytes = Buffer.from(random);
  bytes.copy(bytes, repeatedAt, 80_000, 81_000);
  t.is(share(bytes, false), 100);
});

test('a dense region that is shorter than it should be is damaged, however little of it is enough', (t) => {
  const bytes = lines(50_000);
  bytes.copy(source);
  for (const dense of [false, true]) {
    const packed = kernels.compress(source.subarray(0, bytes.length), target, dense);
    if (packed === undefined) return t.fail('It compresses');
    const stored = target.subarray(0, packed.bytes);
    t.throws(() => kernels.decompress(packed.codec, stored, back.subarray(0, 50_001), 50_001), {
      code: 'corrupt',
    });
    // Of the dense kind, all is said to be there.
    const decode = (): void => kernels.decompress(packed.codec, stored, back.subarray(0, 60_000), 1000);
    if (dense) t.throws(decode, { code: 'corrupt' });
    else t.notThrows(decode);
  }
  return t.pass();
});

/** Many hashes at once say what one after another says; what does not is not used. */
import { createHash } from 'node:crypto';
import { arch, platform } from 'node:process';
import test from 'ava';
import {
  lanesBytes,
  loadMultiBlock,
  type MultiBlock,
  openSha256Lanes,
} from '../../../src/env/sha256-lanes.js';

const blockBytes = 64;
const digestBytes = 32;
const scratchAt = 4096;
const memoryAt = 65_536;
const memoryBytes = 1024 * 1024;

/** Bytes that do not repeat, and the same in every run. */
function noise(bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / digestBytes) }, (_, index) =>
    createHash('sha256').update(`lanes ${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
}
const { buffer } = new WebAssembly.Memory({ initial: 32, maximum: 64, shared: true });
const scratch = Buffer.from(buffer, scratchAt, lanesBytes);
const memory = Buffer.from(buffer, memoryAt, memoryBytes);
noise(memoryBytes).copy(memory);

const lanes = await openSha256Lanes(scratch);
/** Where they are not to be had, nothing else follows. */
const there = lanes === undefined ? test.skip : test;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
/** What they say of pieces of those lengths, one behind the other, and what Node says. */
function both(lengths: readonly number[], from = 0): readonly [string[], string[]] {
  const pieces = new Int32Array(2 * lengths.length);
  const wanted: string[] = [];
  let at = from;
  for (const [index, bytes] of lengths.entries()) {
    pieces.set([at, at + bytes], 2 * index);
    wanted.push(sha256(memory.subarray(at, at + bytes)));
    at += bytes;
  }
  const digests = Buffer.alloc(lengths.length * digestBytes);
  lanes?.digest(memory, pieces, lengths.length, digests);
  const said = wanted.map((_, index) =>
    digests.toString('hex', index * digestBytes, (index + 1) * digestBytes),
  );
  return [said, wanted];
}

there('pieces of every length up to a few blocks, wherever they begin', (t) => {
  const lengths = Array.from({ length: 5 * blockBytes }, (_, bytes) => bytes);
  for (const from of [0, 1, 31]) t.deepEqual(...both(lengths, from));
});
there('any number of them, the longest at any place', (t) => {
  for (let count = 0; count <= 20; count++)
    for (let longest = 0; longest < Math.max(1, count); longest++) {
      const lengths = Array.from({ length: count }, (_, index) =>
        index === longest ? 30_007 : 700 + 64 * index,
      );
      t.deepEqual(...both(lengths));
    }
});
there('chunks of a stream', (t) => {
  const random = noise(4 * 60);
  const lengths = Array.from({ length: 40 }, (_, index) => 4096 + (random.readUInt32LE(index * 4) % 20_000));
  t.deepEqual(...both(lengths, 77));
});
there('nothing is written but digests', (t) => {
  const before = Buffer.from(memory);
  const around = Buffer.from(buffer, 0, memoryAt);
  around.fill(0xee, 0, scratchAt).fill(0xee, scratchAt + lanesBytes);
  const digests = Buffer.alloc(4 * digestBytes, 0xdd);
  lanes?.digest(memory, Int32Array.of(0, 1000, 1000, 66_000), 2, digests);
  t.true(memory.equals(before));
  t.true(digests.subarray(2 * digestBytes).equals(Buffer.alloc(2 * digestBytes, 0xdd)));
  t.true(around.subarray(0, scratchAt).every((byte) => byte === 0xee));
  t.true(around.subarray(scratchAt + lanesBytes).every((byte) => byte === 0xee));
});
there('bytes beyond the memory are asked for: nothing is computed', (t) => {
  const digests = Buffer.alloc(digestBytes);
  t.throws(() => lanes?.digest(memory, Int32Array.of(0, memoryBytes + 1), 1, digests));
  t.throws(() => lanes?.digest(memory, Int32Array.of(-1, 5), 1, digests));
  t.deepEqual(...both([100, 200]));
});

const isPossible = platform === 'linux' && arch === 'x64' && process.versions.openssl.startsWith('3.');
test('what is not there, or does not say what Node says, is not used', async (t) => {
  const refused = async (load: () => Promise<MultiBlock>): Promise<void> => {
    t.is(await openSha256Lanes(Buffer.alloc(lanesBytes), load), undefined);
  };
  await refused(() => Promise.reject(new Error('no such function')));
  await refused(() => Promise.resolve(() => undefined));
  if (lanes === undefined) return;
  const real = await loadMultiBlock();
  t.true(isPossible);
  t.not(await openSha256Lanes(scratch, () => Promise.resolve(real)), undefined);
  // The last four are forgotten; one time in a hundred nothing is done.
  await refused(() => Promise.resolve((state, orders) => real(state, orders, 1)));
  let calls = 0;
  const lazy: MultiBlock = (state, orders, fours) => {
    calls += 1;
    if (calls % 100 !== 0) real(state, orders, fours);
  };
  await refused(() => Promise.resolve(lazy));
});

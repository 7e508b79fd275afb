/** The codecs: what goes in comes out, rooms are kept, and what is no block is refused. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { StoreError } from '#errors';
import { top } from '#support';
import { type Codec, Kernels } from '../../../../src/store/kernels/index.js';
import { referenceLz4Decode } from './reference-lz4.js';
import { lines, noise, periodic, Workbench } from './workbench.js';

const bench = await Workbench.open();
const codecs: readonly Codec[] = ['fast', 'dense'];

const inputs: readonly Buffer[] = [
  Buffer.alloc(0),
  ...Array.from({ length: 40 }, (_, length) => Buffer.alloc(length + 1, 0x61)),
  ...Array.from({ length: 40 }, (_, i) => noise('short', i + 1)),
  ...Array.from({ length: 40 }, (_, i) => periodic('period', i + 1, 500 + i)),
  Buffer.alloc(262_144),
  noise('region', 262_144),
  lines(262_144),
  // Distances on both sides of what two bytes can say.
  ...[65_534, 65_535, 65_536].map((period) => periodic('far', period, 200_000)),
  Buffer.concat([lines(70_000), noise('tail', 70_000), lines(70_000)]),
  lines(1_048_576),
];

for (const codec of codecs) {
  test(`${codec}: what goes in comes out`, (t) => {
    for (const bytes of inputs) {
      const block = bench.compress(codec, bytes);
      if (block === undefined) return t.fail(`${bytes.length} bytes do not fit the bound`);
      t.true(bench.decompress(codec, block, bytes.length).equals(bytes), `${bytes.length}`);
    }
    return t.pass();
  });

  test(`${codec}: generated input comes out`, (t) => {
    const stretch = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 3000 }))
        .map(([unit, length]) => Uint8Array.from({ length }, (_, i) => unit[i % unit.length] ?? 0)),
    );
    const input = fc.array(stretch, { maxLength: 12 }).map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(input, (bytes) => {
        const block = bench.compress(codec, bytes) ?? Buffer.alloc(0);
        t.true(bench.decompress(codec, block, bytes.length).equals(bytes));
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  test(`${codec}: at least what is enough comes out`, (t) => {
    for (const bytes of inputs) {
      const block = bench.compress(codec, bytes) ?? Buffer.alloc(0);
      for (let enough = 0; enough <= bytes.length; enough += 1 + (bytes.length >> 6)) {
        const part = bench.decompress(codec, block, bytes.length, enough);
        t.true(part.length >= enough && part.equals(bytes.subarray(0, part.length)), `${enough}`);
      }
    }
    const long = lines(262_144);
    const part = bench.decompress(codec, bench.compress(codec, long) ?? Buffer.alloc(0), long.length, 1000);
    t.is(part.length < 2000, codec === 'fast');
  });

  test(`${codec}: nothing is written beyond the room, however little it is`, (t) => {
    const bytes = Buffer.concat([lines(3000), noise('room', 300), lines(2000)]);
    const whole = bench.compress(codec, bytes) ?? Buffer.alloc(0);
    for (let room = 0; room < whole.length + 100; room++) {
      const block = bench.compress(codec, bytes, room);
      if (room < whole.length) t.is(block, undefined, `${room}`);
      else t.true(block === undefined || block.equals(whole), `${room}`);
    }
    t.true(bench.compress(codec, bytes, whole.length + 16)?.equals(whole));
    for (let room = 0; room < bytes.length; room += 13) {
      t.throws(() => bench.decompress(codec, whole, room), { instanceOf: StoreError, code: 'corrupt' });
    }
    t.true(bench.decompress(codec, whole, bytes.length + 100).equals(bytes));
  });

  test(`${codec}: rooms around what a run of literals needs`, (t) => {
    for (let literals = 1; literals <= 80; literals++) {
      const bytes = Buffer.concat([noise('literals', literals), Buffer.alloc(40), noise('end', literals)]);
      const whole = bench.compress(codec, bytes) ?? Buffer.alloc(0);
      for (let room = literals; room < whole.length + 20; room++) {
        const block = bench.compress(codec, bytes, room); // throws when it writes behind its room
        if (room < whole.length) t.is(block, undefined);
        else t.true(block === undefined || block.equals(whole));
      }
      t.true(bench.compress(codec, bytes, whole.length + 16)?.equals(whole));
    }
  });

  test(`${codec}: damaged blocks are refused or give something, always in bounds`, (t) => {
    const bytes = Buffer.concat([noise('damage', 200), lines(1500), Buffer.alloc(300)]);
    const block = bench.compress(codec, bytes) ?? Buffer.alloc(0);
    let refused = 0;
    for (let at = 0; at < block.length; at++) {
      for (const flip of [0x01, 0x10, 0x80, 0xff]) {
        const damaged = Buffer.from(block);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        refused += isRefused(codec, damaged, bytes.length) ? 1 : 0;
      }
    }
    for (let length = 0; length < block.length; length++) {
      const isShort = isRefused(codec, block.subarray(0, length), bytes.length);
      // An LZ4 block may end behind any literals, so a part of one can be a block.
      if (codec === 'dense') t.true(isShort, `${length}`);
    }
    t.true(refused > 0);
  });
}

function isRefused(codec: Codec, block: Uint8Array, room: number): boolean {
  try {
    bench.decompress(codec, block, room);
    return false;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'corrupt') return true;
    throw error;
  }
}

/** What both decoders make of a block: content, or undefined. */
function decodedTwice(block: Uint8Array, room: number): [Buffer | undefined, Buffer | undefined] {
  const attempt = (decode: () => Buffer): Buffer | undefined => {
    try {
      return decode();
    } catch (error) {
      if (error instanceof StoreError && error.code === 'corrupt') return undefined;
      throw error;
    }
  };
  return [
    attempt(() => bench.decompress('fast', block, room)),
    attempt(() => referenceLz4Decode(block, room)),
  ];
}

test('LZ4: the reference reads what we write', (t) => {
  for (const bytes of inputs.filter(({ length }) => length < 300_000)) {
    const block = bench.compress('fast', bytes) ?? Buffer.alloc(0);
    t.true(referenceLz4Decode(block, bytes.length).equals(bytes), `${bytes.length}`);
  }
});

test('LZ4: the decoder and the reference take the same for a block, and make the same of it', (t) => {
  // Tokens with lengths that are mostly near the truth, so that many blocks are sound for a while.
  const sequence = fc
    .record({
      literals: fc.uint8Array({ maxLength: 40 }),
      claimed: fc.integer({ min: -1, max: 1 }),
      distance: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 65535 })),
      match: fc.oneof(fc.integer({ min: 0, max: 14 }), fc.integer({ min: 15, max: 900 })),
    })
    .map(({ literals, claimed, distance, match }) => {
      const stated = Math.max(0, literals.length + (claimed === 1 ? 1 : 0));
      const rest = (length: number): number[] =>
        length < 15 ? [] : [...Array<number>(Math.floor((length - 15) / 255)).fill(255), (length - 15) % 255];
      const token = (Math.min(stated, 15) << 4) | Math.min(match, 15);
      return [token, ...rest(stated), ...literals, distance & 0xff, distance >> 8, ...rest(match)];
    });
  const block = fc
    .tuple(fc.array(sequence, { maxLength: 6 }), fc.uint8Array({ maxLength: 14 }))
    .map(([sequences, last]) => Uint8Array.from([...sequences.flat(), last.length << 4, ...last]));
  let sound = 0;
  fc.assert(
    fc.property(
      fc.oneof(block, fc.uint8Array({ maxLength: 60 })),
      fc.integer({ min: 0, max: 2500 }),
      (bytes, room) => {
        const [ours, theirs] = decodedTwice(bytes, room);
        if (ours !== undefined) sound += 1;
        t.deepEqual(ours, theirs);
      },
    ),
    { numRuns: 4000, seed: 4 },
  );
  t.true(sound > 200, `${sound} blocks were sound`);
});

test('LZ4: long blocks are decoded as the reference does it, whatever their sequences are like, sound and damaged', (t) => {
  // Lengths and distances around those that are told apart.
  const around = (...edges: number[]): fc.Arbitrary<number> =>
    fc.oneof(...edges.map((edge) => fc.integer({ min: Math.max(0, edge - 2), max: edge + 2 })));
  const sequence = fc.record({
    literals: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 14 }), around(15, 32, 33, 48, 269, 270)),
    distance: fc.oneof(around(3, 8, 15, 16, 17, 31, 33), fc.integer({ min: 1, max: 65535 })),
    match: fc.oneof(fc.integer({ min: 4, max: 18 }), around(19, 32, 48, 64, 80, 273, 274, 530)),
  });
  const rest = (length: number): number[] =>
    length < 15 ? [] : [...Array<number>(Math.floor((length - 15) / 255)).fill(255), (length - 15) % 255];
  fc.assert(
    fc.property(
      fc.array(sequence, { minLength: 1, maxLength: 120 }),
      fc.integer({ min: 5, max: 400 }),
      fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff_ffff })),
      (sequences, last, damage) => {
        const literals = noise(`${last}`, 40_000);
        const bytes: number[] = [];
        let produced = 0;
        for (const { literals: count, distance, match } of sequences) {
          const few = produced === 0 ? Math.max(1, count) : count;
          const some = literals.subarray(produced % 1000, (produced % 1000) + few);
          produced += few;
          const back = 1 + ((distance - 1) % produced);
          const token = (Math.min(few, 15) << 4) | Math.min(match - 4, 15);
          bytes.push(token, ...rest(few), ...some, back & 0xff, back >> 8, ...rest(match - 4));
          produced += match;
        }
        bytes.push(Math.min(last, 15) << 4, ...rest(last), ...literals.subarray(0, last));
        produced += last;
        const block = Uint8Array.from(bytes);
        if (damage !== 0) block[damage % block.length] = damage >>> 24;
        for (const room of [produced, produced + 1000, produced - 1, Math.floor(produced / 2)]) {
          const [ours, theirs] = decodedTwice(block, room);
          t.deepEqual(ours, theirs);
          if (damage === 0) t.is(ours?.length, room < produced ? undefined : produced);
        }
      },
    ),
    { numRuns: 600, seed: 5 },
  );
});

interface Vector {
  readonly say: string;
  readonly block: string;
  /** Hex, or how often a unit is repeated, or `refused`. */
  readonly content: string | { readonly unit: string; readonly count: number };
}
const vectors = JSON.parse(readFileSync(join(top, 'fixtures/lz4/blocks.json'), 'utf8')) as readonly Vector[];
for (const { say, block, content } of vectors) {
  test(`LZ4 block: ${say}`, (t) => {
    const [ours, theirs] = decodedTwice(Buffer.from(block.replaceAll(' ', ''), 'hex'), 1000);
    const unit = typeof content === 'string' ? content : content.unit.repeat(content.count);
    const expected = content === 'refused' ? undefined : Buffer.from(unit.replaceAll(' ', ''), 'hex');
    t.deepEqual(ours, expected);
    t.deepEqual(theirs, expected);
  });
}

test('the fast codec shrinks text to a third, the dense one further', (t) => {
  const [fast, dense] = codecs.map((codec) => bench.compress(codec, lines(131_072))?.length ?? 0);
  t.true((fast ?? 0) < 131_072 / 3);
  t.true((dense ?? 0) < (fast ?? 0));
});

test('one object may work with any part of a memory that grows', async (t) => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 8, shared: true });
  const kernels = await Kernels.open(memory, 0);
  (memory as unknown as { grow(pages: number): number }).grow(4);
  const all = Buffer.from(memory.buffer);
  const bytes = lines(60_000);
  const from = all.length - bytes.length;
  all.set(bytes, from);
  for (const codec of codecs) {
    const length = kernels.compress(codec, from, bytes.length, 5 * 65536, 65536);
    t.is(kernels.decompress(codec, 5 * 65536, length, 6 * 65536, bytes.length), bytes.length);
    t.true(all.subarray(6 * 65536, 6 * 65536 + bytes.length).equals(bytes));
  }
});

test('to open writes nothing: other threads are at work in the same memory', async (t) => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
  const all = Buffer.from(memory.buffer).fill(0x5a);
  await Kernels.open(memory, 64);
  t.true(all.every((byte) => byte === 0x5a));
});

test('the probe tells what compresses', (t) => {
  const random = noise('probe', 131_072);
  const half = random.subarray(0, 65_536);
  const compressible: readonly Buffer[] = [
    lines(131_072),
    lines(3000),
    Buffer.alloc(131_072),
    Buffer.from(half.toString('base64')),
    Buffer.concat([half, noise('other', 70), half]), // nothing but a repetition, at an odd distance
    Buffer.concat([random, lines(24_000)]),
  ];
  for (const [index, bytes] of compressible.entries()) t.true(bench.isCompressible(bytes), `${index}`);
  const packed = bench.compress('dense', lines(1_000_000)) ?? Buffer.alloc(0);
  for (const bytes of [random, half, noise('small', 2000), packed, Buffer.alloc(0)]) {
    t.false(bench.isCompressible(bytes), `${bytes.length}`);
  }
});

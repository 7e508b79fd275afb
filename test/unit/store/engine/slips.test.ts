/** However bytes come and whatever is hinted, the cuts and fingerprints are those of the whole. */
import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { plainKernels } from '#store';
import { Arena } from '../../../../src/store/engine/arena.js';
import { InlineCrew } from '../../../../src/store/engine/crew.js';
import { plainFingerprints } from '../../../../src/store/engine/fingerprint-cipher.js';
import {
  chunkBytesMax,
  chunkBytesMin,
  cutBytesMax,
  ringBytes,
} from '../../../../src/store/engine/engine-limits.js';
import { Rings } from '../../../../src/store/engine/rings.js';
import type { CutSlip } from '../../../../src/store/engine/slips.js';
import { openWasmKernels } from '../../../../src/store/engine/wasm-kernels.js';
import { patternBytes } from '../../../contract/store.js';

interface Chunk {
  readonly from: number;
  readonly bytes: number;
  readonly digest: Buffer;
}
const arena = new Arena();
const ringsOf = (kernels: typeof plainKernels, crew = new InlineCrew(arena, kernels)): Rings =>
  new Rings({ arena, kernels, crew }, plainFingerprints);
const plainRings = ringsOf(plainKernels);

/** All chunks of the content, in the order in which the ring gives them; pieces of these sizes go in. */
function cut(
  content: Buffer,
  sizes: readonly number[],
  hint: (slip: CutSlip, place: number, bytes: number) => void,
  rings = plainRings,
): Chunk[] {
  const chunks: Chunk[] = [];
  const ring = rings.take({ found: () => undefined, hint });
  const drain = (): void => {
    while (ring.next()) {
      const bytes = Buffer.from(ring.memory.subarray(ring.chunkFrom, ring.chunkTo));
      const digest = Buffer.from(ring.digests.subarray(ring.digestAt, ring.digestAt + 32));
      const from = ring.begin;
      if (!bytes.equals(content.subarray(from, from + bytes.length)))
        throw new Error(`other bytes at ${from}`);
      chunks.push({ from, bytes: bytes.length, digest });
      ring.take();
    }
  };
  let turn = 0;
  for (let at = 0; at < content.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    at += ring.fill(content.subarray(at, Math.min(content.length, at + size)), 0);
    ring.hand(turn % 3 === 0 || at === content.length);
    drain();
  }
  ring.hand(true);
  drain();
  rings.give(ring);
  return chunks;
}
const content = Buffer.concat(
  Array.from({ length: 36 }, (_, i) => (i % 4 === 3 ? Buffer.alloc(300_000, i) : patternBytes(i, 300_000))),
);
const whole = cut(content, [100_000], () => undefined);

test('chunks are contiguous, as long as they may be, and have the fingerprints of their bytes', (t) => {
  t.true(content.length > ringBytes, 'the ring goes round');
  let at = 0;
  for (const { from, bytes, digest } of whole) {
    t.is(from, at);
    at += bytes;
    t.true(digest.equals(createHash('sha256').update(content.subarray(from, at)).digest()));
  }
  t.true(content.length - at < 65_536);
});

/** As when a thread ends between doing and telling. */
class TwiceCrew extends InlineCrew {
  override run(slip: CutSlip): void {
    slip.perform(plainKernels, (at, bytes) => arena.view(at, bytes));
    super.run(slip);
  }
}
test('a slip that is performed twice comes out the same', (t) => {
  const rings = ringsOf(plainKernels, new TwiceCrew(arena, plainKernels));
  t.deepEqual(
    cut(content, [70_001, 300_000], () => undefined, rings),
    whole,
  );
});

test('hints that are right, wrong, shifted, or missing change nothing', (t) => {
  const kinds = ['right', 'wrong', 'longer', 'far longer', 'shifted', 'missing'] as const;
  const lengths = fc.array(fc.integer({ min: 1, max: 900_000 }), { minLength: 1, maxLength: 6 });
  const choices = fc.array(fc.constantFrom(...kinds), { minLength: 3, maxLength: 12 });
  fc.assert(
    fc.property(lengths, choices, (sizes, kind) => {
      const hint = (slip: CutSlip, place: number, bytes: number): void => {
        for (const [index, chunk] of whole.entries()) {
          const from = chunk.from - place;
          if (from + chunk.bytes <= 0 || from >= bytes) continue;
          const how = kind[index % kind.length];
          if (how === 'missing') continue;
          const fingerprint = how === 'wrong' ? Buffer.alloc(32, 1) : chunk.digest;
          const longer = how === 'longer' ? 1 : how === 'far longer' ? 190_000 : 0;
          slip.hint(how === 'shifted' ? from + 1 : from, chunk.bytes + longer, fingerprint, 0);
        }
      };
      const got = cut(content, sizes, hint);
      t.deepEqual(
        got.map(({ from, bytes }) => [from, bytes]),
        whole.map(({ from, bytes }) => [from, bytes]),
      );
      t.true(got.every(({ digest }, index) => digest.equals(whole[index]?.digest ?? Buffer.alloc(0))));
    }),
    { numRuns: 25, seed: 7 },
  );
});

test('a hint that was wrong leaves as many chunks to the next slip as there can be', async (t) => {
  const rings = ringsOf(await openWasmKernels(arena));
  // It is a chunk, and hardly longer than it must be.
  const chunk = Buffer.alloc(4101, Buffer.from([89, 75, 139, 7, 37, 211, 216, 3]));
  const short = Buffer.alloc(cutBytesMax + chunkBytesMax, chunk);
  const plain = cut(short, [cutBytesMax], () => undefined, rings);
  t.true(plain.length > cutBytesMax / chunkBytesMin);
  const hint = (slip: CutSlip, place: number): void => {
    if (place === 0) slip.hint(0, chunkBytesMax, Buffer.alloc(32), 0);
  };
  const got = cut(short, [chunkBytesMax - 1, cutBytesMax], hint, rings);
  t.deepEqual(got, plain);
});

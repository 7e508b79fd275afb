/**
 * The chunker's definition, one byte at a time and without a thought for speed: what the kernel is held to. In words it is in
 * src/store/kernels/README.md.
 */
import { createHash } from 'node:crypto';
import type { AverageBytes, CutState } from '../../../../src/store/kernels/index.js';

const windowBytes = 16;

/** Sixteen numbers of 16 bits: the first sixteen bytes of the name's SHA-256 are their low bytes, the others the high. */
function entriesOf(name: string): number[] {
  const bytes = createHash('sha256').update(name).digest();
  return Array.from({ length: 16 }, (_, i) => (bytes[i] ?? 0) | ((bytes[16 + i] ?? 0) << 8));
}
const low = entriesOf('tapesilo gear16 low 0');
const high = entriesOf('tapesilo gear16 high 0');

/** T: a number of 16 bits for each byte: the entry of its low half xor that of its high half. */
export const gearTable: readonly number[] = Array.from(
  { length: 256 },
  (_, byte) => (low[byte & 15] ?? 0) ^ (high[byte >> 4] ?? 0),
);

const topBits = (bits: number): number => (0xffff << (16 - bits)) & 0xffff;

/** Ends of chunks in `bytes`, which continue what `state` says. Moves `state` on. */
export function referenceCuts(bytes: Uint8Array, state: CutState, average: AverageBytes): number[] {
  const averageBits = Math.log2(average);
  const cuts: number[] = [];
  for (const [index, byte] of bytes.entries()) {
    state.bytes += 1;
    if (state.bytes > average / 4 - windowBytes) {
      state.hash = ((state.hash << 1) + (gearTable[byte] ?? 0)) & 0xffff;
    }
    if (state.bytes <= average / 4) continue;
    const mask = topBits(state.bytes <= average ? averageBits + 2 : averageBits - 2);
    if ((state.hash & mask) !== 0 && state.bytes < average * 4) continue;
    cuts.push(index + 1);
    state.bytes = 0;
    state.hash = 0;
  }
  return cuts;
}

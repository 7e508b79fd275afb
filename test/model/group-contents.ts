/** Bytes that come again and again, as those of backups do: parts of one buffer, half of which compresses. */
import { patternBytes } from '../contract/store.js';
import type { SimRandom } from '../sim/sim-random.js';

const KiB = 1024;
const blockBytes = 96 * KiB;
const blocks = 20;
const all = Buffer.concat(Array.from({ length: blocks }, (_, index) => blockOf(index)));
/** Where parts begin: few places, so that the same is often written again. */
const begins = Array.from({ length: blocks - 3 }, (_, index) => index * blockBytes + (index % 3) * 1000);

function blockOf(index: number): Buffer {
  const bytes = patternBytes(index + 1, blockBytes);
  if (index % 2 === 0) return bytes;
  for (let at = 0; at < bytes.length; at++) bytes.writeUInt8((bytes.readUInt8(at) & 15) + 65, at);
  return bytes;
}
export function somePart(random: SimRandom): Buffer {
  const begin = random.pick(begins);
  const bytes = random.weighted({ few: 3, some: 5, many: 1 });
  const length = {
    few: random.between(1, 3000),
    some: random.between(3000, 40_000),
    many: random.between(40_000, 250_000),
  };
  return all.subarray(begin, begin + length[bytes]);
}
export const entryBytes = 24;
/** Whole entries, each with a number in it that counts. */
export function someEntries(random: SimRandom, from: number): Buffer {
  const count = random.chance(0.2) ? random.between(1000, 6000) : random.between(1, 60);
  const bytes = Buffer.alloc(count * entryBytes);
  for (let index = 0; index < count; index++) {
    bytes.writeUInt32LE(from + index, index * entryBytes);
    bytes.writeUInt32LE(random.integer(1000), index * entryBytes + 12);
  }
  return bytes;
}

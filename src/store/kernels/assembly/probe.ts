/**
 * Is a region worth compressing? Two questions: are some bytes more frequent than others, and do stretches repeat?
 * Random, encrypted and compressed data says no to both.
 */

/** Of every block this many bytes are counted. */
const blockBytes: usize = 2048;
const sampleBytes: usize = 64;
/** Repeats: so many positions in a row are looked up every `lookBytes`, one of as many is remembered. */
const keptBytes: usize = 32;
const lookBytes: usize = 2048;
const slotBits: u32 = 13;

function slotOf(word: u64): usize {
  return (<usize>((word * 0x9e3779b97f4a7c15) >> (64 - slotBits))) << 2;
}

/** Counts of equal pairs among sampled bytes, against what even chances give: true from 1/8 more on. */
function hasUnevenBytes(from: usize, length: u32, counts: usize): bool {
  memory.fill(counts, 0, 1024);
  const end = from + length;
  let samples: u64 = 0;
  for (let block = from; block < end; block += blockBytes) {
    const to = min(block + sampleBytes, end);
    for (let at = block; at < to; at++) {
      const count = counts + ((<usize>load<u8>(at)) << 2);
      store<u32>(count, load<u32>(count) + 1);
    }
    samples += to - block;
  }
  let pairs: u64 = 0;
  for (let i: usize = 0; i < 1024; i += 4) {
    const count = <u64>load<u32>(counts + i);
    pairs += count * (count - 1);
  }
  // Even chances: samples * (samples - 1) / 256 pairs, give or take about samples / 11; four times that is allowed for.
  const expected = (samples * (samples - 1)) >> 8;
  return pairs > expected + (expected >> 3) + samples / 3;
}

/** True when a sixteenth of the region, or more, has been there before in it. */
function hasRepeats(from: usize, length: u32, table: usize): bool {
  if (length < 2 * <u32>lookBytes) return false;
  memory.fill(table, 0, 4 << slotBits);
  const end = from + length - lookBytes - 8;
  let found: u32 = 0;
  for (let at = from; at <= end; at += lookBytes) {
    let hits: u32 = 0;
    for (let i: usize = 0; i < keptBytes; i++) {
      const word = load<u64>(at + i);
      const before = from + load<u32>(table + slotOf(word));
      hits |= <u32>(before < at && load<u64>(before) === word);
    }
    found += hits;
    for (let i: usize = 0; i < lookBytes; i += keptBytes) {
      store<u32>(table + slotOf(load<u64>(at + i)), <u32>(at + i - from));
    }
  }
  return found * <u32>lookBytes * 16 >= length;
}

/** `table`: scratch of 4 << slotBits bytes. Returns 1 or 0. */
export function probe(from: usize, length: u32, table: usize): u32 {
  return hasUnevenBytes(from, length, table) || hasRepeats(from, length, table) ? 1 : 0;
}

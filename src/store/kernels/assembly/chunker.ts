/**
 * The chunker "gear16", 16 bytes at a time. The definition is in ../README.md and, byte by byte, in ../reference-chunker.ts.
 *
 * The hash of a window is the sum of T[b(i-k)] << k over k = 0..15, in 16 bits. Eight windows are summed in a vector of
 * u16 by doubling: over 2 bytes, over 4, over 8, over 16; each step needs the lanes that the vector before ended with.
 */

/** T[b] = low[b & 15] ^ high[b >> 4], each in a plane of low bytes and one of high bytes, for swizzle. */
const lowPlane0: v128 = i8x16(-49, -116, -61, -42, 3, -102, -78, 44, -12, 106, 20, -107, -29, 126, -65, 45);
const lowPlane1: v128 = i8x16(-92, 20, -19, 14, 92, -18, -20, -60, 104, -106, -92, 70, -5, -29, -47, 106);
const highPlane0: v128 = i8x16(100, 96, 90, -70, 58, 111, 90, 99, 15, -60, 55, -48, 95, 99, -56, -58);
const highPlane1: v128 = i8x16(12, 21, 58, 11, -112, -42, -55, -79, 69, -17, 73, 19, -51, -96, 42, 101);

const windowBytes: u32 = 16;
/** What one turn of the vector loop takes. */
const strideBytes: usize = 32;

/** Hash of the window that ends before the first byte not looked at. */
let rolled: u32 = 0;
/** Where the vector loop ended. */
let reached: usize = 0;
/** Memory from which that loads what does not change: V8 makes constants, and what is made of them, anew in each turn. */
let constants: usize = 0;

function entryOf(byte: u32): u32 {
  const low = i8x16.splat(<i8>(byte & 15));
  const high = i8x16.splat(<i8>(byte >> 4));
  const plane0 = v128.xor(i8x16.swizzle(lowPlane0, low), i8x16.swizzle(highPlane0, high));
  const plane1 = v128.xor(i8x16.swizzle(lowPlane1, low), i8x16.swizzle(highPlane1, high));
  return (<u32>i8x16.extract_lane_u(plane0, 0)) | ((<u32>i8x16.extract_lane_u(plane1, 0)) << 8);
}

function roll(at: usize): void {
  rolled = ((rolled << 1) + entryOf(<u32>load<u8>(at))) & 0xffff;
}

/** Address of the end of the first cut among the eight windows of `low`, then of `high`, which end at `at` and on. */
function firstCut(at: usize, low: v128, high: v128, mask: v128): usize {
  const zero = i16x8.splat(0);
  const first = <u32>i16x8.bitmask(i16x8.eq(v128.and(low, mask), zero));
  const second = <u32>i16x8.bitmask(i16x8.eq(v128.and(high, mask), zero));
  return at + ctz(first | (second << 8)) + 1;
}

/**
 * Looks for a cut with `mask` behind each byte of from … to, whole strides only; sixteen bytes lie before `from`.
 * Returns where the chunk ends, or 0; sets `reached`, and `rolled` when there is no cut.
 */
function scanVectors(from: usize, to: usize, mask: u32): usize {
  store<u16>(constants, <u16>mask);
  store<u16>(constants, 0x0f0f, 2);
  const cutMask = v128.load16_splat(constants);
  const nibble = v128.load16_splat(constants, 2);
  const zero = i16x8.splat(0);
  let t = i16x8.splat(0); // T of the eight bytes before
  let two = t; // and their sums over two, four, eight and sixteen bytes
  let four = t;
  let eight = t;
  let all = t;
  // The first half turn takes the sixteen bytes before `from`: what it sums is right from its second half on.
  for (let at = from - 16; at < to; at += 16) {
    const bytes = v128.load(at);
    const lowNibbles = v128.and(bytes, nibble);
    const highNibbles = v128.and(i16x8.shr_u(bytes, 4), nibble);
    const plane0 = v128.xor(i8x16.swizzle(lowPlane0, lowNibbles), i8x16.swizzle(highPlane0, highNibbles));
    const plane1 = v128.xor(i8x16.swizzle(lowPlane1, lowNibbles), i8x16.swizzle(highPlane1, highNibbles));
    const tA = i8x16.shuffle(plane0, plane1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const tB = i8x16.shuffle(plane0, plane1, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const twoA = i16x8.add(tA, i16x8.shl(i16x8.shuffle(t, tA, 7, 8, 9, 10, 11, 12, 13, 14), 1));
    const twoB = i16x8.add(tB, i16x8.shl(i16x8.shuffle(tA, tB, 7, 8, 9, 10, 11, 12, 13, 14), 1));
    const fourA = i16x8.add(twoA, i16x8.shl(i16x8.shuffle(two, twoA, 6, 7, 8, 9, 10, 11, 12, 13), 2));
    const fourB = i16x8.add(twoB, i16x8.shl(i16x8.shuffle(twoA, twoB, 6, 7, 8, 9, 10, 11, 12, 13), 2));
    const eightA = i16x8.add(fourA, i16x8.shl(i16x8.shuffle(four, fourA, 4, 5, 6, 7, 8, 9, 10, 11), 4));
    const eightB = i16x8.add(fourB, i16x8.shl(i16x8.shuffle(fourA, fourB, 4, 5, 6, 7, 8, 9, 10, 11), 4));
    const allA = i16x8.add(eightA, i16x8.shl(eight, 8));
    all = i16x8.add(eightB, i16x8.shl(eightA, 8));
    t = tB;
    two = twoB;
    four = fourB;
    eight = eightB;
    // The mask has the top bits, so the least of two hashes passes when either does.
    if (i8x16.bitmask(i16x8.eq(v128.and(i16x8.min_u(allA, all), cutMask), zero)) !== 0) {
      if (at >= from) return firstCut(at, allA, all, cutMask);
    }
  }
  reached = to;
  rolled = <u32>i16x8.extract_lane_u(all, 7);
  return 0;
}

/** The same for any bytes of from … to. `begin`: how far back bytes may be read. */
function scan(from: usize, to: usize, begin: usize, mask: u32): usize {
  let at = from;
  const head = min(to, begin + windowBytes);
  for (; at < head; at++) {
    roll(at);
    if ((rolled & mask) === 0) return at + 1;
  }
  if (at + strideBytes <= to) {
    const end = scanVectors(at, to - ((to - at) & 15), mask);
    if (end !== 0) return end;
    at = reached;
  }
  for (; at < to; at++) {
    roll(at);
    if ((rolled & mask) === 0) return at + 1;
  }
  return 0;
}

/** The top `bits` of sixteen. */
function topBits(bits: u32): u32 {
  return (0xffff << (16 - bits)) & 0xffff;
}

/**
 * Cuts at … at+length. `bytes` and `hash` are what the call before left behind in state: u32 bytes, u32 hash; four bytes more are scratch. Writes the
 * ends of chunks, as u32 distances from `at`, to `out`; `cutsMax` of them at most, and stops behind the last one then.
 * Returns how many.
 */
export function cut(at: usize, length: u32, averageBits: u32, state: usize, out: usize, cutsMax: u32): u32 {
  const average: u32 = 1 << averageBits;
  const least = average >> 2;
  const most = average << 2;
  const strict = topBits(averageBits + 2);
  const loose = topBits(averageBits - 2);
  const end = at + length;
  constants = state + 8;
  let bytes = load<u32>(state); // of the chunk, before `p`
  rolled = load<u32>(state, 4);
  let p = at;
  let count: u32 = 0;
  while (count < cutsMax && p < end) {
    if (bytes < least - windowBytes) {
      const skipped = min(least - windowBytes - bytes, <u32>(end - p));
      p += skipped;
      bytes += skipped;
    }
    for (; bytes < least && p < end; p++, bytes++) roll(p);
    let stop: usize = 0;
    if (bytes < average) {
      const to = p + min(average - bytes, <u32>(end - p));
      stop = scan(p, to, at, strict);
      bytes += <u32>((stop === 0 ? to : stop) - p);
      p = stop === 0 ? to : stop;
    }
    if (stop === 0) {
      const to = p + min(most - bytes, <u32>(end - p));
      stop = scan(p, to, at, loose);
      bytes += <u32>((stop === 0 ? to : stop) - p);
      p = stop === 0 ? to : stop;
    }
    if (stop === 0 && bytes < most) break; // the end of what there is, inside a chunk
    store<u32>(out + (count << 2), <u32>(p - at));
    count++;
    bytes = 0;
    rolled = 0;
  }
  store<u32>(state, bytes);
  store<u32>(state, rolled, 4);
  return count;
}

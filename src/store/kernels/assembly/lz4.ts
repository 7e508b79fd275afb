/** The LZ4 block format, encoded from one place of the memory to another (../README.md says what is promised). */

/**
 * Entries of the table of positions: 2^hashBits. ../kernels.ts gives it 2 bytes for each: the lower half of a position says all of it,
 * as nothing is looked for further back than `distanceMax`.
 */
const hashBits: u32 = 14;
const distanceMax: u32 = 0xffff;
/** A match has four bytes at least; the last five bytes of a block are literals. */
const matchBytesMin: u32 = 4;
const lastLiteralBytes: usize = 5;
/** Thirty-two bytes are compared at once, none of them among the last literals: nothing is looked for behind that. */
const lastMatchBytes: usize = 32 + lastLiteralBytes;
/** A sequence takes 5 bytes more than its literals and the long parts of its lengths; copies run ahead by 7 bytes. */
const slackBytes: usize = 16;
/** What is written at once of an ordinary sequence: up to 14 literals and a match of up to 273 bytes. */
const ordinaryBytes: usize = 32;
/** After 2^skipBits misses the search takes a byte more at a step. */
const skipBits: u32 = 6;

/** Six bytes, hashed. */
function slotOf(word: u64): usize {
  return (<usize>(((word << 16) * 227718039650203) >> (64 - hashBits))) << 1;
}

/** How many bytes are the same at `a` and at `b`, up to `stop` (for `a`). */
function sameBytes(a: usize, b: usize, stop: usize): u32 {
  const start = a;
  while (a + 16 <= stop) {
    const differ = i8x16.bitmask(i8x16.ne(v128.load(a), v128.load(b)));
    if (differ !== 0) return <u32>(a - start) + ctz(differ);
    a += 16;
    b += 16;
  }
  while (a < stop && load<u8>(a) === load<u8>(b)) {
    a++;
    b++;
  }
  return <u32>(a - start);
}

/** The part of a length that does not fit its half of the token. Returns where to go on. */
function putLength(to: usize, rest: u32): usize {
  while (rest >= 255) {
    store<u8>(to++, 255);
    rest -= 255;
  }
  store<u8>(to, <u8>rest);
  return to + 1;
}

/** A token with `literals` bytes from `from`, without its match. Returns where to go on. The caller checked the room. */
function putLiterals(to: usize, from: usize, literals: u32, isLast: bool): usize {
  const token = to++;
  if (literals < 15) {
    store<u8>(token, <u8>(literals << 4));
  } else {
    store<u8>(token, 0xf0);
    to = putLength(to, literals - 15);
  }
  if (isLast || literals > 64) {
    memory.copy(to, from, literals);
  } else {
    // Eight at a time: reads at most seven bytes behind the literals, where more lie; writes into the slack.
    for (let done: u32 = 0; done < literals; done += 8) store<u64>(to + done, load<u64>(from + done));
  }
  return to + literals;
}

/** A whole sequence; `more`: bytes of its match beyond the least. */
function putSequence(to: usize, from: usize, literals: u32, distance: u32, more: u32): usize {
  const token = to;
  to = putLiterals(to, from, literals, false);
  store<u16>(to, <u16>distance);
  to += 2;
  store<u8>(token, load<u8>(token) | (<u8>min(more, 15)));
  return more < 15 ? to : putLength(to, more - 15);
}

/**
 * Returns the bytes written, or 0 when they do not fit `room`. `table`: scratch of 2 << hashBits bytes.
 *
 * A match is looked for behind the one before, and its address depends on that one's length: what is between the two counts. Hence
 * lengths from vectors, without loops, and as few jumps as there can be.
 */
export function lz4Encode(from: usize, length: u32, to: usize, room: u32, table: usize): u32 {
  const end = from + length;
  const stop = to + room;
  let put = to;
  let anchor = from; // first byte not yet written
  if (length > <u32>lastMatchBytes) {
    memory.fill(table, 0, 2 << hashBits);
    const lastStart = end - lastMatchBytes;
    let at = from + 1;
    let tries: u32 = 1 << skipBits;
    while (at <= lastStart) {
      const word = load<u64>(at);
      const slot = table + slotOf(word);
      const distance = (<u32>(at - from) - load<u16>(slot)) & distanceMax;
      const match = at - distance;
      store<u16>(slot, <u16>(at - from));
      if (load<u32>(match) !== <u32>word) {
        at += tries++ >> skipBits;
        continue;
      }
      if (distance === 0) {
        at++; // the entry is of 65536 bytes ago
        continue;
      }
      tries = 1 << skipBits;
      const first = i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(match)));
      const second = i8x16.bitmask(i8x16.eq(v128.load(at, 16), v128.load(match, 16)));
      const differ = ~((<u32>first) | ((<u32>second) << 16));
      let bytes = ctz(differ);
      if (differ === 0) bytes += sameBytes(at + 32, match + 32, end - lastLiteralBytes);
      let literals = <u32>(at - anchor);
      if (match - from >= 8) {
        const back = min((<u32>clz(load<u64>(at - 8) ^ load<u64>(match - 8))) >> 3, literals);
        at -= back;
        bytes += back;
        literals -= back;
      }
      const more = bytes - matchBytesMin;
      if (literals < 15 && more < 270 && put + ordinaryBytes <= stop) {
        store<u8>(put, <u8>((literals << 4) | min(more, 15)));
        v128.store(put + 1, v128.load(anchor));
        put += literals + 1;
        store<u32>(put, ((more - 15) << 16) | distance);
        put += 2 + <u32>(more >= 15);
      } else {
        if (put + literals + literals / 255 + more / 255 + slackBytes > stop) return 0;
        put = putSequence(put, anchor, literals, distance, more);
      }
      at += bytes;
      anchor = at;
      if (at > lastStart) break;
      store<u16>(table + slotOf(load<u64>(at - 4)), <u16>(at - 4 - from));
      store<u16>(table + slotOf(load<u64>(at - 2)), <u16>(at - 2 - from));
    }
  }
  const literals = <u32>(end - anchor);
  if (put + literals + literals / 255 + 2 > stop) return 0;
  return <u32>(putLiterals(put, anchor, literals, true) - to);
}

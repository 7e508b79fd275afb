/** The LZ4 block format, encoded from one place of the memory to another (../README.md says what is promised). */

/** Entries of the table of positions: 2^hashBits. ../kernels.ts gives it 4 bytes for each. */
const hashBits: u32 = 14;
/** A match has four bytes at least; the last one begins 12 bytes before the end; the last five bytes are literals. */
const matchBytesMin: u32 = 4;
const lastMatchBytes: usize = 12;
const lastLiteralBytes: usize = 5;
const distanceMax: usize = 65535;
/** A sequence takes 5 bytes more than its literals and the long parts of its lengths; copies run ahead by 7 bytes. */
const slackBytes: usize = 16;
/** After 2^skipBits misses the search takes a byte more at a step. */
const skipBits: u32 = 6;

/** Five bytes, hashed. */
function slotOf(at: usize): usize {
  return (<usize>(((load<u64>(at) << 24) * 889523592379) >> (64 - hashBits))) << 2;
}

/** How many bytes are the same at `a` and at `b`, up to `stop` (for `a`). */
function sameBytes(a: usize, b: usize, stop: usize): usize {
  const start = a;
  while (a + 8 <= stop) {
    const difference = load<u64>(a) ^ load<u64>(b);
    if (difference !== 0) return a - start + <usize>(ctz(difference) >> 3);
    a += 8;
    b += 8;
  }
  while (a < stop && load<u8>(a) === load<u8>(b)) {
    a++;
    b++;
  }
  return a - start;
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
    // Eight at a time: reads at most seven bytes behind the literals, where twelve more lie; writes into the slack.
    for (let done: u32 = 0; done < literals; done += 8) store<u64>(to + done, load<u64>(from + done));
  }
  return to + literals;
}

/** Returns the bytes written, or 0 when they do not fit `room`. `table`: scratch of 4 << hashBits bytes. */
export function lz4Encode(from: usize, length: u32, to: usize, room: u32, table: usize): u32 {
  const end = from + length;
  const stop = to + room;
  let put = to;
  let anchor = from; // first byte not yet written
  if (length > <u32>lastMatchBytes) {
    memory.fill(table, 0, 4 << hashBits);
    const lastStart = end - lastMatchBytes;
    const matchStop = end - lastLiteralBytes;
    let at = from + 1;
    while (at <= lastStart) {
      let match: usize = 0;
      let tries: u32 = 1 << skipBits;
      for (;;) {
        const slot = table + slotOf(at);
        match = from + load<u32>(slot);
        store<u32>(slot, <u32>(at - from));
        if (load<u32>(match) === load<u32>(at) && at - match <= distanceMax) break;
        at += tries++ >> skipBits;
        if (at > lastStart) break;
      }
      if (at > lastStart) break;
      while (at > anchor && match > from && load<u8>(at - 1) === load<u8>(match - 1)) {
        at--;
        match--;
      }
      const literals = <u32>(at - anchor);
      const more = <u32>sameBytes(at + matchBytesMin, match + matchBytesMin, matchStop);
      if (put + literals + literals / 255 + more / 255 + slackBytes > stop) return 0;
      const token = put;
      put = putLiterals(put, anchor, literals, false);
      store<u16>(put, <u16>(at - match));
      put += 2;
      if (more < 15) {
        store<u8>(token, load<u8>(token) | (<u8>more));
      } else {
        store<u8>(token, load<u8>(token) | 15);
        put = putLength(put, more - 15);
      }
      at += matchBytesMin + more;
      anchor = at;
      if (at <= lastStart) store<u32>(table + slotOf(at - 2), <u32>(at - 2 - from));
    }
  }
  const literals = <u32>(end - anchor);
  if (put + literals + literals / 255 + 2 > stop) return 0;
  return <u32>(putLiterals(put, anchor, literals, true) - to);
}

/** The LZ4 block format, encoded and decoded between two places of the memory (../README.md says what is promised). */

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

/** Sixteen at a time: reads and writes up to fifteen bytes behind. */
function copyAhead(to: usize, from: usize, length: u32): void {
  const end = to + length;
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < end);
}

/** Copies `length` bytes from `distance` before `to`; the two may overlap, which repeats. All in bounds up to `stop`. */
function repeat(to: usize, distance: usize, length: u32, stop: usize): void {
  let match = to - distance;
  const end = to + length;
  if (end + 16 > stop) {
    while (to < end) store<u8>(to++, load<u8>(match++));
    return;
  }
  if (distance < 16) {
    // Sixteen bytes singly; what they repeat then repeats also at the next multiple of the distance.
    for (let i = 0; i < 16; i++) store<u8>(to + i, load<u8>(match + i));
    if (length <= 16) return;
    to += 16;
    match = to - distance * ((15 + distance) / distance);
    length -= 16;
  }
  copyAhead(to, match, length);
}

/** Bytes that the rest of a length takes, and its value, when its half of the token says 15. 0: it runs out of bounds. */
let extended: u32 = 0;
function takeLength(at: usize, end: usize): usize {
  extended = 15;
  while (at < end) {
    const byte = <u32>load<u8>(at++);
    extended += byte;
    if (byte !== 255) return at;
  }
  return 0;
}

/** Where decoding stands. */
let nextAt: usize = 0;
let nextPut: usize = 0;
/**
 * Ordinary sequences, as long as they come and nothing comes near an end: up to 14 literals, a match of up to 272 bytes from 16 bytes
 * before or more. Leaves `nextAt` at the first token that is none of these.
 */
function decodeOrdinary(at: usize, end: usize, put: usize, to: usize, stop: usize): void {
  if (end - at >= 32 && stop - put >= 320) {
    const lastAt = end - 32;
    const lastPut = stop - 320;
    while (at <= lastAt && put <= lastPut) {
      const token = <u32>load<u8>(at);
      const literals = <usize>(token >> 4);
      const distance = <usize>load<u16>(at + 1 + literals);
      if (literals === 15 || distance < 16 || distance > put + literals - to) break;
      let more = token & 15;
      let next = at + literals + 3;
      if (more === 15) {
        const rest = <u32>load<u8>(next);
        if (rest === 255) break;
        more += rest;
        next++;
      }
      v128.store(put, v128.load(at + 1));
      put += literals;
      const match = put - distance;
      v128.store(put, v128.load(match));
      v128.store(put, v128.load(match + 16), 16);
      if (more > 32 - matchBytesMin) copyAhead(put + 32, match + 32, more - (32 - matchBytesMin));
      put += more + matchBytesMin;
      at = next;
    }
  }
  nextAt = at;
  nextPut = put;
}

/** Returns the bytes written, or -1 when the input is no LZ4 block or its content does not fit `room`. */
export function lz4Decode(from: usize, length: u32, to: usize, room: u32): i32 {
  const end = from + length;
  const stop = to + room;
  let at = from;
  let put = to;
  while (at < end) {
    decodeOrdinary(at, end, put, to, stop);
    at = nextAt;
    put = nextPut;
    const token = <u32>load<u8>(at++);
    let literals = token >> 4;
    if (literals === 15) {
      at = takeLength(at, end);
      if (at === 0) return -1;
      literals = extended;
    }
    if (literals > <u32>(end - at) || literals > <u32>(stop - put)) return -1;
    if (at + literals + 16 <= end && put + literals + 16 <= stop) copyAhead(put, at, literals);
    else memory.copy(put, at, literals);
    at += literals;
    put += literals;
    if (at === end) return <i32>(put - to); // a block ends with literals
    if (at + 2 > end) return -1;
    const distance = <usize>load<u16>(at);
    at += 2;
    if (distance === 0 || distance > put - to) return -1;
    let more = token & 15;
    if (more === 15) {
      at = takeLength(at, end);
      if (at === 0) return -1;
      more = extended;
    }
    more += matchBytesMin;
    if (more > <u32>(stop - put)) return -1;
    repeat(put, distance, more, stop);
    put += more;
  }
  return -1;
}

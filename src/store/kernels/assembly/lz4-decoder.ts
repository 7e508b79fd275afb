/** The LZ4 block format, decoded from one place of the memory to another (../README.md says what is promised). */

/** A match has four bytes at least. */
const matchBytesMin: u32 = 4;
/** No distance is as long as that. */
const distancesEnd: usize = 65536;

/** Sixteen at a time: reads and writes up to fifteen bytes behind. */
function copyAhead(to: usize, from: usize, length: u32): void {
  const end = to + length;
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < end);
}

const lanes: usize = 16;
/** Repeats what lies `distance` (1 to 15) before `to`, over `length` bytes and up to fifteen behind them. */
function repeatNear(to: usize, distance: usize, length: u32): void {
  // Which of the bytes comes at each place: its number modulo the distance, divided by way of a multiplication.
  const parts = i16x8.splat(<i16>((255 + distance) / distance));
  const whole = i16x8.splat(<i16>distance);
  const low = i16x8(0, 1, 2, 3, 4, 5, 6, 7);
  const high = i16x8(8, 9, 10, 11, 12, 13, 14, 15);
  const which = i8x16.narrow_i16x8_u(
    i16x8.sub(low, i16x8.mul(i16x8.shr_u(i16x8.mul(low, parts), 8), whole)),
    i16x8.sub(high, i16x8.mul(i16x8.shr_u(i16x8.mul(high, parts), 8), whole)),
  );
  const bytes = i8x16.swizzle(v128.load(to - distance), which);
  const step = lanes - (lanes % distance);
  const end = to + length;
  do {
    v128.store(to, bytes);
    to += step;
  } while (to < end);
}

/** Copies `length` bytes from `distance` before `to`; the two may overlap, which repeats. All in bounds up to `stop`. */
function repeat(to: usize, distance: usize, length: u32, stop: usize): void {
  let match = to - distance;
  const end = to + length;
  if (end + 16 > stop) while (to < end) store<u8>(to++, load<u8>(match++));
  else if (distance < 16) repeatNear(to, distance, length);
  else copyAhead(to, match, length);
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

/** Where decoding stands: before a token, or behind the literals of `nextToken`. */
let nextAt: usize = 0;
let nextPut: usize = 0;
let nextToken: i32 = -1;
/** What an ordinary sequence reads and writes at most, copies that run ahead included. */
const ordinaryTakes: usize = 320;
const ordinaryPuts: usize = 640;
/** A length takes a byte more at most. */
const ordinaryMatchBytesMax: u32 = 15 + matchBytesMin + 254;
/**
 * Ordinary sequences, as long as they come and nothing comes near an end. What cannot be foreseen is computed rather than branched on:
 * a branch that the processor guesses wrong costs as much as a whole sequence.
 */
function decodeOrdinary(at: usize, end: usize, put: usize, to: usize, lastPut: usize): void {
  let pending: i32 = -1;
  const lastAt = end - ordinaryTakes;
  let following = <u32>load<u8>(at);
  for (;;) {
    if (at > lastAt) break;
    if (put > lastPut) break;
    let token = following;
    v128.store(put, v128.load(at, 1));
    if (token >= 0xf0) {
      const rest = <usize>load<u8>(at, 1);
      if (rest === 255) break;
      v128.store(put, v128.load(at, 2));
      v128.store(put, v128.load(at, 18), 16);
      if (rest > 17) copyAhead(put + 32, at + 34, <u32>rest - 17);
      put += rest + 15;
      at += rest + 16;
      token &= 15;
    }
    const literals = <usize>(token >> 4);
    const carried = <usize>((token + 1) >> 4);
    const after = at + carried;
    following =
      (<u32>(select<u64>(load<u64>(at, 3), load<u64>(at, 11), carried < 8) >> ((<u64>carried) << 3))) & 255;
    put += literals;
    at += literals;
    const distance = <usize>load<u16>(at, 1);
    const length = (token & 15) + matchBytesMin + ((<u32>load<u8>(at, 3)) & (<u32>(literals - carried)));
    const match = put - distance;
    pending = token;
    if (match < to) break;
    if (distance < 16) {
      if (distance === 0 || length > ordinaryMatchBytesMax) break;
      repeatNear(put, distance, length);
    } else {
      v128.store(put, v128.load(match));
      v128.store(put, v128.load(match, 16), 16);
      if (length > 32) {
        if (length > ordinaryMatchBytesMax) break;
        v128.store(put, v128.load(match, 32), 32);
        v128.store(put, v128.load(match, 48), 48);
        if (length > 64) copyAhead(put + 64, match + 64, length - 64);
      }
    }
    pending = -1;
    put += length;
    at = after + 3;
  }
  nextAt = pending === -1 ? at : at + 1;
  nextPut = put;
  nextToken = pending;
}

/**
 * Returns the bytes written, or -1 when the input is no LZ4 block or its content does not fit `room`. When `enough` of them are there, it
 * may stop; what lies behind those that it tells of is undefined.
 */
export function lz4Decode(from: usize, length: u32, to: usize, room: u32, enough: u32): i32 {
  const end = from + length;
  const stop = to + room;
  let at = from;
  let put = to;
  while (at < end) {
    if (put - to >= <usize>enough && enough < room) return <i32>(put - to);
    let token: u32 = 0;
    nextToken = -1;
    if (<usize>(end - at) >= ordinaryTakes && <usize>(stop - put) >= ordinaryPuts && to >= distancesEnd) {
      decodeOrdinary(at, end, put, to, min(stop - ordinaryPuts, to + enough));
      at = nextAt;
      put = nextPut;
    }
    if (nextToken !== -1) token = nextToken;
    else {
      token = <u32>load<u8>(at++);
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
    }
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

/**
 * The Reed-Solomon CRC of logical block protection (ECMA-319, as SSC-4 takes it): the remainder
 * of the block, as a polynomial over GF(2^8), divided by y^4 + 38h y^3 + CFh y^2 + 38h y + 1. Field polynomial
 * x^8 + x^4 + x^3 + x^2 + 1. No inversion and no initial value, so leading zeroes do not change it.
 */
const fieldPolynomial = 0x11d;
const generator = [0x38, 0xcf, 0x38, 0x01] as const;

function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    if (((b >> bit) & 1) !== 0) product ^= a << bit;
  }
  for (let bit = 15; bit >= 8; bit--) {
    if (((product >> bit) & 1) !== 0) product ^= fieldPolynomial << (bit - 8);
  }
  return product;
}

/** For each leading byte, what it leaves in the four remainder bytes, most significant first. */
const first = new Int32Array(256).map((_, byte) => {
  const [a, b, c, d] = generator.map((coefficient) => multiply(byte, coefficient)) as [
    number,
    number,
    number,
    number,
  ];
  return (a << 24) | (b << 16) | (c << 8) | d;
});
/** The same after one, two and three more zero bytes: four bytes at a time. */
const tables = [first];
for (let more = 1; more < 4; more++) {
  const previous = tables[more - 1] ?? first;
  tables.push(previous.map((rest) => (rest << 8) ^ (first[rest >>> 24] ?? 0)));
}
const [t0, t1, t2, t3] = tables as [Int32Array, Int32Array, Int32Array, Int32Array];

const at = (table: Int32Array, index: number): number => table[index] as number; // index is one byte

/** The CRC of the bytes, continuing from `seed`; unsigned, the first byte on the wire being the most significant. */
export function reedSolomonCrc(bytes: Uint8Array, seed = 0): number {
  let rest = seed | 0;
  let index = 0;
  for (const whole = bytes.length - 3; index < whole; index += 4) {
    rest =
      at(t3, (rest >>> 24) ^ (bytes[index] as number)) ^
      at(t2, ((rest >>> 16) & 0xff) ^ (bytes[index + 1] as number)) ^
      at(t1, ((rest >>> 8) & 0xff) ^ (bytes[index + 2] as number)) ^
      at(t0, (rest & 0xff) ^ (bytes[index + 3] as number));
  }
  for (; index < bytes.length; index++) rest = (rest << 8) ^ at(t0, (rest >>> 24) ^ (bytes[index] as number));
  return rest >>> 0;
}

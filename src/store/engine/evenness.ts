/**
 * Evenness: is each byte about as frequent as any other? Where that is not so, zstd makes something of what LZ4 leaves as it is: text in
 * base64, samples of sound. A glance that costs a few µs a region; the probe of the kernels, which also looks for repeats, would
 * cost as much as LZ4 and checksum of a region of noise together.
 */
const blocks = 32;
const blockBytes = 16;

export function isEven(bytes: Buffer): boolean {
  const counts = new Uint16Array(256);
  let samples = 0;
  let pairs = 0;
  const stride = Math.max(blockBytes, Math.floor(bytes.length / blocks));
  for (let block = 0; block < bytes.length; block += stride) {
    const end = Math.min(block + blockBytes, bytes.length);
    samples += end - block;
    for (let at = block; at < end; at++) {
      const byte = bytes[at] as number; // the index is inside
      const before = counts[byte] as number; // likewise
      counts[byte] = before + 1;
      pairs += before;
    }
  }
  // Even chances: as many pairs of equal bytes, give or take samples / 22; six times that is allowed for, and what zstd makes little of.
  const expected = (samples * (samples - 1)) / 512;
  return pairs <= expected + expected / 8 + samples / 6;
}

/** A decoder of LZ4 blocks as the format describes them, without a thought for speed: what the kernel is held to. */
import { StoreError } from '#errors';

const malformed = (at: number): StoreError => new StoreError('corrupt', 'Not an LZ4 block', { at });

/** What the block decompresses to. Throws StoreError 'corrupt' for no block, and for content beyond `bytesMax`. */
export function referenceLz4Decode(block: Uint8Array, bytesMax: number): Buffer {
  const out: number[] = [];
  let at = 0;
  const next = (): number => {
    const byte = block[at++];
    if (byte === undefined) throw malformed(at);
    return byte;
  };
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    for (let more = 255; more === 255; length += more) more = next();
    return length;
  };
  const put = (byte: number): void => {
    if (out.push(byte) > bytesMax) throw malformed(at);
  };
  for (;;) {
    const token = next();
    for (let literals = lengthOf(token >> 4); literals > 0; literals--) put(next());
    if (at === block.length) return Buffer.from(out);
    const distance = next() | (next() << 8);
    if (distance === 0 || distance > out.length) throw malformed(at);
    const source = out.length - distance;
    const length = lengthOf(token & 15) + 4;
    for (let i = 0; i < length; i++) put(out[source + i] ?? 0);
  }
}

/** 64 bits as two halves. Shifting them together or apart would make four bigints on the way. */
const scratch = new DataView(new ArrayBuffer(8));

/** Of each half the lower 32 bits count. */
export function bigintOf(low: number, high: number): bigint {
  scratch.setUint32(0, low, true);
  scratch.setUint32(4, high, true);
  return scratch.getBigUint64(0, true);
}
/** Little-endian, at `at` of `target`. */
export function writeBigint(target: Buffer, value: bigint, at: number): void {
  scratch.setBigUint64(0, value, true);
  target.writeInt32LE(scratch.getInt32(0, true), at);
  target.writeInt32LE(scratch.getInt32(4, true), at + 4);
}

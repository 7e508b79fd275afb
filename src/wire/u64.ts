/** 64 bits out of two halves. Shifting them together would make four bigints on the way. */
const scratch = new DataView(new ArrayBuffer(8));

/** Of each half the lower 32 bits count. */
export function bigintOf(low: number, high: number): bigint {
  scratch.setUint32(0, low, true);
  scratch.setUint32(4, high, true);
  return scratch.getBigUint64(0, true);
}

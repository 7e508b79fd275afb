/**
 * Putting bytes to where they may lie already. Memory is given to bytes that are on their way, so that nothing is left to be done
 * when they have come; whoever would copy them asks here.
 */

/** Whether the bytes of `source` from `from` on are those of `target` from `at` on: the same memory, not the same content. */
export const liesAt = (source: Uint8Array, from: number, target: Uint8Array, at: number): boolean =>
  source.byteOffset + from === target.byteOffset + at && source.buffer === target.buffer;

/** `source[from … to)` to `target[at …)`, which has room for it. */
export function put(target: Buffer, at: number, source: Uint8Array, from: number, to: number): void {
  if (liesAt(source, from, target, at)) return;
  const piece = from === 0 && to === source.length ? source : source.subarray(from, to);
  // Not `set` or `copy`: into memory that threads share V8 copies word by word, at a third of the speed.
  target.fill(piece, at, at + piece.length);
}

/** Copies out of the kernel into memory that does not begin at such a multiple are so slow that another copy is cheaper. */
const roomAlignBytes = 64;
/** Memory from … to, for whoever receives to put bytes there, if that pays. */
export const roomIn = (memory: Buffer, from: number, to: number): Buffer | undefined =>
  (memory.byteOffset + from) % roomAlignBytes === 0 ? memory.subarray(from, to) : undefined;
/** Bytes up to where it pays. */
export const unalignedBytes = (memory: Buffer): number => -memory.byteOffset & (roomAlignBytes - 1);

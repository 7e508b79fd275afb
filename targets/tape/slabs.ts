/** Cutting slabs without copying: views that release what they came from exactly once. */
import { strict as assert } from 'node:assert';
import { type Slab, type SlabPool } from '#wire';

/** The slices of bytes `from` … `from + length` of a slab. */
export function slicesOf(slab: Slab, from: number, length: number): Buffer[] {
  assert(from + length <= slab.length, 'a view lies inside its slab');
  const slices: Buffer[] = [];
  let skip = from;
  let left = length;
  for (const slice of slab.slices) {
    if (left === 0) break;
    if (skip >= slice.length) {
      skip -= slice.length;
      continue;
    }
    const part = slice.subarray(skip, skip + left);
    skip = 0;
    left -= part.length;
    slices.push(part);
  }
  return slices;
}

/** The first `length` bytes; releasing the view releases the slab. */
export const cut = (slab: Slab, length: number): Slab =>
  length === slab.length
    ? slab
    : { length, slices: slicesOf(slab, 0, length), release: () => slab.release() };

/** The last `length` bytes; releasing the view releases the slab. */
export const tail = (slab: Slab, length: number): Slab =>
  length === slab.length
    ? slab
    : { length, slices: slicesOf(slab, slab.length - length, length), release: () => slab.release() };

/** Equal parts of a slab, each released on its own; the slab goes when the last of them has. */
export function parts(slab: Slab, partBytes: number): Slab[] {
  const count = slab.length / partBytes;
  assert(Number.isInteger(count), 'a slab is cut into whole parts');
  if (count === 1) return [slab];
  let held = count;
  const release = (): void => {
    held -= 1;
    assert(held >= 0, 'a part is released once');
    if (held === 0) slab.release();
  };
  return Array.from({ length: count }, (_, index) => ({
    length: partBytes,
    slices: slicesOf(slab, index * partBytes, partBytes),
    release,
  }));
}

/** The slab with bytes behind it; the bytes are nobody's to give back. */
export const withSuffix = (slab: Slab, suffix: Buffer): Slab => ({
  length: slab.length + suffix.length,
  slices: [...slab.slices, suffix],
  release: () => slab.release(),
});

/** A new slab of the pool with the same bytes, last byte first; takes the source over. */
export async function reversed(pool: SlabPool, source: Slab): Promise<Slab> {
  const target = await pool.takeSoon(source.length);
  let at = source.length;
  for (const slice of source.slices) {
    for (const byte of slice) {
      at -= 1;
      writeByte(target, pool.blockBytes, at, byte);
    }
  }
  source.release();
  return target;
}
function writeByte(target: Slab, blockBytes: number, at: number, byte: number): void {
  const block = target.slices[Math.floor(at / blockBytes)];
  assert(block !== undefined, 'a position lies inside its slab');
  block[at % blockBytes] = byte;
}

/** Whether two slabs hold the same bytes. */
export function sameBytes(a: Slab, b: Slab): boolean {
  if (a.length !== b.length) return false;
  let offset = 0;
  for (const slice of a.slices) {
    let at = 0;
    for (const other of slicesOf(b, offset, slice.length)) {
      if (!slice.subarray(at, at + other.length).equals(other)) return false;
      at += other.length;
    }
    offset += slice.length;
  }
  return true;
}

/**
 * Gathers small records into pieces worth a transfer: sending 512-byte blocks one by one costs a PDU each.
 * Large ones pass through untouched.
 */
export class Gatherer {
  readonly #pool: SlabPool;
  readonly #send: (slab: Slab) => Promise<void>;
  #gathered: Slab | undefined;
  #filled = 0;

  constructor(pool: SlabPool, send: (slab: Slab) => Promise<void>) {
    this.#pool = pool;
    this.#send = send;
  }

  /** Takes the record over. */
  async add(record: Slab): Promise<void> {
    if (record.length * 2 > this.#pool.blockBytes) {
      try {
        await this.flush();
      } catch (error) {
        record.release();
        throw error;
      }
      await this.#send(record);
      return;
    }
    try {
      if (this.#filled + record.length > this.#pool.blockBytes) await this.flush();
      this.#gathered ??= await this.#pool.takeSoon(this.#pool.blockBytes);
      const target = this.#gathered.slices[0];
      assert(target !== undefined);
      for (const slice of record.slices) this.#filled += slice.copy(target, this.#filled);
    } finally {
      record.release();
    }
  }
  /** Sends what was gathered. */
  async flush(): Promise<void> {
    const gathered = this.#gathered;
    if (gathered === undefined) return;
    this.#gathered = undefined;
    const filled = this.#filled;
    this.#filled = 0;
    await this.#send(cut(gathered, filled));
  }
  /** Gives back what was gathered and not sent; harmless when there is nothing. */
  discard(): void {
    this.#gathered?.release();
    this.#gathered = undefined;
    this.#filled = 0;
  }
}

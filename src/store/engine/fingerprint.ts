/**
 * Fingerprints where they lie, at multiples of 32 bytes of buffers. Byte by byte: what Buffer has for it checks its arguments for
 * longer than it takes, and makes views.
 */
import { fingerprintBytes } from './container.format.js';
import type { Kernels } from './kernels.js';

/** Fingerprint `index` of `fingerprints` is the one at `at` of `digests`. Those that differ do so in the first bytes. */
export function isAt(fingerprints: Buffer, index: number, digests: Buffer, at: number): boolean {
  const from = index * fingerprintBytes;
  for (let i = 0; i < fingerprintBytes; i++) if (fingerprints[from + i] !== digests[at + i]) return false;
  return true;
}
/** The one at `at` of `digests` becomes fingerprint `index` of `fingerprints`. */
export function putAt(fingerprints: Buffer, index: number, digests: Buffer, at: number): void {
  const from = index * fingerprintBytes;
  for (let i = 0; i < fingerprintBytes; i++) fingerprints[from + i] = digests[at + i] ?? 0;
}

/** Pieces of memory that are fingerprinted together: that takes less than one after another. */
export class Pieces {
  count = 0;
  readonly max: number;
  /** Where each begins and ends; where its fingerprint belongs; and that, once it was made. */
  readonly #ends: Int32Array;
  readonly #places: Int32Array;
  readonly #digests: Buffer;

  constructor(max: number) {
    this.max = max;
    this.#ends = new Int32Array(2 * max);
    this.#places = new Int32Array(max);
    this.#digests = Buffer.alloc(max * fingerprintBytes);
  }
  add(from: number, to: number, place: number): void {
    this.#ends[2 * this.count] = from;
    this.#ends[2 * this.count + 1] = to;
    this.#places[this.count] = place;
    this.count += 1;
  }
  #fingerprint(kernels: Kernels, memory: Buffer): void {
    kernels.fingerprint(memory, this.#ends, this.count, this.#digests);
  }
  /** So many of the first have the fingerprints that are in their places there. */
  countKnown(kernels: Kernels, memory: Buffer, fingerprints: Buffer): number {
    this.#fingerprint(kernels, memory);
    for (let index = 0; index < this.count; index++)
      if (!isAt(fingerprints, this.#places[index] ?? 0, this.#digests, index * fingerprintBytes))
        return index;
    return this.count;
  }
  /** The fingerprints of all to their places. */
  put(kernels: Kernels, memory: Buffer, fingerprints: Buffer): void {
    this.#fingerprint(kernels, memory);
    for (let index = 0; index < this.count; index++)
      putAt(fingerprints, this.#places[index] ?? 0, this.#digests, index * fingerprintBytes);
  }
}

/**
 * Landings: memory of a stream's ring for bytes that are on their way to it, so that they lie where they will be cut when they have
 * come, and appending them copies nothing.
 *
 *   L1 they are expected to be appended in the order in which they were asked for, each as a whole; when it happens otherwise,
 *      bytes are copied, that is all
 *   L2 one that finds no room is expected all the same: what is asked for behind it lies behind its bytes
 *   L3 what is appended never goes where a landing lies (R4), unless it is that landing's
 */
import { strict as assert } from 'node:assert';
import type { Slab } from '#wire';
import type { Ring } from './ring.js';

export class Landings {
  /** Those that are out, oldest first. */
  readonly #out: Landing[] = [];

  /** For the next so many bytes. Empty when there is no memory for them where they will probably go, or it is not to be given. */
  take(ring: Ring, bytes: number, mayLand: boolean): Slab {
    assert(bytes > 0);
    let from = ring.end;
    for (const landing of this.#out) from += landing.dueBytes;
    const slices = mayLand && this.isFree(ring, from, bytes) ? ring.landing(from, bytes) : undefined;
    const landing = new Landing(slices === undefined ? undefined : ring, from, bytes, slices ?? [], this);
    this.#out.push(landing);
    return landing;
  }
  /** No landing lies among the `bytes` from place `from` on. */
  isFree(ring: Ring, from: number, bytes: number): boolean {
    for (const landing of this.#out) if (landing.overlaps(ring, from, from + bytes)) return false;
    return true;
  }
  /** So many bytes of that slice came to the stream: where they lie tells whose they are. */
  appended(slice: Uint8Array, bytes: number): void {
    for (const landing of this.#out) {
      if (!landing.holds(slice)) continue;
      landing.came(bytes);
      return;
    }
    // Of those that have found no room, probably what has been expected longest.
    let left = bytes;
    for (const landing of this.#out) if (landing.length === 0) left -= landing.came(left);
  }
  /** For landings only. */
  released(landing: Landing): void {
    this.#out.splice(this.#out.indexOf(landing), 1);
  }
}

class Landing implements Slab {
  readonly length: number;
  readonly slices: readonly Buffer[];
  /** Not appended yet, as far as we know. */
  dueBytes: number;
  readonly #from: number;
  readonly #bytes: number;
  readonly #landings: Landings;
  #ring: Ring | undefined;
  #isOut = true;

  constructor(
    ring: Ring | undefined,
    from: number,
    bytes: number,
    slices: readonly Buffer[],
    landings: Landings,
  ) {
    this.#ring = ring;
    this.#from = from;
    this.#bytes = this.dueBytes = bytes;
    this.#landings = landings;
    this.slices = slices;
    this.length = ring === undefined ? 0 : bytes;
  }
  overlaps(ring: Ring, from: number, to: number): boolean {
    return this.#ring === ring && this.#from < to && from < this.#from + this.#bytes;
  }
  holds({ buffer, byteOffset }: Uint8Array): boolean {
    for (const slice of this.slices) {
      const at = byteOffset - slice.byteOffset;
      if (buffer === slice.buffer && at >= 0 && at < slice.length) return true;
    }
    return false;
  }
  /** Of so many bytes that came, so many were these. */
  came(bytes: number): number {
    const mine = Math.min(bytes, this.dueBytes);
    this.dueBytes -= mine;
    return mine;
  }
  release(): void {
    assert(this.#isOut, 'a slab is released once');
    this.#isOut = false;
    this.#landings.released(this);
    this.#ring?.landed();
    this.#ring = undefined;
  }
}

/** Rings: made when they are needed, used again. */
import type { FingerprintCipher } from './fingerprint-cipher.js';
import type { Means } from './means.js';
import { Ring, type RingOwner } from './ring.js';

/** So many that nobody has, but that are not free, are enough: whoever does not send what is on its way may hold one for ever. */
const leftMax = 8;

export class Rings {
  readonly #means: Means;
  readonly #fingerprints: FingerprintCipher;
  readonly #free: Ring[] = [];
  #made = 0;
  /** Given back, and not free yet. */
  #left = 0;

  constructor(means: Means, fingerprints: FingerprintCipher) {
    this.#means = means;
    this.#fingerprints = fingerprints;
  }
  take(owner: RingOwner): Ring {
    const ring = this.#free.pop() ?? new Ring(this.#means, this.#fingerprints, this.#made++);
    ring.begun(owner);
    return ring;
  }
  give(ring: Ring): void {
    this.#left += 1;
    ring.giveUp(() => {
      this.#left -= 1;
      this.#free.push(ring);
    });
  }
  /** Nothing should land in one that it would keep from being free. */
  get areShort(): boolean {
    return this.#left >= leftMax;
  }
}

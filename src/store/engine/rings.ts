/** Rings: made when they are needed, used again. */
import type { FingerprintCipher } from './fingerprint-cipher.js';
import type { Means } from './means.js';
import { Ring, type RingOwner } from './ring.js';

export class Rings {
  readonly #means: Means;
  readonly #fingerprints: FingerprintCipher;
  readonly #free: Ring[] = [];
  #made = 0;

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
    ring.giveUp(() => this.#free.push(ring));
  }
}

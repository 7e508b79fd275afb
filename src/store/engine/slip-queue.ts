/** SlipQueue: slips that are out, in the order in which they were handed out. Nothing is made for one. */
import { strict as assert } from 'node:assert';
import type { Slip } from './slips.js';

export class SlipQueue {
  /** Places are used again: a list that is cut at its front is made anew again and again. */
  readonly #slips: (Slip | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }
  at(index: number): Slip | undefined {
    return index < this.#size ? this.#slips[index] : undefined;
  }
  push(slip: Slip): void {
    if (this.#size === this.#slips.length) this.#slips.push(slip);
    else this.#slips[this.#size] = slip;
    this.#size += 1;
  }
  remove(index: number): void {
    assert(index < this.#size);
    this.#size -= 1;
    for (let at = index; at < this.#size; at++) this.#slips[at] = this.#slips[at + 1];
    this.#slips[this.#size] = undefined;
  }
  /** Of the slip at that address; -1: it is not here. */
  indexOf(address: number): number {
    for (let index = 0; index < this.#size; index++)
      if (this.#slips[index]?.address === address) return index;
    return -1;
  }
}

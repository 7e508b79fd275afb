/** Cuts a list of slices into pieces without copying. */
export class SliceCursor {
  readonly #slices: readonly Buffer[];
  #index = 0;
  #offset = 0;
  constructor(slices: readonly Buffer[]) {
    this.#slices = slices;
  }
  take(length: number): Buffer[] {
    const out: Buffer[] = [];
    for (let left = length; left > 0;) {
      const slice = this.#slices[this.#index];
      if (slice === undefined) return out;
      const count = Math.min(left, slice.length - this.#offset);
      const whole = count === slice.length;
      if (count > 0) out.push(whole ? slice : slice.subarray(this.#offset, this.#offset + count));
      left -= count;
      this.#offset += count;
      if (this.#offset === slice.length) {
        this.#index += 1;
        this.#offset = 0;
      }
    }
    return out;
  }
}

/** Plain kernels whose memory is used again by the next life of a simulated process: making it anew is what takes long. */
import { plainKernels } from '#store';

type Kernels = typeof plainKernels;

export class ReusedKernels {
  readonly #free = new Map<number, Buffer[]>();
  #taken: Buffer[] = [];

  /** For the next life. What the one before has is taken from it: nothing of it may run any more. */
  begin(): Kernels {
    for (const buffer of this.#taken) this.#freeOf(buffer.length).push(buffer);
    this.#taken = [];
    return {
      ...plainKernels,
      allocate: (bytes) => {
        const buffer = this.#freeOf(bytes).pop() ?? Buffer.alloc(bytes);
        this.#taken.push(buffer);
        return buffer;
      },
    };
  }
  #freeOf(bytes: number): Buffer[] {
    const known = this.#free.get(bytes) ?? [];
    this.#free.set(bytes, known);
    return known;
  }
}

/** Inputs: memory in which streams are cut, made once and used again. */
import { inputBytes } from './engine-limits.js';
import type { Kernels } from './kernels.js';

export class Inputs {
  readonly #kernels: Kernels;
  readonly #free: Buffer[] = [];
  constructor(kernels: Kernels) {
    this.#kernels = kernels;
  }
  take(): Buffer {
    return this.#free.pop() ?? this.#kernels.allocate(inputBytes);
  }
  give(buffer: Buffer): void {
    this.#free.push(buffer);
  }
}

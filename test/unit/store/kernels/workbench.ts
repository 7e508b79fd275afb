/** A Kernels on a small memory with the input at its very end, and data to give it. */
import { createHash } from 'node:crypto';
import {
  type AverageBytes,
  type Codec,
  type CutState,
  Kernels,
} from '../../../../src/store/kernels/index.js';

const memoryPages = 96; // of 64 KiB
const outputAt = 256 * 1024;
const guard = 0xa7;
/** More than copies run ahead that may. */
const guardBytes = 1024;
const untouched = Buffer.alloc(guardBytes, guard);

export const newState = (): CutState => ({ bytes: 0, hash: 0 });

export class Workbench {
  readonly kernels: Kernels;
  readonly #all: Buffer;

  private constructor(kernels: Kernels, all: Buffer) {
    this.kernels = kernels;
    this.#all = all;
  }
  static async open(): Promise<Workbench> {
    const memory = new WebAssembly.Memory({ initial: memoryPages, maximum: memoryPages, shared: true });
    return new Workbench(await Kernels.open(memory, 0), Buffer.from(memory.buffer));
  }

  /** Puts the bytes so that `behind` more lie between them and the end of the memory. Returns their address. */
  put(bytes: Uint8Array, behind = 0): number {
    const at = this.#all.length - bytes.length - behind;
    this.#all.set(bytes, at);
    return at;
  }

  /** All cuts of `bytes`, handed over in pieces that end at `splits`. */
  cuts(
    bytes: Uint8Array,
    average: AverageBytes,
    splits: Iterable<number> = [],
    state = newState(),
  ): number[] {
    const at = this.put(bytes);
    const found: number[] = [];
    let from = 0;
    for (const to of [...splits, bytes.length]) {
      const count = this.kernels.cut(at + from, to - from, state, average);
      for (let i = 0; i < count; i++) found.push(from + (this.kernels.cuts[i] ?? -1));
      from = to;
    }
    return found;
  }

  /** What it is compressed to, or undefined when that has no room. */
  compress(codec: Codec, bytes: Uint8Array, room = Kernels.boundOf(codec, bytes.length)): Buffer | undefined {
    const length = this.#guarded(room, () =>
      this.kernels.compress(codec, this.put(bytes), bytes.length, outputAt, room),
    );
    return length === 0 ? undefined : Buffer.from(this.#all.subarray(outputAt, outputAt + length));
  }
  decompress(codec: Codec, block: Uint8Array, room: number, enough?: number): Buffer {
    const length = this.#guarded(room, () =>
      this.kernels.decompress(codec, this.put(block), block.length, outputAt, room, enough),
    );
    return Buffer.from(this.#all.subarray(outputAt, outputAt + length));
  }
  isCompressible(bytes: Uint8Array): boolean {
    return this.kernels.isCompressible(this.put(bytes), bytes.length);
  }

  /** Runs it; throws when bytes next to the room of the output have changed, also when it throws itself. */
  #guarded(room: number, run: () => number): number {
    const before = this.#all.subarray(outputAt - guardBytes, outputAt);
    const behind = this.#all.subarray(outputAt + room, outputAt + room + guardBytes);
    const check = (): void => {
      if (!before.equals(untouched) || !behind.equals(untouched)) throw new Error('written out of bounds');
    };
    for (const strip of [before, behind]) strip.fill(guard);
    try {
      const length = run();
      check();
      return length;
    } catch (error) {
      check();
      throw error;
    }
  }
}

/** Bytes without structure: SHA-256 of the name and a counter. */
export function noise(name: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${name} ${i}`).digest(),
  );
  return Buffer.concat(blocks, length);
}

/** Lines of text that share most of their words. */
export function lines(length: number): Buffer {
  const line = (i: number): string =>
    `${i}: the ${i % 7 === 0 ? 'last' : 'next'} tape has ${(i * 2654435761) % 997} records in ${i % 13} files\n`;
  return Buffer.from(Array.from({ length: Math.ceil(length / 38) }, (_, i) => line(i)).join('')).subarray(
    0,
    length,
  );
}

/** `length` bytes that repeat the first `period` of the noise called `name`. */
export function periodic(name: string, period: number, length: number): Buffer {
  return Buffer.alloc(length, noise(name, period));
}

/**
 * Workspaces: the memory in which containers are put together. A fixed number for a group, made when first needed, used again:
 * whoever wants to begin a container when all are taken waits for one to be written.
 */
import { strict as assert } from 'node:assert';
import { fingerprintBytes } from './container.format.js';
import {
  containerAlignBytes,
  containerChunksMax,
  containerRawBytesMax,
  headBytesMax,
  regionBytesMax,
} from './engine-limits.js';
import type { Kernels } from './kernels.js';

const fingerprintsBytes = containerChunksMax * fingerprintBytes;
/** Head, regions (each may be stored as it is, and end unaligned), fingerprints, head, filling. */
const imageBytes =
  headBytesMax +
  containerRawBytesMax +
  regionBytesMax +
  64 * 1024 +
  fingerprintsBytes +
  headBytesMax +
  containerAlignBytes;

export interface Workspace {
  readonly image: Buffer;
  /** The region that is being filled. */
  readonly raw: Buffer;
  readonly fingerprints: Buffer;
  readonly lengths: Uint32Array;
  /** For a region that is opened again; made when first needed. */
  spare?: Buffer;
}
export const workspaceBytes = imageBytes + regionBytesMax + fingerprintsBytes;

export class Workspaces {
  readonly max: number;
  readonly #kernels: Kernels;
  readonly #free: Workspace[] = [];
  #made = 0;
  #waiting: (() => void)[] = [];

  constructor(kernels: Kernels, max: number) {
    assert(max >= 2);
    this.#kernels = kernels;
    this.max = max;
  }
  take(): Workspace | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made === this.max) return undefined;
    this.#made += 1;
    return {
      image: this.#kernels.allocate(imageBytes),
      raw: this.#kernels.allocate(regionBytesMax),
      fingerprints: this.#kernels.allocate(fingerprintsBytes),
      lengths: new Uint32Array(containerChunksMax),
    };
  }
  give(workspace: Workspace): void {
    this.#free.push(workspace);
    this.wake();
  }
  /** Whoever waits looks again: something came free, or never will. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
  /** Resolves at the next `wake`. */
  async change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}

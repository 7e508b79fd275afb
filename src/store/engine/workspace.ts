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
import type { Arena } from './arena.js';
import { PackSlip, slipBytes } from './slips.js';

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
  /** Regions: one that is being filled, others that are being compressed. */
  readonly raws: readonly Buffer[];
  readonly fingerprints: Buffer;
  readonly lengths: Uint32Array;
  /** For a region that is opened again; made when first needed. */
  spare?: Buffer;
  readonly slip: PackSlip;
}
const rawsOfWorkspace = 3;
export const workspaceBytes = imageBytes + rawsOfWorkspace * regionBytesMax + fingerprintsBytes;

export class Workspaces {
  readonly max: number;
  readonly #arena: Arena;
  readonly #free: Workspace[] = [];
  #made = 0;
  #waiting: (() => void)[] = [];

  constructor(arena: Arena, max: number) {
    assert(max >= 2);
    this.#arena = arena;
    this.max = max;
  }
  take(): Workspace | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made === this.max) return undefined;
    this.#made += 1;
    return {
      image: this.#arena.allocate(imageBytes),
      raws: Array.from({ length: rawsOfWorkspace }, () => this.#arena.allocate(regionBytesMax)),
      fingerprints: this.#arena.allocate(fingerprintsBytes),
      lengths: new Uint32Array(containerChunksMax),
      slip: new PackSlip(this.#arena.allocate(slipBytes)),
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

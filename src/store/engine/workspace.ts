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
  regionAlignBytes,
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

/** What packs a region of the image, and where to: several are packed at a time. */
export interface Part {
  readonly packed: Buffer;
  readonly slip: PackSlip;
}
export interface Workspace {
  readonly image: Buffer;
  /** One for the region that is being filled, others for those that are being packed. */
  readonly parts: readonly Part[];
  readonly fingerprints: Buffer;
  readonly lengths: Uint32Array;
  /** For a region that is opened again; made when first needed. */
  spare?: Buffer;
}
const partsOfWorkspace = 4;
export const workspaceBytes = imageBytes + partsOfWorkspace * regionBytesMax + fingerprintsBytes;

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
      parts: Array.from({ length: partsOfWorkspace }, () => this.#part()),
      fingerprints: this.#arena.allocate(fingerprintsBytes),
      lengths: new Uint32Array(containerChunksMax),
    };
  }
  #part(): Part {
    return {
      packed: this.#arena.allocate(regionBytesMax + regionAlignBytes), // and what sealing adds
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

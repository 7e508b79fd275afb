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
import { RegionTable } from './region-table.js';
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

/** Whose region a part packs. */
export interface PartOwner {
  regionPacked(part: Part): void;
}
/** What packs a region of the image, and where to: several are packed at a time. */
export class Part {
  readonly packed: Buffer;
  readonly slip: PackSlip;
  owner: PartOwner | undefined;
  /** The region: where it was gathered in the image, its bytes and chunks. */
  from = 0;
  bytes = 0;
  chunks = 0;
  isPacked = false;

  constructor(packed: Buffer, slip: PackSlip) {
    this.packed = packed;
    this.slip = slip;
    slip.done = (): void => this.owner?.regionPacked(this);
  }
}
export interface Workspace {
  readonly image: Buffer;
  /** One for the region that is being filled, others for those that are being packed. */
  readonly parts: readonly Part[];
  readonly regions: RegionTable;
  /** Of each chunk: its number, its bytes, its fingerprint. */
  readonly ordinals: Uint16Array;
  readonly lengths: Uint32Array;
  readonly fingerprints: Buffer;
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
  readonly #waiting: (() => void)[] = [];

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
      regions: new RegionTable(),
      ordinals: new Uint16Array(containerChunksMax),
      lengths: new Uint32Array(containerChunksMax),
      fingerprints: this.#arena.allocate(fingerprintsBytes),
    };
  }
  #part(): Part {
    const packed = this.#arena.allocate(regionBytesMax + regionAlignBytes); // and what sealing adds
    return new Part(packed, new PackSlip(this.#arena.allocate(slipBytes)));
  }
  give(workspace: Workspace): void {
    this.#free.push(workspace);
    this.wake();
  }
  /** Whoever waits looks again: something came free, or never will. */
  wake(): void {
    if (this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }
  /** Resolves at the next `wake`. */
  async change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}

/** MetaWriter: recipes and states of volumes as chunks of containers of their own kind, which nobody deduplicates. */
import { createHash } from 'node:crypto';
import { KIND } from './container.format.js';
import type { ContainerStore } from './container-store.js';
import { regionBytesMax } from './engine-limits.js';
import type { Root } from './group-state.js';
import type { OpenContainer } from './open-container.js';

export class MetaWriter {
  readonly #containers: ContainerStore;
  readonly used = new Set<OpenContainer>();
  #open: OpenContainer | undefined;

  constructor(containers: ContainerStore) {
    this.#containers = containers;
  }
  /** All of the bytes in one container; small enough parts of them are one chunk each. */
  async add(bytes: Buffer): Promise<Root> {
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += regionBytesMax)
      parts.push(bytes.subarray(at, at + regionBytesMax));
    const open = await this.#roomFor(bytes.length, parts.length);
    const ordinal = open.count;
    for (const part of parts) {
      const digest = createHash('sha256').update(part).digest();
      open.add(part, 0, part.length, digest, 0);
    }
    return { container: open.id, ordinal, chunks: parts.length, bytes: bytes.length };
  }
  async #roomFor(bytes: number, chunks: number): Promise<OpenContainer> {
    const open = this.#open;
    if (open !== undefined && open.hasRoomFor(bytes) && open.count + chunks < 1024) return open;
    // No half-filled one of ours is left to be sealed for want of memory: it is written at once.
    if (open !== undefined) this.#containers.seal(open);
    const made = await this.#containers.beginSoon(KIND.meta, () => 'dense');
    this.used.add(made);
    this.#open = made;
    return made;
  }
}

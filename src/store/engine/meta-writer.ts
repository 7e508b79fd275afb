/** MetaWriter: recipes and states of volumes as chunks of containers of their own kind, which nobody deduplicates. */
import { createHash } from 'node:crypto';
import type { ContainerStore } from './container-store.js';
import { fingerprintBytes, KIND } from './container.format.js';
import { containerChunksMax, regionBytesMax } from './engine-limits.js';
import type { GroupCipher } from './group-cipher.js';
import type { Root } from './group-state.js';
import type { OpenContainer } from './open-container.js';

export class MetaWriter {
  readonly #containers: ContainerStore;
  readonly #cipher: GroupCipher;
  readonly used = new Set<OpenContainer>();
  #open: OpenContainer | undefined;

  constructor(containers: ContainerStore, cipher: GroupCipher) {
    this.#containers = containers;
    this.#cipher = cipher;
  }
  /** All of what belongs to the volume with that key in one container; small enough parts are one chunk each. */
  async add(content: Buffer, key: number): Promise<Root> {
    const bytes = this.#cipher.volumes.sealStored(key, content);
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += regionBytesMax)
      parts.push(bytes.subarray(at, at + regionBytesMax));
    // Between looking whether there is room and taking it nobody else may run: for want of memory he might seal it.
    const open = this.#withRoom(bytes.length, parts.length) ?? (await this.#begin());
    const ordinal = open.count;
    for (const part of parts) {
      const digest = createHash('sha256').update(part).digest();
      this.#cipher.fingerprints.permute(digest, 0, fingerprintBytes);
      while (!open.canTake(part.length)) await open.change();
      open.add(part, 0, part.length, digest, 0);
    }
    return { container: open.id, ordinal, chunks: parts.length, bytes: bytes.length };
  }
  #withRoom(bytes: number, chunks: number): OpenContainer | undefined {
    const open = this.#open;
    return open?.hasRoomFor(bytes) === true && open.count + chunks < containerChunksMax ? open : undefined;
  }
  async #begin(): Promise<OpenContainer> {
    // No half-filled one of ours is left to be sealed for want of memory: it is written at once.
    if (this.#open !== undefined) this.#containers.seal(this.#open);
    const made = await this.#containers.beginSoon(KIND.meta, () =>
      this.#cipher.isSealed ? 'none' : 'dense',
    );
    this.used.add(made);
    this.#open = made;
    return made;
  }
}

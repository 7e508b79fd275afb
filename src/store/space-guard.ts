/**
 * SpaceGuard: sees to it that bytes are refused before they are accepted, not lost afterwards. Growth is granted out of what
 * the disk had when it was last asked, less a reserve for what others and the file system's own records take meanwhile.
 */
import type { Disk } from '#env';
import { StoreError } from '#errors';
import { Turn } from './engine/turn.js';
import type { Space } from './store.js';

const MiB = 1024 * 1024;
/** What is granted without asking the disk again. */
const grantBytes = 64 * MiB;

export interface SpaceGuardOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** Bytes that the group may occupy. */
  readonly capacityBytes: number;
  /** Bytes of the disk that are left to others. */
  readonly reserveBytes: number;
  /** Bytes that the group occupies in its files, and bytes granted that are not in files yet. */
  occupied(): Promise<{ readonly inFiles: number; readonly pending: number }>;
}

export class SpaceGuard {
  readonly #options: SpaceGuardOptions;
  #capacityBytes: number;
  #granted = 0;
  readonly #asks = new Turn();

  constructor(options: SpaceGuardOptions) {
    this.#options = options;
    this.#capacityBytes = options.capacityBytes;
  }
  /** Another number of bytes that the group may occupy, from now on. */
  limit(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes;
    this.#granted = 0;
  }
  /** True when the bytes are granted at once; else `ask`. */
  grant(bytes: number): boolean {
    if (bytes > this.#granted) return false;
    this.#granted -= bytes;
    return true;
  }
  /**
   * Grants, or throws StoreError 'full'. One who asks after another: `granted` is called before the next is heard, and what it counts
   * among the bytes that are pending is not granted twice.
   */
  async ask(bytes: number, granted?: () => void): Promise<void> {
    await this.#asks.run(async () => {
      if (!this.grant(bytes)) await this.#look(bytes);
      granted?.();
    });
  }
  async #look(bytes: number): Promise<void> {
    this.#granted = 0; // not behind: meanwhile others would be granted what we are about to be
    const { freeBytes } = await this.space();
    if (bytes > freeBytes) {
      const facts = { folder: this.#options.folder, freeBytes, wanted: bytes };
      throw new StoreError('full', 'The storage group is full', facts);
    }
    // No more than an eighth at once, so that near the end the disk is asked often.
    this.#granted = Math.max(0, Math.min(grantBytes, Math.floor(freeBytes / 8)) - bytes);
  }
  /** Gives back what was granted and not used. */
  give(bytes: number): void {
    this.#granted += bytes;
  }
  /** Forget what was granted: the disk has said that it is full. */
  revoke(): void {
    this.#granted = 0;
  }
  async space(): Promise<Space> {
    const { disk, folder, reserveBytes } = this.#options;
    const { inFiles, pending } = await this.#options.occupied();
    const disksFree = (await disk.freeBytes(folder)) - reserveBytes;
    const freeBytes = Math.min(disksFree, this.#capacityBytes - inFiles) - pending;
    return { freeBytes: Math.max(0, Math.floor(freeBytes)), usedBytes: inFiles + pending };
  }
}

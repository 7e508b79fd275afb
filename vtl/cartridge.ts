/**
 * Cartridge: a shell with a barcode and, behind it, one volume of the store. What a person sees without loading it is kept
 * by whoever made this object (the catalog); everything else is in the volume's label.
 */
import type { Env } from '#env';
import { StoreError } from '#errors';
import type { DamagedRange, PaceOptions, StorageGroup } from '#store';
import { type CartridgeReport, checkCartridge } from './cartridge-check.js';
import { type DamagedObjects, objectsOf } from './damage.js';
import { type Attribute, Mam } from './mam.js';
import type { Medium } from './media.table.js';
import type { CartridgeLabel } from './cartridge-label.js';
import { firstLabel, newLabel, openImage, type TapeImage } from './tape-image.js';

export interface CartridgeOptions {
  readonly env: Env;
  readonly group: StorageGroup;
  /** Name of its volume: never changes and is never used again. `[A-Za-z0-9-]{1,64}`. */
  readonly id: string;
  readonly barcode: string;
  readonly medium: Medium;
  readonly worm?: boolean;
  readonly writeProtected?: boolean;
  /** Bytes up to early warning of a cartridge with one partition; the medium's own when not given. */
  readonly sizeBytes?: number;
  /** Makes it a cleaning cartridge. */
  readonly cleaning?: { readonly usesLeft: number };
  /** As last told by `usedBytes` of an earlier object. */
  readonly usedBytes?: number;
}
export interface CartridgeEvent {
  /** What should be saved again. */
  readonly kind: 'write-protected' | 'used' | 'cleaning';
}
export type CartridgeListener = (event: CartridgeEvent) => void;

export const cleaningUsesOfNew = 50;

export class Cartridge {
  readonly id: string;
  readonly barcode: string;
  readonly medium: Medium;
  readonly worm: boolean;
  readonly sizeBytes: number;
  readonly #env: Env;
  readonly #group: StorageGroup;
  readonly #listeners = new Set<CartridgeListener>();
  #writeProtected: boolean;
  #cleaning: { readonly usesLeft: number } | undefined;
  #usedBytes: number;
  #image: TapeImage | undefined;

  /** An existing cartridge. */
  constructor(options: CartridgeOptions) {
    this.#env = options.env;
    this.#group = options.group;
    this.id = options.id;
    this.barcode = options.barcode;
    this.medium = options.medium;
    this.worm = options.worm ?? false;
    this.sizeBytes = options.sizeBytes ?? options.medium.capacityBytes;
    this.#writeProtected = options.writeProtected ?? false;
    this.#cleaning = options.cleaning;
    this.#usedBytes = options.usedBytes ?? 0;
  }
  /** A new one, durably. StoreError 'locked' when the id is taken. */
  static async create(options: CartridgeOptions): Promise<Cartridge> {
    const cartridge = new Cartridge(options);
    if (cartridge.cleaning === undefined) await cartridge.#make();
    return cartridge;
  }
  async #make(): Promise<void> {
    const volume = await this.#group.create(this.id);
    try {
      await volume.commit(firstLabel(this.#env, this));
    } finally {
      await volume.close();
    }
  }

  get writeProtected(): boolean {
    return this.#writeProtected;
  }
  /** The switch on the shell. A drive sees it at once. */
  setWriteProtected(on: boolean): void {
    if (on === this.#writeProtected) return;
    this.#writeProtected = on;
    this.#tell('write-protected');
  }
  get cleaning(): { readonly usesLeft: number } | undefined {
    return this.#cleaning;
  }
  /** Takes one use of a cleaning cartridge; false when none is left. */
  takeCleaning(): boolean {
    const left = this.#cleaning?.usesLeft ?? 0;
    if (left === 0) return false;
    this.#cleaning = { usesLeft: left - 1 };
    this.#tell('cleaning');
    return true;
  }
  /** Bytes of the capacity in use, of all partitions; as of the last unload while it is not loaded. */
  get usedBytes(): number {
    return this.#image === undefined ? this.#usedBytes : usedBytesOf(this.#image);
  }
  /** Bytes that the group can still take, and has taken. */
  get group(): StorageGroup {
    return this.#group;
  }

  /** Opens the image; one opener at a time. StoreError 'locked', 'missing', 'corrupt', 'io'. */
  async open(): Promise<TapeImage> {
    const image = await openImage(this.#env, this, await this.#group.open(this.id));
    this.#image = image;
    return image;
  }
  /** Closes what `open` gave. What was not committed is lost. */
  async close(): Promise<void> {
    const image = this.#image;
    if (image === undefined) throw new StoreError('missing', `${this.barcode} is not open`, { id: this.id });
    this.#usedBytes = usedBytesOf(image);
    this.#image = undefined;
    await image.close();
    this.#tell('used');
  }
  /** Makes it as new, durably: one partition, no records, no attributes of hosts. Not while it is open. */
  async erase(): Promise<void> {
    const image = await this.open();
    try {
      await image.format([this.sizeBytes]);
      image.label.capacityProportion = 0xffff;
      for (const partition of image.label.partitions) partition.attributes = {};
      await image.commit();
    } finally {
      await this.close();
    }
  }
  /**
   * Lets `work` put other content into its volume. The volume change reference goes on from where it was (T7): a host that knows it
   * sees that the medium is not what it was. Not while it is open.
   */
  async replaceContent(work: () => Promise<void>): Promise<void> {
    const before = await this.#changeReference();
    await work();
    await this.#relabel((label) => {
      label.changeReference = (Math.max(before, label.changeReference) + 1) % 0x1_0000_0000;
    });
  }
  /** 0 when it does not open: then other content is the way to have it open again. */
  async #changeReference(): Promise<number> {
    try {
      const image = await this.open();
      await this.close();
      return image.label.changeReference;
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === 'corrupt') return 0;
      throw cause;
    }
  }
  /** Its volume began as that of another cartridge: from now on it has a serial number and a life of its own. */
  async becomeItself(): Promise<void> {
    await this.#relabel((label) => {
      const { serial, manufactured, loadedBy } = newLabel(this.#env, this);
      Object.assign(label, { serial, manufactured, loadedBy });
    });
  }
  async #relabel(change: (label: CartridgeLabel) => void): Promise<void> {
    const image = await this.open();
    try {
      change(image.label);
      await image.commit();
    } finally {
      await this.close();
    }
  }
  /** Attributes by partition, as a library's own reader sees them without a drive. StoreError 'locked' while it is open. */
  async readAttributes(): Promise<readonly (readonly Attribute[])[]> {
    if (this.#cleaning !== undefined) return [];
    const image = await this.open();
    try {
      const { label, partitions } = image;
      const remainingBytes = (number: number): number => {
        const partition = partitions[number];
        return partition === undefined ? 0 : Math.max(0, partition.label.capacityBytes - partition.usedBytes);
      };
      const mam = new Mam({ cartridge: this, label, remainingBytes });
      return partitions.map((_, number) => mam.attributes(number));
    } finally {
      await this.close();
    }
  }
  /**
   * Reads all of it as it was committed last, without a drive, and says which records are damaged. StoreError 'locked' while it is open
   * in a store that cannot show it beside that.
   */
  async verify(options: PaceOptions = {}): Promise<CartridgeReport> {
    if (this.#cleaning !== undefined) return { objects: 0, bytes: 0, damaged: [], lost: false };
    return await checkCartridge(this.#env.clock, this.#group, this.id, options);
  }
  /** Which of its records bytes of its volume belong to that the store has found damaged. */
  async objectsOf(ranges: readonly DamagedRange[]): Promise<readonly DamagedObjects[]> {
    const view = await this.#group.view(this.id);
    try {
      return await objectsOf(view, ranges);
    } finally {
      await view.close();
    }
  }
  /** Removes its volume, durably. Not while it is open. */
  async destroy(): Promise<void> {
    if (this.#cleaning !== undefined) return;
    await this.#group.remove(this.id);
  }

  watch(listener: CartridgeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  #tell(kind: CartridgeEvent['kind']): void {
    for (const listener of this.#listeners) listener({ kind });
  }
}

const usedBytesOf = (image: TapeImage): number =>
  image.partitions.reduce((sum, partition) => sum + partition.usedBytes, 0);

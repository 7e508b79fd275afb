/**
 * TapeImage: the content of a mounted cartridge: its partitions and its label, over one volume of the store. One commit
 * makes both durable together; a crash brings back the last commit, which always ends behind a whole object.
 *
 * One caller at a time (the drive's turn), except that the promise of `commit` may be awaited while others go on.
 */
import type { Env } from '#env';
import { StoreError } from '#errors';
import type { Volume } from '#store';
import type { Cartridge } from './cartridge.js';
import { type CartridgeLabel, decodeLabel, encodeLabel, type PartitionLabel } from './cartridge-label.js';
import { noVolumeStatistics } from './drive-counters.js';
import { DriveError } from './drive-error.js';
import { Partition } from './partition.js';
import { saltBytes } from './tape-image.format.js';

/** What a commit made durable. */
export interface Committed {
  /** Objects per partition. */
  readonly objects: readonly number[];
}

export class TapeImage {
  readonly cartridge: Cartridge;
  readonly label: CartridgeLabel;
  readonly #env: Env;
  readonly #volume: Volume;
  #partitions: Partition[];
  #committed: Committed;
  #lastCommit: Promise<void> = Promise.resolve();
  #truncations = 0;
  #truncationsCommitted = 0;

  constructor(env: Env, cartridge: Cartridge, volume: Volume) {
    this.#env = env;
    this.cartridge = cartridge;
    this.#volume = volume;
    this.label = volume.label.length === 0 ? newLabel(env, cartridge) : decodeLabel(volume.label);
    this.#partitions = this.#open();
    this.#committed = this.#state();
  }
  #open(): Partition[] {
    return this.label.partitions.map((label, number) => new Partition(number, this.#volume, label));
  }
  #state(): Committed {
    return { objects: this.#partitions.map(({ objects }) => objects) };
  }

  get partitions(): readonly Partition[] {
    return this.#partitions;
  }
  partition(number: number): Partition {
    const partition = this.#partitions[number];
    if (partition === undefined)
      throw new DriveError('no-such-partition', `There is no partition ${number}`, { number });
    return partition;
  }
  get committed(): Committed {
    return this.#committed;
  }
  /** A truncation waits for its commit: nothing may be appended before. */
  get truncated(): boolean {
    return this.#truncations !== this.#truncationsCommitted;
  }

  /** Removes the object and all behind it. */
  async truncate(partition: number, object: number, file: number): Promise<void> {
    await this.settled();
    await this.flush(); // of all partitions: after the cut nothing may be appended until it is committed
    this.#truncations += 1;
    await this.partition(partition).truncate(object, file, () => newSalt(this.#env));
  }

  /** Removes everything and lays out new partitions of these sizes. Host attributes of volume scope stay. */
  async format(capacitiesBytes: readonly number[]): Promise<void> {
    await this.settled();
    await this.flush();
    this.#truncations += 1;
    for (const partition of this.#partitions) await partition.truncate(0, 0, () => newSalt(this.#env));
    const attributes = this.label.partitions[0]?.attributes ?? {};
    this.label.partitions = capacitiesBytes.map((bytes) => newPartition(this.#env, bytes));
    const first = this.label.partitions[0];
    if (first !== undefined) first.attributes = attributes;
    this.label.initializations += 1;
    this.#partitions = this.#open();
  }

  /** Hands everything gathered to the store. Afterwards `commit` covers all that was accepted. */
  async flush(): Promise<void> {
    for (const partition of this.#partitions) await partition.flush();
  }
  /** Everything flushed, truncated and written to the label so far becomes durable. */
  async commit(): Promise<void> {
    const state = this.#state();
    const truncations = this.#truncations;
    const done = this.#volume.commit(encodeLabel(this.label));
    this.#lastCommit = done.catch(() => undefined); // whoever called it is told
    await done;
    this.#committed = state;
    this.#truncationsCommitted = truncations;
  }
  /** Resolves when no commit is under way. */
  async settled(): Promise<void> {
    await this.#lastCommit;
  }
  async close(): Promise<void> {
    await this.#volume.close();
  }
}

const newSalt = (env: Env): string => env.random.bytes(saltBytes).toString('hex');
const newPartition = (env: Env, capacityBytes: number): PartitionLabel => ({
  salt: newSalt(env),
  capacityBytes,
  attributes: {},
});

const serialLetters = 'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789';
/** Of a cartridge that has no past. */
export function newLabel(env: Env, cartridge: Cartridge): CartridgeLabel {
  let serial = '';
  for (let i = 0; i < 10; i++) serial += serialLetters[env.random.integer(serialLetters.length)] ?? '';
  const date = new Date(env.clock.wallMs()).toISOString().slice(0, 10);
  return {
    serial,
    manufactured: date.replaceAll('-', ''),
    partitions: [newPartition(env, cartridge.sizeBytes)],
    capacityProportion: 0xffff,
    initializations: 1,
    changeReference: 0,
    loadedBy: [],
    statistics: noVolumeStatistics(),
    tapeAlerts: '0',
  };
}

/** A label for a cartridge that was just made. */
export const firstLabel = (env: Env, cartridge: Cartridge): Buffer => encodeLabel(newLabel(env, cartridge));

/** Opens the image, closing the volume again when it does not. Throws StoreError. */
export async function openImage(env: Env, cartridge: Cartridge, volume: Volume): Promise<TapeImage> {
  try {
    return new TapeImage(env, cartridge, volume);
  } catch (cause) {
    await volume.close();
    if (cause instanceof StoreError) throw cause;
    throw new StoreError('corrupt', `The image of ${cartridge.barcode} does not open`, {}, { cause });
  }
}

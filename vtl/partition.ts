/**
 * Partition: records and filemarks of one partition over its three streams. Object numbers are dense; appending is at the
 * end of data only, and truncation must be committed before the next append (the store asserts it).
 */
import type { Stream, Volume } from '#store';
import type { Slab } from '#wire';
import type { PartitionLabel } from './cartridge-label.js';
import { DriveError } from './drive-error.js';
import { MarkIndex } from './mark-index.js';
import { ObjectIndex } from './object-index.js';
import {
  dataStream,
  type Entry,
  entryBytes,
  EntrySealer,
  markBytes,
  marksStream,
  OBJECT_FLAG,
  OBJECT_TYPE,
  objectsStream,
} from './tape-image.format.js';

export interface StoredRecord {
  readonly kind: 'record';
  readonly encrypted: boolean;
  readonly prefixBytes: number;
  /** What was stored: prefix and payload. */
  readonly stored: Slab;
}
export type StoredObject = StoredRecord | { readonly kind: 'filemark' };

/** What a filemark or the entry of a record takes from the capacity. */
export const recordOverheadBytes = entryBytes;
export const filemarkOverheadBytes = entryBytes + markBytes;

export class Partition {
  readonly number: number;
  readonly label: PartitionLabel;
  readonly #data: Stream;
  readonly #objects: ObjectIndex;
  readonly #marks: MarkIndex;
  #sealer: EntrySealer;

  constructor(number: number, volume: Volume, label: PartitionLabel) {
    this.number = number;
    this.label = label;
    this.#data = volume.stream(dataStream(number));
    this.#objects = new ObjectIndex(volume.stream(objectsStream(number), { entryBytes }));
    this.#marks = new MarkIndex(volume.stream(marksStream(number), { entryBytes: markBytes }));
    this.#sealer = new EntrySealer(number, Buffer.from(label.salt, 'hex'));
  }

  /** Logical objects: the object number of the end of data. */
  get objects(): number {
    return this.#objects.count;
  }
  get filemarks(): number {
    return this.#marks.count;
  }
  /** Of the capacity, entries included. */
  get usedBytes(): number {
    return this.#data.length + this.objects * entryBytes + this.filemarks * markBytes;
  }
  /** Of the capacity, before the object; `file` is its rank. */
  async usedBefore(object: number, file: number): Promise<number> {
    if (object === 0) return 0;
    if (object === this.objects) return this.usedBytes;
    const { offset } = this.#objects.peek(object) ?? (await this.#objects.load(object));
    return Math.min(offset, this.#data.length) + object * entryBytes + file * markBytes;
  }

  /**
   * Adds a record whose stored bytes are the slices. Undefined: that is done; else they are lent until it resolves. On StoreError
   * 'full' nothing was added.
   */
  append(
    slices: readonly Uint8Array[],
    storedBytes: number,
    encrypted: boolean,
    prefixBytes: number,
  ): Promise<void> | undefined {
    const objects = this.#objects;
    if (!objects.hasRoom) return this.#appendWithRoom(slices, storedBytes, encrypted, prefixBytes);
    const flags = encrypted ? OBJECT_FLAG.encrypted : 0;
    const { target, at, count } = objects;
    this.#sealer.writeRecord(target, at, flags, prefixBytes, storedBytes, this.#data.length, count, slices);
    const appending = this.#data.append(slices);
    if (appending !== undefined) return this.#takenAfter(appending);
    objects.taken();
    return undefined;
  }
  async #appendWithRoom(...record: Parameters<Partition['append']>): Promise<void> {
    await this.#objects.makeRoom();
    await this.append(...record);
  }
  async #takenAfter(appending: Promise<void>): Promise<void> {
    await appending;
    this.#objects.taken();
  }
  /** Memory for the next record: see Stream.landing. */
  landing(bytes: number): Slab | undefined {
    return this.#data.landing?.(bytes);
  }
  async appendFilemark(): Promise<void> {
    const objects = this.#objects;
    if (!objects.hasRoom) await objects.makeRoom();
    if (!this.#marks.hasRoom) await this.#marks.makeRoom();
    const { target, at, count: object } = objects;
    this.#sealer.writeFilemark(target, at, this.#data.length, object);
    this.#marks.add(object);
    objects.taken();
  }
  /** Hands everything gathered to the streams; then a commit covers it. */
  async flush(): Promise<void> {
    await this.#objects.flush();
    await this.#marks.flush();
  }

  /** The object, verified. Throws DriveError 'damaged', and StoreError. The caller releases the slab. */
  async read(object: number): Promise<StoredObject> {
    const entry = this.#objects.peek(object) ?? (await this.#objects.load(object));
    if (!this.#isSound(entry)) throw this.#damaged(object, 'entry');
    if (entry.type === OBJECT_TYPE.filemark) {
      if (this.#sealer.checksumOf(entry, object, []) !== entry.checksum)
        throw this.#damaged(object, 'filemark');
      return { kind: 'filemark' };
    }
    const stored = await this.#data.read(entry.offset, entry.storedBytes);
    if (this.#sealer.checksumOf(entry, object, stored.slices) !== entry.checksum) {
      stored.release();
      throw this.#damaged(object, 'record');
    }
    const encrypted = (entry.flags & OBJECT_FLAG.encrypted) !== 0;
    return { kind: 'record', encrypted, prefixBytes: entry.prefixBytes, stored };
  }
  #isSound(entry: Entry): boolean {
    if (entry.offset + entry.storedBytes > this.#data.length) return false;
    if (entry.type === OBJECT_TYPE.filemark) return entry.storedBytes === 0;
    return entry.type === OBJECT_TYPE.record && entry.prefixBytes < entry.storedBytes;
  }
  #damaged(position: number, what: string): DriveError {
    const facts = { partition: this.number, position, what };
    return new DriveError('damaged', `Object ${position} of partition ${this.number} does not verify`, facts);
  }

  /** Filemarks before the object: its logical file number. */
  async fileOf(object: number): Promise<number> {
    return await this.#marks.rank(object);
  }
  /** Object number of filemark `index`. */
  async filemarkAt(index: number): Promise<number> {
    return await this.#marks.at(index);
  }
  /** Removes the object and all behind it; `file` is its rank. Commit before the next append. */
  async truncate(object: number, file: number, newSalt: () => string): Promise<void> {
    await this.flush();
    this.#data.truncate(await this.#dataBefore(object));
    this.#objects.truncate(object);
    this.#marks.truncate(file);
    const { label } = this;
    if ((label.firstEncrypted ?? 0) >= object) delete label.firstEncrypted;
    if ((label.firstPlainAfterEncrypted ?? 0) >= object) delete label.firstPlainAfterEncrypted;
    if (object > 0) return;
    label.salt = newSalt();
    this.#sealer = new EntrySealer(this.number, Buffer.from(label.salt, 'hex'));
  }
  /** Where the data of the object begins. Two entries say it: a damaged one must not cost its neighbour's bytes. */
  async #dataBefore(object: number): Promise<number> {
    if (object === 0) return 0;
    if (object === this.objects) return this.#data.length;
    const before = await this.#objects.load(object - 1);
    const { offset } = await this.#objects.load(object);
    return Math.min(this.#data.length, Math.max(offset, before.offset + before.storedBytes));
  }
}

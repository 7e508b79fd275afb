/**
 * Packs: files that hold containers one behind another. One is written at a time; what lies in it is never written again
 * (S3), except that a write that did not succeed is tried again. After a restart the next pack is begun.
 *
 * What is written is made durable as it comes, a quarter of a pack at a time, so that whoever wants all of it to be durable waits for
 * the last quarter only. Nobody relies on that: `sync` covers everything, and tells of what went wrong meanwhile.
 */
import { strict as assert } from 'node:assert';
import { dirname, join } from 'node:path';
import type { Disk, DiskFile } from '#env';
import { StoreError } from '../../errors.js';
import type { Place } from './container.format.js';
import { containerAlignBytes, packFilesMax } from './engine-limits.js';

interface PackFile {
  readonly pack: number;
  readonly file: Promise<DiskFile>;
  /** As soon as it is open. */
  opened: DiskFile | undefined;
  users: number;
  removed: boolean;
}
/** Where something lies for another thread to read. The file stays open until this is returned. */
export interface PackLoan {
  readonly descriptor: number;
  readonly offset: number;
  return(): void;
}
const packsPerFolder = 1000;
const suffix = '.pack';

export class Packs {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #files = new Map<number, PackFile>();
  /** The last of them, which is used again and again. */
  #latest: PackFile | undefined;
  /** Written, and not synchronized since. */
  readonly #unsynced = new Set<number>();
  #syncing: Promise<void> = Promise.resolve();
  /** Written since some of it was last begun to be made durable ahead. */
  #aheadBytes = 0;
  /** Some of it is being made durable ahead. Never rejects. */
  #ahead: Promise<void> | undefined;
  /** Those that it is about, but for what was removed meanwhile. */
  #aheadOf = new Set<number>();
  /** A failed fdatasync is told once, and to whoever asked: one beside it, or the next one, may say that all is well. */
  #aheadFailure: StoreError | undefined;
  /** Made, and its folder not synchronized since. */
  readonly #unnamed = new Set<number>();
  /** Its folders are durable. */
  readonly #named = new Set<number>();
  #pack: number;
  readonly #packBytes: number;
  #end = 0;
  #isClosed = false;
  #waiting: (() => void)[] = [];

  /** `last`: the highest number that a pack ever had. `packBytes`: see engine-limits. */
  constructor(disk: Disk, folder: string, last: number, packBytes: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#pack = last + 1;
    this.#packBytes = packBytes;
  }
  #path(pack: number): string {
    const part = Math.floor(pack / packsPerFolder)
      .toString(10)
      .padStart(6, '0');
    return join(this.#folder, part, pack.toString(10).padStart(9, '0') + suffix);
  }
  /** Numbers of all packs there are. */
  static async list(disk: Disk, folder: string): Promise<number[]> {
    const packs: number[] = [];
    for (const part of await disk.list(folder)) {
      for (const name of await disk.list(join(folder, part))) {
        if (name.endsWith(suffix)) packs.push(Number.parseInt(name.slice(0, -suffix.length), 10));
      }
    }
    return packs;
  }
  /** The pack that is being written. */
  get current(): number {
    return this.#pack;
  }

  /** Room for a container at the end. */
  reserve(bytes: number): Place {
    assert(bytes > 0 && bytes % containerAlignBytes === 0);
    if (this.#end >= this.#packBytes) {
      this.#pack += 1;
      this.#end = 0;
    }
    const place = { pack: this.#pack, offset: this.#end, bytes };
    this.#end += bytes;
    return place;
  }
  async write(image: Buffer, place: Place): Promise<void> {
    await this.#with(place.pack, 'create', async (file) => {
      await file.writeAt(image, place.offset);
      this.#unsynced.add(place.pack); // not before: a sync that is under way meanwhile covers nothing of it
    });
    this.#aheadBytes += place.bytes;
    if (this.#aheadBytes >= this.#packBytes / 4) this.#ahead ??= this.#syncAhead();
  }
  /** Bytes from `offset` of the container on; fewer when the file ends early. */
  async read(place: Place, offset: number, target: Buffer): Promise<number> {
    return await this.#with(
      place.pack,
      'existing',
      async (file) => await file.readAt(target, place.offset + offset),
    );
  }
  /** Undefined when the pack is not open, or nobody but we can read it. */
  lend(place: Place, offset: number): PackLoan | undefined {
    const held = this.#files.get(place.pack);
    const descriptor = held?.opened?.descriptor;
    if (held === undefined || descriptor === undefined || this.#isClosed) return undefined;
    this.#use(held);
    const back = (): void => {
      this.#unuse(held)?.catch(() => undefined); // closing a file fails that was read
    };
    return { descriptor, offset: place.offset + offset, return: back };
  }
  /** What was written before is durable when it resolves. */
  async sync(): Promise<void> {
    // One after another: what the one before has begun to make durable is durable when it has ended.
    this.#syncing = this.#syncAfter(this.#syncing);
    await this.#syncing;
  }
  async #syncAhead(): Promise<void> {
    this.#aheadBytes = 0;
    this.#aheadOf = new Set(this.#unsynced);
    for (const pack of this.#aheadOf) {
      try {
        await this.#with(pack, 'existing', async (file) => await file.sync());
      } catch (cause) {
        if (!(cause instanceof StoreError)) throw cause;
        if (this.#aheadOf.has(pack)) this.#aheadFailure ??= cause; // else it was removed
      }
    }
    this.#ahead = undefined;
  }
  async #syncAfter(before: Promise<void>): Promise<void> {
    await before;
    this.#checkAhead();
    const packs = [...this.#unsynced];
    this.#unsynced.clear();
    for (const pack of packs) {
      await this.#with(pack, 'existing', async (file) => await file.sync());
      if (this.#unnamed.delete(pack)) await this.#disk.syncDirectory(dirname(this.#path(pack)));
    }
    await this.#ahead; // it may have been told of what we were not
    this.#checkAhead();
  }
  #checkAhead(): void {
    if (this.#aheadFailure !== undefined) throw this.#aheadFailure;
  }

  async #with<T>(pack: number, how: 'existing' | 'create', act: (file: DiskFile) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new StoreError('broken', 'The storage group is closed', { pack });
    const held = this.#files.get(pack) ?? this.#open(pack, how);
    this.#use(held);
    try {
      return await act(await held.file);
    } catch (error) {
      if (this.#files.get(pack) === held && (await held.file.then(isOpen, isNot)) === 'not')
        this.#files.delete(pack);
      throw error;
    } finally {
      await this.#unuse(held);
    }
  }
  #use(held: PackFile): void {
    if (this.#latest !== held) {
      this.#files.delete(held.pack);
      this.#files.set(held.pack, held); // the longest unused come first
      this.#latest = held;
    }
    held.users += 1;
  }
  /** What must be awaited: files are being closed. */
  #unuse(held: PackFile): Promise<void> | undefined {
    held.users -= 1;
    if (this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve();
    const isSurplus = held.removed || this.#files.size > packFilesMax;
    return isSurplus ? this.#closeUnused() : undefined;
  }
  #open(pack: number, how: 'existing' | 'create'): PackFile {
    const file = this.#openFile(pack, how);
    const held: PackFile = { pack, file, opened: undefined, users: 0, removed: false };
    file.then(
      (opened) => {
        held.opened = opened;
      },
      () => undefined, // whoever awaits it is told
    );
    return held;
  }
  async #openFile(pack: number, how: 'existing' | 'create'): Promise<DiskFile> {
    const path = this.#path(pack);
    if (how === 'create' && !this.#named.has(pack)) {
      this.#unnamed.add(pack);
      // Whether or not they are there: an attempt before this one may have made them and gone no further.
      const part = dirname(path);
      await this.#disk.makeDirectory(part);
      await this.#disk.syncDirectory(dirname(part));
      await this.#disk.syncDirectory(dirname(this.#folder));
      this.#named.add(pack);
    }
    return await this.#disk.open(path, how, pack >= this.#pack ? 'bulk' : undefined);
  }
  async #closeUnused(): Promise<void> {
    for (const held of this.#files.values()) {
      const surplus = held.removed || this.#files.size > packFilesMax;
      if (!surplus || held.users > 0) continue;
      this.#files.delete(held.pack);
      await (await held.file).close();
    }
  }

  /** Removes the file. Whoever reads it still can. */
  async remove(pack: number): Promise<void> {
    assert(pack < this.#pack);
    const held = this.#files.get(pack);
    if (held !== undefined) held.removed = true;
    this.#unsynced.delete(pack);
    this.#aheadOf.delete(pack);
    this.#named.delete(pack);
    await this.#disk.remove(this.#path(pack));
    await this.#closeUnused();
  }
  /** The next container goes into a new pack, so that this one can be removed some day. */
  beginNext(): void {
    if (this.#end === 0) return;
    this.#pack += 1;
    this.#end = 0;
  }
  /** Waits for whoever is at a file. Who comes later is refused: the next life of the group has the packs then. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while ([...this.#files.values()].some(({ users }) => users > 0)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const { file } of files) {
      const opened = await file.catch(() => undefined); // was reported when it was opened
      await opened?.close();
    }
  }
}
const isOpen = (): 'open' => 'open';
const isNot = (): 'not' => 'not';

/**
 * SimDisk: a disk in memory that forgets what was not synchronized, breaks on demand, and says what it was asked.
 *
 * Per file it keeps the content at the last `sync` and the writes since; per folder the names at the last `syncDirectory` and
 * the changes since (after LevelDB's fault injection). A crash keeps of the unsynchronized what the seeded fate says, torn
 * in sectors. Faults are decided call by call by `fault`. One `Disk` is one life of a process: calls of an ended life
 * never return.
 */
import { strict as assert } from 'node:assert';
import { StoreError, type StoreErrorCode } from '#errors';
import type { Disk, DiskFile } from '#env';
import { Content, type FileChange } from './sim-content.js';

/** What SimRandom has; any seeded source will do. */
export interface Dice {
  integer(below: number): number;
}
export type DiskCallKind =
  'open' | 'read' | 'write' | 'sync' | 'truncate' | 'make' | 'remove' | 'rename' | 'sync-directory' | 'free';
export interface DiskCall {
  readonly kind: DiskCallKind;
  readonly path: string;
  /** Counts the calls of the disk, from 0. */
  readonly index: number;
  /** Of a write: what is to be written. */
  readonly source?: Uint8Array;
}
/** An error to fail with; 'hang': the call never returns (for a crash in the middle of it). */
export type DiskFault = 'io' | 'full' | 'hang';
/** Of what was not synchronized: nothing, all of it, what came first, or any sectors of any writes. */
export type Fate = 'drop' | 'keep' | 'prefix' | 'torn';
const FATES: readonly Fate[] = ['drop', 'keep', 'prefix', 'torn'];
const sectorBytes = 512;

class SimFile {
  now = new Content(Buffer.alloc(0));
  durable = new Content(Buffer.alloc(0));
  #pending: FileChange[] = [];

  change(change: FileChange): void {
    this.now.apply(change);
    this.#pending.push(change);
  }
  sync(): void {
    for (const change of this.#pending) this.durable.apply(change);
    this.#pending = [];
  }
  /** As Linux does when fdatasync has failed: what could not be written counts as written, and is there until the power fails. */
  forget(): void {
    this.#pending = [];
  }
  copy(): SimFile {
    const copy = new SimFile();
    copy.now = new Content(this.now.view);
    copy.durable = new Content(this.durable.view);
    copy.#pending = [...this.#pending];
    return copy;
  }
  crash(dice: Dice, among: Fate): void {
    // Files do not share a fate when writes tear: half of them tear, the others fare as they may.
    const fate = among === 'torn' && dice.integer(2) === 0 ? pick(dice, FATES) : among;
    const count = fate === 'prefix' ? dice.integer(this.#pending.length + 1) : this.#pending.length;
    if (fate !== 'drop') {
      for (const change of this.#pending.slice(0, count)) {
        if (fate === 'torn') this.#tear(dice, change);
        else this.durable.apply(change);
      }
    }
    this.#pending = [];
    this.now = new Content(this.durable.view);
  }
  #tear(dice: Dice, change: FileChange): void {
    if (change.bytes === undefined) {
      if (dice.integer(2) === 0) this.durable.apply(change);
      return;
    }
    const { offset, bytes } = change;
    for (let from = 0; from < bytes.length;) {
      const to = Math.min(bytes.length, from + sectorBytes - ((offset + from) % sectorBytes));
      if (dice.integer(2) === 0) this.durable.write(offset + from, bytes.subarray(from, to));
      from = to;
    }
  }
  flip(offset: number, bit: number): void {
    for (const content of [this.now, this.durable]) {
      if (offset < content.size) content.view.writeUInt8(content.view.readUInt8(offset) ^ (1 << bit), offset);
    }
  }
}

type Entry = SimFile | SimFolder;
type FolderChange = readonly (readonly [name: string, entry: Entry | undefined])[];

class SimFolder {
  now = new Map<string, Entry>();
  durable = new Map<string, Entry>();
  #pending: FolderChange[] = [];

  change(change: FolderChange): void {
    applyNames(this.now, change);
    this.#pending.push(change);
  }
  sync(): void {
    this.durable = new Map(this.now);
    this.#pending = [];
  }
  /** `copies`: of what was met elsewhere. */
  copy(copies = new Map<Entry, Entry>()): SimFolder {
    const copyOf = (entry: Entry): Entry => {
      const known = copies.get(entry) ?? entry.copy(copies);
      copies.set(entry, known);
      return known;
    };
    const copy = new SimFolder();
    for (const [name, entry] of this.now) copy.now.set(name, copyOf(entry));
    for (const [name, entry] of this.durable) copy.durable.set(name, copyOf(entry));
    copy.#pending = this.#pending.map((change) =>
      change.map(([name, entry]) => [name, entry === undefined ? undefined : copyOf(entry)] as const),
    );
    return copy;
  }
  /** File systems journal names in order: what survives is a prefix. */
  crash(dice: Dice, fate: Fate): void {
    const all = this.#pending.length;
    const count = fate === 'drop' ? 0 : fate === 'keep' ? all : dice.integer(all + 1);
    for (const change of this.#pending.slice(0, count)) applyNames(this.durable, change);
    this.#pending = [];
    this.now = new Map(this.durable);
    for (const entry of this.now.values()) entry.crash(dice, fate);
  }
}
function applyNames(names: Map<string, Entry>, change: FolderChange): void {
  for (const [name, entry] of change) {
    if (entry === undefined) names.delete(name);
    else names.set(name, entry);
  }
}
const pick = <T>(dice: Dice, items: readonly T[]): T => items[dice.integer(items.length)] as T;

export interface SimDiskOptions {
  readonly dice: Dice;
  readonly capacityBytes?: number;
}
export interface LifeOptions {
  /** Waited for before each call takes effect; never returns when the life has ended. */
  readonly delay?: () => Promise<void>;
}

export class SimDisk {
  readonly #dice: Dice;
  #root = new SimFolder();
  readonly #claims = new Set<string>();
  #life = 0;
  #calls = 0;
  /** Bytes of all files together; more is ENOSPC. May be changed at any time. */
  capacityBytes: number;
  /** Asked before each call. */
  fault: ((call: DiskCall) => DiskFault | undefined) | undefined;

  constructor(options: SimDiskOptions) {
    this.#dice = options.dice;
    this.capacityBytes = options.capacityBytes ?? Number.MAX_SAFE_INTEGER;
  }
  get calls(): number {
    return this.#calls;
  }
  /** Another disk on which everything is as it is here now. */
  copy(dice: Dice): SimDisk {
    const copy = new SimDisk({ dice, capacityBytes: this.capacityBytes });
    copy.#root = this.#root.copy();
    return copy;
  }

  /** The disk as a new life of the process sees it; earlier lives are over. */
  begin(options: LifeOptions = {}): Disk {
    this.#life += 1;
    this.#claims.clear();
    return new LifeDisk(this, this.#life, options.delay);
  }
  /** Power failure: calls under way never return, and of what was not synchronized remains what fate leaves. */
  crash(fate: Fate = pick(this.#dice, FATES)): void {
    this.#life += 1;
    this.#claims.clear();
    this.#root.crash(this.#dice, fate);
  }
  /** Bit rot, on the platter and in every cache. */
  rot(path: string, offset: number, bit: number): void {
    const file = this.find(path);
    assert(file instanceof SimFile, `${path} is no file`);
    file.flip(offset, bit);
  }
  /** What a file holds now, for tests to look at. */
  contentOf(path: string): Buffer {
    const file = this.find(path);
    assert(file instanceof SimFile, `${path} is no file`);
    return Buffer.from(file.now.view);
  }

  // --- for LifeDisk

  isOver(life: number): boolean {
    return life !== this.#life;
  }
  decide(kind: DiskCallKind, path: string, source?: Uint8Array): DiskFault | undefined {
    const call = { kind, path, index: this.#calls, ...(source === undefined ? {} : { source }) };
    this.#calls += 1;
    return this.fault?.(call);
  }
  find(path: string): Entry | undefined {
    let entry: Entry | undefined = this.#root;
    for (const name of namesOf(path)) {
      if (!(entry instanceof SimFolder)) return undefined;
      entry = entry.now.get(name);
    }
    return entry;
  }
  parentOf(path: string): SimFolder {
    const parent = this.find(namesOf(path).slice(0, -1).join('/'));
    if (!(parent instanceof SimFolder)) throw storeError('missing', path);
    return parent;
  }
  usedBytes(folder: SimFolder = this.#root): number {
    let bytes = 0;
    for (const entry of folder.now.values()) {
      bytes += entry instanceof SimFile ? entry.now.size : this.usedBytes(entry);
    }
    return bytes;
  }
  claim(path: string): () => void {
    if (this.#claims.has(path)) throw storeError('locked', path);
    this.#claims.add(path);
    return () => this.#claims.delete(path);
  }
}

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '' && name !== '.');
const lastOf = (path: string): string => namesOf(path).at(-1) ?? '';
const storeError = (code: StoreErrorCode, path: string): StoreError =>
  new StoreError(code, `Simulated: ${code} at ${path}`, { path });

class LifeDisk implements Disk {
  readonly #disk: SimDisk;
  readonly #life: number;
  readonly #delay: (() => Promise<void>) | undefined;
  constructor(disk: SimDisk, life: number, delay: (() => Promise<void>) | undefined) {
    this.#disk = disk;
    this.#life = life;
    this.#delay = delay;
  }

  async call<T>(kind: DiskCallKind, path: string, act: () => T, source?: Uint8Array): Promise<T> {
    await this.#delay?.();
    if (this.#disk.isOver(this.#life)) return await never<T>();
    const fault = this.#disk.decide(kind, path, source);
    // The fault may have been a crash.
    if (fault === 'hang' || this.#disk.isOver(this.#life)) return await never<T>();
    if (fault !== undefined) throw storeError(fault, path);
    const result = act();
    await this.#delay?.();
    return this.#disk.isOver(this.#life) ? await never<T>() : result;
  }
  get simDisk(): SimDisk {
    return this.#disk;
  }

  async open(path: string, how: 'existing' | 'create'): Promise<DiskFile> {
    return await this.call('open', path, () => {
      const found = this.#disk.find(path);
      if (found instanceof SimFile) return new LifeFile(this, path, found);
      if (found !== undefined) throw storeError('io', path);
      const parent = this.#disk.parentOf(path);
      if (how === 'existing') throw storeError('missing', path);
      const made = new SimFile();
      parent.change([[lastOf(path), made]]);
      return new LifeFile(this, path, made);
    });
  }
  async exists(path: string): Promise<boolean> {
    return await this.call('open', path, () => this.#disk.find(path) !== undefined);
  }
  async makeDirectory(path: string): Promise<void> {
    await this.call('make', path, () => {
      const names = namesOf(path);
      names.forEach((name, index) => {
        const here = names.slice(0, index + 1).join('/');
        if (this.#disk.find(here) === undefined) this.#disk.parentOf(here).change([[name, new SimFolder()]]);
      });
    });
  }
  async list(path: string): Promise<string[]> {
    return await this.call('read', path, () => {
      const folder = this.#disk.find(path);
      return folder instanceof SimFolder ? [...folder.now.keys()].toSorted() : [];
    });
  }
  async remove(path: string): Promise<void> {
    await this.call('remove', path, () => {
      if (this.#disk.find(path) !== undefined) this.#disk.parentOf(path).change([[lastOf(path), undefined]]);
    });
  }
  async rename(from: string, to: string): Promise<void> {
    await this.call('rename', from, () => {
      const entry = this.#disk.find(from);
      if (entry === undefined) throw storeError('missing', from);
      const source = this.#disk.parentOf(from);
      const target = this.#disk.parentOf(to);
      if (source === target) {
        source.change([
          [lastOf(from), undefined],
          [lastOf(to), entry],
        ]);
        return;
      }
      source.change([[lastOf(from), undefined]]);
      target.change([[lastOf(to), entry]]);
    });
  }
  async syncDirectory(path: string): Promise<void> {
    await this.call('sync-directory', path, () => {
      const folder = this.#disk.find(path);
      if (!(folder instanceof SimFolder)) throw storeError('missing', path);
      folder.sync();
    });
  }
  async freeBytes(path: string): Promise<number> {
    return await this.call('free', path, () =>
      Math.max(0, this.#disk.capacityBytes - this.#disk.usedBytes()),
    );
  }
  async claim(path: string): Promise<() => Promise<void>> {
    return await this.call('open', path, () => {
      const release = this.#disk.claim(path);
      return async () => release();
    });
  }
}

class LifeFile implements DiskFile {
  readonly path: string;
  readonly #disk: LifeDisk;
  readonly #file: SimFile;
  constructor(disk: LifeDisk, path: string, file: SimFile) {
    this.#disk = disk;
    this.path = path;
    this.#file = file;
  }
  async readAt(target: Uint8Array, offset: number): Promise<number> {
    return await this.#disk.call('read', this.path, () => {
      const part = this.#file.now.view.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    });
  }
  async writeAt(source: Uint8Array, offset: number): Promise<void> {
    const act = (): void => {
      const growth = Math.max(0, offset + source.length - this.#file.now.size);
      const { simDisk } = this.#disk;
      // As the system does: what does not fit is not written, the rest is.
      const room = Math.max(0, simDisk.capacityBytes - simDisk.usedBytes());
      const fits = growth <= room ? source.length : source.length - (growth - room);
      if (fits > 0) this.#file.change({ offset, bytes: Buffer.from(source.subarray(0, fits)) });
      if (fits < source.length) throw storeError('full', this.path);
    };
    await this.#disk.call('write', this.path, act, source);
  }
  async sync(): Promise<void> {
    try {
      await this.#disk.call('sync', this.path, () => this.#file.sync());
    } catch (error) {
      this.#file.forget();
      throw error;
    }
  }
  async size(): Promise<number> {
    return await this.#disk.call('read', this.path, () => this.#file.now.size);
  }
  async truncate(size: number): Promise<void> {
    await this.#disk.call('truncate', this.path, () => this.#file.change({ size }));
  }
  async close(): Promise<void> {
    return await Promise.resolve();
  }
}

async function never<T>(): Promise<T> {
  return await new Promise<T>(() => undefined);
}

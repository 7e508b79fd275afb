/**
 * Inventory: every name of a tree, as a dump needs it before the first byte: which inodes there are, which of them it will hold,
 * and what each directory holds. A dump has directories before files, and both in the order of their numbers.
 *
 * Numbers are those of the file system, so that the levels of a dump agree; the tree itself is number 2, as the root of a file
 * system was when dump was made.
 */
import { treeDumpInodeMax, treeDumpNamesMax } from '../../limits.js';
import { FileStat } from '../file-stat.js';
import { TreeFailure } from '../steps.js';

export const rootNumber = 2;

/** A directory, with what its record needs. */
export interface DumpFolder {
  readonly number: number;
  /** Of its parent in the list; of the tree itself: its own. */
  readonly parent: number;
  /** Without a NUL; empty for the tree itself. */
  readonly name: Buffer;
  readonly stat: FileStat;
  /** Names in it. */
  readonly names: number[];
}

/** d_type of a file type. */
export const entryTypeOf = (fileType: number): number => fileType >> 12;

export class Inventory {
  readonly folders: DumpFolder[] = [];
  /** By place in these lists: what a name is. Files and folders alike. */
  readonly #numbers: number[] = [];
  readonly #types: number[] = [];
  readonly #names: Buffer[] = [];
  /** Names of what is to be saved: place, and the directory that it is in. */
  readonly #saved: { readonly place: number; readonly folder: number }[] = [];
  /** Place of its device in `#devices`, for each name. */
  readonly #deviceOf: number[] = [];
  readonly #devices = new Map<bigint, number>();
  #greatest = 11;
  #rootInode: bigint | undefined;

  /** What a dump calls an inode. */
  numberOf(inode: bigint): number {
    if (inode === this.#rootInode) return rootNumber;
    if (inode <= BigInt(rootNumber) || inode > BigInt(treeDumpInodeMax)) {
      throw new TreeFailure(
        `Inode number ${inode} has no place in a dump, which ends at ${treeDumpInodeMax}: use tar for this file system`,
      );
    }
    return Number(inode);
  }
  get greatest(): number {
    return this.#greatest;
  }

  /** A directory. Gives its place in `folders`. */
  addFolder(stat: FileStat, parent: number, name: Buffer): number {
    this.#rootInode ??= stat.inode;
    const kept = new FileStat();
    stat.bytes.copy(kept.bytes);
    const number = this.numberOf(stat.inode);
    const place = this.folders.length;
    this.folders.push({ number, parent, name, stat: kept, names: [] });
    if (place > 0) this.#add(parent, number, stat, name);
    this.#greatest = Math.max(this.#greatest, number);
    return place;
  }
  /** Anything else. `isSaved`: its inode comes into the dump. */
  addFile(stat: FileStat, folder: number, name: Buffer, isSaved: boolean): void {
    const number = this.numberOf(stat.inode);
    const place = this.#add(folder, number, stat, name);
    if (isSaved) this.#saved.push({ place, folder });
    this.#greatest = Math.max(this.#greatest, number);
  }
  #add(folder: number, number: number, { fileType, onDevice }: FileStat, name: Buffer): number {
    const place = this.#names.length;
    if (place >= treeDumpNamesMax) {
      throw new TreeFailure(`More than ${treeDumpNamesMax} names are too many for a dump: use tar`);
    }
    this.#numbers.push(number);
    this.#types.push(entryTypeOf(fileType));
    const device = this.#devices.get(onDevice) ?? this.#devices.size;
    this.#devices.set(onDevice, device);
    this.#deviceOf.push(device);
    this.#names.push(name);
    this.folders[folder]?.names.push(place);
    return place;
  }

  /** Places of the directories, in the order of their numbers. */
  inOrder(): number[] {
    const numberAt = (place: number): number => this.folders[place]?.number ?? 0;
    return this.folders.map((_, place) => place).sort((a, b) => numberAt(a) - numberAt(b));
  }
  /** What is in a directory: number, type and name of each. */
  *entriesOf({ names }: DumpFolder): Generator<readonly [number: number, type: number, name: Buffer]> {
    for (const place of names) {
      yield [this.#numbers[place] ?? 0, this.#types[place] ?? 0, this.#names[place] ?? Buffer.alloc(0)];
    }
  }
  /** Files to save, in the order of their numbers, each with all its names and the directories that these are in. */
  *files(): Generator<{
    readonly number: number;
    readonly names: readonly (readonly [folder: number, name: Buffer])[];
  }> {
    const sorted = this.#saved.sort(
      (a, b) => (this.#numbers[a.place] ?? 0) - (this.#numbers[b.place] ?? 0) || a.place - b.place,
    );
    for (let first = 0; first < sorted.length;) {
      const number = this.#numbers[sorted[first]?.place ?? 0] ?? 0;
      const names: (readonly [number, Buffer])[] = [];
      let next = first;
      for (; next < sorted.length; next += 1) {
        const one = sorted[next];
        if (one === undefined || this.#numbers[one.place] !== number) break;
        names.push([one.folder, this.#names[one.place] ?? Buffer.alloc(0)]);
      }
      yield { number, names };
      first = next;
    }
  }
  /** From the tree on. */
  pathOf(folder: number): Buffer {
    const names: Buffer[] = [];
    for (let at = folder; at > 0; at = this.folders[at]?.parent ?? 0) {
      const name = this.folders[at]?.name;
      if (name !== undefined) names.unshift(name);
    }
    return Buffer.from(names.map((name) => name.toString('latin1')).join('/'), 'latin1');
  }

  /**
   * Subvolumes and layers of one file system may each have numbers of their own; then one number is several files, of which a dump
   * can hold one.
   */
  #checkNumbers(): void {
    if (this.#devices.size < 2) return;
    const devices = new Map<number, number>();
    for (const [place, number] of this.#numbers.entries()) {
      const device = this.#deviceOf[place] ?? 0;
      if ((devices.get(number) ?? device) !== device) {
        throw new TreeFailure(`Inode number ${number} means several files in this tree: use tar`);
      }
      devices.set(number, device);
    }
  }

  /** A bit for each inode, number 1 first: those that exist, and those that the dump holds. Throws TreeFailure. */
  maps(): { readonly used: Buffer; readonly saved: Buffer } {
    this.#checkNumbers();
    const bytes = Math.ceil((this.#greatest + 1) / 8 / 1024) * 1024;
    const [used, saved] = [Buffer.alloc(bytes), Buffer.alloc(bytes)];
    const set = (map: Buffer, number: number): void => {
      const at = (number - 1) >> 3;
      map[at] = (map[at] ?? 0) | (1 << ((number - 1) & 7));
    };
    for (const number of this.#numbers) set(used, number);
    for (const { number } of this.folders) {
      set(used, number);
      set(saved, number);
    }
    for (const { place } of this.#saved) set(saved, this.#numbers[place] ?? 1);
    return { used, saved };
  }
}

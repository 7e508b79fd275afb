/**
 * DumpBackup: a tree in the form of 4.4BSD's dump as Linux has it, which restore(8) reads: maps of inodes, directories, then files, both in
 * the order of their numbers. It takes two walks: one that lists everything (`Inventory`), one over what has to be saved.
 */
import { E, S } from '#env';
import type { FileStat, FileTime } from '../file-stat.js';
import type { Increment } from '../known-folders.js';
import { SourceFiles, type FilePlace, type SourceParts } from '../source-files.js';
import type { Steps } from '../steps.js';
import { type Extent, extentsOf } from '../tar/sparse-map.js';
import { dotName, errorText, zeroEnded } from '../tree-root.js';
import type { Place, TreeVisitor } from '../tree-walk.js';
import type { Xattr } from '../xattrs.js';
import { folderBlocks } from './dump-folder.js';
import {
  blocksMax,
  DumpHeaderWriter,
  type DumpInode,
  type DumpLabel,
  type DumpTime,
  RECORD,
  recordBlocks,
  secondsMax,
  tapeBlockBytes,
} from './dump-header.js';
import { xattrBlock } from './ext2-xattrs.js';
import { Inventory, rootNumber } from './inventory.js';

export interface DumpBackupParts extends SourceParts {
  readonly increment: Increment;
  readonly history: boolean;
  readonly label: DumpLabel;
}

export class DumpBackup implements TreeVisitor {
  readonly inventory = new Inventory();
  readonly #parts: DumpBackupParts;
  readonly #files: SourceFiles;
  readonly #header: DumpHeaderWriter;
  /** Places in the inventory of the directories that the walk is in. */
  readonly #within: { readonly path: string; readonly place: number }[] = [];
  /** The directory that was opened last, in the second walk. */
  #opened: { readonly folder: number; readonly handle: number } | undefined;

  constructor(parts: DumpBackupParts) {
    this.#parts = parts;
    this.#files = new SourceFiles(parts);
    this.#header = new DumpHeaderWriter(parts.label);
  }

  // The first walk.
  trouble(path: Uint8Array, text: string, error: number): void {
    this.#files.trouble(path, text, error);
  }
  // oxlint-disable-next-line require-yield -- other visitors wait here
  *folder(place: Place, _handle: number, stat: FileStat, notEntered: string | undefined): Steps<void> {
    if (notEntered !== undefined) this.#files.note(place.path, notEntered);
    const path = latin1(place.path);
    const parent = this.#placeOf(above(path));
    const name = path === '' ? Buffer.alloc(0) : Buffer.from(place.name.subarray(0, -1));
    this.#within.push({ path, place: this.inventory.addFolder(stat, parent, name) });
  }
  /** Of a directory that the walk is in; it has left those that were entered after it. */
  #placeOf(path: string): number {
    while (this.#within.length > 1 && this.#within.at(-1)?.path !== path) this.#within.pop();
    return this.#within.at(-1)?.place ?? 0;
  }
  // oxlint-disable-next-line require-yield -- other visitors wait here
  *file(place: Place): Steps<boolean> {
    if (!this.#files.look(place)) return false;
    const { stat } = this.#files;
    if (stat.fileType === S.folder) return true;
    const folder = this.#placeOf(above(latin1(place.path)));
    const isSaved = place.isMoved || this.#parts.increment.takes(stat);
    this.inventory.addFile(stat, folder, Buffer.from(place.name.subarray(0, -1)), isSaved);
    return false;
  }

  /** The image. `tree` stays the caller's. */
  *write(tree: number): Steps<void> {
    const { used, saved } = this.inventory.maps();
    yield* this.#record(RECORD.tape, 0, { count: 0 });
    yield* this.#map(RECORD.used, used);
    yield* this.#map(RECORD.map, saved);
    try {
      for (const place of this.inventory.inOrder()) yield* this.#folder(tree, place);
      for (const file of this.inventory.files()) yield* this.#file(tree, file);
    } finally {
      if (this.#opened !== undefined) this.#parts.calls.close(this.#opened.handle);
    }
    yield* this.#end();
  }
  *#record(
    type: number,
    number: number,
    blocks: Parameters<DumpHeaderWriter['record']>[2],
    isExtended = false,
  ): Steps<void> {
    const { output } = this.#parts;
    yield* output.put(this.#header.record(type, number, blocks, output.position, isExtended));
  }
  *#map(type: number, map: Buffer): Steps<void> {
    this.#header.size(map.length);
    yield* this.#record(type, rootNumber, { count: map.length / tapeBlockBytes });
    yield* this.#parts.output.put(map);
  }
  /** As many as fill a record. */
  *#end(): Steps<void> {
    const { output } = this.#parts;
    this.#header.inode(undefined);
    do yield* this.#record(RECORD.end, this.inventory.greatest, { count: 0 });
    while (output.position % (recordBlocks * tapeBlockBytes) !== 0);
  }

  *#folder(tree: number, place: number): Steps<void> {
    const { calls, output } = this.#parts;
    const { inventory } = this;
    const folder = inventory.folders[place];
    if (folder === undefined) return;
    const path = inventory.pathOf(place);
    const parent = inventory.folders[folder.parent]?.number ?? rootNumber;
    const data = folderBlocks(folder.number, parent, inventory.entriesOf(folder));
    const at = output.position;
    yield* this.#inode(folder.number, inodeOf(folder.stat, data.length), function* (from, count) {
      yield* output.put(data.subarray(from * tapeBlockBytes, (from + count) * tapeBlockBytes));
    });
    const handle = calls.openBeneath(tree, path.length === 0 ? dotName : zeroEnded(path));
    if (handle >= 0) {
      const opened = calls.openFolder(handle, dotName);
      if (opened >= 0) {
        yield* this.#xattrs(folder.number, path, this.#files.xattrs(path, opened));
        calls.close(opened);
      }
      calls.close(handle);
    }
    yield* this.#done(path, folder.stat, folder.number, parent, at);
  }

  /** The header of an inode, what follows it, and further headers for each 512 blocks; `put` writes so many blocks. */
  *#inode(
    number: number,
    inode: DumpInode,
    put: (fromBlock: number, count: number) => Steps<void>,
    isData?: (block: number) => boolean,
  ): Steps<void> {
    this.#header.inode(inode);
    const blocks = Math.ceil(inode.size / tapeBlockBytes);
    if (blocks === 0) yield* this.#record(RECORD.inode, number, { count: 0 });
    for (let from = 0; from < blocks; from += blocksMax) {
      const count = Math.min(blocksMax, blocks - from);
      const type = from === 0 ? RECORD.inode : RECORD.more;
      yield* this.#record(type, number, { count, isData: (block) => isData?.(from + block) ?? true });
      yield* put(from, count);
    }
  }
  *#xattrs(number: number, path: Uint8Array, xattrs: readonly Xattr[]): Steps<void> {
    if (xattrs.length === 0) return;
    const block = xattrBlock(xattrs, (name) => {
      this.trouble(path, `The extended attribute ${name} has no room or place in a dump`, -E.range);
    });
    if (block === undefined) return;
    this.#header.size(block.length);
    const count = block.length / tapeBlockBytes;
    yield* this.#record(RECORD.inode, number, { count, isData: () => true }, true);
    yield* this.#parts.output.put(block);
  }

  /** By the first of its names that still leads to it. */
  *#file(
    tree: number,
    { number, names }: { readonly number: number; readonly names: readonly (readonly [number, Buffer])[] },
  ): Steps<void> {
    const { output } = this.#parts;
    const at = output.position;
    for (const [folder, name] of names) {
      const place = this.#place(tree, folder, name);
      if (place === undefined || !this.#files.look(place)) continue;
      if (this.#numberOf(this.#files.stat) !== number) {
        this.trouble(place.path, 'Was replaced by another file after the dump had begun', -E.stale);
        continue;
      }
      if (!(yield* this.#content(place, number))) continue;
      const { stat } = this.#files;
      for (const [within, one] of names) {
        const parent = this.inventory.folders[within]?.number ?? rootNumber;
        yield* this.#done(pathIn(this.inventory.pathOf(within), one), stat, number, parent, at);
      }
      return;
    }
  }
  #numberOf(stat: FileStat): number {
    return this.inventory.numberOf(stat.inode);
  }
  #place(tree: number, folder: number, name: Buffer): FilePlace | undefined {
    const path = pathIn(this.inventory.pathOf(folder), name);
    if (this.#opened?.folder !== folder) {
      const { calls } = this.#parts;
      if (this.#opened !== undefined) calls.close(this.#opened.handle);
      this.#opened = undefined;
      const above = this.inventory.pathOf(folder);
      const handle = calls.openBeneath(tree, above.length === 0 ? dotName : zeroEnded(above));
      if (handle < 0) {
        this.trouble(path, `Its directory cannot be opened: ${errorText(handle)}`, handle);
        return undefined;
      }
      this.#opened = { folder, handle };
    }
    return { folder: this.#opened.handle, name: zeroEnded(name), path };
  }
  /** False: nothing of it is in the image. */
  *#content(place: FilePlace, number: number): Steps<boolean> {
    const { stat } = this.#files;
    if (stat.fileType === S.regular) return yield* this.#regular(place, number);
    const target = stat.fileType === S.symlink ? this.#files.target(place) : noTarget;
    if (target === undefined) return false;
    const { output } = this.#parts;
    yield* this.#inode(number, inodeOf(stat, target.length), function* () {
      yield* output.put(target);
      yield* output.align(tapeBlockBytes);
    });
    yield* this.#xattrs(number, place.path, this.#files.xattrsAt(place));
    return true;
  }
  *#regular(place: FilePlace, number: number): Steps<boolean> {
    const { calls, output } = this.#parts;
    const handle = this.#files.open(place);
    if (handle < 0) return false;
    try {
      const { stat } = this.#files;
      const { size } = stat;
      const holes = stat.blocks * 512 < size ? extentsOf(calls, handle, size) : undefined;
      const isData = holes === undefined ? undefined : dataBlocks(holes);
      const files = this.#files;
      yield* this.#inode(
        number,
        inodeOf(stat, size),
        function* (from, count) {
          for (const [first, end] of isData === undefined
            ? [[from, from + count] as const]
            : runs(from, count, isData)) {
            if (isData !== undefined) calls.seek(handle, first * tapeBlockBytes, 'offset');
            const to = Math.min(end * tapeBlockBytes, size);
            yield* files.copy(place.path, handle, to - first * tapeBlockBytes);
            yield* output.zeros(end * tapeBlockBytes - to);
          }
        },
        isData,
      );
      if (size > 0) this.#files.compare(place.path, handle);
      yield* this.#xattrs(number, place.path, this.#files.xattrs(place.path, handle));
      return true;
    } finally {
      calls.close(handle);
    }
  }

  *#done(path: Uint8Array, stat: FileStat, number: number, parent: number, fhInfo: number): Steps<void> {
    const { events, history, tally } = this.#parts;
    tally.files += 1;
    if (Math.abs(stat.time('modified').seconds) > secondsMax) {
      this.trouble(path, 'A dump, which ends in 2038, has no room for its time of change', -E.range);
    }
    if (history) events.history(path, stat, BigInt(parent), fhInfo, BigInt(number));
    yield events.isFull ? 'events' : 'breath';
  }
}

const noTarget = Buffer.alloc(0);
const latin1 = (path: Uint8Array): string =>
  Buffer.from(path.buffer, path.byteOffset, path.length).toString('latin1');
const above = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
const pathIn = (folder: Buffer, name: Buffer): Buffer =>
  folder.length === 0 ? name : Buffer.concat([folder, Buffer.from('/'), name]);

/** Whether a block has any data in it. To be asked in order. */
function dataBlocks(extents: readonly Extent[]): (block: number) => boolean {
  let next = 0;
  return (block) => {
    const from = block * tapeBlockBytes;
    // Asked for a header, and once more for its data.
    while (next > 0 && (extents[next - 1]?.offset ?? 0) + (extents[next - 1]?.length ?? 0) > from) next -= 1;
    for (let extent = extents[next]; extent !== undefined; extent = extents[next]) {
      if (extent.offset + extent.length > from) return extent.offset < from + tapeBlockBytes;
      next += 1;
    }
    return false;
  };
}
/** Blocks of data that follow one another. */
function* runs(
  from: number,
  count: number,
  isData: (block: number) => boolean,
): Generator<readonly [first: number, end: number]> {
  for (let block = from; block < from + count;) {
    const first = block;
    while (block < from + count && isData(block)) block += 1;
    if (block > first) yield [first, block];
    else block += 1;
  }
}

const timeOf = ({ seconds, nanoseconds }: FileTime): DumpTime => ({
  seconds,
  microseconds: Math.floor(nanoseconds / 1000),
});
function inodeOf(stat: FileStat, size: number): DumpInode {
  const [major, minor] = stat.device;
  return {
    mode: stat.mode,
    links: stat.links,
    uid: stat.uid,
    gid: stat.gid,
    size,
    accessed: timeOf(stat.time('accessed')),
    modified: timeOf(stat.time('modified')),
    changed: timeOf(stat.time('changed')),
    // As the kernel and mknod(2) of restore have it, in 32 bits.
    device: ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0,
  };
}

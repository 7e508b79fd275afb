/**
 * TreeWalk: every file of a tree once: a folder first, then what is in it but folders, then its folders one by one. What it needs
 * of memory grows with the depth, and with the names of one folder up to a limit.
 *
 * Nothing leads out of the tree: folders are opened by one name in an opened folder, and never through a link; on the way
 * back a folder that was closed meanwhile is opened as `..`, and must be the one that it was. Other file systems that are mounted in
 * the tree are not entered, unless that is wanted; those that only show what the kernel knows never are.
 */
import { E, type TreeCalls } from '#env';
import { treeFoldersOpenMax, treePathBytesMax } from '../limits.js';
import type { ClosedFolders } from './closed-folders.js';
import { FileStat } from './file-stat.js';
import { entryType, type FolderName, nextNames } from './folder-names.js';
import type { Increment } from './known-folders.js';
import type { PathSelection } from './path-selection.js';
import { type Steps, TreeFailure } from './steps.js';
import { dotName, errorText, zeroEnded } from './tree-root.js';

const slash = 0x2f;
const dotDotName = Buffer.from('..\0');
/** Names between two breaths. */
const breathNames = 64;

export interface WalkRules {
  /** Of paths: left out. */
  readonly isExcluded: (path: Uint8Array) => boolean;
  readonly selection: PathSelection;
  readonly increment: Increment;
  readonly crossMounts: boolean;
  readonly closed: ClosedFolders;
}

/** Where the walk is. A loan: memory is used again. */
export interface Place {
  /** The folder that is open, and in which `name` is. */
  readonly folder: number;
  /** One name and a NUL. */
  readonly name: Uint8Array;
  /** From the tree on, without it. */
  readonly path: Uint8Array;
  readonly parentNode: bigint;
  /** It, or a folder above it, was moved here since the base: all of it counts as changed. */
  readonly isMoved: boolean;
}

export interface TreeVisitor {
  /** A folder, opened. What is in it comes next, unless something is said against it. */
  folder(place: Place, handle: number, stat: FileStat, notEntered: string | undefined): Steps<void>;
  /** Anything else. True: it turned out to be a folder. */
  file(place: Place, type: number): Steps<boolean>;
  /** Something that cannot be backed up; the walk goes on. */
  trouble(path: Uint8Array, text: string, error: number): void;
}

/** A folder whose entries are being walked. */
interface Level {
  /** −1: closed meanwhile, because many are open. */
  handle: number;
  readonly stat: FileStat;
  /** In the folder above it, with a NUL. */
  readonly name: Uint8Array;
  /** Bytes of the path that lead to it, its slash included. */
  readonly pathBytes: number;
  readonly isMoved: boolean;
  names: FolderName[];
  folders: FolderName[];
  isListed: boolean;
}

export class TreeWalk {
  readonly #calls: TreeCalls;
  readonly #rules: WalkRules;
  readonly #visitor: TreeVisitor;
  readonly #levels: Level[] = [];
  readonly #path = Buffer.alloc(treePathBytesMax);
  #root = -1;
  #open = 0;
  #sinceBreath = 0;

  constructor(calls: TreeCalls, rules: WalkRules, visitor: TreeVisitor) {
    this.#calls = calls;
    this.#rules = rules;
    this.#visitor = visitor;
  }

  /** `root` stays the caller's. */
  *run(root: number): Steps<void> {
    this.#root = root;
    try {
      yield* this.#enter(root, dotName, 0, undefined);
      if (this.#levels.length === 0) throw new TreeFailure('The tree cannot be opened for reading');
      for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
        if (!(yield* this.#next(level))) this.#leave();
      }
    } finally {
      for (const { handle } of this.#levels) if (handle >= 0) this.#calls.close(handle);
    }
  }

  /** One more thing of this level. False when there is none. */
  *#next(level: Level): Steps<boolean> {
    const name = level.names.pop();
    if (name !== undefined) {
      yield* this.#breathe();
      yield* this.#visit(level, name);
      return true;
    }
    const folder = level.folders.pop();
    if (folder !== undefined) {
      yield* this.#breathe();
      const pathBytes = this.#append(level, folder.name);
      if (pathBytes !== undefined) yield* this.#enter(level.handle, folder.name, pathBytes, level);
      return true;
    }
    return !level.isListed && this.#list(level);
  }
  *#breathe(): Steps<void> {
    this.#sinceBreath += 1;
    if (this.#sinceBreath < breathNames) return;
    this.#sinceBreath = 0;
    yield 'breath';
  }
  /** Reads on in the folder. False at its end. */
  #list(level: Level): boolean {
    const some = nextNames(this.#calls, level.handle);
    if (typeof some === 'number') {
      this.#visitor.trouble(this.#pathOf(level), `The directory cannot be read: ${errorText(some)}`, some);
      this.#rules.increment.missed(level.stat, this.#levels.at(-2)?.stat, level.name);
      level.isListed = true;
      return false;
    }
    level.isListed = some.isEnd;
    const names = some.names.reverse(); // they are taken from the end
    level.names = names.filter(({ type }) => type !== entryType.folder);
    level.folders = names.filter(({ type }) => type === entryType.folder);
    return names.length > 0;
  }
  #pathOf(level: Level): Uint8Array {
    return this.#path.subarray(0, Math.max(0, level.pathBytes - 1));
  }
  /** The length of the path with the name; undefined when it is not to be taken. */
  #append(level: Level, name: Uint8Array): number | undefined {
    const length = level.pathBytes + name.length - 1;
    if (length + 1 >= this.#path.length) {
      this.#visitor.trouble(this.#pathOf(level), 'What is in it has too long a path', -E.nameTooLong);
      return undefined;
    }
    this.#path.set(name, level.pathBytes);
    const path = this.#path.subarray(0, length);
    if (this.#rules.selection.of(path) === 'none' || this.#rules.isExcluded(path)) return undefined;
    return length;
  }

  *#visit(level: Level, { name, type }: FolderName): Steps<void> {
    const length = this.#append(level, name);
    if (length === undefined) return;
    const path = this.#path.subarray(0, length);
    if (this.#rules.selection.of(path) === 'through' && type !== entryType.unknown) return; // leads nowhere
    const place: Place = {
      folder: level.handle,
      name,
      path,
      parentNode: level.stat.inode,
      isMoved: level.isMoved,
    };
    const isFolder = yield* this.#visitor.file(place, type);
    if (isFolder) level.folders.push({ name, type: entryType.folder, order: 0 });
  }

  /** Opens a folder, shows it, and goes into it. */
  *#enter(from: number, name: Uint8Array, pathBytes: number, parent: Level | undefined): Steps<void> {
    const path = this.#path.subarray(0, pathBytes);
    const handle = this.#calls.openFolder(from, name);
    const stat = new FileStat();
    const error = handle < 0 ? handle : this.#calls.stat(handle, stat.bytes);
    if (error < 0) {
      this.#visitor.trouble(path, `The directory cannot be opened: ${errorText(error)}`, error);
      if (handle >= 0) this.#calls.close(handle);
      return;
    }
    const isMoved = this.#rules.increment.isMoved(stat, parent?.stat, name) || (parent?.isMoved ?? false);
    const notEntered = this.#against(handle, stat, parent?.stat);
    const parentNode = parent?.stat.inode ?? stat.inode;
    const folder = parent?.handle ?? from;
    const level = { handle, stat, name, isMoved, names: [], folders: [], isListed: notEntered !== undefined };
    this.#levels.push({ ...level, pathBytes: pathBytes === 0 ? 0 : pathBytes + 1 });
    this.#open += 1;
    yield* this.#visitor.folder({ folder, name, path, parentNode, isMoved }, handle, stat, notEntered);
    if (pathBytes > 0) this.#path[pathBytes] = slash;
    this.#closeSome();
  }
  #against(handle: number, stat: FileStat, parent: FileStat | undefined): string | undefined {
    const { closed, crossMounts } = this.#rules;
    if (closed.has(stat)) return 'The server keeps its own data here, which is part of no backup';
    if (parent === undefined || isOnSameMount(stat, parent)) return undefined;
    if (crossMounts && !isOfTheKernel(this.#calls, handle)) return undefined;
    return 'Another file system is mounted here, and what is in it is not part of this backup';
  }
  /** The uppermost ones whose entries have all been read. */
  #closeSome(): void {
    if (this.#open <= treeFoldersOpenMax) return;
    const level = this.#levels.slice(0, -1).find(({ handle, isListed }) => handle >= 0 && isListed);
    if (level === undefined) return;
    this.#calls.close(level.handle);
    level.handle = -1;
    this.#open -= 1;
  }
  #leave(): void {
    const level = this.#levels.pop();
    if (level === undefined) return;
    const parent = this.#levels.at(-1);
    if (parent !== undefined && parent.handle < 0) this.#reopen(level, parent);
    if (level.handle < 0) return;
    this.#calls.close(level.handle);
    this.#open -= 1;
  }
  /** The parent: as `..`, or by its path. If it is another folder now, it was moved, and what is left of it is lost to us. */
  #reopen(level: Level, parent: Level): void {
    const path = this.#pathOf(parent);
    const handle = this.#same(level.handle, dotDotName, parent) ?? this.#beneath(path, parent);
    if (handle !== undefined) {
      parent.handle = handle;
      this.#open += 1;
      return;
    }
    this.#visitor.trouble(path, 'The directory was moved while it was read: the rest is missing', -E.stale);
    this.#rules.increment.missed(parent.stat, this.#levels.at(-2)?.stat, parent.name);
    parent.names = [];
    parent.folders = [];
  }
  /** Opens a folder if it is the one of the level. */
  #same(from: number, name: Uint8Array, { stat }: Level): number | undefined {
    const handle = from < 0 ? -E.badHandle : this.#calls.openFolder(from, name);
    if (handle < 0) return undefined;
    const found = new FileStat();
    const error = this.#calls.stat(handle, found.bytes);
    if (error >= 0 && found.inode === stat.inode && found.onDevice === stat.onDevice) return handle;
    this.#calls.close(handle);
    return undefined;
  }
  #beneath(path: Uint8Array, level: Level): number | undefined {
    const start = this.#calls.openBeneath(this.#root, zeroEnded(path));
    if (start < 0) return undefined;
    const handle = this.#same(start, dotName, level);
    this.#calls.close(start);
    return handle;
  }
}

/** It has nothing but places for others. */
const autofs = 0x0187;
/**
 * File systems that hold no files of anybody (linux/magic.h): views of the kernel, some without end. Never entered when they
 * are mounted in a tree.
 */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x6265_6572, // sysfs
  0x0027_e0eb, // cgroup
  0x6367_7270, // cgroup2
  0x1cd1, // devpts
  0x6462_6720, // debugfs
  0x7472_6163, // tracefs
  0x7363_6673, // securityfs
  0xcafe_4a11, // bpf
  0x6165_676c, // pstore
  0xde5e_81e4, // efivarfs
  0x6265_6570, // configfs
  0x1980_0202, // mqueue
  0x9584_58f6, // hugetlbfs
  0xf97c_ff8c, // selinuxfs
  0x6573_5543, // fusectl
  autofs,
  0x4249_4e4d, // binfmt_misc
  0x6759_6969, // rpc_pipefs
  0x6e73_6673, // nsfs
]);
function isOfTheKernel(calls: TreeCalls, folder: number): boolean {
  return KERNEL_FILE_SYSTEMS.has(calls.fileSystemType(folder));
}
/** No tree to back up. */
export function holdsNoFiles(calls: TreeCalls, folder: number): boolean {
  return isOfTheKernel(calls, folder) && calls.fileSystemType(folder) !== autofs;
}

function isOnSameMount(stat: FileStat, parent: FileStat): boolean {
  if (stat.mount !== 0n && parent.mount !== 0n) return stat.mount === parent.mount;
  return stat.onDevice === parent.onDevice;
}

/**
 * Restorer: makes files below the configured root, and nowhere else.
 *
 * Every folder on the way is opened beneath the root by a call that follows no link and goes no way up, whoever made the link and
 * whenever (`TreeCalls.openBeneath`); what is made or changed in it has one name, and links are never followed there either. So an
 * archive can name whatever it likes. What is set (owner, mode, times, attributes) is set by a handle of the very file that was made.
 */
import { E, S, type TreeCalls } from '#env';
import { accessAcl, defaultAcl } from '../acl.js';
import type { ClosedFolders } from '../closed-folders.js';
import { type FileTime, FileStat } from '../file-stat.js';
import { treeHeldBytesMax } from '../../limits.js';
import { dotName, zeroEnded } from '../tree-root.js';
import type { Xattr } from '../xattrs.js';
import { type NewFile, writeAll } from './new-file.js';

export interface Attributes {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: FileTime;
  /** Missing in archives that do not keep it: then it is `modified`. */
  readonly accessed?: FileTime;
  readonly xattrs: readonly Xattr[];
}

export interface NodeKind {
  readonly fileType: number;
  readonly device: readonly [major: number, minor: number];
}

export type Existing = 'replace' | 'keep' | 'keep-newer';
/** What a call of the restorer comes to: done, a file that was there is kept, or the negative error number of a call. */
export type Made = 'made' | 'kept' | number;

/** Where a name is: its folder, opened. */
interface Spot {
  readonly folder: number;
  readonly name: Buffer;
  /** New files would get an access list from the folder. */
  readonly hasDefaultAcl: boolean;
}
interface OpenFolder {
  readonly path: Buffer;
  readonly handle: number;
  readonly hasDefaultAcl: boolean;
}
/** A folder gets what it has when all is in it: times change by every new file, and it may be read-only. */
interface PendingFolder {
  readonly path: Buffer;
  readonly isNew: boolean;
  readonly attributes: Attributes;
}

const bytesOf = ({ path, attributes }: PendingFolder): number =>
  attributes.xattrs.reduce((sum, { value }) => sum + value.length, path.length);

const slash = 0x2f;
const folderMode = 0o755;
/** Set-user-id and set-group-id, which must not be given to a file of another owner than it had. */
const setIds = 0o6000;
const temporariesMax = 100;
/** What a new file or folder may have got from its folder. */
const nothing: readonly string[] = [];
const filesInherit = [accessAcl];
const foldersInherit = [accessAcl, defaultAcl];
const isAcl = (name: string): boolean => name === accessAcl || name === defaultAcl;
const defaultAclName = zeroEnded(Buffer.from(defaultAcl));
const probe = Buffer.alloc(1);

/** What could not be set of a file that is there otherwise: owner, mode, times, or an attribute by its name. */
export type Amiss = (path: Buffer, what: string, error: number) => void;

export interface RestorerParts {
  readonly calls: TreeCalls;
  /** A handle; it stays the caller's. */
  readonly root: number;
  readonly existing: Existing;
  /** Nothing is made or changed in them. */
  readonly closed: ClosedFolders;
  readonly amiss: Amiss;
  /** Folders come before all files: none is whole before the end. */
  readonly isFoldersFirst?: boolean;
}

export class Restorer {
  readonly #calls: TreeCalls;
  readonly #root: number;
  readonly #existing: Existing;
  readonly #closed: ClosedFolders;
  readonly #amiss: Amiss;
  readonly #isFoldersFirst: boolean;
  readonly #stat = new FileStat();
  #folder: OpenFolder | undefined;
  #pending: PendingFolder[] = [];
  #pendingBytes = 0;

  constructor({ calls, root, existing, closed, amiss, isFoldersFirst = false }: RestorerParts) {
    this.#isFoldersFirst = isFoldersFirst;
    this.#calls = calls;
    this.#root = root;
    this.#existing = existing;
    this.#closed = closed;
    this.#amiss = amiss;
  }

  /** Folders that are whole get what they have; the handles are given back. */
  end(): void {
    this.#settleFolders(undefined);
    this.#closeFolder();
  }
  #closeFolder(): void {
    if (this.#folder !== undefined) this.#calls.close(this.#folder.handle);
    this.#folder = undefined;
  }

  /** The folder of a path below the root, made when it is missing, and the name in it. */
  #spot(path: Buffer): Spot | number {
    if (!this.#isFoldersFirst) this.#settleFolders(path);
    const cut = path.lastIndexOf(slash);
    const parent = path.subarray(0, Math.max(0, cut));
    const name = zeroEnded(path.subarray(cut + 1));
    if (this.#folder?.path.equals(parent) !== true) {
      const handle = this.#openFolder(parent);
      if (handle < 0) return handle;
      this.#closeFolder();
      this.#folder = { path: Buffer.from(parent), handle, hasDefaultAcl: this.#hasDefaultAcl(handle) };
    }
    const { handle, hasDefaultAcl } = this.#folder ?? { handle: -1, hasDefaultAcl: false };
    return { folder: handle, name, hasDefaultAcl };
  }
  #hasDefaultAcl(handle: number): boolean {
    const length = this.#calls.getXattr(handle, defaultAclName, probe);
    return length >= 0 || length === -E.range;
  }
  #openFolder(path: Buffer): number {
    const found = this.#beneath(path);
    if (found !== -E.noEntry || path.length === 0) return found;
    for (let at = path.indexOf(slash); at !== -1; at = path.indexOf(slash, at + 1)) {
      const made = this.#makeFolder(path.subarray(0, at));
      if (made < 0) return made;
    }
    const made = this.#makeFolder(path);
    return made < 0 ? made : this.#beneath(path);
  }
  /** One that no archive describes. */
  #makeFolder(path: Buffer): number {
    const cut = path.lastIndexOf(slash);
    const parent = this.#beneath(path.subarray(0, Math.max(0, cut)));
    if (parent < 0) return parent;
    const name = zeroEnded(path.subarray(cut + 1));
    const made = this.#calls.makeFolder(parent, name);
    if (made >= 0) {
      const handle = this.#calls.openFolder(parent, name);
      if (handle >= 0) {
        this.#calls.setMode(handle, folderMode);
        this.#calls.close(handle);
      }
    }
    this.#calls.close(parent);
    return made === -E.exists ? 0 : made;
  }
  /** A folder below the root, as a place to start. Those that are closed are not given out. */
  #beneath(path: Buffer): number {
    const folder = this.#calls.openBeneath(this.#root, path.length === 0 ? dotName : zeroEnded(path));
    if (folder < 0 || !this.#closed.hold(folder)) return folder;
    this.#calls.close(folder);
    return -E.access;
  }

  /** Folders that `path` is not in are whole. */
  #settleFolders(path: Buffer | undefined): void {
    for (let last = this.#pending.at(-1); last !== undefined; last = this.#pending.at(-1)) {
      if (path !== undefined && isIn(path, last.path)) return;
      this.#pending.pop();
      this.#pendingBytes -= bytesOf(last);
      const handle = this.#beneath(last.path);
      const folder = handle < 0 ? handle : this.#calls.openFolder(handle, dotName);
      if (handle >= 0) this.#calls.close(handle);
      if (folder < 0) {
        this.#amiss(last.path, 'mode', folder);
        continue;
      }
      this.#describe(folder, last.path, last.attributes, last.isNew ? foldersInherit : nothing);
      this.#calls.close(folder);
    }
  }

  /**
   * One that is there stays, with what is in it, and gets what it has in the image when files are replaced; something else gives
   * way to it then. The empty path is the root itself.
   */
  folder(path: Buffer, attributes: Attributes): Made {
    if (path.length === 0) return this.#described(path, false, attributes);
    const spot = this.#spot(path);
    if (typeof spot === 'number') return spot;
    let made = this.#calls.makeFolder(spot.folder, spot.name);
    let isNew = true;
    if (made === -E.exists) {
      const error = this.#calls.statAt(spot.folder, spot.name, this.#stat.bytes);
      if (error < 0) return error;
      if (this.#closed.has(this.#stat)) return -E.access;
      made = 0;
      isNew = this.#stat.fileType !== S.folder;
      if (isNew) {
        if (this.#existing !== 'replace') return -E.exists;
        const removed = this.#calls.remove(spot.folder, spot.name);
        made = removed < 0 ? removed : this.#calls.makeFolder(spot.folder, spot.name);
      }
    }
    return made < 0 ? made : this.#described(path, isNew, attributes);
  }
  /** At the end, when all is in it. */
  #described(path: Buffer, isNew: boolean, attributes: Attributes): Made {
    if (!isNew && this.#existing !== 'replace') return 'kept';
    const pending = { path: Buffer.from(path), isNew, attributes };
    if (this.#pendingBytes + bytesOf(pending) > treeHeldBytesMax) return -E.noMemory;
    this.#pendingBytes += bytesOf(pending);
    this.#pending.push(pending);
    return 'made';
  }

  /** A new file, under another name while it is not whole when there is one already. */
  file(path: Buffer, attributes: Attributes): NewFile | Exclude<Made, 'made'> {
    const spot = this.#spot(path);
    if (typeof spot === 'number') return spot;
    let handle = -1;
    const made = this.#make(spot, attributes, (name) => {
      handle = this.#calls.createFile(spot.folder, name);
      return handle;
    });
    if (typeof made === 'number' || made === 'kept') return made;
    const calls = this.#calls;
    return {
      write: (bytes) => writeAll(calls, handle, bytes),
      seek: (offset) => calls.seek(handle, offset, 'offset'),
      truncate: (lengthBytes) => calls.truncate(handle, lengthBytes),
      finish: () => {
        this.#describe(handle, path, attributes, spot.hasDefaultAcl ? filesInherit : nothing);
        calls.close(handle);
        return this.#takeName(spot, made);
      },
      giveUp: () => {
        calls.close(handle);
        if (made.isTemporary) calls.remove(spot.folder, made.name);
      },
    };
  }
  symlink(path: Buffer, target: Buffer, attributes: Attributes): Made {
    const bytes = zeroEnded(target);
    return this.#special(path, S.symlink, attributes, (spot, name) =>
      this.#calls.makeSymlink(bytes, spot.folder, name),
    );
  }
  node(path: Buffer, { fileType, device }: NodeKind, attributes: Attributes): Made {
    return this.#special(path, fileType, attributes, (spot, name) =>
      this.#calls.makeNode(spot.folder, name, fileType, ...device),
    );
  }
  /** Another name of a file that is there, below the root. */
  link(path: Buffer, from: Buffer): Made {
    if (path.equals(from)) return 'kept';
    const spot = this.#spot(path);
    if (typeof spot === 'number') return spot;
    const cut = from.lastIndexOf(slash);
    const folder = this.#beneath(from.subarray(0, Math.max(0, cut)));
    if (folder < 0) return folder;
    const fromName = zeroEnded(from.subarray(cut + 1));
    const made = this.#make(spot, undefined, (name) =>
      this.#calls.makeLink(folder, fromName, spot.folder, name),
    );
    this.#calls.close(folder);
    return typeof made === 'object' ? this.#takeName(spot, made) : made;
  }
  #special(
    path: Buffer,
    fileType: number,
    attributes: Attributes,
    make: (spot: Spot, name: Buffer) => number,
  ): Made {
    const spot = this.#spot(path);
    if (typeof spot === 'number') return spot;
    const made = this.#make(spot, attributes, (name) => make(spot, name));
    if (typeof made !== 'object') return made;
    const node = this.#openMade(spot, made.name, fileType);
    if (node < 0) this.#amiss(path, 'mode', node);
    else {
      this.#describe(node, path, attributes, spot.hasDefaultAcl ? filesInherit : nothing);
      this.#calls.close(node);
    }
    return this.#takeName(spot, made);
  }

  /** What was made a moment ago, and nothing that somebody has put in its place: that would get an owner and a mode. */
  #openMade({ folder }: Spot, name: Buffer, fileType: number): number {
    const node = this.#calls.openNode(folder, name);
    if (node < 0) return node;
    const error = this.#calls.stat(node, this.#stat.bytes);
    if (error >= 0 && this.#stat.fileType === fileType && this.#stat.links === 1) return node;
    this.#calls.close(node);
    return error < 0 ? error : -E.stale;
  }

  /** Makes something under its name, or beside it when the name is taken and may be taken away. */
  #make(
    spot: Spot,
    attributes: Attributes | undefined,
    make: (name: Buffer) => number,
  ): { readonly name: Buffer; readonly isTemporary: boolean } | 'kept' | number {
    let made = make(spot.name);
    if (made >= 0) return { name: spot.name, isTemporary: false };
    if (made !== -E.exists) return made;
    if (this.#existing === 'keep') return 'kept';
    if (this.#existing === 'keep-newer' && this.#isNewer(spot, attributes)) return 'kept';
    for (let number = 0; number < temporariesMax && made === -E.exists; number += 1) {
      const name = Buffer.from(`.restored-${number}~\0`);
      made = make(name);
      if (made >= 0) return { name, isTemporary: true };
    }
    return made;
  }
  #isNewer(spot: Spot, attributes: Attributes | undefined): boolean {
    if (attributes === undefined) return true; // a link has nothing of its own
    if (this.#calls.statAt(spot.folder, spot.name, this.#stat.bytes) < 0) return false;
    const there = this.#stat.time('modified');
    const { modified } = attributes;
    return (
      there.seconds > modified.seconds ||
      (there.seconds === modified.seconds && there.nanoseconds >= modified.nanoseconds)
    );
  }
  #takeName(spot: Spot, made: { readonly name: Buffer; readonly isTemporary: boolean }): Made {
    if (!made.isTemporary) return 'made';
    let renamed = this.#calls.rename(spot.folder, made.name, spot.name);
    if (renamed === -E.isFolder) {
      const removed = this.#calls.removeFolder(spot.folder, spot.name);
      renamed = removed < 0 ? removed : this.#calls.rename(spot.folder, made.name, spot.name);
    }
    // Two names of one file: a rename between them does nothing (rename(2)), and the temporary one is still there.
    this.#calls.remove(spot.folder, made.name);
    return renamed < 0 ? renamed : 'made';
  }

  #setXattrs(handle: number, path: Buffer, xattrs: readonly Xattr[]): void {
    for (const { name, value } of xattrs) {
      const error = this.#calls.setXattr(handle, zeroEnded(Buffer.from(name, 'latin1')), value);
      if (error < 0) this.#amiss(path, name, error);
    }
  }
  /**
   * Owner first, because it takes away set-id bits and capabilities; lists of access after the mode, which is part of them;
   * other attributes before it, for they want the file writable; times last.
   */
  #describe(handle: number, path: Buffer, attributes: Attributes, inherited: readonly string[]): void {
    const calls = this.#calls;
    const isSymlink = calls.stat(handle, this.#stat.bytes) >= 0 && this.#stat.fileType === S.symlink;
    const owned = calls.setOwner(handle, attributes.uid, attributes.gid);
    if (owned < 0) this.#amiss(path, 'owner', owned);
    this.#setXattrs(
      handle,
      path,
      attributes.xattrs.filter(({ name }) => !isAcl(name)),
    );
    if (!isSymlink) {
      const mode = owned < 0 ? attributes.mode & ~setIds : attributes.mode;
      const error = calls.setMode(handle, mode);
      if (error < 0) this.#amiss(path, 'mode', error);
    }
    for (const list of inherited) {
      if (attributes.xattrs.some(({ name }) => name === list)) continue;
      calls.removeXattr(handle, zeroEnded(Buffer.from(list))); // it may not have got one
    }
    this.#setXattrs(
      handle,
      path,
      attributes.xattrs.filter(({ name }) => isAcl(name)),
    );
    const { modified, accessed = modified } = attributes;
    const timed = calls.setTimes(handle, [
      accessed.seconds,
      accessed.nanoseconds,
      modified.seconds,
      modified.nanoseconds,
    ]);
    if (timed < 0) this.#amiss(path, 'times', timed);
  }
}

function isIn(path: Buffer, folder: Buffer): boolean {
  if (folder.length === 0) return true;
  return (
    path.length > folder.length &&
    path[folder.length] === slash &&
    path.subarray(0, folder.length).equals(folder)
  );
}

/**
 * TreeCalls: the system calls with which trees of files are read and made, each a synchronous method; who calls them sits in a
 * thread of its own. They return what the call returns, or the error number below zero (`-ENOENT`); none of them throws.
 *
 * Names are bytes that end with a NUL, one component unless said otherwise. No call follows a symbolic link in a name, but
 * `openRoot`. A handle is a file descriptor.
 */

export interface TreeCalls {
  /** A folder that an operator named, absolute, reached through links also. Cannot be read from: a place to start. */
  openRoot(path: Uint8Array): number;
  /**
   * A folder some components below `dir`, as a place to start. Fails with ELOOP or EXDEV when a component is a link, leads
   * up, or out of `dir` in any other way.
   */
  openBeneath(dir: number, path: Uint8Array): number;
  /** A folder, to read its entries or set what it has. */
  openFolder(dir: number, name: Uint8Array): number;
  /** A file, for reading; leaves its time of access alone where that is permitted. Never waits for a pipe or a lease. */
  openFile(dir: number, name: Uint8Array): number;
  /** The same of what a node handle means, and may wait for a lease. */
  reopenFile(node: number): number;
  /** Anything, only to look at: not opened, no matter what it is. */
  openNode(dir: number, name: Uint8Array): number;
  /** A new file, for writing, mode 0600; EEXIST when the name is taken. */
  createFile(dir: number, name: Uint8Array): number;
  close(handle: number): void;

  /** Fills `into` (`statBytes`). */
  statAt(dir: number, name: Uint8Array, into: Uint8Array): number;
  stat(handle: number, into: Uint8Array): number;
  /** The magic number of the file system that an opened folder is on (statfs(2)). */
  fileSystemType(folder: number): number;
  /** Some entries of an opened folder: linux_dirent64 one after another; 0 at the end. */
  entries(folder: number, into: Uint8Array): number;
  read(file: number, into: Uint8Array): number;
  write(file: number, bytes: Uint8Array): number;
  /** `data` and `hole`: the next one at or behind the offset; ENXIO when there is none. */
  seek(file: number, offset: number, to: 'offset' | 'data' | 'hole'): number;
  truncate(file: number, lengthBytes: number): number;
  /** The target; cut off when `into` is too short. */
  readLink(dir: number, name: Uint8Array, into: Uint8Array): number;

  makeFolder(dir: number, name: Uint8Array): number;
  makeSymlink(target: Uint8Array, dir: number, name: Uint8Array): number;
  makeLink(fromDir: number, from: Uint8Array, dir: number, name: Uint8Array): number;
  /** A pipe or device, mode 0600; `fileType` is S_IFIFO, S_IFCHR or S_IFBLK. */
  makeNode(dir: number, name: Uint8Array, fileType: number, major: number, minor: number): number;
  remove(dir: number, name: Uint8Array): number;
  /** Only when it is empty. */
  removeFolder(dir: number, name: Uint8Array): number;
  /** Replaces what is there, if it is no folder. */
  rename(dir: number, from: Uint8Array, to: Uint8Array): number;

  /** Also of node handles, which are then the thing itself, not what it leads to. */
  setOwner(handle: number, uid: number, gid: number): number;
  setMode(handle: number, mode: number): number;
  setTimes(handle: number, times: Times): number;
  /** Names, each with a NUL; ERANGE when `into` is too short. */
  listXattrs(handle: number, into: Uint8Array): number;
  getXattr(handle: number, name: Uint8Array, into: Uint8Array): number;
  setXattr(handle: number, name: Uint8Array, value: Uint8Array): number;
  removeXattr(handle: number, name: Uint8Array): number;
  /** Everything of the file system that holds it becomes durable. */
  syncFileSystem(handle: number): number;
}

/** Of the last access: seconds, nanoseconds; of the last change: the same. */
export type Times = readonly [number, number, number, number];

/** Of a `struct statx` (statx(2)), the same on every architecture. */
export const statBytes = 256;
/** Where its fields lie; the 64-bit ones and times are read by `FileStat`. */
export const statLayout = {
  links: 0x10,
  uid: 0x14,
  gid: 0x18,
  mode: 0x1c,
  inode: 0x20,
  size: 0x28,
  blocks: 0x30,
  accessed: 0x40,
  born: 0x50,
  changed: 0x60,
  modified: 0x70,
  deviceMajor: 0x80,
  deviceMinor: 0x84,
  onMajor: 0x88,
  onMinor: 0x8c,
  mount: 0x90,
} as const;

/** File types in a mode (inode(7)). */
export const S = {
  mask: 0o170000,
  socket: 0o140000,
  symlink: 0o120000,
  regular: 0o100000,
  block: 0o060000,
  folder: 0o040000,
  character: 0o020000,
  fifo: 0o010000,
} as const;

/** Error numbers of Linux that somebody here tells apart. */
export const E = {
  perm: 1,
  noEntry: 2,
  interrupted: 4,
  io: 5,
  nxio: 6,
  badHandle: 9,
  again: 11,
  noMemory: 12,
  access: 13,
  busy: 16,
  exists: 17,
  crossDevice: 18,
  notFolder: 20,
  isFolder: 21,
  invalid: 22,
  tooManyOpen: 24,
  noSpace: 28,
  readOnly: 30,
  tooManyLinks: 31,
  range: 34,
  nameTooLong: 36,
  noSystemCall: 38,
  notEmpty: 39,
  loop: 40,
  noData: 61,
  overflow: 75,
  notSupported: 95,
  stale: 116,
  quota: 122,
} as const;

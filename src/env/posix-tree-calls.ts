/**
 * The system calls of TreeCalls, through koffi. Only on 64-bit Linux, little-endian: sizes of times and offsets, and a few
 * numbers that node:fs does not know, are written down here.
 */
import { constants } from 'node:fs';
import process from 'node:process';
import { E, type Times, type TreeCalls } from './tree-calls.js';

/** The same on every Linux that Node runs on; those that differ come from node:fs. */
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
/** STATX_BASIC_STATS, STATX_BTIME and STATX_MNT_ID (statx(2)). */
const statMask = 0x7ff | 0x800 | 0x1000;
const SYS_openat2 = 437;
/** PATH_MAX: what one call takes. */
const pathBytesMax = 4096;
/** struct open_how: flags, mode, resolve (openat2(2)). */
const openHowBytes = 24;
/** RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS and RESOLVE_BENEATH. */
const resolveBeneath = 0x02 | 0x04 | 0x08;
const SEEK = { offset: 0, data: 3, hole: 4 } as const;
const O_FOLDER = constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Two struct timespec of 64-bit Linux. */
const timesBytes = 32;
/** struct statfs has 120 bytes there. */
const statfsBytes = 256;

const empty = Buffer.from('\0');
const dot = Buffer.from('.\0');

const PROTOTYPES = {
  openat: 'int openat(int, const void*, int, uint32_t)',
  openat2: 'long syscall(long, int, const void*, const void*, size_t)',
  close: 'int close(int)',
  statx: 'int statx(int, const void*, int, uint32_t, void*)',
  fstatfs: 'int fstatfs(int, void*)',
  getdents64: 'int64_t getdents64(int, void*, size_t)',
  read: 'int64_t read(int, void*, size_t)',
  write: 'int64_t write(int, const void*, size_t)',
  lseek: 'int64_t lseek(int, int64_t, int)',
  ftruncate: 'int ftruncate(int, int64_t)',
  readlinkat: 'int64_t readlinkat(int, const void*, void*, size_t)',
  mkdirat: 'int mkdirat(int, const void*, uint32_t)',
  symlinkat: 'int symlinkat(const void*, int, const void*)',
  linkat: 'int linkat(int, const void*, int, const void*, int)',
  mknodat: 'int mknodat(int, const void*, uint32_t, uint64_t)',
  unlinkat: 'int unlinkat(int, const void*, int)',
  renameat: 'int renameat(int, const void*, int, const void*)',
  fchownat: 'int fchownat(int, const void*, uint32_t, uint32_t, int)',
  chmod: 'int chmod(const void*, uint32_t)',
  fchmod: 'int fchmod(int, uint32_t)',
  futimens: 'int futimens(int, const void*)',
  utimensat: 'int utimensat(int, const void*, const void*, int)',
  listxattr: 'int64_t listxattr(const void*, void*, size_t)',
  flistxattr: 'int64_t flistxattr(int, void*, size_t)',
  getxattr: 'int64_t getxattr(const void*, const void*, void*, size_t)',
  fgetxattr: 'int64_t fgetxattr(int, const void*, void*, size_t)',
  setxattr: 'int setxattr(const void*, const void*, const void*, size_t, int)',
  fsetxattr: 'int fsetxattr(int, const void*, const void*, size_t, int)',
  removexattr: 'int removexattr(const void*, const void*)',
  syncfs: 'int syncfs(int)',
} as const;

type Call = (...args: readonly (number | Uint8Array)[]) => number;
type Library = Readonly<Record<keyof typeof PROTOTYPES, Call>>;

/** What can be said without trying: where it is false, `posixTreeCalls` rejects. */
export const hasTreeCalls =
  process.platform === 'linux' && ['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch);

export interface TreeCallsOptions {
  /** False: as on kernels before 5.6. */
  readonly openat2?: boolean;
}

/** Rejects where koffi has no binary for this machine, or the C library lacks a function. */
export async function posixTreeCalls({ openat2 = true }: TreeCallsOptions = {}): Promise<TreeCalls> {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null); // the C library is in the process already
  const functions = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]);
  const calls = Object.fromEntries(functions) as Library; // one for each prototype
  return new PosixTreeCalls(calls, () => koffi.errno(), openat2);
}

/** Through /proc a handle has a name that means the thing itself, for calls that know no node handles. */
const nameOf = (handle: number): Buffer => Buffer.from(`/proc/self/fd/${handle}\0`);

function componentsOf(path: Uint8Array): Buffer[] {
  const text = Buffer.from(path.buffer, path.byteOffset, path.length - 1).toString('latin1');
  return text
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .map((name) => Buffer.from(`${name}\0`, 'latin1'));
}

/** makedev(3). */
function deviceNumber(major: number, minor: number): number {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return Number(
    (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n),
  );
}

class PosixTreeCalls implements TreeCalls {
  readonly #c: Library;
  readonly #errno: () => number;
  readonly #how = Buffer.alloc(openHowBytes);
  readonly #times = Buffer.alloc(timesBytes);
  readonly #statfs = Buffer.alloc(statfsBytes);
  /** Until the kernel, or a filter of system calls, says that there is none. */
  #hasOpenat2: boolean;

  constructor(calls: Library, errno: () => number, hasOpenat2: boolean) {
    this.#c = calls;
    this.#errno = errno;
    this.#hasOpenat2 = hasOpenat2;
    this.#how.writeBigUInt64LE(BigInt(O_PATH | O_CLOEXEC | constants.O_DIRECTORY), 0);
    this.#how.writeBigUInt64LE(BigInt(resolveBeneath), 16);
  }
  #done(value: number): number {
    return value < 0 ? -this.#errno() : value;
  }
  #open(dir: number, name: Uint8Array, flags: number): number {
    for (;;) {
      const handle = this.#done(this.#c.openat(dir, name, flags | O_CLOEXEC, 0o600));
      if (handle !== -E.interrupted) return handle;
    }
  }
  /** O_NOATIME is for the owner and CAP_FOWNER only (open(2)). */
  #openQuietly(dir: number, name: Uint8Array, flags: number): number {
    const handle = this.#open(dir, name, flags | constants.O_NOATIME);
    return handle === -E.perm ? this.#open(dir, name, flags) : handle;
  }

  openRoot(path: Uint8Array): number {
    return this.#open(AT_FDCWD, path, O_PATH | constants.O_DIRECTORY);
  }
  openBeneath(dir: number, path: Uint8Array): number {
    if (!this.#hasOpenat2 || path.length > pathBytesMax) return this.#openStepwise(dir, path);
    const handle = this.#done(this.#c.openat2(SYS_openat2, dir, path, this.#how, openHowBytes));
    // Something was renamed meanwhile, and the kernel could not be sure.
    if (handle === -E.again || handle === -E.interrupted) return this.#openStepwise(dir, path);
    if (handle !== -E.noSystemCall && handle !== -E.perm) return handle;
    this.#hasOpenat2 = false; // older than Linux 5.6, or than what filters a container's calls
    return this.#openStepwise(dir, path);
  }
  #openStepwise(dir: number, path: Uint8Array): number {
    let at = this.#open(dir, dot, O_PATH | constants.O_DIRECTORY);
    for (const name of componentsOf(path)) {
      if (at < 0) return at;
      const next = name.toString() === '..\0' ? -E.crossDevice : this.#open(at, name, O_PATH | O_FOLDER);
      this.close(at);
      at = next;
    }
    return at;
  }
  openFolder(dir: number, name: Uint8Array): number {
    return this.#openQuietly(dir, name, constants.O_RDONLY | O_FOLDER);
  }
  openFile(dir: number, name: Uint8Array): number {
    return this.#openQuietly(dir, name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }
  reopenFile(node: number): number {
    return this.#openQuietly(AT_FDCWD, nameOf(node), constants.O_RDONLY);
  }
  openNode(dir: number, name: Uint8Array): number {
    return this.#open(dir, name, O_PATH | constants.O_NOFOLLOW);
  }
  createFile(dir: number, name: Uint8Array): number {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return this.#open(dir, name, flags);
  }
  close(handle: number): void {
    this.#c.close(handle); // nothing that was written is lost by what it says: durability is syncFileSystem's
  }

  statAt(dir: number, name: Uint8Array, into: Uint8Array): number {
    return this.#done(this.#c.statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, statMask, into));
  }
  stat(handle: number, into: Uint8Array): number {
    return this.#done(this.#c.statx(handle, empty, AT_EMPTY_PATH, statMask, into));
  }
  fileSystemType(folder: number): number {
    const error = this.#done(this.#c.fstatfs(folder, this.#statfs));
    return error < 0 ? error : this.#statfs.readUInt32LE(0); // f_type, a long whose high half is never used
  }
  entries(folder: number, into: Uint8Array): number {
    return this.#done(this.#c.getdents64(folder, into, into.length));
  }
  read(file: number, into: Uint8Array): number {
    for (;;) {
      const bytes = this.#done(this.#c.read(file, into, into.length));
      if (bytes !== -E.interrupted) return bytes;
    }
  }
  write(file: number, bytes: Uint8Array): number {
    for (;;) {
      const written = this.#done(this.#c.write(file, bytes, bytes.length));
      if (written !== -E.interrupted) return written;
    }
  }
  seek(file: number, offset: number, to: 'offset' | 'data' | 'hole'): number {
    return this.#done(this.#c.lseek(file, offset, SEEK[to]));
  }
  truncate(file: number, lengthBytes: number): number {
    return this.#done(this.#c.ftruncate(file, lengthBytes));
  }
  readLink(dir: number, name: Uint8Array, into: Uint8Array): number {
    return this.#done(this.#c.readlinkat(dir, name, into, into.length));
  }

  makeFolder(dir: number, name: Uint8Array): number {
    return this.#done(this.#c.mkdirat(dir, name, 0o700));
  }
  makeSymlink(target: Uint8Array, dir: number, name: Uint8Array): number {
    return this.#done(this.#c.symlinkat(target, dir, name));
  }
  makeLink(fromDir: number, from: Uint8Array, dir: number, name: Uint8Array): number {
    return this.#done(this.#c.linkat(fromDir, from, dir, name, 0));
  }
  makeNode(dir: number, name: Uint8Array, fileType: number, major: number, minor: number): number {
    return this.#done(this.#c.mknodat(dir, name, fileType | 0o600, deviceNumber(major, minor)));
  }
  remove(dir: number, name: Uint8Array): number {
    return this.#done(this.#c.unlinkat(dir, name, 0));
  }
  removeFolder(dir: number, name: Uint8Array): number {
    return this.#done(this.#c.unlinkat(dir, name, AT_REMOVEDIR));
  }
  rename(dir: number, from: Uint8Array, to: Uint8Array): number {
    return this.#done(this.#c.renameat(dir, from, dir, to));
  }

  setOwner(handle: number, uid: number, gid: number): number {
    return this.#done(this.#c.fchownat(handle, empty, uid, gid, AT_EMPTY_PATH));
  }
  // Node handles are refused with EBADF by what takes handles; their names in /proc are not.
  setMode(handle: number, mode: number): number {
    const done = this.#done(this.#c.fchmod(handle, mode));
    return done === -E.badHandle ? this.#done(this.#c.chmod(nameOf(handle), mode)) : done;
  }
  setTimes(handle: number, times: Times): number {
    for (const [index, value] of times.entries()) this.#times.writeBigInt64LE(BigInt(value), 8 * index);
    const done = this.#done(this.#c.futimens(handle, this.#times));
    if (done !== -E.badHandle) return done;
    return this.#done(this.#c.utimensat(AT_FDCWD, nameOf(handle), this.#times, 0));
  }
  listXattrs(handle: number, into: Uint8Array): number {
    const bytes = this.#done(this.#c.flistxattr(handle, into, into.length));
    return bytes === -E.badHandle ? this.#done(this.#c.listxattr(nameOf(handle), into, into.length)) : bytes;
  }
  getXattr(handle: number, name: Uint8Array, into: Uint8Array): number {
    const bytes = this.#done(this.#c.fgetxattr(handle, name, into, into.length));
    if (bytes !== -E.badHandle) return bytes;
    return this.#done(this.#c.getxattr(nameOf(handle), name, into, into.length));
  }
  setXattr(handle: number, name: Uint8Array, value: Uint8Array): number {
    const done = this.#done(this.#c.fsetxattr(handle, name, value, value.length, 0));
    if (done !== -E.badHandle) return done;
    return this.#done(this.#c.setxattr(nameOf(handle), name, value, value.length, 0));
  }
  removeXattr(handle: number, name: Uint8Array): number {
    return this.#done(this.#c.removexattr(nameOf(handle), name));
  }
  syncFileSystem(handle: number): number {
    return this.#done(this.#c.syncfs(handle));
  }
}

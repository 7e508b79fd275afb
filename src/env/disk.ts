/** Files through node:fs; the only place that touches it. Node errors become StoreError here and nowhere else. */
import {
  chmod,
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import { fdatasync, read, write } from 'node:fs';
import { constants as system } from 'node:os';
import { dirname, join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { StoreError, type StoreErrorCode } from '../errors.js';
import { bulkAlignBytes, type Disk, type DiskFile } from './env.js';

const CODES: Readonly<Record<string, StoreErrorCode>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  ENOENT: 'missing',
};

function storeError(cause: unknown, doing: string, path: string): StoreError {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return new StoreError(
    CODES[errno] ?? 'io',
    `${doing} ${path} failed: ${errno}`,
    { path, errno },
    { cause },
  );
}
const failed =
  (doing: string, path: string) =>
  (cause: unknown): never => {
    throw storeError(cause, doing, path);
  };

class RealFile implements DiskFile {
  readonly path: string;
  readonly #handle: FileHandle;
  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }
  get descriptor(): number {
    return this.#handle.fd;
  }

  // The callback forms below cost a third of the promise forms' time per call, and these are hot.
  async readAt(target: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const part = await this.#readOnce(target, done, offset + done);
      if (part === 0) break;
      done += part;
    }
    return done;
  }
  async #readOnce(target: Uint8Array, from: number, offset: number): Promise<number> {
    return await new Promise((resolve, reject) => {
      read(this.descriptor, target, from, target.length - from, offset, (error, bytes) => {
        if (error === null) resolve(bytes);
        else reject(storeError(error, 'Reading', this.path));
      });
    });
  }

  async writeAt(source: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    while (done < source.length) done += await this.writeOnce(source, done, offset + done);
  }
  /** What lies from `from` on, or some of it: the number of bytes. */
  protected async writeOnce(
    source: Uint8Array,
    from: number,
    offset: number,
    fd = this.descriptor,
  ): Promise<number> {
    return await new Promise((resolve, reject) => {
      write(fd, source, from, source.length - from, offset, (error, bytes) => {
        if (error === null) resolve(bytes);
        else reject(storeError(error, 'Writing', this.path));
      });
    });
  }

  async sync(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      fdatasync(this.descriptor, (error) => {
        if (error === null) resolve();
        else reject(storeError(error, 'Synchronizing', this.path));
      });
    });
  }
  async size(): Promise<number> {
    return (await this.#handle.stat().catch(failed('Looking at', this.path))).size;
  }
  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size).catch(failed('Truncating', this.path));
  }
  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * A file whose pages are not kept by the system when they are written: with O_DIRECT the disk fetches them from our memory. New
 * pages of the cache cost 0.6 s of processor per GB (ext4), this a fiftieth of it. Reading is as ever. Where the
 * file system cannot do it, and for memory or places that are not aligned, writing is as ever, too.
 */
class BulkFile extends RealFile {
  /** Undefined: as ever. */
  #direct: FileHandle | undefined;
  constructor(path: string, handle: FileHandle, direct: FileHandle) {
    super(path, handle);
    this.#direct = direct;
  }
  protected override async writeOnce(source: Uint8Array, from: number, offset: number): Promise<number> {
    const direct = this.#direct;
    const isAligned = [source.byteOffset + from, source.length - from, offset].every(isBulkAligned);
    if (direct === undefined || !isAligned) return await super.writeOnce(source, from, offset);
    try {
      return await super.writeOnce(source, from, offset, direct.fd);
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      return await super.writeOnce(source, from, offset);
    }
  }
  override async close(): Promise<void> {
    const direct = this.#direct;
    this.#direct = undefined;
    try {
      await super.close();
    } finally {
      await direct?.close();
    }
  }
}
const isBulkAligned = (place: number): boolean => place % bulkAlignBytes === 0;
/** What write(2) says where O_DIRECT cannot be done; Node has a name of its own for the second. */
const refusals = [system.errno.EINVAL, system.errno.EOPNOTSUPP].map((number) => getSystemErrorName(-number));
const isRefusal = (cause: unknown): boolean =>
  cause instanceof StoreError && refusals.includes(String(cause.facts['errno']));

async function openFile(path: string, flags: number): Promise<FileHandle> {
  return await open(path, flags, 0o600).catch(failed('Opening', path));
}

/** Not Node's own recursion: below a folder that refuses new entries with ENOENT (/proc) that never ends. */
async function makeDirectory(path: string): Promise<void> {
  const parent = dirname(path);
  if (parent !== path && !(await realDisk.exists(parent))) await makeDirectory(parent);
  await mkdir(path, { mode: 0o700 }).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
      throw storeError(cause, 'Making the folder', path);
  });
}

export const realDisk: Disk = {
  async open(path, how, use) {
    const flags = constants.O_RDWR | (how === 'create' ? constants.O_CREAT : 0);
    const handle = await openFile(path, flags);
    if (use !== 'bulk') return new RealFile(path, handle);
    const direct = await open(path, constants.O_WRONLY | constants.O_DIRECT).catch(() => undefined);
    return direct === undefined ? new RealFile(path, handle) : new BulkFile(path, handle, direct); // slower, and all there
  },
  async exists(path) {
    return await stat(path).then(
      () => true,
      () => false,
    );
  },
  makeDirectory,
  async list(path) {
    const names = await readdir(path).catch((cause: unknown): string[] => {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw storeError(cause, 'Listing', path);
    });
    return names.toSorted();
  },
  async remove(path) {
    await rm(path, { recursive: true, force: true }).catch(failed('Removing', path));
  },
  async rename(from, to) {
    await rename(from, to).catch(failed('Renaming', from));
  },
  async syncDirectory(path) {
    const handle = await openFile(path, constants.O_RDONLY);
    try {
      await handle.sync().catch(failed('Synchronizing', path));
    } finally {
      await handle.close();
    }
  },
  async freeBytes(path) {
    const space = await statfs(path).catch(failed('Looking at the space of', path));
    return space.bavail * space.bsize;
  },
  claim: claimFolder,
};

/**
 * Node has no flock, so the claim is a file that names our process, made exclusively. A claim whose process is gone is taken
 * over: kill -9 must not need a person. Pids come again, after a restart of the machine above all, so a process is known by
 * the time of its start too, where the system tells.
 */
async function claimFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  await chmod(folder, 0o700).catch(failed('Claiming', folder)); // it may have been made by somebody else
  for (let attempt = 0; attempt < 3; attempt++) {
    const made = await open(path, 'wx', 0o600).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
      throw storeError(cause, 'Claiming', folder);
    });
    if (made !== undefined) {
      await made.writeFile(`${process.pid}\n${(await startOf(process.pid)) ?? ''}\n`);
      await made.close();
      return async () => await rm(path, { force: true });
    }
    const [pidText = '', start = ''] = ((await textOf(path)) ?? '').split('\n');
    const holder = Number.parseInt(pidText, 10);
    if (!Number.isNaN(holder) && holder !== process.pid && (await isAlive(holder, start))) {
      throw new StoreError('locked', `${folder} is in use by process ${holder}`, { folder, pid: holder });
    }
    await rm(path, { force: true });
  }
  throw new StoreError('locked', `${folder} is being claimed by another process`, { folder });
}
async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined); // not there, or not for us
}
/** Boot of the machine and start of the process since then (proc(5), field 22 of stat); undefined where there is no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  const [boot, stat] = await Promise.all([
    textOf('/proc/sys/kernel/random/boot_id'),
    textOf(`/proc/${pid}/stat`),
  ]);
  if (boot === undefined || stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may hold anything
  return `${boot.trim()} ${fields[19]}`;
}
async function isAlive(pid: number, start: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = await startOf(pid);
  return start === '' || now === undefined || now === start;
}

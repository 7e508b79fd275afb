/** Figures of mounted file systems, as statfs(2) and /proc/self/mountinfo (proc(5)) tell them. */
import { lstat, readFile, realpath, stat, statfs } from 'node:fs/promises';

export interface FileSystemFigures {
  /** `ext4`, as the kernel names it; empty when unknown. */
  readonly type: string;
  /** `/dev/sda1`, or what is mounted otherwise. */
  readonly device: string;
  readonly mountPoint: string;
  readonly totalBytes: bigint;
  readonly usedBytes: bigint;
  readonly availableBytes: bigint;
  readonly totalInodes: bigint;
  readonly usedInodes: bigint;
}

interface Mount {
  readonly type: string;
  readonly device: string;
  readonly mountPoint: string;
}

/** Of the one that holds `path`; undefined when it cannot be looked at. */
export async function fileSystemOf(path: Buffer): Promise<FileSystemFigures | undefined> {
  try {
    const [figures, mount] = await Promise.all([statfs(path, { bigint: true }), mountOf(path)]);
    const { bsize, blocks, bfree, bavail, files, ffree } = figures;
    return {
      ...mount,
      totalBytes: blocks * bsize,
      usedBytes: (blocks - bfree) * bsize,
      availableBytes: bavail * bsize,
      totalInodes: files,
      usedInodes: files - ffree,
    };
  } catch {
    return undefined; // gone, or a server that does not answer: who asks shows it as unknown
  }
}

export type PlaceKind = 'directory' | 'file' | 'missing';

/** What is at `path`, which is `root` or below it. No link below `root` is followed: what lies behind one is missing. */
export async function kindBeneath(root: Buffer, path: Buffer): Promise<PlaceKind> {
  const start = partsOf(root);
  let at = `/${start.join('/')}`;
  try {
    let kind: PlaceKind = (await stat(Buffer.from(at, 'latin1'))).isDirectory() ? 'directory' : 'file';
    for (const part of partsOf(path).slice(start.length)) {
      if (kind === 'file') return 'missing';
      at = `${at === '/' ? '' : at}/${part}`;
      const found = await lstat(Buffer.from(at, 'latin1'));
      if (found.isSymbolicLink()) return 'missing';
      kind = found.isDirectory() ? 'directory' : 'file';
    }
    return kind;
  } catch {
    return 'missing'; // or not for us to see, which comes to the same for who asks
  }
}
const partsOf = (path: Buffer): string[] =>
  path
    .toString('latin1')
    .split('/')
    .filter((part) => part !== '');

/** The longest mount point that the path is in; of several mounts at one place the last. */
async function mountOf(path: Buffer): Promise<Mount> {
  const real = (await realpath(path, 'buffer')).toString('latin1');
  const table = await readFile('/proc/self/mountinfo', 'latin1');
  let found: Mount = { type: '', device: '', mountPoint: '/' };
  for (const line of table.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const mountPoint = unescaped(before.split(' ')[4] ?? '');
    const [type = '', device = ''] = after.split(' ').map(unescaped);
    const isIn = real === mountPoint || real.startsWith(mountPoint === '/' ? '/' : `${mountPoint}/`);
    if (mountPoint !== '' && isIn && mountPoint.length >= found.mountPoint.length) {
      found = { type, device, mountPoint };
    }
  }
  return { ...found, mountPoint: Buffer.from(found.mountPoint, 'latin1').toString() };
}
/** Blanks, tabs, newlines and backslashes are octal there. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

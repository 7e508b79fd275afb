/** Backups and recoveries of the tree engine in tests: images in memory, and everything that a job says. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { posixTreeCalls, type TreeCalls } from '#env';
import {
  type BackupRequest,
  type HistoryEntry,
  type ImageSource,
  inlineTreeEngine,
  type RecoverName,
  type RecoverRequest,
  type RecoverStatus,
  type TreeEngine,
  type TreeLogEntry,
  type TreeResult,
} from '#trees';

/** An image in memory. What is asked for of it is noted, and comes in pieces of `pieceBytes`. */
export class MemoryImage implements ImageSource {
  readonly asks: (readonly [offset: bigint, lengthBytes: bigint])[] = [];
  readonly #image: Buffer;
  readonly #pieceBytes: number;
  #at = 0;
  #end = 0;

  constructor(image: Buffer, pieceBytes = 10_000) {
    this.#image = image;
    this.#pieceBytes = pieceBytes;
  }
  ask(offset: bigint, lengthBytes: bigint): void {
    if (this.#at < this.#end) throw new Error('The part before was not read to its end');
    this.asks.push([offset, lengthBytes]);
    this.#at = Number(offset);
    this.#end = Math.min(this.#image.length, Number(offset + lengthBytes));
  }
  async read(): Promise<Uint8Array> {
    // A copy that is spoiled at the next call: it is a loan.
    this.#lent.fill(0xdd);
    this.#lent = Buffer.from(
      this.#image.subarray(this.#at, Math.min(this.#end, this.#at + this.#pieceBytes)),
    );
    this.#at += this.#lent.length;
    return await Promise.resolve(this.#lent);
  }
  #lent: Buffer = Buffer.alloc(0);
}

export interface BackedUp {
  readonly image: Buffer;
  readonly history: readonly HistoryEntry[];
  readonly log: readonly TreeLogEntry[];
  readonly result: TreeResult;
}
export interface Recovered {
  readonly settled: ReadonlyMap<string, RecoverStatus>;
  readonly log: readonly TreeLogEntry[];
  readonly result: TreeResult;
}

/** The engine in this thread, with chunks so small that files do not fit. */
export async function inlineEngine(
  change: (calls: TreeCalls) => TreeCalls = (calls) => calls,
): Promise<TreeEngine> {
  return inlineTreeEngine(change(await posixTreeCalls()), { chunkBytes: 128 * 1024 });
}

/** All of a folder, whole. */
export const backupOf = (folder: string, more: Partial<BackupRequest> = {}): BackupRequest => ({
  format: 'tar',
  root: Buffer.from(folder),
  path: Buffer.from(folder),
  level: 0,
  startedAt: 0n,
  exclude: [],
  files: [],
  history: true,
  crossMounts: false,
  estimate: false,
  ...more,
});

export async function backUp(
  engine: TreeEngine,
  folder: string,
  more: Partial<BackupRequest> = {},
): Promise<BackedUp> {
  const parts: Buffer[] = [];
  const history: HistoryEntry[] = [];
  const log: TreeLogEntry[] = [];
  const job = engine.backup(backupOf(folder, more), {
    image: async (bytes) => void (await Promise.resolve(parts.push(Buffer.from(bytes)))),
    history: (entries) => void history.push(...entries),
    log: (entry) => void log.push(entry),
  });
  const result = await job.done;
  return { image: Buffer.concat(parts), history, log, result };
}

export async function recover(
  engine: TreeEngine,
  folder: string,
  image: Buffer | MemoryImage,
  more: Partial<RecoverRequest> = {},
): Promise<Recovered> {
  const settled = new Map<string, RecoverStatus>();
  const log: TreeLogEntry[] = [];
  const request: RecoverRequest = {
    format: 'tar',
    root: Buffer.from(folder),
    prefix: Buffer.from(folder),
    names: [],
    direct: false,
    recursive: true,
    existing: 'replace',
    ...more,
  };
  const job = engine.recover(request, image instanceof MemoryImage ? image : new MemoryImage(image), {
    settled: (name, status) => void settled.set(name.original.toString('latin1'), status),
    log: (entry) => void log.push(entry),
  });
  return { settled, log, result: await job.done };
}

/** A name and where it goes, as strings. */
export function nameTo(original: string, destination: string, entry?: HistoryEntry): RecoverName {
  return {
    original: Buffer.from(original, 'latin1'),
    destination: Buffer.from(destination),
    ...(entry === undefined ? {} : { fhInfo: entry.fhInfo, node: entry.node }),
  };
}

/** Every path of a tree with all that it has: type, mode, owner, time of change, content, target, device, other names. */
export function everythingIn(folder: string, { times = true } = {}): Map<string, string> {
  const found = new Map<string, string>();
  const names = new Map<bigint, string>();
  const visit = (path: Buffer): void => {
    const whole = path.length === 0 ? Buffer.from(folder) : Buffer.concat([Buffer.from(`${folder}/`), path]);
    const stat = lstatSync(whole, { bigint: true });
    const key = path.toString('latin1');
    const about = [stat.mode.toString(8), `${stat.uid}:${stat.gid}`];
    if (times) about.push(String(stat.mtimeNs));
    if (stat.isFile())
      about.push(String(stat.size), createHash('sha256').update(readFileSync(whole)).digest('hex'));
    if (stat.isSymbolicLink()) about.push(readlinkSync(whole, 'latin1'));
    if (stat.isCharacterDevice() || stat.isBlockDevice()) about.push(String(stat.rdev));
    if (!stat.isDirectory() && stat.nlink > 1n) {
      about.push(`as ${names.get(stat.ino) ?? key}`);
      if (!names.has(stat.ino)) names.set(stat.ino, key);
    }
    found.set(key, about.join(' '));
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(whole, 'buffer').sort((a, b) => a.compare(b))) {
      visit(path.length === 0 ? name : Buffer.concat([path, Buffer.from('/'), name]));
    }
  };
  visit(Buffer.alloc(0));
  return found;
}

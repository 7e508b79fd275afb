/**
 * DumpDates: what backups leave behind for those that are based on them: when they began, and which directories there were.
 *
 * They are files of one folder, not rows of the catalog: a digest of directories may have MiBs, and losing one costs a larger
 * backup, never a wrong one. Each file is written whole beside its place, synchronized and renamed there, and carries a
 * checksum; one that is not whole is as if it were not there.
 *
 * File: a line of JSON, then the digest. Name: hash of tree and selection, then `l` and the level, or `t` and the token.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { StoreError } from '#errors';
import { type Disk, makeDurableDirectory } from '#env';
import { ndmpDumpDatesMax, ndmpDumpHeaderBytesMax, ndmpDumpTokensMax } from '#limits';
import { type DateToken, tokenText } from './data-variables.js';

/** What is told apart: another selection of the same tree has dates of its own. */
export interface DumpedTree {
  /** Absolute. */
  readonly path: Buffer;
  /** Everything else that decides what is in a backup: type, DMP_NAME, FILES, EXCLUDE. */
  readonly selection: readonly string[];
}
export interface DumpDate {
  /** Seconds since 1970: what changed from then on is in the next one. */
  readonly dateS: number;
  /** The level that was made; of a chain of tokens, the token that it ended with. */
  readonly made:
    | { readonly kind: 'level'; readonly level: number }
    | { readonly kind: 'token'; readonly token: DateToken };
  /** `TreeResult.directories`. */
  readonly directories?: Uint8Array;
}

interface Header {
  readonly magic: string;
  readonly path: string;
  readonly dateS: number;
  /** Bytes of the digest; -1: there is none. */
  readonly directoriesBytes: number;
  readonly sha256: string;
}
const magic = 'tapesilo dump date 1';
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const nameOf = ({ path, selection }: DumpedTree): string =>
  createHash('sha256')
    .update(JSON.stringify([path.toString('hex'), ...selection]))
    .digest('hex')
    .slice(0, 32);
const suffixOf = (made: DumpDate['made']): string =>
  made.kind === 'level' ? `l${made.level}` : `t${tokenText(made.token)}`;

export class DumpDates {
  readonly #disk: Disk;
  readonly #folder: string;
  /** One change at a time. */
  #last: Promise<unknown> = Promise.resolve();

  /** The folder is made when it is needed. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /** The newest backup of a level below `level`. */
  async below(tree: DumpedTree, level: number): Promise<(DumpDate & { level: number }) | undefined> {
    const found: (DumpDate & { level: number })[] = [];
    for (const lower of await this.#levels(tree)) {
      if (lower >= level) continue;
      const date = await this.#read(tree, { kind: 'level', level: lower });
      if (date !== undefined) found.push({ ...date, level: lower });
    }
    // Of two that began in the same second the higher level is the newer one.
    return found.sort((a, b) => a.dateS - b.dateS || a.level - b.level).at(-1);
  }
  /** What the backup with this token left behind. Not there when it was made elsewhere, or with another selection. */
  async of(tree: DumpedTree, token: DateToken): Promise<DumpDate | undefined> {
    return await this.#read(tree, { kind: 'token', token });
  }
  async keep(tree: DumpedTree, date: DumpDate): Promise<void> {
    const done = this.#last.then(async () => await this.#write(tree, date));
    this.#last = done.catch(() => undefined);
    await done;
  }

  async #levels(tree: DumpedTree): Promise<number[]> {
    const start = `${nameOf(tree)}-l`;
    const names = await this.#disk.list(this.#folder);
    return names.flatMap((name) => {
      const level = name.startsWith(start) ? name.slice(start.length) : '';
      return /^\d{1,2}$/.test(level) ? [Number(level)] : [];
    });
  }
  async #read(tree: DumpedTree, made: DumpDate['made']): Promise<DumpDate | undefined> {
    const path = join(this.#folder, `${nameOf(tree)}-${suffixOf(made)}`);
    if (!(await this.#disk.exists(path))) return undefined;
    const file = await this.#disk.open(path, 'existing');
    try {
      const bytes = Buffer.alloc(await file.size());
      const length = await file.readAt(bytes, 0);
      return decode(bytes.subarray(0, length), tree, made);
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    } finally {
      await file.close();
    }
  }
  async #write(tree: DumpedTree, date: DumpDate): Promise<void> {
    await makeDurableDirectory(this.#disk, this.#folder);
    const path = join(this.#folder, `${nameOf(tree)}-${suffixOf(date.made)}`);
    await this.#forgetAbove(tree, date.made);
    const fresh = `${path}.new`;
    await this.#disk.remove(fresh);
    const file = await this.#disk.open(fresh, 'create');
    try {
      await file.writeAt(encode(tree, date), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#disk.rename(fresh, path);
    await this.#disk.syncDirectory(this.#folder);
    await this.#forget(nameOf(tree));
  }
  /** Higher levels are based on what this one takes the place of; were the clock set back, they would look newer than it. */
  async #forgetAbove(tree: DumpedTree, made: DumpDate['made']): Promise<void> {
    if (made.kind !== 'level') return;
    for (const level of await this.#levels(tree)) {
      const name = `${nameOf(tree)}-${suffixOf({ kind: 'level', level })}`;
      if (level > made.level) await this.#disk.remove(join(this.#folder, name));
    }
  }
  /** A chain of tokens grows by one with each backup, and trees come and go: the oldest are forgotten. */
  async #forget(tree: string): Promise<void> {
    const names = await this.#disk.list(this.#folder);
    const tokens = names
      .flatMap((name) => {
        const token = /^(\w+)-t(\d+)$/.exec(name);
        return token?.[1] === tree ? [{ name, dateS: BigInt(token[2] ?? 0) & 0xffff_ffffn }] : [];
      })
      .sort((a, b) => Number(a.dateS - b.dateS));
    const surplus = tokens.slice(0, Math.max(0, tokens.length - ndmpDumpTokensMax)).map(({ name }) => name);
    const others = names.filter((name) => !name.startsWith(`${tree}-`));
    const beyond = others.slice(0, Math.max(0, names.length - surplus.length - ndmpDumpDatesMax));
    for (const name of [...surplus, ...beyond]) await this.#disk.remove(join(this.#folder, name));
  }
}

function encode(tree: DumpedTree, { dateS, directories }: DumpDate): Buffer {
  const digest = directories ?? Buffer.alloc(0);
  const header: Header = {
    magic,
    path: tree.path.toString('hex'),
    dateS,
    directoriesBytes: directories?.length ?? -1,
    sha256: sha256(Buffer.concat([Buffer.from(String(dateS)), digest])),
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), digest]);
}
function decode(bytes: Buffer, tree: DumpedTree, made: DumpDate['made']): DumpDate | undefined {
  const end = bytes.subarray(0, ndmpDumpHeaderBytesMax).indexOf('\n');
  const header = headerOf(bytes.subarray(0, Math.max(end, 0)).toString('utf8'));
  const digest = bytes.subarray(end + 1);
  const isWhole =
    header?.magic === magic &&
    header.path === tree.path.toString('hex') &&
    Number.isSafeInteger(header.dateS) &&
    Math.max(header.directoriesBytes, 0) === digest.length &&
    header.sha256 === sha256(Buffer.concat([Buffer.from(String(header.dateS)), digest]));
  if (!isWhole) return undefined;
  return { dateS: header.dateS, made, ...(header.directoriesBytes < 0 ? {} : { directories: digest }) };
}
function headerOf(text: string): Header | undefined {
  try {
    return JSON.parse(text) as Header;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * What ndmjob's DATA agent starts to read or write a tree (its "wrap" convention): the image on standard output or input,
 * and lines on descriptor 3: `HF path @offset …` for the history, `DR offset length` to ask for bytes, `Lx text` for the log.
 * The image is made and read by GNU tar.
 *
 *     wrap_tar -c|-x|-t -I#3 -E NAME=VALUE… [PATH @OFFSET DESTINATION]…
 */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const indexFd = 3;
const blockBytes = 512;
const zeroBlock = Buffer.alloc(blockBytes);

interface Orders {
  readonly mode: 'c' | 'x' | 't';
  readonly variables: ReadonlyMap<string, string>;
  readonly names: readonly { readonly path: string; readonly offset: number | undefined }[];
}

function ordersOf(args: readonly string[]): Orders {
  const variables = new Map<string, string>();
  const names: { path: string; offset: number | undefined }[] = [];
  let mode: Orders['mode'] = 't';
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (/^-[cxt]$/.test(arg)) mode = arg[1] as Orders['mode'];
    else if (arg === '-E') {
      const [name = '', ...value] = (args[++at] ?? '').split('=');
      variables.set(name, value.join('='));
    } else if (!arg.startsWith('-')) {
      const offset = /^@(\d+)$/.exec(args[at + 1] ?? '')?.[1];
      names.push({ path: arg, offset: offset === undefined ? undefined : Number(offset) });
      at += 2;
    }
  }
  return { mode, variables, names };
}

const escaped = (text: string): string =>
  text.replaceAll(/[^!-$&-~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
const tell = (line: string): number => writeSync(indexFd, `${line}\n`);
const isTrue = (value = 'n'): boolean => /^[yt1]/i.test(value);

function tar(args: readonly string[], input?: Buffer): Buffer {
  const { status, stdout, stderr } = spawnSync('tar', ['-b', '1', ...args], {
    ...(input === undefined ? {} : { input }),
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`tar ${args.join(' ')}: ${String(stderr)}`);
  return stdout;
}

/** Name, and bytes of the body in whole blocks. Only names that fit into a header. */
function readHeader(header: Buffer): { name: string; bodyBytes: number } {
  const text = (from: number, to: number): string => header.toString('latin1', from, to).split('\0')[0] ?? '';
  const size = Number.parseInt(text(124, 136).trim() || '0', 8);
  const hasBody = ['0', '\0'].includes(header.toString('latin1', 156, 157));
  return {
    name: text(0, 100),
    bodyBytes: hasBody ? Math.ceil(size / blockBytes) * blockBytes : 0,
  };
}

function backUp({ variables }: Orders): void {
  const folder = variables.get('FILESYSTEM') ?? '/';
  const image = tar(['--format=gnu', '--sort=name', '-cf', '-', '-C', folder, '.']);
  for (let at = 0; !image.subarray(at, at + blockBytes).equals(zeroBlock);) {
    const { name, bodyBytes } = readHeader(image.subarray(at, at + blockBytes));
    const path = name.replace(/^\.\//, '').replace(/\/$/, '');
    const found = lstatSync(join(folder, path));
    const type = found.isDirectory() ? 'd' : found.isSymbolicLink() ? 'l' : '-';
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
    const { size, uid, gid, ino } = found;
    const facts = `f${type} m${mode} s${size} u${uid} g${gid} tm${Math.floor(found.mtimeMs / 1000)} i${ino}`;
    if (isTrue(variables.get('HIST'))) tell(`HF ${escaped(`/${path === '.' ? '' : path}`)} @${at} ${facts}`);
    at += blockBytes + bodyBytes;
  }
  tell(`Lx ${escaped(`${image.length} bytes`)}`);
  for (let at = 0; at < image.length;) at += writeSync(1, image, at, Math.min(65_536, image.length - at));
}

/** Exactly so many bytes of the image from where it stands. */
function take(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length;) {
    const got = readSync(0, bytes, at, length - at, null);
    if (got === 0) throw new Error(`The image ends ${length - at} bytes too early`);
    at += got;
  }
  return bytes;
}
/** Asked for once, as one read without an end; its end is where the archive says so, since the end of the stream is not passed on. */
function takeAll(): Buffer {
  tell('DR 0 -1');
  const parts: Buffer[] = [];
  for (let zeros = 0; zeros < 2;) {
    const header = take(blockBytes);
    parts.push(header);
    zeros = header.equals(zeroBlock) ? zeros + 1 : 0;
    if (zeros === 0) parts.push(take(readHeader(header).bodyBytes));
  }
  return Buffer.concat(parts);
}
/** Only the members named, each by two reads: bytes that lie anywhere in records of the tape. */
function takeDirectly(offsets: readonly number[], roundBytes: number): Buffer {
  let standing: { from: number; bytes: Buffer } = { from: 0, bytes: Buffer.alloc(0) };
  const at = (offset: number, length: number): Buffer => {
    const from = Math.floor(offset / roundBytes) * roundBytes;
    const end = Math.ceil((offset + length) / roundBytes) * roundBytes;
    if (from < standing.from || from > standing.from + standing.bytes.length)
      standing = { from, bytes: Buffer.alloc(0) };
    const have = standing.from + standing.bytes.length;
    if (end > have) {
      tell(`DR ${have} ${end - have}`);
      standing.bytes = Buffer.concat([standing.bytes, take(end - have)]);
    }
    return standing.bytes.subarray(offset - standing.from, offset - standing.from + length);
  };
  const parts = offsets.flatMap((offset) => {
    const header = Buffer.from(at(offset, blockBytes));
    const { bodyBytes } = readHeader(header);
    return bodyBytes === 0 ? [header] : [header, Buffer.from(at(offset + blockBytes, bodyBytes))];
  });
  return Buffer.concat([...parts, zeroBlock, zeroBlock]);
}

function recover({ mode, variables, names }: Orders): void {
  const offsets = names.flatMap(({ offset }) => (offset === undefined ? [] : [offset]));
  const direct = mode === 'x' && isTrue(variables.get('DIRECT')) && offsets.length === names.length;
  const roundBytes = Number(variables.get('ROUND') ?? '1');
  const image = direct
    ? takeDirectly(
        offsets.toSorted((one, other) => one - other),
        roundBytes,
      )
    : takeAll();
  if (mode === 't') return;
  const folder = variables.get('PREFIX') ?? '/';
  mkdirSync(folder, { recursive: true });
  const wanted = names.map(({ path }) => `./${path.replace(/^\//, '')}`);
  const some = direct || wanted.includes('./') ? [] : wanted;
  tar(['-xf', '-', '-C', folder, ...some], image);
}

const orders = ordersOf(process.argv.slice(2));
if (orders.mode === 'c') backUp(orders);
else recover(orders);

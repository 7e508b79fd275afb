/** Trees of files: one with a little of everything, and what is in a tree as one comparable value. */
import { createHash } from 'node:crypto';
import {
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

/** `bytes` that do not compress, the same for the same name. */
function content(name: string, bytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes; at += 32) parts.push(createHash('sha256').update(`${name} ${at}`).digest());
  return Buffer.concat(parts).subarray(0, bytes);
}

/** About 1.2 MB in files of all sizes, two folders deep, one mostly a hole; modes and times of their own. */
export async function makeTree(folder: string): Promise<void> {
  await mkdir(join(folder, 'sub/deep'), { recursive: true });
  for (const [index, bytes] of [1, 511, 40_017, 160_000, 262_144].entries())
    await writeFile(join(folder, `f${index}`), content(`f${index}`, bytes));
  await writeFile(join(folder, 'sub/h.txt'), 'small\n');
  await writeFile(join(folder, 'sub/empty'), '');
  await writeFile(join(folder, 'sub/deep/large'), content('large', 700_000));
  await writeFile(join(folder, 'sub/deep/hole'), 'at the beginning');
  await truncate(join(folder, 'sub/deep/hole'), 300_000);
  await writeFile(join(folder, 'sub/a name with spaces'), 'x'.repeat(2000));
  await symlink('h.txt', join(folder, 'sub/link'));
  await link(join(folder, 'f1'), join(folder, 'sub/again'));
  await chmod(join(folder, 'f2'), 0o640);
  await chmod(join(folder, 'sub/h.txt'), 0o4755);
  await utimes(join(folder, 'f3'), 981_173_106, 981_173_106);
  await utimes(join(folder, 'sub/deep'), 1_000_000_000, 1_000_000_000);
  await utimes(folder, 1_100_000_000, 1_100_000_000);
}

/** One line for each entry: type, permissions, owner, modification time in seconds, path, and what is in it. */
export async function describeTree(folder: string): Promise<string[]> {
  const lines: string[] = [];
  const visit = async (path: string): Promise<void> => {
    const whole = join(folder, path);
    const found = await lstat(whole);
    const kind = found.isDirectory() ? 'd' : found.isSymbolicLink() ? 'l' : found.isFile() ? 'f' : 'o';
    const mode = kind === 'l' ? '' : (found.mode & 0o7777).toString(8);
    const about = `${kind}${mode} ${found.uid}:${found.gid} ${kind === 'l' ? '' : Math.floor(found.mtimeMs / 1000)}`;
    lines.push(`${about} /${path}: ${await whatIsIn(whole, kind)}`);
    if (kind !== 'd') return;
    for (const name of (await readdir(whole)).toSorted()) await visit(join(path, name));
  };
  await visit('');
  return lines;
}
async function whatIsIn(path: string, kind: string): Promise<string> {
  if (kind === 'l') return await readlink(path);
  if (kind !== 'f') return '';
  const bytes = await readFile(path);
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
}

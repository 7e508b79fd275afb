/**
 * Which configured root a path lies in. This decides by the path's letters alone what may be asked for; that nothing else is
 * reached, by links and races, is the tree engine's work.
 */
import { NdmpError } from './errors.table.js';

/** A folder of this machine that DATA may read, and write unless `readOnly`. */
export interface NdmpRoot {
  /** DMAs may say it instead of the path: `home/alice`. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly readOnly: boolean;
}
/** What may be reached. */
export interface Reach {
  readonly roots: () => readonly NdmpRoot[];
  /** Folders of the daemon itself: out of reach in whatever root. */
  readonly ownFolders: () => readonly string[];
}
export interface RootedPath {
  readonly root: NdmpRoot;
  /** Absolute, plain: no `.`, `..`, empty parts or slash at the end. */
  readonly path: Buffer;
}

const slash = 0x2f;

/** Parts of a path, without empty ones and `.`. Throws NdmpError 'illegal-args' for `..` and NUL. */
export function pathParts(path: Buffer): Buffer[] {
  if (path.includes(0)) throw new NdmpError('illegal-args', 'A path has no NUL');
  const parts: Buffer[] = [];
  for (let from = 0; from <= path.length;) {
    const at = path.indexOf(slash, from);
    const to = at < 0 ? path.length : at;
    const part = path.subarray(from, to);
    const text = part.toString('latin1');
    if (text === '..') throw new NdmpError('illegal-args', `"${path.toString()}" leads upwards`);
    if (text !== '' && text !== '.') parts.push(part);
    from = to + 1;
  }
  return parts;
}
export const joined = (parts: readonly Buffer[]): Buffer =>
  Buffer.from(parts.map((part) => part.toString('latin1')).join('/'), 'latin1');
const absolute = (parts: readonly Buffer[]): Buffer => Buffer.concat([Buffer.from('/'), joined(parts)]);

/** `path` is `inside` or below it; both plain. */
const isWithin = (path: Buffer, inside: Buffer): boolean =>
  path.equals(inside) ||
  (path.subarray(0, inside.length).equals(inside) && (inside.length === 1 || path[inside.length] === slash));

/**
 * The root that a path lies in: the innermost. What is not absolute begins with the name of a root.
 * Throws NdmpError: 'illegal-args' for paths that are none, 'permission' for those outside.
 */
export function rooted(reach: Reach, path: Buffer): RootedPath {
  const parts = pathParts(path);
  const roots = reach.roots();
  const plain = path[0] === slash ? absolute(parts) : named(roots, parts);
  const holders = roots
    .map((root) => ({ root, path: absolute(pathParts(Buffer.from(root.path, 'utf8'))) }))
    .filter((one) => isWithin(plain, one.path))
    .sort((a, b) => b.path.length - a.path.length);
  const root = holders[0]?.root;
  const isOwn = reach
    .ownFolders()
    .some((own) => isWithin(plain, absolute(pathParts(Buffer.from(own, 'utf8')))));
  const text = path.toString();
  if (isOwn) throw new NdmpError('permission', `${text} belongs to the tape server itself`, { path: text });
  if (root === undefined) {
    const what = `${text} lies in no configured root: on the tape server, tapesilo ndmp root add PATH`;
    throw new NdmpError('permission', what, { path: text });
  }
  return { root, path: plain };
}
function named(roots: readonly NdmpRoot[], parts: readonly Buffer[]): Buffer {
  const [first, ...rest] = parts;
  const root = roots.find(({ name }) => first?.equals(Buffer.from(name, 'utf8')) === true);
  if (root === undefined)
    throw new NdmpError('illegal-args', 'A path begins with a slash or the name of a root');
  return absolute([...pathParts(Buffer.from(root.path, 'utf8')), ...rest]);
}

/** The same for what is written to. Throws NdmpError 'write-protect' in a root that is only read. */
export function writable(reach: Reach, path: Buffer): RootedPath {
  const found = rooted(reach, path);
  if (found.root.readOnly) {
    throw new NdmpError(
      'write-protect',
      `Nothing is recovered into ${path.toString()}: the root ${found.root.path} is read-only`,
      {
        root: found.root.path,
      },
    );
  }
  return found;
}

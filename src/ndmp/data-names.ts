/**
 * What names of DATA_START_RECOVER mean: where in the image, and where to. Versions differ.
 *
 * - 2: `destinationPath` is where the thing itself goes.
 * - 3: with a new name, it goes to `destinationPath`/`name`; without, to `destinationPath`/`originalPath`: that is how clients
 *   read a text that can be read in several ways (facts: what ndmjob sends).
 * - 4: to `destinationPath`, or `destinationPath`/`name` when there is a name.
 *
 * Where a destination is missing or relative, it begins at PREFIX, else at FILESYSTEM.
 */
import type { RecoverName as TreeName } from '#trees';
import type { RecoverName } from './data-messages.table.js';
import { joined, type NdmpRoot, pathParts, type Reach, type RootedPath, writable } from './data-roots.js';
import type { RecoverWishes } from './data-variables.js';
import { NdmpError } from './errors.table.js';
import { allOnes } from './types.js';
import type { NdmpVersion } from './xdr.js';

/** A name of the request, and what the engine is told. */
export interface NamedRecovery {
  readonly asked: RecoverName;
  readonly name: TreeName;
}
export interface RecoverPlan {
  readonly root: NdmpRoot;
  /** Where everything goes when there are no names. */
  readonly prefix: Buffer;
  readonly names: readonly NamedRecovery[];
  /** All names can be read at their places, and that was asked for. */
  readonly direct: boolean;
}

const slash = Buffer.from('/');
const isAbsolute = (path: Buffer): boolean => path[0] === slash[0];
const under = (folder: Buffer, path: Buffer): Buffer => Buffer.concat([folder, slash, path]);

/** The destination as it was said: absolute, relative, or empty for none. */
function destinationOf(version: NdmpVersion, asked: RecoverName): Buffer {
  const { originalPath: original, destinationPath: folder, name } = asked;
  if (version === 2) return folder;
  if (name.length > 0) return folder.length > 0 ? under(folder, name) : name;
  if (version === 4 || folder.length === 0) return folder;
  return original.equals(Buffer.from('.')) ? folder : under(folder, original);
}

function recoveryOf(
  version: NdmpVersion,
  asked: RecoverName,
  base: Buffer | undefined,
): { original: Buffer; destination: Buffer } {
  const original = joined(pathParts(asked.originalPath));
  const said = destinationOf(version, asked);
  if (isAbsolute(said)) return { original, destination: said };
  if (base === undefined) throw new NdmpError('illegal-args', 'A destination is missing, and so is PREFIX');
  return { original, destination: under(base, said.length > 0 ? said : original) };
}

/** Throws NdmpError: 'illegal-args', 'permission' (outside of the roots, or in several of them), 'write-protect'. */
export function recoverPlan(
  version: NdmpVersion,
  nlist: readonly RecoverName[],
  wishes: RecoverWishes,
  reach: Reach,
): RecoverPlan {
  const start = wishes.prefix ?? wishes.tree;
  const base = start === undefined ? undefined : writable(reach, Buffer.from(start, 'utf8'));
  const wanted = wishes.everything ? [] : nlist;
  const places: { asked: RecoverName; original: Buffer; place: RootedPath }[] = wanted.map((asked) => {
    const { original, destination } = recoveryOf(version, asked, base?.path);
    return { asked, original, place: writable(reach, destination) };
  });
  const root = places[0]?.place.root ?? base?.root;
  if (root === undefined) throw new NdmpError('illegal-args', 'There is neither a name nor a PREFIX');
  if (places.some(({ place }) => place.root.path !== root.path)) {
    throw new NdmpError('permission', 'The names go to several roots: recover them one after another');
  }
  const names = places.map(({ asked, original, place }) => ({
    asked,
    name: { original, destination: place.path, ...known(asked) },
  }));
  return {
    root,
    prefix: base?.root.path === root.path ? base.path : Buffer.from(root.path, 'utf8'),
    names,
    direct: wishes.direct && names.length > 0 && names.every(({ name }) => name.fhInfo !== undefined),
  };
}
const known = ({ node, fhInfo }: RecoverName): { node?: bigint; fhInfo?: bigint } => ({
  ...(node === allOnes ? {} : { node }),
  ...(fhInfo === allOnes ? {} : { fhInfo }),
});

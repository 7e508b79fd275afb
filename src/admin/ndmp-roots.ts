/** Folders that may become roots of the DATA service. */
import { normalize } from 'node:path';
import { RefusedError } from '#errors';
import type { NdmpRoot } from './ndmp-face.js';

/** The folder as it is kept: no slash at its end. RefusedError when it belongs to the daemon, or is a root already. */
export function checkFolder(own: readonly string[], roots: readonly NdmpRoot[], given: string): string {
  const folder = normalize(given).replace(/(?<=.)\/+$/, '');
  const known = roots.find(({ path }) => path === folder);
  if (known !== undefined) {
    throw new RefusedError(
      'conflict',
      `${folder} is root ${known.name} already: see \`tapesilo ndmp root list\``,
    );
  }
  const ours = own.find((one) => isWithin(folder, one));
  if (ours === undefined) return folder;
  throw new RefusedError(
    'conflict',
    `The daemon keeps its own data in ${ours}, which NDMP users can neither read nor write: name another folder`,
  );
}
/** Those of the daemon's own folders that lie in the folder: they are passed over there. */
export const ownFoldersIn = (own: readonly string[], folder: string): readonly string[] =>
  own.filter(
    (one, at) => isWithin(one, folder) && !own.some((other, before) => before < at && isWithin(one, other)),
  );
const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

/** What a root is called when nobody says it: as its folder, with a number where that is taken. */
export function freeName(wanted: string, roots: readonly NdmpRoot[]): string {
  const plain = wanted
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 56);
  const base = plain === '' ? 'root' : plain;
  const taken = new Set(roots.map(({ name }) => name));
  if (!taken.has(base)) return base;
  for (let number = 2; ; number++) if (!taken.has(`${base}-${number}`)) return `${base}-${number}`;
}

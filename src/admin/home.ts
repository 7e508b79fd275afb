/**
 * The home: the folder that holds all state. Who finds what in it:
 *
 *   catalog.db    what there is (src/catalog)            store/        the first storage group (src/store)
 *                                                        groups/NAME/  others, which may also be elsewhere
 *   ndmp/         dates of backups by NDMP (src/ndmp)
 *   lock          claim of the running daemon (src/env)  admin.sock    its admin socket
 *   admin.path    where that socket is instead, when its path here would be too long for the system
 */
import { join } from 'node:path';
import type { Disk, Env } from '#env';

/** sun_path has 108 bytes on Linux and 104 elsewhere, with the 0 at its end. */
const socketPathBytesMax = 103;
const pointerBytesMax = 256;

interface Surroundings {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly userId: number | undefined;
}

/**
 * Where state lives unless --home or TAPESILO_HOME says otherwise: of a service (started by systemd as root or with
 * StateDirectory=tapesilo) /var/lib/tapesilo, of a person the XDG data folder.
 */
export function defaultHome({ variables, userId }: Surroundings): string {
  const { TAPESILO_HOME: own, STATE_DIRECTORY: state, XDG_DATA_HOME: data, HOME: home } = variables;
  if (own !== undefined && own !== '') return own;
  const isService = variables['INVOCATION_ID'] !== undefined && variables['TERM'] === undefined;
  if (state !== undefined && state !== '' && isService) return state.split(':')[0] ?? state;
  if (data !== undefined && data.startsWith('/')) return join(data, 'tapesilo');
  if (home === undefined || home === '' || (isService && userId === 0)) return '/var/lib/tapesilo';
  return join(home, '.local/share/tapesilo');
}

export const catalogPath = (home: string): string => join(home, 'catalog.db');
export const dumpDatesFolder = (home: string): string => join(home, 'ndmp');
const pointerPath = (home: string): string => join(home, 'admin.path');

/** Where to reach the daemon of a home. */
export async function findSocket(disk: Disk, home: string): Promise<string> {
  const pointer = await readPointer(disk, home);
  return pointer ?? join(home, 'admin.sock');
}

/** Where the daemon shall listen; `isElsewhere` when that is not in the home. Call with the claim of the home held. */
export async function placeSocket(
  env: Pick<Env, 'disk' | 'random'>,
  home: string,
): Promise<{ path: string; isElsewhere: boolean }> {
  await forgetSocket(env.disk, home);
  const path = join(home, 'admin.sock');
  if (Buffer.byteLength(path) <= socketPathBytesMax) return { path, isElsewhere: false };
  // A name that nobody can guess: /tmp is everyone's, and who makes our folder first would be given our secrets.
  const folder = `/tmp/tapesilo-${env.random.bytes(8).toString('hex')}`;
  await env.disk.makeDirectory(folder);
  const elsewhere = join(folder, 'admin.sock');
  const file = await env.disk.open(pointerPath(home), 'create');
  try {
    await file.writeAt(Buffer.from(elsewhere), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  return { path: elsewhere, isElsewhere: true };
}

/** Removes the socket, wherever it is. */
export async function forgetSocket(disk: Disk, home: string): Promise<void> {
  const elsewhere = await readPointer(disk, home);
  if (elsewhere !== undefined && /^\/tmp\/tapesilo-[0-9a-f]{16}\/admin\.sock$/.test(elsewhere)) {
    await disk.remove(join(elsewhere, '..'));
  }
  await disk.remove(pointerPath(home));
  await disk.remove(join(home, 'admin.sock'));
}

async function readPointer(disk: Disk, home: string): Promise<string | undefined> {
  if (!(await disk.exists(pointerPath(home)))) return undefined;
  const file = await disk.open(pointerPath(home), 'existing');
  try {
    const text = Buffer.alloc(pointerBytesMax);
    const path = text.toString('utf8', 0, await file.readAt(text, 0));
    return path === '' ? undefined : path;
  } finally {
    await file.close();
  }
}

/**
 * Volumes that no cartridge owns, because the process ended while one was made or destroyed. They are noted in the catalog
 * before, so that the next start removes these and nothing else: what an older catalog does not know may be somebody's data.
 */
import type { Catalog, Tables } from '#catalog';
import type { Groups } from './groups.js';

const prefix = 'unowned-volume:';
export const unownedKey = (id: string): string => prefix + id;

/** `groupId`: of the group that has it. */
export async function noteUnowned(
  { settings }: Pick<Tables, 'settings'>,
  id: string,
  groupId: string,
): Promise<void> {
  await settings.set(unownedKey(id), groupId);
}

/** Removes what is left of them, of the groups that are open. */
export async function removeUnowned(
  { settings }: Pick<Catalog, 'settings'>,
  groups: Pick<Groups, 'of'>,
): Promise<void> {
  for (const [key, groupId] of await settings.all()) {
    if (!key.startsWith(prefix)) continue;
    const group = groups.of(groupId); // earlier releases said 'yes': the one that there was
    if (group.state !== 'open') continue;
    await group.remove(key.slice(prefix.length));
    await settings.remove(key);
  }
}

/**
 * Volumes that no cartridge owns, because the process ended while one was made or destroyed. They are noted in the catalog
 * before, so that the next start removes these and nothing else: what an older catalog does not know may be somebody's data.
 */
import type { Catalog, Tables } from '#catalog';

const prefix = 'unowned-volume:';
export const unownedKey = (id: string): string => prefix + id;

export async function noteUnowned({ settings }: Pick<Tables, 'settings'>, id: string): Promise<void> {
  await settings.set(unownedKey(id), 'yes');
}

/** Removes what is left of them. Returns how many. */
export async function removeUnowned(
  { settings }: Pick<Catalog, 'settings'>,
  removeVolume: (id: string) => Promise<void>,
): Promise<number> {
  const keys = [...(await settings.all()).keys()].filter((key) => key.startsWith(prefix));
  for (const key of keys) {
    await removeVolume(key.slice(prefix.length));
    await settings.remove(key);
  }
  return keys.length;
}

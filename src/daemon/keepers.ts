/** Keepers: what keeps the open deduplicating groups up while no drive is in use. */
import type { Installation, MakeKeeper } from '#admin';
import type { Env } from '#env';
import { Upkeep } from '#store';

/** Whether drives have done anything since it was asked last. */
function idleness(installation: Installation): () => boolean {
  const done = (): number => {
    let sum = 0;
    for (const { drives } of installation.libraries) {
      for (const { drive } of drives.values()) {
        for (const count of Object.values(drive.counters)) if (typeof count === 'number') sum += count;
      }
    }
    return sum;
  };
  let before = done();
  return () => {
    const now = done();
    const isIdle = now === before;
    before = now;
    return isIdle;
  };
}

export const keepersOf =
  (env: Env, installation: Installation): MakeKeeper =>
  (name, group) => {
    const log = env.log.facility('upkeep', { group: name });
    return new Upkeep({ env, group, isIdle: idleness(installation), log });
  };

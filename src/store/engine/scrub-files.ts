/**
 * What a group keeps beside its containers: superblock, keys, checkpoints, journal. Each is there twice, or follows from the rest; what has
 * rotted is written again, so that the second copy does not have to be the last for long.
 */
import { checkpointsIn, isCheckpointSound } from './checkpoint.js';
import type { Engine } from './engine.js';
import { isJournalWhole, journalFolder } from './journal.js';
import { repairSuperblock } from './superblock.js';
import { guarded } from './volume-lives.js';

/** What was written again. */
export async function scrubFiles(engine: Engine): Promise<readonly string[]> {
  const { disk } = engine.env;
  const repaired: string[] = [];
  await engine.inTurn(async () => {
    if (await repairSuperblock(disk, engine.folder)) repaired.push('superblock');
    if (await guarded(engine, async () => await engine.cipher.repair())) repaired.push('keys of volumes');
    let sound = true;
    for (const number of await checkpointsIn(disk, engine.folder)) {
      if (await isCheckpointSound(disk, engine.folder, engine, number)) continue;
      sound = false;
      repaired.push(`checkpoint ${number}`);
    }
    if (!(await isJournalWhole(disk, journalFolder(engine.folder), engine.group))) {
      sound = false;
      repaired.push('journal');
    }
    // Two of them, and neither the old ones nor the journal before them are there any more.
    if (sound) return;
    await engine.checkpointNow(true);
    await engine.checkpointNow(true);
  });
  return repaired;
}

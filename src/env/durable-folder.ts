/** Folders whose own names are durable: a crash right after their making must not take what is put into them. */
import { dirname } from 'node:path';
import type { Disk } from './env.js';

/** Makes the folder and its parents; each that is new is synchronized in the folder that holds it. */
export async function makeDurableDirectory(disk: Disk, path: string): Promise<void> {
  const made: string[] = [];
  for (let at = path; !(await disk.exists(at)); at = dirname(at)) made.unshift(at);
  await disk.makeDirectory(path);
  for (const folder of made) await disk.syncDirectory(dirname(folder));
}

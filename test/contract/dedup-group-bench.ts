/** DedupGroup on a simulated disk. */
import type { Disk, Env } from '#env';
import { realEnv } from '#env';
import { DedupGroup, type DedupGroupOptions, type KeySource } from '#store';
import { SimDisk } from '#support';
import { SimRandom } from '../sim/sim-random.js';
import type { StoreBench, StoreBenchOptions } from './store.js';

const GiB = 1024 * 1024 * 1024;

const key = Buffer.from('thirty-two bytes that nobody knows');
const secrets: Env['secrets'] = {
  file: async () => await Promise.resolve({ bytes: Buffer.from(key), mode: 0o600 }),
  command: async () => await Promise.reject(new Error('There is none')),
};

const keySource: KeySource = { kind: 'file', path: '/key' };

/** With threads that work beside. */
export const threadedDedupGroupBench = (options: StoreBenchOptions = {}): StoreBench =>
  dedupGroupBench(options, { threads: 1 });
/** The same, encrypted. */
export const sealedGroupBench = (options: StoreBenchOptions = {}): StoreBench =>
  dedupGroupBench(options, { keySource });
export const threadedSealedGroupBench = (options: StoreBenchOptions = {}): StoreBench =>
  dedupGroupBench(options, { keySource, threads: 1 });

export function dedupGroupBench(
  options: StoreBenchOptions = {},
  how: Pick<DedupGroupOptions, 'threads' | 'keySource'> = {},
): StoreBench {
  const { capacityBytes = 4 * GiB, memoryBytes, seed = 1 } = options;
  const disk = new SimDisk({ dice: new SimRandom(seed), capacityBytes });
  let life: Disk | undefined;
  return {
    disk,
    open: async () => {
      life ??= disk.begin();
      const env = { ...realEnv(), disk: life, secrets };
      return await DedupGroup.open({
        env,
        folder: 'group',
        reserveBytes: 0,
        ...how,
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
      });
    },
    crash: (fate) => {
      disk.crash(fate);
      life = undefined;
    },
  };
}

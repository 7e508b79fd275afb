/** DedupGroup on a simulated disk. */
import type { Disk } from '#env';
import { realEnv } from '#env';
import { DedupGroup } from '#store';
import { SimDisk } from '#support';
import { SimRandom } from '../sim/sim-random.js';
import type { StoreBench, StoreBenchOptions } from './store.js';

const GiB = 1024 * 1024 * 1024;

/** With threads that work beside. */
export const threadedDedupGroupBench = (options: StoreBenchOptions = {}): StoreBench =>
  dedupGroupBench(options, 1);

export function dedupGroupBench(options: StoreBenchOptions = {}, threads = 0): StoreBench {
  const { capacityBytes = 4 * GiB, memoryBytes, seed = 1 } = options;
  const disk = new SimDisk({ dice: new SimRandom(seed), capacityBytes });
  let life: Disk | undefined;
  return {
    disk,
    open: async () => {
      life ??= disk.begin();
      const env = { ...realEnv(), disk: life };
      return await DedupGroup.open({
        env,
        folder: 'group',
        reserveBytes: 0,
        threads,
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
      });
    },
    crash: (fate) => {
      disk.crash(fate);
      life = undefined;
    },
  };
}

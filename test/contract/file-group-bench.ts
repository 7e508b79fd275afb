/** FileGroup on a simulated disk. */
import type { Disk } from '#env';
import { realEnv } from '#env';
import { FileGroup } from '#store';
import { SimDisk } from '#support';
import { SimRandom } from '../sim/sim-random.js';
import type { StoreBench, StoreBenchOptions } from './store.js';

const GiB = 1024 * 1024 * 1024;

export function fileGroupBench(options: StoreBenchOptions = {}): StoreBench {
  const { capacityBytes = 4 * GiB, memoryBytes, seed = 1, delay } = options;
  const disk = new SimDisk({ dice: new SimRandom(seed), capacityBytes });
  let life: Disk | undefined;
  return {
    disk,
    open: async () => {
      life ??= disk.begin(delay === undefined ? {} : { delay });
      const env = { ...realEnv(), disk: life };
      return await FileGroup.open({
        env,
        folder: 'group',
        reserveBytes: 0,
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
      });
    },
    crash: (fate) => {
      disk.crash(fate);
      life = undefined;
    },
  };
}

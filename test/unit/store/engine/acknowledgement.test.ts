/**
 * The order of an acknowledgement (house decision 7): chunks → their pack synchronized, name and all → the journal synchronized → the
 * index → the reply. What comes too early survives most crashes, so the order itself is looked at.
 */
import test from 'ava';
import { realEnv } from '#env';
import { DedupGroup, plainKernels } from '#store';
import { SimDisk } from '#support';
import { FingerprintIndex } from '../../../../src/store/engine/fingerprint-index.js';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

test.serial(
  'nothing is acknowledged, and nobody finds it, before all that it stands on is durable',
  async (t) => {
    const events: string[] = [];
    const disk = new SimDisk({ dice: new SimRandom(1) });
    disk.fault = ({ kind, path }) => {
      const part = ['packs', 'journal'].find((one) => path.includes(one));
      if (part !== undefined && (kind === 'write' || kind.startsWith('sync'))) events.push(`${kind} ${part}`);
      return undefined;
    };
    const publish = Reflect.get(FingerprintIndex.prototype, 'publish') as (...of: unknown[]) => unknown;
    FingerprintIndex.prototype.publish = function (...of: unknown[]): void {
      events.push('publish');
      Reflect.apply(publish, this, of);
    };
    t.teardown(() => Reflect.set(FingerprintIndex.prototype, 'publish', publish));
    const options = { folder: 'group', reserveBytes: 0, memoryBytes: 8 * 1024 * 1024, kernels: plainKernels };
    const group = await DedupGroup.open({ env: { ...realEnv(), disk: disk.begin() }, ...options });
    const volume = await group.create('one');
    for (let round = 0; round < 3; round++) {
      events.length = 0;
      await volume.stream('data').append([patternBytes(round, 200_000)]);
      await volume.commit(Buffer.from(`state ${round}`));
      events.push('reply');
      const wanted = ['write packs', 'sync packs', 'write journal', 'sync journal', 'publish', 'reply'];
      const order = events.filter((event) => wanted.includes(event));
      t.deepEqual([...new Set(order)], wanted, 'in that order');
      t.true(order.lastIndexOf('write packs') < order.indexOf('sync packs'));
      t.true(order.lastIndexOf('sync packs') < order.indexOf('write journal'));
      t.true(order.lastIndexOf('sync journal') < order.indexOf('publish'));
      const named = events.lastIndexOf('sync-directory packs');
      if (round === 0)
        t.true(named > events.indexOf('sync packs') && named < events.indexOf('write journal'));
    }
    await group.close();
  },
);

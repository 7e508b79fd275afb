/** FileGroup against arrays of bytes, with crashes at any disk call. */
import test from 'ava';
import fc from 'fast-check';
import { StoreError } from '#errors';
import { realEnv } from '#env';
import { FileGroup } from '#store';
import { patternBytes } from '../contract/store.js';
import { type OpenGroup, step, World } from './store-world.js';

const MiB = 1024 * 1024;
const open: OpenGroup = async (env) =>
  await FileGroup.open({ env, folder: 'group', reserveBytes: 0, memoryBytes: 24 * MiB });

test('FileGroup is an array of bytes that survives crashes', async (t) => {
  const property = fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 5, maxLength: 40 }), async (seed, steps) => {
    const world = new World(seed, open);
    for (const one of steps) await world.run(one);
  }); // prettier-ignore
  await fc.assert(property, { numRuns: 120, seed: 20250101, includeErrorInReport: true });
  t.pass();
});

test('a commit slot that rots after a clean close is healed by the other', async (t) => {
  const world = new World(1, open);
  let volume = await world.open();
  await volume.stream('data').append([patternBytes(1, 5000)]);
  await volume.commit(Buffer.from('state'));
  await volume.close();
  const { disk } = world;
  for (const slot of [0, 1]) disk.rot('group/one.volume/commit', slot * 128 * 1024 + 20, 3);
  const env = { ...realEnv(), disk: disk.begin() };
  const group = await FileGroup.open({ env, folder: 'group', reserveBytes: 0 });
  await t.throwsAsync(group.open('one'), { instanceOf: StoreError, code: 'corrupt' });
  disk.rot('group/one.volume/commit', 20, 3);
  volume = await group.open('one');
  t.is(volume.label.toString(), 'state');
  t.is(volume.stream('data').length, 5000);
});

/** A group knows what it is: a disk that is not mounted, or another one, is never taken for it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { realEnv } from '#env';
import { DedupGroup, FileGroup } from '#store';
import { tempFolder } from '#support';

const env = realEnv();
const id = '6b1d2a54-8f0e-4a52-9d67-0c7d5cfb6f11';
const other = '00000000-8f0e-4a52-9d67-0c7d5cfb6f11';
const kinds = { plain: FileGroup, dedup: DedupGroup } as const;

for (const [kind, Group] of Object.entries(kinds)) {
  test(`${kind}: a group is made with the id it is given, and keeps it`, async (t) => {
    const folder = join(await tempFolder(t), 'store');
    const made = await Group.open({ env, folder, id });
    t.is(made.id, id);
    await (await made.create('a')).close();
    await made.close();
    const again = await Group.open({ env, folder, make: false });
    t.is(again.id, id);
    t.deepEqual(await again.list(), ['a']);
    await again.close();
  });

  test(`${kind}: where there should be a group and is none, nothing is made`, async (t) => {
    const top = await tempFolder(t);
    for (const folder of [top, join(top, 'not-there')]) {
      const error = await t.throwsAsync(Group.open({ env, folder, id, make: false }));
      t.like(error, { code: 'missing', message: `${folder} holds no storage group` });
    }
    t.deepEqual(await readdir(top), []);
  });

  test(`${kind}: another group is not opened, and not touched`, async (t) => {
    const folder = await tempFolder(t);
    await (await Group.open({ env, folder, id: other })).close();
    const before = await readdir(folder);
    for (const make of [true, false]) {
      const error = await t.throwsAsync(Group.open({ env, folder, id, make }));
      t.like(error, { code: 'missing', message: `${folder} holds another storage group` });
    }
    t.deepEqual(await readdir(folder), before);
  });

  test(`${kind}: another capacity holds at once`, async (t) => {
    const group = await Group.open({ env, folder: await tempFolder(t), capacityBytes: 2 ** 30 });
    group.configure({ capacityBytes: 2 ** 24 });
    const { freeBytes } = await group.space();
    t.true(freeBytes <= 2 ** 24, `${freeBytes}`);
    const volume = await group.create('a');
    const stream = volume.stream('data');
    const much = Buffer.alloc(2 ** 24, 7);
    t.like(await t.throwsAsync(stream.reserve(2 ** 25)), { code: 'full' });
    group.configure({ capacityBytes: 2 ** 30 });
    await stream.append([much]);
    await volume.commit(Buffer.alloc(0));
    t.is(stream.length, much.length);
    await group.close();
  });
}

test('a plain store that a release without ids has made gets one', async (t) => {
  const folder = await tempFolder(t);
  const group = await FileGroup.open({ env, folder });
  await (await group.create('a')).close();
  await group.close();
  await env.disk.remove(join(folder, 'group'));
  await t.throwsAsync(FileGroup.open({ env, folder, id, make: false }), {
    message: /holds no storage group/,
  });
  const again = await FileGroup.open({ env, folder, make: false });
  const found = again.id;
  await again.close();
  t.deepEqual(await again.list(), ['a']);
  const third = await FileGroup.open({ env, folder, id: found, make: false });
  t.is(third.id, found);
  await third.close();
});

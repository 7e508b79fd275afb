/** Homes that earlier releases have made open, with all that they had: the one store of the first is the default group. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Catalog } from '#catalog';
import { realEnv } from '#env';
import { tempFolder, top } from '#support';

const env = realEnv();

const releases = ['fixtures/homes/catalog-1.txt', 'fixtures/homes/catalog-2.txt'] as const;

/** `change` is carried out on the old catalog. */
async function opened(t: ExecutionContext, change = '', dump: string = releases[0]): Promise<Catalog> {
  const path = join(await tempFolder(t), 'catalog.db');
  const old = await env.databases.open(path);
  await old.script(readFileSync(join(top, dump), 'utf8') + change);
  await old.close();
  const catalog = await Catalog.open(env, path);
  t.teardown(async () => await catalog.close());
  t.deepEqual(await catalog.check(), []);
  return catalog;
}

test('the store of a home of the first release is its default group, with all cartridges but cleaning ones', async (t) => {
  const catalog = await opened(t);
  const [group, ...others] = await catalog.groups.list();
  t.deepEqual(others, []);
  t.like(group, { name: 'default', kind: 'dedup', folder: 'store', made: true, isDefault: true });
  t.is(group?.storeId, undefined);
  t.is(group?.keyKind, undefined);
  const cartridges = await catalog.cartridges.list();
  t.is(cartridges.length, 22);
  for (const { barcode, groupId, cleaningUses } of cartridges) {
    t.is(groupId, barcode === 'CLN001CU' ? undefined : group?.id, barcode);
    t.is(cleaningUses, barcode === 'CLN001CU' ? 50 : undefined);
  }
  t.is(await catalog.cartridges.countOf(group?.id ?? ''), 21);
  t.is(await catalog.settings.get('store'), undefined);
});

test('everything else of the cartridges is as it was', async (t) => {
  const catalog = await opened(t);
  const find = async (barcode: string) => await catalog.cartridges.findByBarcode(barcode);
  t.like(await find('TS0003L8'), {
    elementKind: 'drive',
    elementIndex: 1,
    sourceKind: 'slot',
    sourceIndex: 2,
  });
  t.like(await find('A00001L8'), { sizeBytes: 16 * 1024 ** 2, writeProtected: false, byOperator: false });
  t.is((await find('A00001L8'))?.libraryId, undefined);
  t.like(await find('TS0005L8'), { writeProtected: true, medium: 'LTO-8', sizeBytes: 12e12 });
});

test('homes from before there was a choice have a plain store', async (t) => {
  const catalog = await opened(t, "DELETE FROM settings WHERE key = 'store';");
  t.like((await catalog.groups.list())[0], { kind: 'plain', folder: 'store', made: true });
});

test('a home whose first start made no cartridge may still get its store', async (t) => {
  const catalog = await opened(t, 'DELETE FROM cartridges;');
  t.like((await catalog.groups.list())[0], { kind: 'dedup', made: false });
});

test('a cartridge is in a group or is a cleaning one, and its group stays while it is there', async (t) => {
  const catalog = await opened(t);
  const refused = { code: 'io', message: /constraint failed/ } as const;
  const [group] = await catalog.groups.list();
  const tape = await catalog.cartridges.findByBarcode('TS0001L8');
  if (group === undefined || tape === undefined) return t.fail();
  await t.throwsAsync(catalog.groups.remove(group.id), refused);
  const { groupId: _, ...homeless } = { ...tape, id: 'x', barcode: 'X', volumeId: 'x', libraryId: undefined };
  const nowhere = { elementKind: undefined, elementIndex: undefined };
  await t.throwsAsync(catalog.cartridges.create({ ...homeless, ...nowhere }), refused);
  await catalog.groups.create({ ...group, id: 'second', name: 'second', folder: '/mnt', isDefault: false });
  await t.throwsAsync(
    catalog.groups.create({ ...group, id: 'third', name: 'third', folder: '/srv', isDefault: true }),
    refused,
  );
  await catalog.transaction(async ({ groups }) => await groups.makeDefault('second'));
  t.deepEqual(
    (await catalog.groups.list()).map(({ name, isDefault }) => [name, isDefault]),
    [
      ['default', false],
      ['second', true],
    ],
  );
});

test('a home of the second release keeps what it has, and has no NDMP', async (t) => {
  const catalog = await opened(t, '', releases[1]);
  t.deepEqual(
    (await catalog.groups.list()).map(({ name, keyKind, isDefault }) => [name, keyKind, isDefault]),
    [
      ['default', undefined, true],
      ['vault', 'file', false],
    ],
  );
  t.is((await catalog.cartridges.list()).length, 22);
  const [target] = await catalog.targets.list();
  t.is((await catalog.targets.luns(target?.id ?? '')).length, 5);
  t.like((await catalog.access.accounts(target?.id))[0], { user: 'backup', direction: 'initiator' });
  t.is((await catalog.portals.list()).length, 1);
  t.deepEqual(await catalog.ndmp.users(), []);
  t.deepEqual(await catalog.ndmp.portals(), []);
});

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Catalog, type CartridgeRow, type DriveRow, type LibraryRow } from '#catalog';
import { realEnv } from '#env';
import { StoreError } from '#errors';
import { fakeGroup } from '#support';

const env = realEnv();
const library: LibraryRow = {
  id: 'lib', name: 'main', personality: 'plain', serial: 'S1', naa: '5000000000000001', createdMs: 1,
}; // prettier-ignore
const drive = (index: number): DriveRow => ({
  id: `drive-${index}`, libraryId: 'lib', index, personality: 'plain', serial: `D${index}`,
  naa: `500000000000001${index}`, vendor: 'IBM', createdMs: 2,
}); // prettier-ignore
const cartridge = (barcode: string): CartridgeRow => ({
  id: `id-${barcode}`, barcode, medium: 'LTO-8', worm: false, writeProtected: true, sizeBytes: 12e12,
  usedBytes: 0, groupId: 'group',
  volumeId: `v-${barcode}`, createdMs: 3, byOperator: false,
}); // prettier-ignore
const slot = (index: number) => ({ libraryId: 'lib', kind: 'slot', index }) as const;

async function filled(t: ExecutionContext): Promise<Catalog> {
  const catalog = await Catalog.open(env, ':memory:');
  t.teardown(async () => await catalog.close());
  await fakeGroup(catalog);
  await catalog.libraries.create(library);
  await catalog.libraries.addElements('lib', 'slot', 0, 10);
  await catalog.libraries.addElements('lib', 'drive', 0, 2);
  return catalog;
}
const refused = { instanceOf: StoreError, code: 'io', message: /constraint failed/ };

test('rows come back as they were written, with absent values absent', async (t) => {
  const catalog = await filled(t);
  await catalog.drives.create(drive(1));
  await catalog.cartridges.create(cartridge('A00001L8'));
  t.deepEqual(await catalog.libraries.get('lib'), library);
  t.deepEqual(await catalog.drives.list('lib'), [drive(1)]);
  t.deepEqual(await catalog.cartridges.findByBarcode('A00001L8'), cartridge('A00001L8'));
  t.deepEqual(await catalog.libraries.counts('lib'), { robot: 0, slot: 10, mail: 0, drive: 2 });
  t.is(await catalog.libraries.find('other'), undefined);
  await t.throwsAsync(catalog.drives.get('other'), { instanceOf: StoreError, code: 'missing' });
});

test('a cartridge is placed, and its source goes with it to the shelf', async (t) => {
  const catalog = await filled(t);
  await catalog.cartridges.create(cartridge('A1'));
  await catalog.cartridges.place('id-A1', slot(3), { source: { kind: 'drive', index: 1 }, byOperator: true });
  t.like(await catalog.cartridges.get('id-A1'), { elementIndex: 3, sourceKind: 'drive', byOperator: true });
  t.is((await catalog.cartridges.onShelf()).length, 0);
  await catalog.cartridges.shelve('id-A1');
  t.deepEqual(await catalog.cartridges.onShelf(), [cartridge('A1')]);
});

test('T3: the schema refuses two cartridges in an element, elements that are not there, and half a place', async (t) => {
  const catalog = await filled(t);
  await catalog.cartridges.create(cartridge('A1'));
  await catalog.cartridges.create(cartridge('A2'));
  await catalog.cartridges.place('id-A1', slot(0), { byOperator: false });
  await t.throwsAsync(catalog.cartridges.place('id-A2', slot(0), { byOperator: false }), refused);
  await t.throwsAsync(catalog.cartridges.place('id-A2', slot(10), { byOperator: false }), refused);
  await t.throwsAsync(
    catalog.cartridges.place('id-A2', { ...slot(1), libraryId: 'other' }, { byOperator: false }),
    refused,
  );
  await t.throwsAsync(catalog.cartridges.create({ ...cartridge('A3'), libraryId: 'lib' }), refused);
  await t.throwsAsync(catalog.cartridges.create({ ...cartridge('A1'), id: 'x', volumeId: 'x' }), refused);
  await t.throwsAsync(catalog.cartridges.create(cartridge('lower')), refused);
  await t.throwsAsync(catalog.libraries.removeElements('lib', 'slot', 0), refused);
  await catalog.libraries.removeElements('lib', 'slot', 1);
  t.like(await catalog.libraries.counts('lib'), { slot: 1 });
});

test('drives sit in drive elements, one in each, with serial numbers of their own', async (t) => {
  const catalog = await filled(t);
  await catalog.drives.create(drive(0));
  await t.throwsAsync(catalog.drives.create({ ...drive(1), index: 0 }), refused);
  await t.throwsAsync(catalog.drives.create({ ...drive(1), serial: 'D0' }), refused);
  await t.throwsAsync(catalog.drives.create({ ...drive(1), index: 2 }), refused);
  await t.throwsAsync(catalog.libraries.removeElements('lib', 'drive', 0), refused);
  await t.throwsAsync(catalog.libraries.remove('lib'), refused);
  await catalog.drives.remove('drive-0');
  await catalog.libraries.remove('lib');
  t.deepEqual(await catalog.libraries.list(), []);
});

test('a transaction is all or nothing, and nobody sees half of it', async (t) => {
  const catalog = await filled(t);
  await t.throwsAsync(
    catalog.transaction(async (tables) => {
      await tables.cartridges.create(cartridge('A1'));
      await tables.cartridges.create(cartridge('A1'));
    }),
    refused,
  );
  t.deepEqual(await catalog.cartridges.list(), []);
  const change = catalog.transaction(async (tables) => {
    await tables.cartridges.create(cartridge('A1'));
    await tables.cartridges.create(cartridge('A2'));
    return 7;
  });
  const seen = catalog.cartridges.list();
  t.is(await change, 7);
  t.is((await seen).length, 2);
});

test('targets, LUNs, portals, accounts, initiators', async (t) => {
  const catalog = await filled(t);
  await catalog.drives.create(drive(0));
  const target = { id: 't', name: 'iqn.2024-01.x:t', alias: 'main', redirectPermanent: false, createdMs: 4 };
  await catalog.targets.create(target);
  await catalog.targets.addLun({ targetId: 't', lun: 0, libraryId: 'lib' });
  await catalog.targets.addLun({ targetId: 't', lun: 1, driveId: 'drive-0' });
  await t.throwsAsync(catalog.targets.addLun({ targetId: 't', lun: 2, driveId: 'drive-0' }), refused);
  await t.throwsAsync(catalog.targets.addLun({ targetId: 't', lun: 2 }), refused);
  t.deepEqual(await catalog.targets.luns('t'), [
    { targetId: 't', lun: 0, libraryId: 'lib' },
    { targetId: 't', lun: 1, driveId: 'drive-0' },
  ]);
  const portal = await catalog.portals.create({ host: '::', port: 3260, groupTag: 1 });
  await t.throwsAsync(catalog.portals.set(portal, { announceHost: 'silo.example' }), refused);
  const secret = Buffer.from('correct horse battery');
  const account = { targetId: 't', direction: 'initiator', user: 'u', secret } as const;
  const id = await catalog.access.addAccount(account);
  await t.throwsAsync(catalog.access.addAccount(account), refused);
  await t.throwsAsync(catalog.access.setSecret(id, Buffer.from('short')), refused);
  await catalog.access.addAccount({ direction: 'initiator', user: 'u', secret });
  t.deepEqual(await catalog.access.accounts('t'), [{ ...account, id }]);
  t.is((await catalog.access.accounts(undefined)).length, 1);
  await catalog.access.addInitiator({ targetId: 't', address: '10.0.0.0/8', luns: [0, 2] });
  await t.throwsAsync(catalog.access.addInitiator({ targetId: 't' }), refused);
  t.like((await catalog.access.initiators('t'))[0], { address: '10.0.0.0/8', luns: [0, 2] });
  await catalog.targets.remove('t');
  t.deepEqual(await catalog.access.accounts('t'), []);
  t.deepEqual(await catalog.targets.luns('t'), []);
});

test('the file is private, keeps what was committed, and a newer schema is refused', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'catalog-'));
  t.teardown(async () => await rm(folder, { recursive: true }));
  const path = join(folder, 'catalog.db');
  const first = await Catalog.open(env, path);
  await first.settings.set('a', '1');
  await first.settings.set('a', '2');
  await first.persistence.of('drive-0').save('aptpl', Buffer.from([1, 2]));
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.is((await stat(`${path}-wal`)).mode & 0o777, 0o600);
  await first.close();
  const second = await Catalog.open(env, path);
  t.deepEqual([...(await second.settings.all())], [['a', '2']]);
  t.deepEqual(await second.persistence.of('drive-0').load('aptpl'), Buffer.from([1, 2]));
  t.is(await second.persistence.of('drive-1').load('aptpl'), undefined);
  t.deepEqual(await second.check(), []);
  await second.close();
  const raw = await env.databases.open(path);
  await raw.script('PRAGMA user_version = 99');
  await raw.close();
  await t.throwsAsync(Catalog.open(env, path), { instanceOf: StoreError, code: 'broken' });
});

/** What operators change while initiators are logged in, and how those learn it: by unit attentions, each once. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AdminService, Installation, makeFirstLibrary, NdmpSite, Network, type StoreKind } from '#admin';
import { Catalog } from '#catalog';
import { realEnv } from '#env';
import type { TargetDevice } from '#scsi';
import { fakeNexus, NdmpStandIn, tempFolder } from '#support';
import { wire } from '../../../src/daemon/wiring.js';

interface Bench {
  readonly installation: Installation;
  readonly device: TargetDevice;
  volumes(): Promise<string[]>;
  do(verb: string, input?: Record<string, unknown>): Promise<unknown>;
  /** ASC/ASCQ that are pending for the initiator, by LUN, and from now on no longer. */
  told(): Record<number, string[]>;
}

async function setUp(t: ExecutionContext, store: StoreKind = 'plain'): Promise<Bench> {
  const env = realEnv();
  const catalog = await Catalog.open(env, ':memory:');
  const parts = await wire({ env, catalog, home: await tempFolder(t), store });
  const installation = await Installation.open({ env, catalog, ...parts });
  await makeFirstLibrary(installation);
  const site = await NdmpSite.open(installation, '/home', NdmpStandIn.make);
  const service = new AdminService(installation, new Network(installation), site, { home: '/home', pid: 1 });
  t.teardown(async () => {
    await installation.close();
    await parts.groups.close();
    await catalog.close();
  });
  const nexus = fakeNexus('host');
  const { device } = installation.target(undefined);
  device.attach(nexus);
  const told = (): Record<number, string[]> => {
    const found: Record<number, string[]> = {};
    for (const [lun, unit] of device.units) {
      for (
        let one = unit.attentions.take(nexus.id);
        one !== undefined;
        one = unit.attentions.take(nexus.id)
      ) {
        (found[lun] ??= []).push(`${one.asc.toString(16)}/${one.ascq.toString(16)}`);
      }
    }
    return found;
  };
  t.deepEqual(told(), { 0: ['29/0'], 1: ['29/0'], 2: ['29/0'], 3: ['29/0'], 4: ['29/0'] });
  return {
    installation,
    device,
    volumes: async () => await parts.groups.default.list(),
    told,
    do: async (verb, input = {}) => (await service.perform(verb, input)).result,
  };
}

test('a drive comes and goes: LUNs and element counts have changed', async (t) => {
  const bench = await setUp(t);
  await bench.do('drive.create');
  t.deepEqual(bench.told(), {
    0: ['2a/1', '3f/e'],
    1: ['3f/e'],
    2: ['3f/e'],
    3: ['3f/e'],
    4: ['3f/e'],
    5: ['29/0'],
  });
  await bench.do('drive.delete', { drive: 'drive4' });
  const told = bench.told();
  t.deepEqual(told[0]?.toSorted(), ['2a/1', '3f/e']);
  t.deepEqual(told[1], ['3f/e']);
  t.deepEqual([...bench.device.units.keys()], [0, 1, 2, 3, 4]);
});

test('slots come: the changer has other mode parameters; nobody else is told', async (t) => {
  const bench = await setUp(t);
  await bench.do('slot.create', { count: 5 });
  t.deepEqual(bench.told(), { 0: ['2a/1'] });
  await bench.do('mail-slot.delete', { count: 1 });
  t.deepEqual(bench.told(), { 0: ['2a/1'] });
});

test('an operator moves a cartridge: the changer’s inventory, and the drive’s medium', async (t) => {
  const bench = await setUp(t);
  await bench.do('tape.move', { barcode: 'TS0001L8', to: 'drive0' });
  t.deepEqual(bench.told(), { 0: ['28/0'], 1: ['28/0'] });
  await bench.do('tape.move', { barcode: 'TS0002L8', to: 'shelf' });
  t.deepEqual(bench.told(), { 0: ['28/0'] });
  await bench.do('tape.import', { barcode: 'TS0002L8' });
  t.deepEqual(bench.told(), { 0: ['28/1'] });
  await bench.do('tape.create', { barcode: 'NEW001L8' });
  t.deepEqual(bench.told(), { 0: ['28/0'] });
});

test('points in time: hosts learn of a new cartridge, and of another content when it is loaded', async (t) => {
  const bench = await setUp(t, 'dedup');
  await bench.do('tape.snapshot', { barcode: 'TS0001L8', name: 'a' });
  await bench.do('tape.rollback', { barcode: 'TS0001L8', name: 'a' });
  t.deepEqual(bench.told(), {});
  await bench.do('tape.fork', { barcode: 'TS0001L8', newBarcode: 'FK0001L8' });
  t.deepEqual(bench.told(), {}, 'it is on the shelf');
  await bench.do('tape.fork', { barcode: 'TS0001L8', newBarcode: 'FK0002L8', at: 'a', to: 'slot33' });
  t.deepEqual(bench.told(), { 0: ['28/0'] });
  await bench.do('tape.move', { barcode: 'TS0001L8', to: 'drive0' });
  t.deepEqual(bench.told(), { 0: ['28/0'], 1: ['28/0'] });
  await bench.do('tape.snapshot', { barcode: 'TS0001L8', name: 'loaded' });
  t.deepEqual(bench.told(), {});
  await t.throwsAsync(bench.do('tape.rollback', { barcode: 'TS0001L8', name: 'a' }), { code: 'conflict' });
});

test('a device gets another name: INQUIRY data has changed, for that device', async (t) => {
  const bench = await setUp(t);
  await bench.do('drive.set', { drive: 'drive1', product: 'ULTRIUM-TD8', serial: 'NEW0000001' });
  t.deepEqual(bench.told(), { 2: ['3f/3'] });
  const unit = bench.device.units.get(2) as unknown as {
    inquiry: { product: string };
    identity: { serial: string };
  };
  t.is(unit.inquiry.product, 'ULTRIUM-TD8');
  t.is(unit.identity.serial, 'NEW0000001');
  await t.throwsAsync(bench.do('drive.set', { drive: 'drive0', serial: 'NEW0000001' }), {
    message: /Another device has/,
  });
  await bench.do('library.set', { name: 'library0', vendor: 'ACME' });
  t.deepEqual(bench.told(), { 0: ['3f/3'] });
});

test('a mask hides LUNs at once and shows them again', async (t) => {
  const bench = await setUp(t);
  const target = bench.installation.target(undefined);
  const { nexuses } = bench.device;
  const [nexus] = nexuses;
  if (nexus === undefined) return t.fail();
  await bench.device.detach(nexus);
  bench.device.attach(nexus, (lun) => target.access.sees({ name: 'iqn.host', address: '192.0.2.1' }, lun));
  bench.told();
  await bench.do('initiator.create', { initiator: 'iqn.host', luns: '0,2' });
  t.deepEqual(bench.device.lunsOf(nexus), [0, 2]);
  t.deepEqual(bench.told(), { 0: ['3f/e'], 2: ['3f/e'] });
  await bench.do('initiator.set', { id: 1, allLuns: true });
  t.deepEqual(bench.device.lunsOf(nexus), [0, 1, 2, 3, 4]);
  t.deepEqual(bench.told()[1], ['29/0', '3f/e']);
});

test('what a drive has counted is there after a restart', async (t) => {
  const env = realEnv();
  const folder = await tempFolder(t);
  const open = async () => {
    const catalog = await Catalog.open(env, join(folder, 'catalog.db'));
    const parts = await wire({ env, catalog, home: folder, store: 'plain' });
    const installation = await Installation.open({ env, catalog, ...parts });
    await makeFirstLibrary(installation);
    const close = async (): Promise<void> => {
      await installation.close();
      await parts.groups.close();
      await catalog.close();
    };
    return { library: installation.library(undefined).library, close };
  };
  const first = await open();
  await first.library.move({ kind: 'slot', index: 0 }, { kind: 'drive', index: 2 });
  await first.library.move({ kind: 'drive', index: 2 }, { kind: 'slot', index: 0 });
  t.is(first.library.drives[2]?.counters.loads, 1);
  await first.close();
  const second = await open();
  t.is(second.library.drives[2]?.counters.loads, 1);
  t.is(second.library.drives[1]?.counters.loads, 0);
  await second.close();
});

const onlyUnownedGoes = test.macro(async (t, store: StoreKind) => {
  const env = realEnv();
  const folder = await tempFolder(t);
  const catalog = await Catalog.open(env, ':memory:');
  const parts = await wire({ env, catalog, home: folder, store });
  test(
    'a volume that a crash left without a cartridge is removed at the next start, and no other',
    onlyUnownedGoes,
    'plain',
  );
  test('the same in a deduplicating group', onlyUnownedGoes, 'dedup');
  for (const id of ['left-by-a-crash', 'known-to-a-lost-catalog'])
    await (await parts.groups.default.create(id)).close();
  await catalog.settings.set('unowned-volume:left-by-a-crash', parts.groups.default.row.id);
  await Installation.open({ env, catalog, ...parts });
  t.deepEqual(await parts.groups.default.list(), ['known-to-a-lost-catalog']);
  t.deepEqual([...(await catalog.settings.all()).keys()], []);
  await parts.groups.close();
  await catalog.close();
});

test('making and destroying a cartridge leaves nothing behind', async (t) => {
  const bench = await setUp(t);
  const { catalog } = bench.installation;
  const before = await bench.volumes();
  await bench.do('tape.create', { barcode: 'NEW001L8' });
  t.is((await bench.volumes()).length, before.length + 1);
  await bench.do('tape.delete', { barcode: 'NEW001L8' });
  t.deepEqual(await bench.volumes(), before);
  t.false([...(await catalog.settings.all()).keys()].some((key) => key.startsWith('unowned')));
});

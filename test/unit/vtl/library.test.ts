import test, { type ExecutionContext } from 'ava';
import { Catalog } from '#catalog';
import { realEnv } from '#env';
import { RefusedError, StoreError } from '#errors';
import { type FakeLibrary, fakeCartridge, fakeDriveRow, makeFakeLibrary, openFakeLibrary } from '#support';
import { type ElementRef, LibraryError } from '#vtl';

const slot = (index: number): ElementRef => ({ kind: 'slot', index });
const mail = (index: number): ElementRef => ({ kind: 'mail', index });
const bay = (index: number): ElementRef => ({ kind: 'drive', index });
const small = { slots: 6, mailSlots: 2, drives: 2, cartridges: 3 };

async function filled(t: ExecutionContext, counts = small) {
  const catalog = await Catalog.open(realEnv(), ':memory:');
  t.teardown(async () => await catalog.close());
  return { catalog, ...(await makeFakeLibrary(catalog, counts)) };
}
const map = (library: FakeLibrary): Record<string, string> =>
  Object.fromEntries(
    library
      .elements()
      .flatMap(({ ref, cartridge }) =>
        cartridge === undefined ? [] : [[`${ref.kind}${ref.index}`, cartridge.barcode]],
      ),
  );
const refusal = (code: string) => ({ instanceOf: LibraryError, code });

/** Memory and catalog say the same. */
async function agree(t: ExecutionContext, catalog: Catalog, library: FakeLibrary): Promise<void> {
  t.deepEqual(map((await openFakeLibrary(catalog)).library), map(library));
}

test('a move empties one element and fills another, in memory, catalog and drive', async (t) => {
  const { catalog, library } = await filled(t);
  await library.move(slot(0), bay(1));
  t.deepEqual(map(library), { drive1: 'T0L8', slot1: 'T1L8', slot2: 'T2L8' });
  t.is(library.drives[1]?.cartridge?.barcode, 'T0L8');
  t.deepEqual(library.whereIs('T0L8'), bay(1));
  t.deepEqual(library.element(bay(1))?.source, slot(0));
  await library.move(bay(1), bay(0));
  t.deepEqual(library.element(bay(0))?.source, slot(0), 'the source stays the slot that it came from');
  await library.move(bay(0), mail(1));
  t.is(library.drives[0]?.cartridge, undefined);
  t.like(library.element(mail(1)), { byOperator: false });
  t.deepEqual(library.robotPosition, mail(1));
  await agree(t, catalog, library);
});

test('an element that is source and destination has its cartridge taken out and put back', async (t) => {
  const { catalog, library } = await filled(t);
  await library.move(slot(0), slot(0));
  await library.move(slot(1), bay(0));
  const [drive] = library.drives;
  if (drive === undefined) return t.fail();
  const loads = drive.loads;
  await library.move(bay(0), bay(0));
  t.is(drive.loads, loads + 1, 'loaded anew');
  t.deepEqual(map(library), { slot0: 'T0L8', drive0: 'T1L8', slot2: 'T2L8' });
  t.deepEqual(library.element(bay(0))?.source, slot(1));
  await agree(t, catalog, library);
});

test('impossible moves are refused by their reason and move nothing', async (t) => {
  const { catalog, library } = await filled(t);
  const before = map(library);
  await t.throwsAsync(library.move(slot(5), slot(4)), refusal('source-empty'));
  await t.throwsAsync(library.move(slot(0), slot(1)), refusal('destination-full'));
  await t.throwsAsync(library.move(slot(0), slot(6)), refusal('no-such-element'));
  await t.throwsAsync(library.move(slot(0), { kind: 'robot', index: 0 }), refusal('no-such-element'));
  await library.openDoor(0);
  await t.throwsAsync(library.move(slot(0), mail(0)), refusal('door-open'));
  await t.throwsAsync(library.exchange(slot(0), slot(5), slot(4)), refusal('source-empty'));
  await t.throwsAsync(library.exchange(slot(0), slot(1), slot(2)), refusal('destination-full'));
  await t.throwsAsync(library.exchange(slot(0), slot(0), slot(4)), refusal('destination-full'));
  t.deepEqual(map(library), before);
  await agree(t, catalog, library);
});

test('a drive whose host prevents removal keeps its cartridge', async (t) => {
  const { library } = await filled(t);
  await library.move(slot(0), bay(0));
  const drive = library.drives[0];
  t.truthy(drive);
  if (drive === undefined) return;
  drive.removalPrevented = true;
  await t.throwsAsync(library.move(bay(0), slot(0)), refusal('removal-prevented'));
  await t.throwsAsync(library.exchange(slot(1), bay(0), slot(1)), refusal('removal-prevented'));
  await t.throwsAsync(library.exportCartridge(bay(0)), refusal('removal-prevented'));
  t.is(drive.cartridge?.barcode, 'T0L8');
  drive.removalPrevented = false;
  await library.move(bay(0), slot(0));
  t.is(drive.cartridge, undefined);
});

test('exchange swaps two, or passes the second on, drives included', async (t) => {
  const { catalog, library } = await filled(t);
  await library.exchange(slot(0), slot(1), slot(0));
  t.like(map(library), { slot0: 'T1L8', slot1: 'T0L8' });
  await library.move(slot(0), bay(0));
  await library.exchange(slot(1), bay(0), slot(5));
  t.deepEqual(map(library), { drive0: 'T0L8', slot5: 'T1L8', slot2: 'T2L8' });
  t.is(library.drives[0]?.cartridge?.barcode, 'T0L8');
  await library.move(slot(2), bay(1));
  await library.exchange(bay(0), bay(1), bay(0));
  t.deepEqual(
    library.drives.map(({ cartridge }) => cartridge?.barcode),
    ['T2L8', 'T0L8'],
  );
  await agree(t, catalog, library);
});

test('a drive that cannot unload stops the move; the other drive of an exchange takes its cartridge back', async (t) => {
  const { catalog, library } = await filled(t);
  await library.move(slot(0), bay(0));
  await library.move(slot(1), bay(1));
  const [first, second] = library.drives;
  if (first === undefined || second === undefined) return t.fail();
  second.failure = new Error('stuck');
  await t.throwsAsync(library.exchange(bay(0), bay(1), bay(0)), refusal('drive-failed'));
  t.deepEqual([first.cartridge?.barcode, second.cartridge?.barcode], ['T0L8', 'T1L8']);
  await agree(t, catalog, library);
});

test('a drive that fails to load has the cartridge all the same', async (t) => {
  const { catalog, library } = await filled(t);
  const drive = library.drives[0];
  if (drive === undefined) return t.fail();
  drive.failure = new Error('jam');
  const told: string[] = [];
  library.watch(({ kind }) => told.push(kind));
  await t.throwsAsync(library.move(slot(0), bay(0), 'operator'), refusal('drive-failed'));
  t.is(map(library)['drive0'], 'T0L8');
  t.deepEqual(told, ['moved', 'inventory-changed'], 'it has moved, so hosts must look again');
  await agree(t, catalog, library);
});

test('a move that the catalog refuses leaves the cartridge in its drive', async (t) => {
  const { catalog, library, shelf } = await filled(t);
  await library.move(slot(0), bay(0));
  // Behind the library's back, the catalog's slot 4 is taken.
  const other = await fakeCartridge(catalog, shelf, 'X1L8');
  await catalog.cartridges.place(other.id, { libraryId: 'lib', ...slot(4) }, { byOperator: false });
  const error = await t.throwsAsync(library.move(bay(0), slot(4)), refusal('not-recorded'));
  t.true(error?.cause instanceof StoreError);
  t.is(library.drives[0]?.cartridge?.barcode, 'T0L8');
  t.is(map(library)['drive0'], 'T0L8');
});

test('operators import and export; hosts hear of it', async (t) => {
  const { catalog, library, shelf } = await filled(t);
  const events: string[] = [];
  const stop = library.watch(({ kind }) => events.push(kind));
  const out = await library.exportCartridge(slot(0));
  t.is(shelf.find('T0L8'), out);
  await library.importCartridge(out, mail(0));
  t.like(library.element(mail(0)), { byOperator: true, source: undefined });
  await library.move(mail(0), slot(0));
  t.like(library.element(slot(0)), { byOperator: false, source: mail(0) });
  await library.move(slot(0), slot(4), 'operator');
  t.deepEqual(events, ['inventory-changed', 'import-export-accessed', 'moved', 'moved', 'inventory-changed']);
  stop();
  await library.move(slot(4), slot(0));
  t.is(events.length, 5);
  await agree(t, catalog, library);
});

test('hosts lock the mail slots against operators, not against the robot', async (t) => {
  const { library, shelf, catalog } = await filled(t);
  const extra = await fakeCartridge(catalog, shelf, 'X1L8');
  library.prevent('a', true);
  library.prevent('b', true);
  library.prevent('a', false);
  await library.move(slot(0), mail(0));
  await t.throwsAsync(library.exportCartridge(mail(0)), refusal('removal-prevented'));
  await t.throwsAsync(library.importCartridge(extra, mail(1)), refusal('removal-prevented'));
  await t.throwsAsync(library.openDoor(0), refusal('removal-prevented'));
  library.prevent('b', false);
  await library.openDoor(0);
  await library.closeDoor(0);
  await library.importCartridge(extra, mail(1));
  await t.throwsAsync(library.importCartridge(extra, mail(1)), refusal('destination-full'));
});

test('the shape changes while in use, never under a cartridge', async (t) => {
  const { catalog, library } = await filled(t);
  await library.addSlots(2);
  await library.addMailSlots(1);
  t.is(library.elementsOf('slot').length, 8);
  await library.move(slot(0), slot(7));
  await t.throwsAsync(library.removeSlots(1), { instanceOf: RefusedError, code: 'conflict' });
  await library.move(slot(7), bay(0));
  t.deepEqual(library.element(bay(0))?.source, slot(7));
  await library.removeSlots(2);
  t.is(library.element(bay(0))?.source, undefined, 'a source that is gone is forgotten');
  await library.removeMailSlots(3);
  await t.throwsAsync(library.removeMailSlots(1), { instanceOf: RefusedError });
  await t.throwsAsync(library.addSlots(10_000), { instanceOf: RefusedError });
  t.deepEqual(await catalog.libraries.counts('lib'), { robot: 1, slot: 6, mail: 0, drive: 2 });
  await agree(t, catalog, library);
});

test('drives come and go; a bay between others stays, empty', async (t) => {
  const { catalog, library } = await filled(t);
  await library.addDrive(fakeDriveRow('third'));
  t.is(library.drives.length, 3);
  t.is(await library.removeDrive('libd1'), 1);
  t.is(library.elementsOf('drive').length, 3);
  await t.throwsAsync(library.move(slot(0), bay(1)), refusal('drive-missing'));
  await library.move(slot(0), bay(2));
  await t.throwsAsync(library.removeDrive('third'), { instanceOf: RefusedError, code: 'conflict' });
  await t.throwsAsync(library.removeDrive('libd1'), { instanceOf: RefusedError, code: 'not-found' });
  await library.move(bay(2), slot(0));
  await library.removeDrive('third');
  t.is(library.elementsOf('drive').length, 1, 'bays at the end go with the last drive');
  await library.addDrive(fakeDriveRow('fourth'));
  t.deepEqual(await catalog.libraries.counts('lib'), { robot: 1, slot: 6, mail: 2, drive: 2 });
  await agree(t, catalog, library);
});

test('alternate tags are given once, replaced and taken, and go with the cartridge', async (t) => {
  const { library } = await filled(t);
  const tag = { identifier: 'POOL7', sequence: 3 };
  await t.throwsAsync(library.setAlternateTag(slot(0), tag, true), refusal('tag-missing'));
  await library.setAlternateTag(slot(0), tag, false);
  await t.throwsAsync(library.setAlternateTag(slot(0), tag, false), refusal('tag-exists'));
  await library.move(slot(0), bay(0));
  t.deepEqual(library.element(bay(0))?.alternateTag, tag);
  await library.exportCartridge(bay(0));
  await t.throwsAsync(library.setAlternateTag(slot(0), tag, false), refusal('source-empty'));
});

test('moves asked for together are made one after another', async (t) => {
  const { library } = await filled(t);
  const moves = [
    library.move(slot(0), slot(5)),
    library.move(slot(1), slot(0)),
    library.move(slot(2), slot(5)),
  ];
  const results = await Promise.allSettled(moves);
  t.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
  t.deepEqual(map(library), { slot0: 'T1L8', slot2: 'T2L8', slot5: 'T0L8' });
});

test('a full-size library opens and answers quickly', async (t) => {
  const { catalog, library } = await filled(t, { slots: 10_000, mailSlots: 256, drives: 256, cartridges: 2 });
  t.is(library.elements().length, 10_000 + 256 + 256 + 1);
  await library.move(slot(0), slot(9_999));
  const before = performance.now();
  for (let i = 0; i < 1_000; i++) library.whereIs('T0L8');
  t.true(performance.now() - before < 100);
  await agree(t, catalog, library);
});

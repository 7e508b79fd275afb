/** Packs: what is durable when `sync` has resolved, whatever else goes on. */
import test from 'ava';
import type { Disk } from '#env';
import { SimDisk } from '#support';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';
import { StoreError } from '#errors';
import { Packs } from '../../../../src/store/engine/packs.js';

const image = patternBytes(1, 4096);
const path = 'packs/000000/000000001.pack';

/** A disk of which calls of one kind wait until they are let go. */
function heldDisk(kind: string): { disk: SimDisk; packs: Packs; reached: Promise<void>; letGo: () => void } {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  let letGo = (): void => undefined;
  let reach = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const life = disk.begin();
  const open = life.open.bind(life);
  life.open = async (...of) => {
    const file = await open(...of);
    const held = kind === 'write' ? file.writeAt.bind(file) : file.sync.bind(file);
    const wait = async (...what: [Uint8Array, number]): Promise<void> => {
      reach();
      await gate;
      await held(...what);
    };
    if (kind === 'write') file.writeAt = wait;
    else file.sync = async () => await wait(image, 0);
    return file;
  };
  return { disk, packs: new Packs(life, 'packs', 0, 1024 * 1024), reached, letGo };
}

test('a write that is under way while others are made durable is made durable by the next sync', async (t) => {
  const { disk, packs, reached, letGo } = heldDisk('write');
  const written = packs.write(image, packs.reserve(image.length));
  await reached;
  await packs.sync();
  letGo();
  await written;
  await packs.sync();
  disk.crash('drop');
  t.true(disk.contentOf(path).equals(image));
});

test('a sync does not resolve before one that has begun to cover the same', async (t) => {
  const { disk, packs, reached, letGo } = heldDisk('sync');
  await packs.write(image, packs.reserve(image.length));
  const first = packs.sync();
  await reached;
  const second = packs.sync().then(() => disk.crash('drop'));
  setImmediate(letGo);
  await Promise.race([first, second]);
  await second;
  t.true(disk.contentOf(path).equals(image));
});

test('closing waits for a write that is under way, and nothing is written afterwards', async (t) => {
  const { disk, packs, reached, letGo } = heldDisk('write');
  let closed = false;
  const written = packs.write(image, packs.reserve(image.length)).then(() => t.false(closed));
  await reached;
  const closing = packs.close().then(() => (closed = true));
  letGo();
  await Promise.all([written, closing]);
  const place = packs.reserve(image.length);
  await t.throwsAsync(packs.write(image, place), { code: 'broken' });
  await t.throwsAsync(packs.read(place, 0, Buffer.alloc(1)), { code: 'broken' });
  t.is(disk.contentOf(path).length, image.length);
});

/** Has syncs of all files that are opened from now on done by `act`. */
function onSync(life: Disk, act: (sync: () => Promise<void>) => Promise<void>): void {
  const open = life.open.bind(life);
  life.open = async (...of) => {
    const file = await open(...of);
    const sync = file.sync.bind(file);
    file.sync = async () => await act(sync);
    return file;
  };
}

test('what fails while it is made durable ahead is told by the next sync, which would have succeeded', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  const life = disk.begin();
  let failures = 0;
  let failed = (): void => undefined;
  const hasFailed = new Promise<void>((resolve) => (failed = resolve));
  onSync(life, async (sync) => {
    if (failures++ > 0) return await sync();
    setImmediate(failed);
    throw new StoreError('io', 'The disk failed');
  });
  const packs = new Packs(life, 'packs', 0, 4 * image.length);
  await packs.write(image, packs.reserve(image.length)); // a quarter of a pack
  await hasFailed;
  await t.throwsAsync(packs.sync(), { code: 'io' });
});

for (const isLate of [false, true]) {
  const when = isLate ? 'after' : 'before';
  test(`a sync hears of what fails ahead while it is under way itself, told ${when} it has ended`, async (t) => {
    const life = new SimDisk({ dice: new SimRandom(1) }).begin();
    let began = (): void => undefined;
    let fail = (): void => undefined;
    const isUnderWay = new Promise<void>((resolve) => (began = resolve));
    const failing = new Promise<void>((resolve) => (fail = resolve));
    let syncs = 0;
    onSync(life, async (sync) => {
      if ((syncs += 1) > 1) {
        if (!isLate) fail();
        await sync();
        setImmediate(fail);
        return; // what failed was told to the other
      }
      began();
      await failing;
      throw new StoreError('io', 'The disk failed');
    });
    const packs = new Packs(life, 'packs', 0, 4 * image.length);
    await packs.write(image, packs.reserve(image.length)); // a quarter of a pack
    await isUnderWay;
    await t.throwsAsync(packs.sync(), { code: 'io' });
    t.is(syncs, 2);
  });
}

test('a pack that is lent stays open until it is returned, though it is removed or the group is closed', async (t) => {
  const life = new SimDisk({ dice: new SimRandom(1) }).begin();
  const open = life.open.bind(life);
  const closed: string[] = [];
  life.open = async (...of) => {
    const file = await open(...of);
    const close = file.close.bind(file);
    file.close = async () => {
      closed.push(file.path);
      await close();
    };
    return Object.assign(file, { descriptor: 7 });
  };
  const packs = new Packs(life, 'packs', 0, image.length);
  const places = [packs.reserve(image.length), packs.reserve(image.length)] as const;
  t.is(packs.lend(places[0], 0), undefined, 'nobody has opened it yet');
  for (const place of places) await packs.write(image, place);
  const loan = packs.lend(places[0], 100);
  t.is(loan?.descriptor, 7);
  t.is(loan?.offset, places[0].offset + 100);
  await packs.remove(1);
  t.deepEqual(closed, []);
  loan?.return();
  await packs.sync();
  t.deepEqual(closed, [path]);
  const last = packs.lend(places[1], 0);
  const closing = packs.close();
  t.is(packs.lend(places[1], 0), undefined, 'it is being closed');
  await new Promise((resolve) => setImmediate(resolve));
  t.is(closed.length, 1);
  last?.return();
  await closing;
  t.is(closed.length, 2);
});

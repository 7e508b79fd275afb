import test from 'ava';
import { Catalog } from '#catalog';
import { realEnv, silentLog } from '#env';
import { fakeDriveRow, fakeGroup, fakeLibraryRow, send } from '#support';
import { Cartridge, Drive, Library, mediumOf, Shelf, type TapeLibrary } from '#vtl';
import { ChangerUnit } from '../../../../targets/changer/changer-unit.js';
import { libraryPersonalities } from '../../../../targets/changer/personalities/index.js';
import { MemoryGroup } from '../../../support/memory-group.js';
import { host, senseOf, u16 } from './silo.js';

const slot = 0x0400;
const drive = 0x0101;
const medium = mediumOf('LTO-8');

/** A real drive and a real cartridge in slot 0. */
async function real(t: { teardown(work: () => Promise<void>): void }) {
  const env = realEnv();
  const catalog = await Catalog.open(env, ':memory:');
  t.teardown(async () => await catalog.close());
  const group = new MemoryGroup();
  const row = fakeLibraryRow();
  await Library.create(catalog, row, { slots: 2, mailSlots: 0 }, [fakeDriveRow('drive')]);
  const cartridge = await Cartridge.create({ env, group, id: 'v1', barcode: 'A00001L8', medium });
  await catalog.cartridges.create({
    id: cartridge.id, barcode: 'A00001L8', medium: 'LTO-8', worm: false, writeProtected: false, sizeBytes: 1, usedBytes: 0,
    groupId: await fakeGroup(catalog), volumeId: 'v1', createdMs: 0, byOperator: false,
  }); // prettier-ignore
  const shelf = await Shelf.open(catalog, () => cartridge);
  const library: TapeLibrary = await Library.open({
    env: { log: silentLog },
    catalog,
    row,
    shelf,
    cartridgeOf: () => cartridge,
    driveOf: ({ id, serial }) => new Drive({ env, id, serial, vendor: 'IBM', generation: 8 }),
  });
  await library.importCartridge(cartridge, { kind: 'slot', index: 0 });
  const personality = libraryPersonalities.get('IBM 03584L32');
  if (personality === undefined) throw new Error('no personality');
  const unit = new ChangerUnit({
    env,
    identity: { ...personality, serial: '1', naa: Buffer.from('5000000000000001', 'hex') },
    persistence: catalog.persistence.of('lib'),
    library,
    personality,
    driveIdentity: () => undefined,
  });
  await unit.load();
  unit.attach(host);
  unit.attentions.take(host.id);
  return { library, unit };
}
const cdb = (action: number, address: number, options: { type?: number; partition?: number; first?: number } = {}) => [
  0x8c, action, ...u16(address), options.type ?? 0, 0, 0, options.partition ?? 0, ...u16(options.first ?? 0), 0, 0, 0xff, 0xff,
  0, 0,
]; // prettier-ignore
/** MEDIUM SERIAL NUMBER and such: values by id. */
function values(data: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 4; at < data.length; at += 5 + data.readUInt16BE(at + 3))
    found.set(data.readUInt16BE(at), data.subarray(at + 5, at + 5 + data.readUInt16BE(at + 3)));
  return found;
}

test('the library reads the memory of a cartridge where it lies, and through the drive that has it', async (t) => {
  const { library, unit } = await real(t);
  const ask = async (bytes: readonly number[]) => await send(unit, { cdb: bytes, nexus: host });
  const inSlot = values((await ask(cdb(0, slot))).data);
  const serial = inSlot.get(0x0401)?.toString('latin1');
  t.regex(serial ?? '', /\S/);
  t.is((await ask(cdb(1, slot))).data.length, 4 + 2 * inSlot.size);
  t.deepEqual([...(await ask(cdb(3, slot))).data], [0, 2, 0, 1]);
  t.deepEqual([...(await ask(cdb(2, slot))).data], [0, 2, 0, 1]);
  t.true((await ask(cdb(5, slot))).data.length >= 4 + 2 * inSlot.size);
  await library.move({ kind: 'slot', index: 0 }, { kind: 'drive', index: 0 });
  t.is(
    values((await ask(cdb(0, drive, { type: 4 }))).data)
      .get(0x0401)
      ?.toString('latin1'),
    serial,
  );
  await library.drives[0]?.unload();
  t.is(
    values((await ask(cdb(0, drive))).data)
      .get(0x0401)
      ?.toString('latin1'),
    serial,
    'also unloaded in the bay',
  );
  t.deepEqual(senseOf(await ask(cdb(0, slot))), [5, 0x3b, 0x0e]);
  t.deepEqual(senseOf(await ask(cdb(0, 0x0999))), [5, 0x21, 0x01]);
  t.deepEqual(senseOf(await ask(cdb(0, drive, { type: 2 }))), [5, 0x24, 0x00]);
  t.is((await ask(cdb(0, drive, { partition: 1 }))).sense?.fieldByte, 7);
  t.is((await ask(cdb(0, drive, { first: 0x0777 }))).sense?.fieldByte, 8);
});

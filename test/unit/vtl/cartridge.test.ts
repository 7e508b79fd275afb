/** A cartridge whose content an operator puts in its place: what hosts know it by. */
import test from 'ava';
import { realEnv } from '#env';
import { MemoryGroup } from '#support';
import { Cartridge, mediumOf } from '#vtl';

const medium = mediumOf('LTO-8');

async function blank(): Promise<Cartridge> {
  const group = new MemoryGroup();
  return await Cartridge.create({ env: realEnv(), group, id: 'v1', barcode: 'A00001L8', medium });
}
async function set(cartridge: Cartridge, changeReference: number): Promise<void> {
  const image = await cartridge.open();
  image.label.changeReference = changeReference;
  await image.commit();
  await cartridge.close();
}
const attribute = async (cartridge: Cartridge, id: number): Promise<string | undefined> =>
  (await cartridge.readAttributes())[0]?.find((one) => one.id === id)?.value.toString('hex');
const changeReference = 0x0009;
const serial = 0x0401;

test('other content has a change reference that no host has seen', async (t) => {
  const cartridge = await blank();
  await set(cartridge, 7);
  await cartridge.replaceContent(async () => await set(cartridge, 3));
  t.is(await attribute(cartridge, changeReference), '00000008');
  await cartridge.replaceContent(async () => await set(cartridge, 20));
  t.is(await attribute(cartridge, changeReference), '00000015');
});

test('what begins as a copy of another cartridge gets a serial number of its own', async (t) => {
  const cartridge = await blank();
  const before = await attribute(cartridge, serial);
  t.truthy(before);
  await cartridge.becomeItself();
  t.not(await attribute(cartridge, serial), before);
});

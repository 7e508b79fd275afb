import test from 'ava';
import { type EncryptionSettings, encryptionOff } from '#vtl';
import { DriveBench } from './drive-bench.js';

const key = Buffer.alloc(32, 1);
const other = Buffer.alloc(32, 2);
const keyData = {
  unauthenticated: Buffer.from('a label of the key'),
  authenticated: Buffer.from('A-KAD'),
  metadata: Buffer.alloc(0),
};
const on: EncryptionSettings = { ...encryptionOff, encryption: 'encrypt', decryption: 'mixed', key, keyData };
const plain = Buffer.alloc(300_000, 'the very secret text ');

test('what is on the disk is not what was written, and comes back with the key', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  bench.drive.encryption.set(on);
  await bench.write(plain);
  await bench.write(plain);
  await bench.mark();
  const stored = bench.disk.contentOf(bench.stream('data-0'));
  t.false(stored.includes('secret'));
  const half = stored.length / 2;
  t.false(stored.subarray(0, half).equals(stored.subarray(half))); // other nonce, other text
  await bench.drive.rewind();
  t.true(plain.equals((await bench.read()) as Buffer));
  await bench.drive.readReverse();
  t.deepEqual(await bench.drive.nextBlockEncryption(), {
    kind: 'encrypted',
    readable: true,
    rawAllowed: false,
    keyData,
  });
});

test('no key, another key, a plain record: each its own error, and the place stays', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  await bench.write(Buffer.from('in the clear'));
  bench.drive.encryption.set(on);
  await bench.write(plain);
  await bench.drive.rewind();
  bench.drive.encryption.set({ ...on, decryption: 'decrypt' });
  await t.throwsAsync(bench.read(), { code: 'not-encrypted' });
  bench.drive.encryption.clear();
  t.is(String(await bench.read()), 'in the clear');
  await t.throwsAsync(bench.read(), { code: 'key-missing' });
  bench.drive.encryption.set({ ...on, key: other });
  await t.throwsAsync(bench.read(), { code: 'key-wrong' });
  t.is(bench.drive.position.object, 1);
  const next = await bench.drive.nextBlockEncryption();
  t.is(next.kind === 'encrypted' && next.readable, false);
  bench.drive.encryption.set({ ...on, decryption: 'raw' });
  await t.throwsAsync(bench.read(), { code: 'raw-not-allowed' });
  bench.drive.encryption.set(on);
  t.true(plain.equals((await bench.read()) as Buffer));
  t.is(bench.drive.mam?.attribute(0x0224, 0)?.value.readBigUInt64BE(), 1n);
});

test('records read raw and written externally decrypt elsewhere', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  bench.drive.encryption.set({ ...on, rawAllowed: true });
  await bench.write(plain);
  await bench.drive.rewind();
  bench.drive.encryption.set({ ...encryptionOff, encryption: 'external', decryption: 'raw' });
  const raw = (await bench.read()) as Buffer;
  t.true(raw.length > plain.length);
  await bench.write(raw);
  await t.throwsAsync(bench.write(plain), { code: 'not-raw' });
  await bench.drive.locate({ object: 1 });
  bench.drive.encryption.set(on);
  t.true(plain.equals((await bench.read()) as Buffer));
});

test('keys are forgotten when told so, and when the medium goes if asked', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  const before = bench.drive.encryption.instance;
  bench.drive.encryption.set({ ...on, clearOnDemount: true });
  t.true(bench.drive.encryption.instance > before);
  await bench.drive.unload();
  t.deepEqual(bench.drive.encryption.settings, encryptionOff);
  bench.drive.encryption.set(on);
  await bench.drive.load();
  t.is(bench.drive.encryption.settings.encryption, 'encrypt');
  bench.drive.encryption.clear();
  t.is(bench.drive.encryption.settings.key, undefined);
  t.is(bench.events.filter(({ kind }) => kind === 'encryption-changed').length, 4);
});

test('a flipped bit of an encrypted record is damage, not a wrong key', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  bench.drive.encryption.set(on);
  await bench.write(plain);
  await bench.drive.unload();
  bench.disk.rot(bench.stream('data-0'), 100_000, 2);
  await bench.drive.load();
  await t.throwsAsync(bench.read(), { code: 'damaged' });
});

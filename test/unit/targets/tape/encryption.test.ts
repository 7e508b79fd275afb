import test from 'ava';
import { hex, senseText, TapeBench } from '#support';
import type { Nexus } from '#scsi';

/** Expectations: SSC-4 8.5; byte layouts as stenc and LTO SCSI references have them. */

const IN = { support: 0x0000, capabilities: 0x0010, status: 0x0020, next: 0x0021, random: 0x0030 } as const;
const pageIn = (page: number, length = 0x2000): string =>
  `a2 20 ${hex(page, 4)} 00 00 ${hex(length, 8)} 00 00`;

interface Setting {
  readonly scope?: number;
  readonly lock?: boolean;
  readonly encrypt?: number;
  readonly decrypt?: number;
  readonly key?: Buffer;
  readonly algorithm?: number;
  readonly flags?: number;
  readonly keyData?: Buffer;
}
function setPage({
  scope = 2,
  lock = false,
  encrypt = 2,
  decrypt = 2,
  key = Buffer.alloc(32, 0x11),
  algorithm = 1,
  flags = 0x40,
  keyData = Buffer.alloc(0),
}: Setting): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(0x0010, 0);
  head.writeUInt16BE(16 + key.length + keyData.length, 2);
  head.set([(scope << 5) | (lock ? 1 : 0), flags, encrypt, decrypt, algorithm], 4);
  head.writeUInt16BE(key.length, 18);
  return Buffer.concat([head, key, keyData]);
}
async function set(bench: TapeBench, setting: Setting, nexus: Nexus = bench.nexus): Promise<string> {
  const out = setPage(setting);
  const answer = await bench.send(`b5 20 0010 00 00 ${hex(out.length, 8)} 00 00`, { out, nexus });
  return senseText(answer.sense);
}
const off: Setting = { encrypt: 0, decrypt: 0, key: Buffer.alloc(32), algorithm: 1 };

test('the information protocol lists itself and tape data encryption', async (t) => {
  const bench = await TapeBench.make();
  const { data } = await bench.good('a2 00 0000 00 00 00000100 00 00');
  t.is(data.toString('hex'), '0000000000000002' + '0020');
  t.is(senseText((await bench.send('a2 00 0007 00 00 00000100 00 00')).sense), '5 24/00');
  t.is(senseText((await bench.send('a2 41 0000 00 00 00000100 00 00')).sense), '5 24/00');
  t.is(senseText((await bench.send('a2 20 0000 80 00 00000001 00 00')).sense), '5 24/00', 'INC_512');
});

test('every page that the support page names is there, with its code and length', async (t) => {
  const bench = await TapeBench.make();
  const { data } = await bench.good(pageIn(IN.support));
  const pages = Array.from({ length: (data.length - 4) / 2 }, (_, index) => data.readUInt16BE(4 + 2 * index));
  t.deepEqual(pages, [0x00, 0x01, 0x10, 0x11, 0x12, 0x20, 0x21, 0x30]);
  for (const page of pages) {
    const answer = await bench.good(pageIn(page));
    t.is(answer.data.readUInt16BE(0), page);
    t.is(answer.data.readUInt16BE(2), answer.data.length - 4);
  }
  t.is(senseText((await bench.send(pageIn(0x0099))).sense), '5 24/00');
});

test('capabilities: AES-256-GCM as algorithm 1, keys of 32 bytes', async (t) => {
  const bench = await TapeBench.make();
  const { data } = await bench.good(pageIn(IN.capabilities));
  t.is(data.length, 44);
  const descriptor = data.subarray(20);
  t.is(descriptor.readUInt8(0), 1);
  t.is(descriptor.readUInt16BE(2), 0x14);
  t.is(descriptor.readUInt8(4), 0xba);
  t.is(descriptor.readUInt16BE(10), 32);
  t.is(descriptor.readUInt32BE(20), 0x0001_0014);
});

test('off at first; on after SET DATA ENCRYPTION, with the key description; off again', async (t) => {
  const bench = await TapeBench.make();
  t.is((await bench.good(pageIn(IN.status))).data.toString('hex', 4, 8), '00000000');
  t.is(await set(bench, { keyData: Buffer.from('00000003' + '6b6579', 'hex') }), 'good');
  const { data } = await bench.good(pageIn(IN.status));
  t.is(data.toString('hex', 4, 8), '42020201');
  t.is(data.readUInt32BE(8), 1, 'key instance');
  t.is(data.toString('hex', 24), '00010003' + '6b6579');
  t.false(data.includes(Buffer.alloc(8, 0x11)), 'the key is never told');
  t.is(await set(bench, off), 'good');
  t.is((await bench.good(pageIn(IN.status))).data.toString('hex', 5, 8), '000000');
});

test('what is written with a key reads with it only, and is not the plain text on the store', async (t) => {
  const bench = await TapeBench.make();
  const secret = Buffer.alloc(5000, 'secret ');
  await set(bench, {});
  await bench.write(secret);
  await bench.rewind();
  t.deepEqual((await bench.read(5000)).data, secret);
  await bench.rewind();
  await set(bench, off);
  t.is(senseText((await bench.read(5000)).sense), '7 74/01 info 5000');
  t.is((await bench.where()).object, 0, 'the place stays');
  await set(bench, { key: Buffer.alloc(32, 0x22) });
  t.is(senseText((await bench.read(5000)).sense), '7 74/03 info 5000');
  await set(bench, {});
  t.deepEqual((await bench.read(5000)).data, secret);
  const stream = bench.group.volumes.get('volume-1')?.stream('data-0');
  const stored = await stream?.read(0, stream.length);
  t.false(Buffer.concat(stored?.slices ?? []).includes('secret secret'));
});

test('DECRYPT refuses plain blocks, MIXED reads both', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(100);
  await set(bench, {});
  await bench.record(200);
  await bench.rewind();
  t.is(senseText((await bench.read(100)).sense), '7 74/02 info 100');
  await set(bench, { decrypt: 3 });
  t.is(senseText((await bench.read(100)).sense), 'good');
  t.is(senseText((await bench.read(200)).sense), 'good');
});

test('the next block: what it is, and whether the key fits', async (t) => {
  const bench = await TapeBench.make();
  const next = async (): Promise<number> => (await bench.good(pageIn(IN.next))).data.readUInt8(12);
  await bench.record(100, 0);
  await set(bench, { decrypt: 3, keyData: Buffer.from('00000003' + '6b6579', 'hex') });
  await bench.record(100);
  t.is(await next(), 2, 'end of data is no block');
  await bench.rewind();
  t.is(await next(), 3, 'plain');
  await bench.good('2b 00 00 00000001 00 00 00');
  t.is(await next(), 2, 'a filemark');
  await bench.good('2b 00 00 00000002 00 00 00');
  const { data } = await bench.good(pageIn(IN.next));
  t.is(data.readUInt8(12), 5);
  t.is(data.readBigUInt64BE(4), 2n);
  t.is(data.toString('latin1', 20), 'key');
  await set(bench, { key: Buffer.alloc(32, 0x22) });
  t.is(await next(), 6, 'another key');
  t.is((await bench.where()).object, 2, 'nothing moved');
});

test('raw reading: only of blocks written with it allowed; external writing takes what raw reading gave', async (t) => {
  const bench = await TapeBench.make();
  await set(bench, { flags: 0x40 | 0x20 });
  await bench.record(100);
  await set(bench, { flags: 0x40 | 0x30 });
  await bench.record(100);
  await bench.rewind();
  await set(bench, { encrypt: 0, decrypt: 1, key: Buffer.alloc(0) });
  const raw = (await bench.read(10_000, 2)).data;
  t.true(raw.length > 100);
  t.is(senseText((await bench.read(10_000, 2)).sense), '7 74/0a info 10000');
  await set(bench, { encrypt: 1, decrypt: 0, key: Buffer.alloc(0) });
  t.is(senseText((await bench.write(Buffer.alloc(100))).sense), '7 74/0b');
  t.is(senseText((await bench.write(raw)).sense), 'good');
  await set(bench, {});
  await bench.good('2b 00 00 00000001 00 00 00');
  t.deepEqual((await bench.read(100)).data, Buffer.alloc(100, 1));
});

test('scopes: local parameters are one nexus’s, those for all are told to the others', async (t) => {
  const bench = await TapeBench.make();
  const other = bench.attach('two');
  t.is(await set(bench, { scope: 1 }), 'good');
  t.deepEqual(bench.calm(other), [], 'local');
  await bench.record(100);
  const plain = await bench.send('0a 00 000064 00', { out: Buffer.alloc(100, 7), nexus: other });
  t.is(senseText(plain.sense), 'good');
  await bench.rewind();
  t.is(senseText((await bench.send('08 00 000064 00', { nexus: other })).sense), '7 74/01 info 100');
  t.is(senseText((await bench.read(100)).sense), 'good');
  t.is(senseText((await bench.read(100)).sense), '7 74/02 info 100');
  t.is((await bench.good(pageIn(IN.status))).data.readUInt8(4), 0x21);
  t.is(await set(bench, { scope: 2 }), 'good');
  t.deepEqual(bench.calm(other), ['2a/11']);
  t.is((await bench.good(pageIn(IN.status), { nexus: other })).data.readUInt8(4), 0x02);
});

test('LOCK: a nexus that insists on its parameters does not write with others', async (t) => {
  const bench = await TapeBench.make();
  const other = bench.attach('two');
  await set(bench, { lock: true });
  await bench.record(100);
  bench.calm(other);
  t.is(await set(bench, off, other), 'good');
  bench.calm(bench.nexus);
  t.is(senseText((await bench.write(Buffer.alloc(100))).sense), '7 2a/13');
  await set(bench, { lock: false });
  t.is(senseText((await bench.write(Buffer.alloc(100))).sense), 'good');
});

test('CKOD: the key goes with the cartridge; without it the key stays', async (t) => {
  for (const [flags, mode] of [
    [0x44, 0],
    [0x40, 2],
  ] as const) {
    const bench = await TapeBench.make();
    await set(bench, { flags });
    await bench.good('1b 00 00 00 00 00');
    t.is((await bench.good(pageIn(IN.status))).data.readUInt8(5), mode);
  }
});

test('what cannot be set is refused with its byte', async (t) => {
  const bench = await TapeBench.make();
  const bad: readonly (readonly [Setting, number])[] = [
    [{ scope: 3 }, 4],
    [{ encrypt: 3 }, 6],
    [{ decrypt: 4 }, 7],
    [{ algorithm: 2 }, 8],
    [{ key: Buffer.alloc(16) }, 18],
    [{ flags: 0x50 }, 5],
    [{ flags: 0x48 }, 5],
    [{ keyData: Buffer.from('00000021' + '00'.repeat(33), 'hex') }, 54],
    [{ keyData: Buffer.from('0200000c' + '00'.repeat(12), 'hex') }, 52],
  ];
  for (const [setting, byte] of bad) {
    const out = setPage(setting);
    const { sense } = await bench.send(`b5 20 0010 00 00 ${hex(out.length, 8)} 00 00`, { out });
    t.is(senseText(sense), '5 26/00');
    t.is(sense?.fieldByte, byte);
  }
  const out = setPage({});
  out.writeUInt16BE(99, 2);
  t.is(
    senseText((await bench.send(`b5 20 0010 00 00 ${hex(out.length, 8)} 00 00`, { out })).sense),
    '5 1a/00',
  );
  t.is((await bench.good(pageIn(IN.status))).data.readUInt8(5), 0, 'nothing was set');
});

test('drives before LTO-4 have no such commands', async (t) => {
  const bench = await TapeBench.make({ personality: 'IBM ULT3580-TD3' });
  t.is(senseText((await bench.send(pageIn(0))).sense), '5 20/00');
});

test('what others set on the drive itself counts for all, and survives the local keys of a nexus', async (t) => {
  const bench = await TapeBench.make();
  const other = bench.attach('two');
  const key = Buffer.alloc(32, 0x77);
  bench.drive.encryption.set({
    encryption: 'encrypt',
    decryption: 'mixed',
    key,
    keyData: { unauthenticated: Buffer.alloc(0), authenticated: Buffer.alloc(0), metadata: Buffer.alloc(0) },
    rawAllowed: false,
    clearOnDemount: false,
  });
  t.deepEqual(bench.calm(bench.nexus), ['2a/12']);
  bench.calm(other);
  await bench.record(100);
  await set(bench, { scope: 1 }, other);
  await bench.rewind();
  t.is(senseText((await bench.send('08 00 000064 00', { nexus: other })).sense), '7 74/03 info 100');
  t.is(senseText((await bench.read(100)).sense), 'good');
  await bench.unit.detach(other);
  await bench.rewind();
  t.is(senseText((await bench.read(100)).sense), 'good');
});

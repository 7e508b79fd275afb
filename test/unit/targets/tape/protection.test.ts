import test from 'ava';
import { senseText, TapeBench } from '#support';
import { crc32c } from '#wire';
import { reedSolomonCrc } from '../../../../targets/tape/reed-solomon-crc.js';

/** Vectors of Reed-Solomon CRC and CRC32C: IBM LTO SCSI Reference, annex on logical block protection (primes up to 251). */
const isPrime = (n: number): boolean =>
  n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0);
const primes = Array.from({ length: 252 }, (_, n) => n).filter(isPrime);
const block1 = Uint8Array.from(primes.filter((n) => n <= 157));
const block2 = Uint8Array.from(primes.filter((n) => n > 157));

test('Reed-Solomon CRC: known vectors, whole and in two parts', (t) => {
  t.is(reedSolomonCrc(block1), 0x733d4dca);
  t.is(reedSolomonCrc(block2, reedSolomonCrc(block1)), 0x754ed37e);
  t.is(reedSolomonCrc(Uint8Array.from([...block1, ...block2])), 0x754ed37e);
});
test('a block with its Reed-Solomon CRC behind it has the CRC zero', (t) => {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(reedSolomonCrc(block1));
  t.is(reedSolomonCrc(Buffer.concat([block1, crc])), 0);
});
test('CRC32C: known vector', (t) => {
  t.is(crc32c(block1), 0xe8174f48);
});

const RS = 1;
const CRC32C = 2;
/** Mode page 0Ah, subpage F0h. */
async function protect(bench: TapeBench, method: number, length: number, bits: number): Promise<string> {
  const out = Buffer.alloc(4 + 32);
  out.set([0, 0, 0x10, 0, 0x4a, 0xf0, 0, 0x1c, method, length, bits]);
  return senseText((await bench.send('15 10 00 00 24 00', { out })).sense);
}
function protectedBlock(data: Buffer, method: number): Buffer {
  const crc = Buffer.alloc(4);
  if (method === RS) crc.writeUInt32BE(reedSolomonCrc(data));
  else crc.writeUInt32LE(crc32c(data));
  return Buffer.concat([data, crc]);
}

for (const [name, method] of [
  ['Reed-Solomon CRC', RS],
  ['CRC32C', CRC32C],
] as const) {
  test(`${name}: checked and taken off on write, added on read`, async (t) => {
    const bench = await TapeBench.make();
    const data = Buffer.alloc(300_000, 'block ');
    const block = protectedBlock(data, method);
    t.is(await protect(bench, method, 4, 0xc0), 'good');
    t.is(senseText((await bench.write(block)).sense), 'good');
    const bad = Buffer.from(block);
    bad.writeUInt8(bad.readUInt8(100) ^ 1, 100);
    t.is(senseText((await bench.write(bad)).sense), `b 10/01 info ${bad.length}`);
    t.is((await bench.where()).object, 1, 'the bad block is not on the medium');
    await bench.rewind();
    const read = await bench.read(block.length);
    t.is(senseText(read.sense), 'good');
    t.true(read.data.equals(block));
    t.is(await protect(bench, method, 4, 0x80), 'good');
    await bench.rewind();
    t.true((await bench.read(data.length)).data.equals(data), 'without, on read');
  });

  test(`${name}: fixed blocks count their protection information`, async (t) => {
    const bench = await TapeBench.make();
    await protect(bench, method, 4, 0xc0);
    await bench.setBlockLength(104);
    const blocks = [1, 2, 3].map((fill) => protectedBlock(Buffer.alloc(100, fill), method));
    t.is(senseText((await bench.send('0a 01 000003 00', { out: Buffer.concat(blocks) })).sense), 'good');
    blocks[1]?.writeUInt8(0xee, 0);
    const { sense } = await bench.send('0a 01 000003 00', { out: Buffer.concat(blocks) });
    t.is(senseText(sense), 'b 10/01 info 2');
    await bench.rewind();
    const read = await bench.send('08 01 000003 00');
    t.is(senseText(read.sense), 'good');
    t.is(read.data.length, 312);
  });
}

test('methods that cannot be', async (t) => {
  const bench = await TapeBench.make();
  t.is(await protect(bench, 3, 4, 0xc0), '5 26/00');
  t.is(await protect(bench, 0, 0, 0x80), '5 26/00');
  t.is(await protect(bench, 1, 2, 0x80), '5 26/00');
  t.is(await protect(bench, 0, 0, 0), 'good');
  const old = await TapeBench.make({ personality: 'IBM ULT3580-TD6' });
  t.is(await protect(old, CRC32C, 4, 0xc0), '5 26/00');
  t.is(await protect(old, RS, 4, 0xc0), 'good');
});

test('a block that is nothing but protection information is refused', async (t) => {
  const bench = await TapeBench.make();
  await protect(bench, RS, 4, 0xc0);
  t.is(senseText((await bench.write(Buffer.alloc(4))).sense), '5 24/00');
});

test('the capability is in INQUIRY, VPD B5h and mode page 24h', async (t) => {
  const bench = await TapeBench.make();
  t.is((await bench.good('12 00 00 0060 00')).data.readUInt8(5) & 1, 1, 'PROTECT');
  const methods = '0700000000000000' + '070104c000000000' + '070204c000000000';
  t.is((await bench.good('12 01 b5 00ff 00')).data.toString('hex'), `01b5001c00000000${methods}`);
  t.is((await bench.good('1a 08 24 00 ff 00')).data.readUInt8(4 + 2) & 0x60, 0x60);
});

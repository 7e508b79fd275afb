/** Rot: it is found, it stays where it is, and nobody is ever given other bytes. */
import test, { type ExecutionContext } from 'ava';
import { StoreError } from '#errors';
import { realEnv } from '#env';
import { DedupGroup, plainKernels, type Volume } from '#store';
import { SimDisk } from '#support';
import { copyOf, xxh64 } from '#wire';
import { decodeHead, type Directory, regionSeed } from '../../../../src/store/engine/container.format.js';
import { patternBytes } from '../../../contract/store.js';
import { passphrase } from '../sealed-world.js';
import { containerOf } from './container-maker.js';
import { SimRandom } from '../../../sim/sim-random.js';

const group = 77n;

function container(): { image: Buffer; directory: Directory } {
  const open = containerOf(5, 6);
  const image = Buffer.from(open.seal(group, 3, (bytes) => ({ pack: 2, offset: 8192, bytes })));
  if (open.directory === undefined) throw new Error('no directory');
  return { image, directory: open.directory };
}

test('every bit of a container that is flipped is noticed where it matters', (t) => {
  const { image, directory } = container();
  const name = { group, place: directory.place };
  const { regions, fingerprintsOffset, fingerprintsChecksum, count } = directory;
  const region = regions[0];
  if (region === undefined) throw new Error('no region');
  const isSound = (): boolean => {
    const found = decodeHead(name, 5, image);
    if (found === undefined) return false;
    const stored = image.subarray(region.offset, region.offset + region.storedBytes);
    if (xxh64(stored, regionSeed(5, 0)) !== region.checksum) return false;
    const fingerprints = image.subarray(fingerprintsOffset, fingerprintsOffset + count * 32);
    return xxh64(fingerprints, regionSeed(5, 65535)) === fingerprintsChecksum;
  };
  t.true(isSound());
  const headBytes = image.readUInt32LE(36);
  const covered = (at: number): boolean =>
    at < headBytes ||
    (at >= region.offset && at < region.offset + region.storedBytes) ||
    (at >= fingerprintsOffset && at < fingerprintsOffset + count * 32);
  let missed = 0;
  let falsely = 0;
  for (let at = 0; at < image.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      image.writeUInt8(image.readUInt8(at) ^ (1 << bit), at);
      if (covered(at)) missed += isSound() ? 1 : 0;
      else if (bit === 0) falsely += isSound() ? 0 : 1; // filling, and the copy of the head
      image.writeUInt8(image.readUInt8(at) ^ (1 << bit), at);
    }
  }
  t.deepEqual({ missed, falsely }, { missed: 0, falsely: 0 });
});

test('a container elsewhere, of another group or generation is not taken for this one', (t) => {
  const { image, directory } = container();
  const { place } = directory;
  t.truthy(decodeHead({ group, place }, 5, image));
  t.is(decodeHead({ group, place }, 6, image), undefined);
  t.is(decodeHead({ group: 78n, place }, 5, image), undefined);
  t.is(decodeHead({ group, place: { ...place, offset: 4096 } }, 5, image), undefined);
  t.is(decodeHead({ group, place: { ...place, pack: 3 } }, 5, image), undefined);
});

const pieceBytes = 64 * 1024;
/** Bytes that could not be read. Other bytes than were written fail the test. */
async function unreadable(t: ExecutionContext, volume: Volume, expected: Buffer): Promise<number> {
  let bytes = 0;
  for (let at = 0; at < expected.length; at += pieceBytes) {
    const part = expected.subarray(at, at + pieceBytes);
    try {
      const slab = await volume.stream('data').read(at, part.length);
      if (!copyOf(slab).equals(part)) t.fail(`${volume.id}: other bytes at ${at}`);
      slab.release();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'corrupt') throw error;
      t.is(error.facts['stream'], 'data');
      t.true(Number(error.facts['offset']) >= at && Number(error.facts['offset']) < at + part.length);
      bytes += part.length;
    }
  }
  return bytes;
}

test('damage costs what it hits and no more', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(3) });
  const open = async (): Promise<DedupGroup> =>
    await DedupGroup.open({ env: { ...realEnv(), disk: disk.begin() }, folder: 'group', reserveBytes: 0, kernels: plainKernels, memoryBytes: 8 * 1024 * 1024 }); // prettier-ignore
  const contents = { one: patternBytes(1, 1_500_000), two: patternBytes(2, 1_500_000) };
  let live = await open();
  for (const [id, bytes] of Object.entries(contents)) {
    const volume = await live.create(id);
    await volume.stream('data').append([bytes]);
    await volume.commit(Buffer.from(id));
    await volume.close();
  }
  await live.close();
  const path = 'group/packs/000000/000000001.pack';
  const size = disk.contentOf(path).length;
  const dice = new SimRandom(9);
  let hits = 0;
  for (let round = 0; round < 60; round++) {
    const at = dice.integer(size);
    const bit = dice.integer(8);
    disk.rot(path, at, bit);
    live = await open();
    const lost: number[] = [];
    for (const [id, bytes] of Object.entries(contents)) {
      const volume = await live.open(id); // label and recipe are there twice
      lost.push(await unreadable(t, volume, bytes));
      await volume.close();
    }
    const damaged = lost.filter((bytes) => bytes > 0);
    t.true(damaged.length <= 1, `byte ${at}: ${lost.join(' and ')}`);
    t.true((damaged[0] ?? 0) <= 256 * 1024 + 2 * pieceBytes, `byte ${at}: ${damaged[0]}`);
    hits += damaged.length;
    disk.rot(path, at, bit);
    await live.close();
  }
  t.true(hits > 40, `${hits} of 60 hit data`);
});

/** Compresses to about half. */
function halfPattern(length: number): Buffer {
  const bytes = patternBytes(7, length);
  for (let at = 0; at < length; at += 1000) bytes.fill(0x61, at, at + 500);
  return bytes;
}
for (const kind of ['plain', 'encrypted'] as const) {
  test(`of regions that are loaded ahead only what is rotten is lost (${kind})`, async (t) => {
    const disk = new SimDisk({ dice: new SimRandom(3) });
    const sealed = kind === 'encrypted' ? { keySource: passphrase('secret') } : {};
    const open = async (): Promise<DedupGroup> =>
      await DedupGroup.open({ env: { ...realEnv(), disk: disk.begin() }, folder: 'group', reserveBytes: 0, kernels: plainKernels, memoryBytes: 8 * 1024 * 1024, tuning: { passphraseCost: 4 }, ...sealed }); // prettier-ignore
    const content = halfPattern(3_000_000);
    let live = await open();
    let volume = await live.create('one');
    await volume.stream('data').append([content]);
    await volume.commit(Buffer.from('label'));
    await live.close();
    const path = 'group/packs/000000/000000001.pack';
    const dice = new SimRandom(9);
    let hits = 0;
    for (let round = 0; round < 20; round++) {
      const [at, bit] = [dice.integer(disk.contentOf(path).length), dice.integer(8)];
      if (round > 0) disk.rot(path, at, bit); // first as it is
      live = await open();
      volume = await live.open('one');
      const lost = await unreadable(t, volume, content);
      t.true(lost <= 256 * 1024 + 2 * pieceBytes, `byte ${at}: ${lost}`);
      if (round === 0) t.is(lost, 0);
      hits += lost > 0 ? 1 : 0;
      await live.close();
      if (round > 0) disk.rot(path, at, bit);
    }
    t.true(hits > 10, `${hits} of 19 hit data`);
  });
}

for (const file of ['journal/000000001.journal', 'superblock-0', 'superblock-1'] as const) {
  test(`one rotten place of ${file} costs nothing`, async (t) => {
    const dice = new SimRandom(4);
    for (let round = 0; round < 25; round++) {
      const disk = new SimDisk({ dice });
      const open = async (): Promise<DedupGroup> =>
        await DedupGroup.open({ env: { ...realEnv(), disk: disk.begin() }, folder: 'group', reserveBytes: 0, kernels: plainKernels, memoryBytes: 8 * 1024 * 1024 }); // prettier-ignore
      const volume = await (await open()).create('one');
      for (let i = 0; i < 3; i++) {
        await volume.stream('data').append([patternBytes(i, 3000)]);
        await volume.commit(Buffer.from(`state ${i}`));
      }
      disk.crash('drop');
      const path = `group/${file}`;
      disk.rot(path, dice.integer(disk.contentOf(path).length), dice.integer(8));
      const again = await (await open()).open('one');
      t.is(again.label.toString(), 'state 2');
      t.is(again.stream('data').length, 9000);
    }
  });
}

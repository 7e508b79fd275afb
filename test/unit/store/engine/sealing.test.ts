/** Sealing of places in images of containers: what comes back, and what never does. */
import test from 'ava';
import { StoreError } from '#errors';
import { bigintOf, xxh64 } from '#wire';
import { decodeHead, regionSeed } from '../../../../src/store/engine/container.format.js';
import { fingerprintCipher } from '../../../../src/store/engine/fingerprint-cipher.js';
import { plainKernels } from '../../../../src/store/engine/kernels.js';
import { type Image, SealedRegions } from '../../../../src/store/engine/region-cipher.js';
import { openInto, sealInto, tagBytes } from '../../../../src/store/engine/sealing.js';
import { Arena } from '../../../../src/store/engine/arena.js';
import {
  EFFORT,
  OpenSlip,
  OUTCOME,
  PackSlip,
  slipBytes,
  type ViewOf,
} from '../../../../src/store/engine/slips.js';
import { patternBytes } from '../../../contract/store.js';
import { chunkOf, containerOf } from './container-maker.js';
import { SimRandom } from '../../../sim/sim-random.js';

const key = patternBytes(1, 32);
const nonce = Buffer.alloc(12);
const context = Buffer.from('where');

test('what was sealed is opened, in place too, on shared memory too', (t) => {
  for (const bytes of [0, 1, 4096, 65_536, 65_537, 262_144]) {
    const plain = patternBytes(2, bytes);
    const memory = Buffer.from(new SharedArrayBuffer(bytes + tagBytes));
    plain.copy(memory);
    sealInto(key, nonce, context, memory.subarray(0, bytes), memory);
    if (bytes > 16) t.false(memory.subarray(0, bytes).equals(plain));
    t.true(openInto(key, nonce, context, memory, memory.subarray(0, bytes)));
    t.true(memory.subarray(0, bytes).equals(plain));
  }
});

test('another bit, key, nonce or context opens nothing and shows nothing', (t) => {
  const plain = patternBytes(3, 100);
  const sealed = Buffer.alloc(plain.length + tagBytes);
  sealInto(key, nonce, context, plain, sealed);
  const target = Buffer.alloc(plain.length, 255);
  const opens = (with_: Buffer, at: Buffer, of: Buffer): boolean => openInto(with_, at, of, sealed, target);
  t.false(opens(patternBytes(9, 32), nonce, context));
  t.false(opens(key, patternBytes(9, 12), context));
  t.false(opens(key, nonce, Buffer.from('there')));
  t.true(target.equals(Buffer.alloc(plain.length)), 'what was not authenticated is not handed out');
  for (let at = 0; at < sealed.length; at++) {
    sealed.writeUInt8(sealed.readUInt8(at) ^ (1 << (at % 8)), at);
    t.false(opens(key, nonce, context), `byte ${at}`);
    sealed.writeUInt8(sealed.readUInt8(at) ^ (1 << (at % 8)), at);
  }
  t.true(opens(key, nonce, context));
});

test('a region opens at its place of its image of its container only', (t) => {
  const random = new SimRandom(1);
  const cipher = new SealedRegions(key, (bytes) => random.bytes(bytes));
  const image: Image = { id: 5, salt: cipher.salt() };
  const plain = patternBytes(4, 5000);
  const sealed = Buffer.alloc(plain.length + tagBytes);
  cipher.seal(image, 3, plain, sealed);
  const target = Buffer.alloc(plain.length);
  t.false(cipher.open(image, 4, sealed, target));
  t.false(cipher.open({ ...image, id: 6 }, 3, sealed, target));
  t.false(cipher.open({ ...image, salt: cipher.salt() }, 3, sealed, target));
  t.true(cipher.open(image, 3, sealed, target));
  t.true(target.equals(plain));
});

test('two images of one container with one content have nothing in common', (t) => {
  const random = new SimRandom(2);
  const cipher = new SealedRegions(key, (bytes) => random.bytes(bytes));
  const images = [0, 1].map(() => {
    const open = containerOf(5, 40, cipher);
    const read = Buffer.alloc(9000);
    open.readChunk(3, 0, 9000, read, 0);
    t.true(read.equals(chunkOf(3)), 'a reader right behind the writer');
    return Buffer.from(open.seal(7n, 0, (bytes) => ({ pack: 1, offset: 0, bytes })));
  });
  const [one, two] = images;
  if (one === undefined || two === undefined) throw new Error('no images');
  t.is(one.length, two.length);
  let same = 0;
  for (let at = 112; at + 16 <= one.length; at += 16) {
    const block = one.subarray(at, at + 16);
    if (block.equals(two.subarray(at, at + 16)) && !block.equals(Buffer.alloc(16))) same += 1;
  }
  t.true(same <= 4, `${same} blocks alike: the heads' own addresses at most`);
});

test('a head that somebody changed, checksum and all, is not believed', (t) => {
  const random = new SimRandom(3);
  const cipher = new SealedRegions(key, (bytes) => random.bytes(bytes));
  const open = containerOf(5, 30, cipher);
  const image = open.seal(7n, 0, (bytes) => ({ pack: 1, offset: 0, bytes }));
  const head = image.subarray(0, image.readUInt32LE(36));
  const name = { group: 7n, place: { pack: 1, offset: 0, bytes: image.length } };
  const believed = (): boolean => {
    head.writeBigUInt64LE(0n, 64);
    head.writeBigUInt64LE(xxh64(head), 64);
    try {
      return decodeHead(name, 5, head, cipher) !== undefined;
    } catch (error) {
      return !(error instanceof StoreError);
    }
  };
  t.true(believed());
  const missed: number[] = [];
  for (let at = 0; at < head.length; at++) {
    if (at >= 64 && at < 72) continue; // the checksum, which is made again
    for (let bit = 0; bit < 8; bit++) {
      head.writeUInt8(head.readUInt8(at) ^ (1 << bit), at);
      if (believed()) missed.push(at);
      head.writeUInt8(head.readUInt8(at) ^ (1 << bit), at);
    }
  }
  t.deepEqual(missed, []);
  t.true(believed());
});

test('fingerprints are permuted one by one, and back', (t) => {
  const cipher = fingerprintCipher(key);
  const all = patternBytes(5, 32 * 50);
  const one = Buffer.from(all.subarray(32, 64));
  const digests = Buffer.from(all);
  cipher.permute(digests, 0, digests.length);
  cipher.permute(one, 0, 32);
  t.true(digests.subarray(32, 64).equals(one), 'the same in any company');
  t.false(digests.equals(all));
  for (let at = 0; at < all.length; at += 16)
    t.false(digests.subarray(at, at + 16).equals(all.subarray(at, at + 16)));
  cipher.restore(digests, 0, digests.length);
  t.true(digests.equals(all));
  fingerprintCipher(patternBytes(6, 32)).permute(digests, 32, 64);
  t.false(digests.subarray(32, 64).equals(one), 'another group has others');
});

/** Two performances of a slip: what a thread that died left half done is done again. */
test('a region that is sealed twice under one key is the same twice; opened twice, it is what it was', (t) => {
  const arena = new Arena();
  const view: ViewOf = (at, bytes) => arena.view(at, bytes);
  const [raw, stored, opened, target] = [0, 1, 2, 3].map(() => arena.allocate(256 * 1024 + 64));
  if (raw === undefined || stored === undefined || opened === undefined || target === undefined)
    return t.fail();
  const cipher = new SealedRegions(key, (bytes) => patternBytes(7, bytes));
  const image: Image = { id: 2 ** 32 - 5, salt: cipher.salt() };
  for (const content of [Buffer.alloc(100_000, 'compressible '), patternBytes(8, 100_000)]) {
    content.copy(raw);
    const pack = new PackSlip(arena.allocate(slipBytes));
    pack.ask(raw, 0, content.length, stored, EFFORT.dense, image.id, 3, cipher.keyOf(image));
    pack.perform(plainKernels, view);
    const bytes = pack.storedBytes + tagBytes;
    const first = Buffer.from(stored.subarray(0, bytes));
    pack.perform(plainKernels, view);
    t.true(stored.subarray(0, bytes).equals(first));
    const checksum = bigintOf(pack.checksumLow, pack.checksumHigh);
    t.is(checksum, xxh64(first, regionSeed(image.id, 3)));
    t.true(
      cipher.open(image, 3, first, Buffer.alloc(pack.storedBytes)),
      'as the main thread would have sealed it',
    );
    const open = new OpenSlip(arena.allocate(slipBytes));
    const source = { codec: pack.codec, container: image.id, key: cipher.keyOf(image) };
    const at = { bytes: stored.subarray(0, bytes), opened };
    const ask = (region: number, claimed = xxh64(first, regionSeed(image.id, region))): void =>
      open.ask({ ...source, region, checksum: claimed }, at, target.subarray(0, content.length));
    ask(3);
    for (let i = 0; i < 2; i++) {
      target.fill(0);
      open.perform(plainKernels, view);
      t.is(open.outcome, OUTCOME.done);
      t.true(target.subarray(0, content.length).equals(content));
    }
    for (const refused of [(): void => ask(4), (): void => ask(3, checksum ^ 1n)]) {
      refused();
      open.perform(plainKernels, view);
      t.is(open.outcome, OUTCOME.corrupt);
    }
    for (const slip of [pack, open]) {
      t.true(slip.memory.includes(cipher.keyOf(image)));
      slip.forgetKey();
      t.false(slip.memory.includes(cipher.keyOf(image)));
    }
  }
});

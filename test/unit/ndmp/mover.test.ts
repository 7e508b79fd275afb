import test from 'ava';
import fc from 'fast-check';
import { imageLingersMax } from '../../../src/limits.js';
import { NdmpError } from '../../../src/ndmp/errors.table.js';
import { localLinks } from '../../../src/ndmp/local-links.js';
import { anyLandings, landingKinds } from './fake-landings.js';
import {
  allOnes,
  FakeCartridge,
  image,
  MoverWorld,
  Peer,
  quiet,
  recordsOf,
  until,
  us,
} from './mover-world.js';

const code = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => 'no-err',
    (error: unknown) => (error instanceof NdmpError ? error.code : String(error)),
  );

// --- to tape ----------------------------------------------------------------------------------------------------------

test('an image of any length in pieces of any size becomes records, the last one filled with zeros', async (t) => {
  const sizes = fc.oneof(
    fc.constantFrom(1, 512, 10_240, 63 * 512, 65_536, 65_537, 262_144, 1_048_576),
    fc.integer({ min: 1, max: 300_000 }),
  );
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 12 }),
      anyLandings,
      fc.constantFrom<'local' | 'tcp'>('local', 'tcp'),
      async (recordBytes, pieces, landings, by) => {
        const world = new MoverWorld({ landings });
        await world.mover.setRecordSize(recordBytes);
        const cut = recordBytes < 100 ? pieces.map((piece) => Math.ceil(piece / 100)) : pieces;
        const length = cut.reduce((sum, piece) => sum + piece, 0);
        const whole = image(0, length);
        const peer = await world[by]('read');
        let at = 0;
        for (const piece of cut) {
          peer.link.write([whole.subarray(at, at + piece)]);
          at += piece;
        }
        peer.link.end();
        await until(() => world.mover.state === 'halted');
        t.deepEqual(world.notices, ['halted connect-closed']);
        const { objects } = world.tape.cartridge;
        t.deepEqual(
          objects.map(({ length: bytes }) => bytes),
          recordsOf(whole, recordBytes).map(({ length: bytes }) => bytes),
        );
        t.true(world.tape.cartridge.file(0).equals(Buffer.concat(recordsOf(whole, recordBytes))));
        t.is(world.tape.durable, objects.length, 'durable before the halt is announced');
        const { bytesMoved, recordNum } = world.mover.view;
        t.is(bytesMoved, BigInt(objects.length * recordBytes));
        t.is(recordNum, objects.length);
        t.true(world.isClean);
      },
    ),
    { numRuns: 100 },
  );
});

test('the record that meets the end of the medium is the first of the next tape', async (t) => {
  const world = new MoverWorld();
  const whole = image(0, 25 * 1000 + 300);
  await world.mover.setRecordSize(1000);
  world.tape.cartridge.earlyAfter = 10;
  const first = world.tape.cartridge;
  const peer = await world.local('read');
  peer.link.write([whole]);
  peer.link.end();
  await until(() => world.mover.state === 'paused');
  t.deepEqual(world.notices, ['paused eom 10000']);
  t.is(world.mover.view.recordNum, 10);
  t.is(world.tape.durable, 10, 'what the client counts on is durable');
  world.tape.open = undefined;
  t.is(await code(world.mover.continue()), 'dev-not-open');
  world.tape.open = { mode: 'read' };
  t.is(await code(world.mover.continue()), 'permission');
  world.tape.open = { mode: 'read-write' };
  world.tape.change(new FakeCartridge([Buffer.from('label'), 'filemark']), 2);
  await world.mover.setWindow(10_000n, allOnes - 10_000n);
  t.is(world.mover.view.recordNum, 10);
  await world.mover.continue();
  await until(() => world.mover.state === 'halted');
  t.deepEqual(world.notices, ['paused eom 10000', 'halted connect-closed']);
  t.true(first.file(0).equals(whole.subarray(0, 10_000)));
  t.true(world.tape.cartridge.file(1).equals(Buffer.concat([whole.subarray(10_000), Buffer.alloc(700)])));
  t.true(world.isClean);
});

test('who goes on writing the same tape behind the warning reaches its end, again with the record held', async (t) => {
  const world = new MoverWorld();
  const whole = image(0, 9 * 512);
  await world.mover.setRecordSize(512);
  Object.assign(world.tape.cartridge, { earlyAfter: 3, endsAfter: 5 });
  const first = world.tape.cartridge;
  const peer = await world.local('read');
  peer.link.write([whole]);
  for (const at of [3, 5, 5]) {
    await until(() => world.mover.state === 'paused');
    t.is(world.notices.at(-1), `paused eom ${BigInt(at * 512)}`);
    if (at === 5) world.tape.change(new FakeCartridge());
    await world.mover.continue();
    if (at === 5) break;
  }
  peer.link.end();
  await until(() => world.mover.state === 'halted');
  t.true(Buffer.concat([first.file(0), world.tape.cartridge.file(0)]).equals(whole));
});

test('windows: nothing behind the end is written, and a pause needs data', async (t) => {
  const world = new MoverWorld();
  await world.mover.setRecordSize(512);
  await world.mover.setWindow(0n, 0n);
  const peer = await world.tcp('read');
  await quiet();
  t.is(world.mover.state, 'active', 'there is no data yet');
  await peer.send(image(0, 1));
  await until(() => world.mover.state === 'paused');
  t.deepEqual(world.notices, ['paused eow 0']);
  t.is(world.tape.synchronized, 0, 'nothing was written');
  void peer.send(image(1, 1200));
  await world.mover.setWindow(0n, 1024n);
  await world.mover.continue();
  await until(() => world.mover.state === 'paused');
  t.deepEqual(world.notices, ['paused eow 0', 'paused eow 1024']);
  t.is(world.tape.cartridge.objects.length, 2);
  t.is(world.tape.durable, 2);
  await world.mover.continue();
  await until(() => world.mover.state === 'paused');
  t.is(world.notices.length, 3, 'the same window: paused again');
  await world.mover.setWindow(1024n, 512n);
  await world.mover.continue();
  peer.link.end();
  await until(() => world.mover.state === 'halted');
  t.is(world.notices.at(-1), 'halted connect-closed', 'ending with the window is no pause');
  t.is(world.mover.view.bytesMoved, 3n * 512n);
  t.deepEqual(world.tape.cartridge.objects, recordsOf(image(0, 1200), 512));
});

test('a pause waits for what a link reads into memory of the drive, then the stream stops', async (t) => {
  const world = new MoverWorld({ landings: ['whole'] });
  const { landings } = world.tape;
  const whole = image(0, 10 * 16_384);
  await world.mover.setRecordSize(16_384);
  await world.mover.setWindow(0n, 16_384n);
  const peer = await world.tcp('read');
  await peer.send(whole.subarray(0, 2 * 16_384));
  await until(() => world.mover.state === 'paused');
  await quiet();
  t.is(landings.outCount, 1);
  await peer.send(whole.subarray(2 * 16_384, 3 * 16_384));
  t.is(landings.outCount, 0);
  let isTaken = false;
  void peer.send(whole.subarray(3 * 16_384)).then(() => (isTaken = true));
  await quiet();
  t.false(isTaken);
  await world.mover.setWindow(16_384n, allOnes - 16_384n);
  await world.mover.continue();
  peer.link.end();
  await until(() => world.mover.state === 'halted');
  t.true(world.tape.cartridge.file(0).equals(whole));
  t.true(world.isClean);
});

test('another record size while paused cuts what is held anew', async (t) => {
  for (const [before, after] of [
    [1000, 300],
    [300, 200_000],
    [70_000, 131_072],
    [512, 1],
  ] as const) {
    const world = new MoverWorld({ landings: landingKinds });
    const whole = image(0, 150_001);
    await world.mover.setRecordSize(before);
    await world.mover.setWindow(0n, BigInt(before));
    const peer = await world.local('read');
    peer.link.write([whole]);
    await until(() => world.mover.state === 'paused');
    await world.mover.setRecordSize(after);
    await world.mover.setWindow(0n, allOnes);
    peer.link.end();
    await world.mover.continue();
    await until(() => world.mover.state === 'halted');
    const [first, ...rest] = world.tape.cartridge.objects;
    t.deepEqual(first, whole.subarray(0, before));
    t.true(rest.every(({ length }) => length === after));
    t.true(world.tape.cartridge.file(0).subarray(0, whole.length).equals(whole));
    t.true(world.isClean);
  }
});

test('memory that is not there is waited for, with nothing lost', async (t) => {
  const world = new MoverWorld({ blocksMax: 4 });
  const whole = image(0, 400_000);
  const held = [world.pool.take(4 * 65_536)];
  await world.mover.setRecordSize(10_000);
  const peer = await world.tcp('read');
  void peer.send(whole.subarray(0, 300_000));
  await quiet();
  t.is(world.tape.cartridge.objects.length, 0);
  t.is(world.mover.state, 'active');
  for (const slab of held) slab?.release();
  await until(() => world.tape.cartridge.objects.length === 30);
  await peer.send(whole.subarray(300_000));
  peer.link.end();
  await until(() => world.mover.state === 'halted');
  t.true(world.tape.cartridge.file(0).equals(whole));
  t.true(world.isClean);
});

test('a tape that is slow stops the stream, and nothing is held beyond the limit', async (t) => {
  const world = new MoverWorld({ blockBytes: 262_144, blocksMax: 64 });
  await world.mover.setRecordSize(65_536);
  let open = (): void => undefined;
  world.tape.gate = new Promise((resolve) => (open = resolve));
  const peer = await world.local('read');
  const whole = image(0, 12 * 1024 * 1024);
  let sent = false;
  void peer.send(whole).then(() => (sent = true));
  await quiet();
  t.false(sent);
  t.true(64 * 262_144 - world.pool.freeBytes <= 3 * 1024 * 1024, 'two MiB and what was under way');
  world.tape.gate = undefined;
  open();
  await until(() => sent);
  peer.link.end();
  await until(() => world.mover.state === 'halted');
  t.true(world.tape.cartridge.file(0).equals(whole));
  t.true(world.isClean);
});

test('no size of records and no want of memory stops a stream for good', async (t) => {
  const sizes = fc.oneof(
    fc.integer({ min: 700_000, max: 1_500_000 }),
    fc.integer({ min: 1, max: 1000 }).map((n) => n * 1024),
  );
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.integer({ min: 1, max: 12 }),
      fc.nat(20),
      anyLandings,
      async (recordBytes, blocks, slow, landings) => {
        const world = new MoverWorld({ blocksMax: 64, landings });
        await world.mover.setRecordSize(recordBytes);
        const whole = image(0, 5_000_000);
        const others = Math.max(0, 64 - Math.ceil(recordBytes / 65_536) - blocks);
        const held = world.pool.take(others * 65_536);
        const peer = await world.local('read');
        if (slow > 0) world.tape.gate = quiet(slow);
        peer.link.write([whole]);
        peer.link.end();
        await until(() => world.mover.state === 'halted');
        t.true(world.tape.cartridge.file(0).subarray(0, whole.length).equals(whole));
        held?.release();
        t.true(world.isClean);
      },
    ),
    { numRuns: 60 },
  );
});

test('a stream that is cut halts the mover, and a tape that fails too', async (t) => {
  const cut = new MoverWorld();
  const peer = await cut.local('read');
  await peer.send(image(0, 100));
  peer.link.destroy();
  await until(() => cut.mover.state === 'halted');
  t.deepEqual(cut.notices, ['halted connect-error']);
  t.true(cut.isClean);

  const failing = new MoverWorld();
  const other = await failing.local('read');
  failing.tape.failure = new NdmpError('io', 'broken');
  other.link.write([image(0, 50_000)]);
  await until(() => failing.mover.state === 'halted');
  t.deepEqual(failing.notices, ['halted media-error']);
  await until(() => other.closed !== undefined);
  t.true(failing.isClean);

  const unsafe = new MoverWorld();
  const third = await unsafe.local('read');
  unsafe.tape.syncFailure = new NdmpError('io', 'not durable');
  third.link.write([image(0, 50_000)]);
  third.link.end();
  await until(() => unsafe.mover.state === 'halted');
  t.deepEqual(unsafe.notices, ['halted media-error'], 'an end that is not durable is none');
});

test('abort, close and the end of the session at any moment give everything back', async (t) => {
  for (const how of ['abort', 'close', 'end'] as const) {
    for (const turns of [0, 1, 2, 3, 5, 8, 1001, 1003]) {
      const world = new MoverWorld({ landings: [turns > 1000 ? 'whole' : 'none'] });
      let open = (): void => undefined;
      const peer = await world.tcp('read');
      peer.link.write([image(0, 200_000)]);
      world.tape.gate = new Promise((resolve) => (open = resolve));
      await quiet(turns % 1000);
      if (how === 'end') world.mover.end();
      else await world.mover[how]();
      const written = world.tape.cartridge.objects.length;
      if (how !== 'end') {
        t.is(world.mover.state, 'halted');
        t.deepEqual(world.notices, [how === 'abort' ? 'halted aborted' : 'halted connect-closed']);
        await world.mover.stop();
        t.is(world.mover.view.bytesMoved, 0n);
      }
      world.tape.gate = undefined;
      open();
      await quiet();
      t.true(world.tape.cartridge.objects.length <= written + 1, 'at most the record that was under way');
      t.true(world.isClean, `${how} after ${turns}`);
      if (how !== 'end') t.is(world.mover.view.bytesMoved, 0n, 'what comes late does not count');
      await until(() => peer.closed !== undefined);
      t.deepEqual(world.net.ports, []);
    }
  }
});

// --- from tape --------------------------------------------------------------------------------------------------------

/** A world with `file` files of the image on tape, each `records` records, a label before. */
function written(recordBytes: number, records: number, version: 2 | 3 | 4 = 4): MoverWorld {
  const world = new MoverWorld({ version });
  const objects = recordsOf(image(0, recordBytes * records), recordBytes);
  world.tape.change(new FakeCartridge([Buffer.from('label'), 'filemark', ...objects, 'filemark']), 2);
  return world;
}

test('any bytes of the image are sent, in any order, and nothing else', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1000, 512, 4097),
      fc.constantFrom<2 | 4>(2, 4),
      fc.array(fc.tuple(fc.nat(40_000), fc.integer({ min: 1, max: 9000 })), { maxLength: 8 }),
      async (recordBytes, version, reads) => {
        const records = Math.ceil(50_000 / recordBytes);
        const world = written(recordBytes, records, version);
        await world.mover.setRecordSize(recordBytes);
        await world.mover.setWindow(0n, allOnes);
        const peer = await world.tcp('write');
        let expected = Buffer.alloc(0);
        for (const [offset, length] of reads) {
          await world.mover.read(BigInt(offset), BigInt(length));
          expected = Buffer.concat([expected, image(offset, offset + length)]);
          await until(() => peer.received.length >= expected.length);
          t.is(world.mover.view.bytesLeftToRead, 0n);
          t.is(world.mover.state, 'active');
        }
        t.true(peer.received.equals(expected));
        t.is(world.mover.view.bytesMoved, BigInt(expected.length));
        await world.mover.close();
        await until(() => peer.closed !== undefined);
        t.true(world.isClean);
      },
    ),
    { numRuns: 60 },
  );
});

test('reading on over tapes: EOF, a new window, and the read goes on', async (t) => {
  for (const version of [2, 3, 4] as const) {
    const world = written(1000, 10, version);
    await world.mover.setRecordSize(1000);
    await world.mover.setWindow(0n, allOnes);
    const peer = await world.tcp('write');
    await world.mover.read(0n, allOnes);
    await until(() => world.mover.state === 'paused');
    t.deepEqual(world.notices, ['paused eof 10000']);
    t.is(peer.received.length, 10_000, 'sent before it is announced');
    t.is(world.mover.view.bytesLeftToRead, allOnes);
    world.tape.change(new FakeCartridge(recordsOf(image(10_000, 13_000), 1000)));
    await world.mover.setWindow(10_000n, allOnes - 10_000n);
    await world.mover.continue();
    await until(() => world.mover.state === 'paused');
    t.deepEqual(world.notices, ['paused eof 10000', 'paused eof 13000']);
    t.true(peer.received.equals(image(0, 13_000)));
    await world.mover.close();
    t.is(world.notices.at(-1), 'halted connect-closed');
    await until(() => peer.closed !== undefined);
    t.is(peer.closed?.error, undefined);
    t.true(world.isClean);
  }
});

test('a tape changed at EOF without a new window goes on where it stands', async (t) => {
  const world = written(1000, 4);
  await world.mover.setRecordSize(1000);
  const peer = await world.tcp('write');
  await world.mover.read(0n, allOnes);
  await until(() => world.mover.state === 'paused');
  t.true(peer.received.equals(image(0, 4000)));
  await world.mover.continue();
  await until(() => world.mover.state === 'paused');
  t.is(world.notices.length, 2, 'nothing moved: the same filemark again');
  world.tape.change(new FakeCartridge(['filemark', ...recordsOf(image(4000, 6000), 1000)]), 1);
  await world.mover.continue();
  await until(() => world.mover.state === 'paused');
  t.true(peer.received.equals(image(0, 6000)));
});

test('a read outside of the window pauses with SEEK, and goes on in the next one', async (t) => {
  const world = written(1000, 4);
  await world.mover.setRecordSize(1000);
  await world.mover.setWindow(0n, 4000n);
  const peer = await world.tcp('write');
  await world.mover.read(3500n, 1000n);
  await until(() => world.mover.state === 'paused');
  t.deepEqual(world.notices, ['paused seek 4000']);
  t.true(peer.received.equals(image(3500, 4000)));
  t.is(world.mover.view.bytesLeftToRead, 500n);
  t.is(world.mover.view.seekPosition, 4000n);
  await world.mover.continue();
  await until(() => world.mover.state === 'paused');
  t.is(world.notices.length, 2);
  world.tape.change(new FakeCartridge(['filemark', ...recordsOf(image(4000, 7000), 1000)]), 1);
  await world.mover.setWindow(4000n, 3000n);
  await world.mover.continue();
  await until(() => peer.received.length === 1000);
  t.true(peer.received.equals(image(3500, 4500)));
  t.is(world.mover.state, 'active');
  t.is(await code(world.mover.read(5000n, 1n)), 'no-err');
  await until(() => peer.received.length === 1001);
  await world.mover.read(100n, 10n);
  await until(() => world.mover.state === 'paused');
  t.is(world.notices.at(-1), 'paused seek 100');
});

test('bytes beyond what this file of the tape has are EOF, not those of the next file', async (t) => {
  for (const version of [3, 4] as const) {
    const world = written(1000, 4, version);
    world.tape.cartridge.objects.push(...recordsOf(image(90_000, 95_000), 1000));
    await world.mover.setRecordSize(1000);
    await world.mover.setWindow(0n, allOnes);
    const peer = await world.tcp('write');
    await world.mover.read(5000n, 10n);
    await until(() => world.mover.state === 'paused');
    t.deepEqual(world.notices, ['paused eof 5000']);
    await world.mover.continue();
    await until(() => world.mover.state === 'paused');
    t.is(peer.received.length, 0);
    await world.mover.setWindow(0n, allOnes);
    world.tape.at = 2;
    await world.mover.abort();
    t.true(world.isClean);
  }
});

test('records of another size: shorter ones are sent as they are, a longer one halts', async (t) => {
  const short = new MoverWorld();
  short.tape.change(new FakeCartridge([image(0, 700), image(700, 1000), image(1000, 2000)]));
  await short.mover.setRecordSize(1000);
  const peer = await short.tcp('write');
  await short.mover.read(0n, allOnes);
  await until(() => short.mover.state === 'paused');
  t.true(peer.received.equals(image(0, 2000)));

  const long = new MoverWorld();
  long.tape.change(new FakeCartridge([image(0, 1000), image(1000, 2001)]));
  await long.mover.setRecordSize(1000);
  const other = await long.tcp('write');
  await long.mover.read(0n, allOnes);
  await until(() => long.mover.state === 'halted');
  t.deepEqual(long.notices, ['halted media-error']);
  t.true(other.received.equals(image(0, 1000)));
  t.true(long.isClean);
});

test('what cannot be found by counting records is not sent', async (t) => {
  for (const version of [3, 4] as const) {
    const world = new MoverWorld({ version });
    const objects = recordsOf(image(0, 5000), 500);
    world.tape.change(new FakeCartridge([...objects.slice(0, -1), image(4500, 4600), 'filemark']));
    await world.mover.setRecordSize(1000);
    const peer = await world.tcp('write');
    await world.mover.read(0n, 700n);
    await until(() => peer.received.length === 700);
    await world.mover.read(3200n, 10n);
    await until(() => world.mover.state === 'halted');
    t.deepEqual(world.notices, ['halted media-error']);
    t.is(peer.received.length, 700);
    t.true(world.isClean);
  }
});

test('the last record may be shorter, and is found by counting', async (t) => {
  for (const version of [3, 4] as const) {
    const world = new MoverWorld({ version });
    const objects = [...recordsOf(image(0, 4000), 1000), image(4000, 4600)];
    world.tape.change(new FakeCartridge([...objects, 'filemark', Buffer.alloc(1000)]));
    await world.mover.setRecordSize(1000);
    const peer = await world.tcp('write');
    await world.mover.read(4300n, 400n);
    await until(() => world.mover.state === 'paused');
    t.deepEqual(world.notices, ['paused eof 4600']);
    t.true(peer.received.equals(image(4300, 4600)));
    await world.mover.close();
    t.true(world.isClean);
  }
});

test('all that was read is sent before the stream is closed, however slow the reader', async (t) => {
  const world = written(100_000, 80);
  await world.mover.setRecordSize(100_000);
  await world.mover.listen('write', 'local');
  const link = world.mover.acceptLocal();
  world.mover.readLocal(0n, 8_000_000n);
  await quiet();
  t.true(world.tape.lent <= 26, 'two MiB and a bit: the tape waits for the reader');
  const peer = new Peer(link);
  await until(() => peer.received.length >= 7_000_000);
  await until(() => world.mover.view.bytesLeftToRead === 0n);
  await world.mover.close();
  await until(() => peer.closed !== undefined);
  t.true(peer.received.equals(image(0, 8_000_000)));
  t.true(world.isClean);
});

test('readers that take nothing are not waited for in any number', async (t) => {
  const world = written(100_000, 1);
  const silent: Peer[] = [];
  for (let at = 0; at <= imageLingersMax; at++) {
    await world.mover.setRecordSize(100_000);
    await world.mover.setWindow(0n, allOnes);
    const peer = await world.tcp('write');
    peer.link.pause();
    silent.push(peer);
    await world.mover.read(0n, 100_000n);
    await until(() => world.mover.view.bytesMoved === 100_000n);
    await world.mover.close();
    await world.mover.stop();
    world.tape.at = 2;
  }
  const [oldest, ...others] = silent;
  await until(() => oldest?.closed !== undefined);
  t.is(oldest?.received.length, 0, 'cut');
  for (const { link } of others) link.resume();
  await until(() =>
    others.every(({ closed, received }) => closed !== undefined && received.length === 100_000),
  );
  t.true(world.isClean);
});

test('a reader that closes has what it wanted', async (t) => {
  for (const active of [true, false]) {
    const world = written(1000, 4);
    await world.mover.setRecordSize(1000);
    const peer = await world.tcp('write');
    await world.mover.read(0n, active ? 4000n : allOnes);
    await until(() => peer.received.length === 4000);
    if (!active) await until(() => world.mover.state === 'paused');
    peer.link.end();
    await until(() => peer.closed !== undefined);
    await quiet();
    if (!active) {
      t.is(world.mover.state, 'paused', 'a pause is the client’s to end');
      await world.mover.continue();
    }
    await until(() => world.mover.state === 'halted');
    t.is(world.notices.at(-1), 'halted connect-closed');
    t.true(world.isClean);
  }
});

test('a tape that cannot be read halts the mover; abort and end while reading give everything back', async (t) => {
  const world = written(1000, 400);
  await world.mover.setRecordSize(1000);
  const peer = await world.tcp('write');
  world.tape.failure = new NdmpError('io', 'damaged');
  await world.mover.read(0n, allOnes);
  await until(() => world.mover.state === 'halted');
  t.deepEqual(world.notices, ['halted media-error']);
  await until(() => peer.closed !== undefined);
  t.true(world.isClean);

  for (const turns of [0, 1, 2, 4]) {
    const other = written(1000, 400);
    await other.mover.setRecordSize(1000);
    await other.mover.listen('write', 'local');
    other.mover.acceptLocal();
    other.mover.readLocal(0n, allOnes);
    await quiet(turns);
    if (turns % 2 === 0) await other.mover.abort();
    else other.mover.end();
    await quiet();
    t.true(other.isClean);
  }
});

// --- requests ---------------------------------------------------------------------------------------------------------

test('arguments are judged before states, and states before the tape', async (t) => {
  const world = new MoverWorld();
  const { mover, tape } = world;
  t.is(await code(mover.listen({ unknown: 123 }, 'local')), 'illegal-args');
  t.is(await code(mover.listen('noaction', 'local')), 'illegal-args');
  t.is(await code(mover.listen('read', { unknown: 123 })), 'illegal-args');
  t.is(await code(mover.listen('read', 'ipc')), 'illegal-args');
  t.is(await code(mover.connect('read', { type: 'fc', loopId: 1 })), 'illegal-args');
  t.is(await code(mover.connect('data', { type: 'local' })), 'illegal-args');
  t.is(await code(mover.connect('read', { type: 'local' })), 'illegal-state');
  world.data = { ...world.data, isIdle: false };
  t.is(await code(mover.listen('read', 'tcp')), 'illegal-state');
  t.is(await code(mover.connect('read', { type: 'tcp', endpoints: [] })), 'connect');
  world.data = { ...world.data, isIdle: true };
  tape.open = undefined;
  t.is(await code(mover.listen('read', 'tcp')), 'dev-not-open');
  tape.open = { mode: 'read' };
  t.is(await code(mover.listen('read', 'tcp')), 'permission');
  t.is(await code(mover.setRecordSize(0)), 'illegal-args');
  t.is(await code(mover.setRecordSize(0xffff_ffff)), 'illegal-args');
  t.is(await code(mover.setWindow(1n, 10_240n)), 'illegal-args');
  t.is(await code(mover.setWindow(10_240n, 1n)), 'illegal-args');
  t.is(await code(mover.setWindow(10_240n, allOnes - 10_240n)), 'no-err');
  t.is(await code(mover.setWindow(10_240n, allOnes)), 'no-err');
  t.is(await code(mover.setWindow(allOnes - 10_239n - ((allOnes + 1n) % 10_240n), 102_400n)), 'illegal-args');
  t.deepEqual(mover.view.state, 'idle');
  t.deepEqual(world.net.ports, []);
});

test('connecting: to what the policy allows, and to the data service of the session', async (t) => {
  const world = new MoverWorld();
  const streams: Peer[] = [];
  const accept = (link: ConstructorParameters<typeof Peer>[0]): void => void streams.push(new Peer(link));
  const { address } = await world.net.listen({ host: us.host, port: 0 }, accept);
  const endpoint = (host: string, port: number) => ({ host, port, env: [] });
  const far = { type: 'tcp', endpoints: [endpoint('198.51.100.1', address.port)] } as const;
  t.is(await code(world.mover.connect('read', far)), 'connect');
  t.is(streams.length, 0, 'nobody was bothered');
  const nobody = { type: 'tcp', endpoints: [endpoint(us.host, 7)] } as const;
  t.is(await code(world.mover.connect('read', nobody)), 'connect');
  t.is(world.mover.state, 'idle');
  const several = { type: 'tcp', endpoints: [...nobody.endpoints, endpoint(us.host, address.port)] } as const;
  await world.mover.connect('read', several);
  t.is(world.mover.state, 'active');
  t.deepEqual(world.mover.view.dataConnectionAddr, several);
  await streams[0]?.send(image(0, 20_480));
  streams[0]?.link.end();
  await until(() => world.mover.state === 'halted');
  t.true(world.tape.cartridge.file(0).equals(image(0, 20_480)));

  const local = new MoverWorld();
  const [near, other] = localLinks();
  local.data = { isIdle: false, listensLocal: true, acceptLocal: () => near };
  await local.mover.connect('read', { type: 'local' });
  other.write([image(0, 10_240)]);
  other.end();
  await until(() => local.mover.state === 'halted');
  t.is(local.tape.cartridge.objects.length, 1);
});

test('IPv6 is for clients that have chosen it, and came by it', async (t) => {
  const plain = new MoverWorld();
  t.is(await code(plain.mover.listen('read', 'tcp-ipv6')), 'illegal-args');
  t.is(await code(plain.mover.connect('read', { type: 'tcp-ipv6', endpoints: [] })), 'illegal-args');
  plain.allowsIpv6 = true;
  t.is(await code(plain.mover.listen('read', 'tcp-ipv6')), 'connect', 'there is no such address of ours');
  t.is(plain.mover.state, 'idle');
  const world = new MoverWorld({ local: { host: '2001:db8::2', port: 10_000 } });
  world.allowsIpv6 = true;
  t.is(await code(world.mover.listen('write', 'tcp')), 'connect');
  const address = await world.mover.listen('write', 'tcp-ipv6');
  const [endpoint] = address.type === 'tcp-ipv6' ? address.endpoints : [];
  t.is(endpoint?.host, '2001:db8::2');
  await world.net.connect(endpoint ?? us);
  await world.mover.read(0n, 1n);
  await until(() => world.mover.state === 'paused');
  world.mover.end();

  const mapped = new MoverWorld({ local: { host: '::ffff:192.0.2.2', port: 10_000 } });
  const four = await mapped.mover.listen('read', 'tcp');
  t.is(four.type === 'tcp' && four.endpoints[0]?.host, '192.0.2.2');
  mapped.mover.end();
});

test('a host with several addresses awaits the stream at all of them', async (t) => {
  const world = new MoverWorld({ hosts: ['192.0.2.2', '198.51.100.2', '2001:db8::2'] });
  const address = await world.mover.listen('read', 'tcp');
  const endpoints = address.type === 'tcp' ? address.endpoints : [];
  t.deepEqual(
    endpoints.map(({ host }) => host),
    ['192.0.2.2', '198.51.100.2'],
  );
  t.is(world.net.ports.length, 2);
  await world.net.connect(endpoints[1] ?? us);
  t.is((await world.mover.getState()).state, 'active');
  t.deepEqual(world.net.ports, [], 'one stream is enough');
  world.mover.end();
});

test('only configured hosts may connect once there are any', async (t) => {
  const policy = { isRestricted: () => true, mayAlsoReach: (host: string) => host === '198.51.100.1' };
  const strange = new MoverWorld({ policy: { ...policy, mayAlsoReach: () => false } });
  const peer = await strange.tcp('read'); // from the client itself
  t.is(strange.mover.state, 'active');
  peer.link.destroy();
  const world = new MoverWorld({ policy });
  t.is(
    await code(
      world.mover.connect('write', { type: 'tcp', endpoints: [{ host: '198.51.100.1', port: 1, env: [] }] }),
    ),
    'connect',
  );
});

test('a listening mover takes one connection, and none when it is closed', async (t) => {
  const world = new MoverWorld();
  const peer = await world.tcp('read');
  t.deepEqual(world.net.ports, []);
  t.is(world.mover.state, 'active');
  await world.mover.abort();
  await until(() => peer.closed !== undefined);
  await world.mover.stop();
  await world.mover.listen('write', 'tcp');
  t.is(world.net.ports.length, 1);
  await world.mover.close();
  t.deepEqual(world.net.ports, []);
  t.deepEqual(world.notices, ['halted aborted', 'halted connect-closed']);
  t.deepEqual(world.mover.view.dataConnectionAddr, { type: 'local' });
  await world.mover.stop();
  const { recordSize, windowOffset, windowLength, mode } = world.mover.view;
  t.deepEqual([recordSize, windowOffset, windowLength, mode], [10_240, 0n, allOnes, 'noaction']);
  await world.mover.listen('write', 'tcp');
  world.mover.end();
  t.deepEqual(world.net.ports, []);
});

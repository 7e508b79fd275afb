/** What every implementation of the store keeps when the disk fails or is full. */
import type { TestFn } from 'ava';
import { StoreError } from '#errors';
import { bytesOf, label, type MakeBench, patternBytes } from './store.js';

const KiB = 1024;
const MiB = 1024 * KiB;

export function failingStoreContract(test: TestFn, make: MakeBench): void {
  failures(test, make);
  fullDisks(test, make);
  reservations(test, make);
  crowds(test, make);
}

function failures(test: TestFn, make: MakeBench): void {
  for (const kind of ['write', 'sync'] as const) {
    test(`after an error of ${kind} the volume is broken until it is opened again`, async (t) => {
      const bench = make();
      const group = await bench.open();
      const volume = await group.create('one');
      const stream = volume.stream('data');
      await stream.append([patternBytes(1, 2 * MiB)]);
      await volume.commit(label('good'));
      bench.disk.fault = (call) => (call.kind === kind ? 'io' : undefined);
      await stream.append([patternBytes(2, 1000)]);
      await t.throwsAsync(volume.commit(label('bad')), { instanceOf: StoreError });
      bench.disk.fault = undefined;
      await t.throwsAsync(async () => await stream.append([Buffer.alloc(1)]), { code: 'broken' });
      await t.throwsAsync(stream.read(0, 1), { code: 'broken' });
      await t.throwsAsync(volume.commit(label('worse')), { code: 'broken' });
      await volume.close();
      const again = await group.open('one');
      t.is(again.label.toString(), 'good');
      t.true((await bytesOf(again.stream('data'), 0, 2 * MiB)).equals(patternBytes(1, 2 * MiB)));
    });
  }

  test('an error of reading is told, and passes', async (t) => {
    const bench = make();
    const group = await bench.open();
    let volume = await group.create('one');
    await volume.stream('data').append([patternBytes(1, 2 * MiB)]);
    await volume.commit(label('good'));
    await volume.close();
    volume = await group.open('one');
    bench.disk.fault = (call) => (call.kind === 'read' ? 'io' : undefined);
    await t.throwsAsync(volume.stream('data').read(10, 10), { code: 'io' });
    bench.disk.fault = undefined;
    t.true((await bytesOf(volume.stream('data'), 10, 10)).equals(patternBytes(1, 2 * MiB).subarray(10, 20)));
  });
}

function fullDisks(test: TestFn, make: MakeBench): void {
  test('a full group refuses before it accepts, and goes on when space returns', async (t) => {
    const bench = make({ capacityBytes: 20 * MiB });
    const group = await bench.open();
    const volume = await group.create('one');
    const stream = volume.stream('data');
    const pieceBytes = 512 * KiB;
    let accepted = 0;
    const piece = (index: number): Buffer => patternBytes(100 + index, pieceBytes);
    const fill = async (): Promise<void> => {
      for (;;) {
        await stream.append([piece(accepted)]);
        accepted += 1;
      }
    };
    await t.throwsAsync(fill(), { code: 'full' });
    t.is(stream.length, accepted * pieceBytes);
    t.true(accepted > 20 && accepted < 40, `${accepted} pieces`);
    await volume.commit(label('all that was accepted'));
    const { freeBytes, usedBytes } = await group.space();
    t.true(freeBytes < 2 * MiB, `${freeBytes} free`);
    t.true(usedBytes >= accepted * pieceBytes);
    t.true((await bytesOf(stream, (accepted - 1) * pieceBytes, pieceBytes)).equals(piece(accepted - 1)));
    // Writing the same over what is there needs no space.
    stream.truncate(0);
    await volume.commit(label('cut'));
    for (let i = 0; i < accepted; i++) await stream.append([piece(i)]);
    await volume.commit(label('again'));
    bench.disk.capacityBytes += 20 * MiB;
    await stream.append([piece(accepted)]);
    await volume.commit(label('more'));
    t.is(stream.length, (accepted + 1) * pieceBytes);
  });

  test('a disk that fills up behind our back keeps what was accepted until there is space', async (t) => {
    const bench = make({ capacityBytes: 200 * MiB });
    const group = await bench.open();
    const volume = await group.create('one');
    const stream = volume.stream('data');
    await stream.append([patternBytes(1, 1.5 * MiB)]);
    await volume.commit(label('before'));
    const room = bench.disk.capacityBytes;
    bench.disk.capacityBytes = 0;
    await stream.append([patternBytes(2, 3 * MiB)]);
    await t.throwsAsync(volume.commit(label('no')), { code: 'full' });
    await t.throwsAsync(async () => await stream.append([patternBytes(9, 100)]), { code: 'full' });
    t.true((await bytesOf(stream, 1.5 * MiB, 3 * MiB)).equals(patternBytes(2, 3 * MiB)));
    bench.disk.capacityBytes = room;
    await stream.append([patternBytes(3, 100)]);
    await volume.commit(label('after'));
    bench.crash('drop');
    const again = await (await bench.open()).open('one');
    t.is(again.label.toString(), 'after');
    t.true((await bytesOf(again.stream('data'), 1.5 * MiB, 3 * MiB)).equals(patternBytes(2, 3 * MiB)));
    t.is(again.stream('data').length, 4.5 * MiB + 100);
  });
}

function crowds(test: TestFn, make: MakeBench): void {
  test('many streams and a disk that fills up behind our back: appends are refused, not held, and readers go on', async (t) => {
    const bench = make({ memoryBytes: 24 * MiB, capacityBytes: 400 * MiB });
    const group = await bench.open();
    const reader = await group.create('reader');
    await reader.stream('data').append([patternBytes(1, 40 * MiB)]);
    await reader.commit(label('a'));
    const ids = Array.from({ length: 40 }, (_, index) => `volume${index}`);
    const volumes = await Promise.all(ids.map(async (id) => await group.create(id)));
    for (const volume of volumes) await volume.stream('data').append([patternBytes(3, 100)]);
    const room = bench.disk.capacityBytes;
    bench.disk.capacityBytes = 0;
    const attempts = await Promise.allSettled(
      volumes.map(async (volume, index) => {
        for (let n = 0; n < 4; n++) await volume.stream('data').append([patternBytes(index, MiB)]);
      }),
    );
    for (const attempt of attempts)
      t.like(attempt, { status: 'rejected', reason: { code: 'full' } as StoreError });
    const before = volumes.map((volume) => volume.stream('data').length);
    t.true((await bytesOf(reader.stream('data'), 5 * MiB, 15 * MiB)).length === 15 * MiB);
    bench.disk.capacityBytes = room;
    await Promise.all(
      volumes.map(async (volume, index) => {
        await volume.stream('data').append([patternBytes(index, 1000)]);
        await volume.commit(label('after'));
      }),
    );
    for (const [index, volume] of volumes.entries()) {
      const length = before[index] as number;
      t.is((length - 100) % MiB, 0, 'whole appends');
      const expected = Buffer.concat([
        patternBytes(3, 100),
        ...Array.from({ length: (length - 100) / MiB }, () => patternBytes(index, MiB)),
        patternBytes(index, 1000),
      ]);
      await volume.close();
      const again = await group.open(volume.id);
      t.true(
        (await bytesOf(again.stream('data'), 0, again.stream('data').length)).equals(expected),
        volume.id,
      );
      await again.close();
    }
  });
}

function reservations(test: TestFn, make: MakeBench): void {
  test('what was reserved can be appended when the group is full', async (t) => {
    const group = await make({ capacityBytes: 20 * MiB }).open();
    const volume = await group.create('one');
    await volume.stream('index').reserve(64 * KiB);
    const fill = async (length: number): Promise<void> => {
      for (let index = 0; ; index++) await volume.stream('data').append([patternBytes(200 + index, length)]);
    };
    for (const length of [512 * KiB, 100]) await t.throwsAsync(fill(length), { code: 'full' });
    await t.throwsAsync(volume.stream('index').reserve(65 * KiB), { code: 'full' });
    await volume.stream('index').append([patternBytes(4, 64 * KiB)]);
    await volume.commit(label('both'));
    t.is(volume.stream('index').length, 64 * KiB);
  });
}

/** Of stores in which volumes fail one by one. */
export function brokenCrowds(test: TestFn, make: MakeBench): void {
  test('volumes that have failed give their memory back', async (t) => {
    const bench = make({ memoryBytes: 24 * MiB });
    const group = await bench.open();
    const ids = Array.from({ length: 40 }, (_, index) => `volume${index}`);
    const volumes = await Promise.all(ids.map(async (id) => await group.create(id)));
    const good = await group.create('good');
    bench.disk.fault = ({ kind, path }) =>
      kind === 'write' && path.includes('group/volume') ? 'io' : undefined;
    for (const volume of volumes) {
      await volume.stream('data').append([patternBytes(1, 700_000)]);
      await t.throwsAsync(volume.commit(label('no')), { instanceOf: StoreError });
    }
    await good.stream('data').append([patternBytes(2, 20 * MiB)]);
    await good.commit(label('yes'));
    t.true((await bytesOf(good.stream('data'), 0, 15 * MiB)).equals(patternBytes(2, 15 * MiB)));
  });
}

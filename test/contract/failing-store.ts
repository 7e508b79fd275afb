/** What every implementation of the store keeps when the disk fails or is full. */
import type { TestFn } from 'ava';
import { StoreError } from '#errors';
import { bytesOf, label, type MakeBench, patternBytes } from './store.js';

const KiB = 1024;
const MiB = 1024 * KiB;

export function failingStoreContract(test: TestFn, make: MakeBench): void {
  failures(test, make);
  fullDisks(test, make);
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
      await t.throwsAsync(stream.append([Buffer.alloc(1)]), { code: 'broken' });
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
    await t.throwsAsync(stream.append([patternBytes(9, 100)]), { code: 'full' });
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

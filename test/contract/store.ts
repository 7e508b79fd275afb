/**
 * What every implementation of the store's face keeps, word by word of src/store/store.ts. An implementation brings a bench:
 * a group on a simulated disk that can be opened again and crashed.
 */
import type { TestFn } from 'ava';
import type { ReadableStream, StorageGroup, Stream, Volume } from '#store';
import type { Fate, SimDisk } from '#support';
import { copyOf } from '#wire';

export interface StoreBench {
  readonly disk: SimDisk;
  /** The group of this life. */
  open(): Promise<StorageGroup>;
  /** Ends the life; `open` begins the next. */
  crash(fate?: Fate): void;
}
export interface StoreBenchOptions {
  readonly capacityBytes?: number;
  readonly memoryBytes?: number;
  readonly seed?: number;
  /** Waited for in each call of the disk. */
  readonly delay?: () => Promise<void>;
}
export type MakeBench = (options?: StoreBenchOptions) => StoreBench;

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes that follow from the seed; no two places look alike. */
export function patternBytes(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let x = (seed * 2654435761 + 1) >>> 0 || 1;
  for (let at = 0; at < words.length; at++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[at] = x;
  }
  return Buffer.from(words.buffer, 0, length);
}
export async function bytesOf(stream: ReadableStream, offset: number, length: number): Promise<Buffer> {
  const slab = await stream.read(offset, length);
  const bytes = copyOf(slab);
  slab.release();
  return bytes;
}
export const label = (text: string): Buffer => Buffer.from(text);

export function storeContract(test: TestFn, make: MakeBench): void {
  volumes(test, make);
  views(test, make);
  appends(test, make);
  streams(test, make);
  barrier(test, make);
  longBarrier(test, make);
  readers(test, make);
  memory(test, make);
}

function volumes(test: TestFn, make: MakeBench): void {
  test('a new volume is empty, and its id is taken', async (t) => {
    const group = await make().open();
    const volume = await group.create('one');
    t.is(volume.id, 'one');
    t.is(volume.label.length, 0);
    t.deepEqual(volume.streams(), []);
    t.is(volume.stream('data').length, 0);
    await t.throwsAsync(group.create('one'), { code: 'locked' });
    await t.throwsAsync(group.open('one'), { code: 'locked' });
    await volume.close();
    await t.throwsAsync(group.create('one'), { code: 'locked' });
    const again = await group.open('one');
    await again.close();
    await t.throwsAsync(group.open('two'), { code: 'missing' });
    t.deepEqual(await group.list(), ['one']);
  });

  test('creating is durable, and so is removing', async (t) => {
    const bench = make();
    let group = await bench.open();
    for (const id of ['keep', 'drop']) await (await group.create(id)).close();
    bench.crash('drop');
    group = await bench.open();
    t.deepEqual(await group.list(), ['drop', 'keep']);
    await group.remove('drop');
    await group.remove('drop');
    await group.remove('never');
    bench.crash('drop');
    group = await bench.open();
    t.deepEqual(await group.list(), ['keep']);
    await (await group.create('drop')).close();
  });

  test('a volume that is open is not removed', async (t) => {
    const group = await make().open();
    const volume = await group.create('one');
    await t.throwsAsync(group.remove('one'), { code: 'locked' });
    await volume.close();
    await group.remove('one');
    t.deepEqual(await group.list(), []);
  });

  test('one process has the group at a time', async (t) => {
    const bench = make();
    const group = await bench.open();
    await t.throwsAsync(bench.open(), { code: 'locked' });
    await group.close();
    t.deepEqual(await (await bench.open()).list(), []);
  });
}

function views(test: TestFn, make: MakeBench): void {
  test('a view shows the last commit, and changes nothing', async (t) => {
    const bench = make();
    const group = await bench.open();
    const volume = await group.create('one');
    await volume.stream('data').append([patternBytes(1, 300_000)]);
    await volume.stream('entries', { entryBytes: 24 }).append([patternBytes(2, 240)]);
    await volume.commit(label('committed'));
    await volume.stream('data').append([patternBytes(3, 300_000)]);
    await volume.close();
    const view = await group.view('one');
    t.is(view.id, 'one');
    t.is(view.label.toString(), 'committed');
    t.deepEqual([...view.streams()].toSorted(), ['data', 'entries']);
    const data = view.stream('data');
    t.is(data.length, 300_000);
    t.true((await bytesOf(data, 1000, 200_000)).equals(patternBytes(1, 300_000).subarray(1000, 201_000)));
    const entries = view.stream('entries', { entryBytes: 24 });
    t.true((await bytesOf(entries, 24, 48)).equals(patternBytes(2, 240).subarray(24, 72)));
    t.is(view.stream('other').length, 0);
    await view.close();
    const { bytes, ranges, lost } = await group.verify('one');
    t.deepEqual({ bytes, ranges, lost }, { bytes: 300_240, ranges: [], lost: false });
    await (await group.open('one')).close();
    await t.throwsAsync(group.view('two'), { code: 'missing' });
    await t.throwsAsync(group.verify('two'), { code: 'missing' });
  });
}

function appends(test: TestFn, make: MakeBench): void {
  test('what is appended can be read at once, however it was cut', async (t) => {
    const volume = await (await make().open()).create('one');
    const stream = volume.stream('data');
    const all = patternBytes(1, 5 * MiB + 12345);
    const cuts = [1, 4095, 64 * KiB, 1 * MiB - 1, 3, 2 * MiB, 100_000, 1 * MiB];
    let at = 0;
    for (const cut of cuts) {
      const half = at + Math.floor(cut / 2);
      await stream.append([all.subarray(at, half), all.subarray(half, at + cut)]);
      at += cut;
      t.is(stream.length, at);
      t.true((await bytesOf(stream, at - cut, cut)).equals(all.subarray(at - cut, at)));
    }
    t.true((await bytesOf(stream, 0, at)).equals(all.subarray(0, at)));
    t.true((await bytesOf(stream, 1 * MiB - 7, 2 * MiB + 14)).equals(all.subarray(MiB - 7, 3 * MiB + 7)));
    t.deepEqual(volume.streams(), ['data']);
  });

  test('the memory of an append is free when it resolves', async (t) => {
    const stream = (await (await make().open()).create('one')).stream('data');
    const lent = patternBytes(2, 3 * MiB);
    const copy = Buffer.from(lent);
    await stream.append([lent]);
    lent.fill(0);
    t.true((await bytesOf(stream, 0, copy.length)).equals(copy));
  });

  test('an append that does not wait is done when it returns', async (t) => {
    const stream = (await (await make().open()).create('one')).stream('data');
    await stream.append([patternBytes(1, 1000)]); // makes what is made once
    const lent = patternBytes(2, 1000);
    t.is(stream.append([lent]), undefined);
    t.is(stream.length, 2000);
    lent.fill(0);
    t.true((await bytesOf(stream, 1000, 1000)).equals(patternBytes(2, 1000)));
  });
}

function streams(test: TestFn, make: MakeBench): void {
  test('streams of a volume are apart', async (t) => {
    const volume = await (await make().open()).create('one');
    const names = ['data-0', 'objects-0', 'marks-0'];
    for (let round = 0; round < 20; round++) {
      for (const [index, name] of names.entries()) {
        await volume.stream(name).append([patternBytes(round * 3 + index, 10_000 * (index + 1))]);
      }
    }
    for (const [index, name] of names.entries()) {
      const stream = volume.stream(name);
      const size = 10_000 * (index + 1);
      t.true((await bytesOf(stream, 7 * size, size)).equals(patternBytes(21 + index, size)), name);
    }
  });

  test('truncating, committing and appending leaves nothing of what was there', async (t) => {
    const bench = make();
    const group = await bench.open();
    const volume = await group.create('one');
    const stream = volume.stream('data');
    await stream.append([patternBytes(1, 3 * MiB)]);
    await volume.commit(label('a'));
    for (const length of [2 * MiB + 17, 2 * MiB, 1000, 0]) {
      stream.truncate(length);
      t.is(stream.length, length);
      t.throws(() => void stream.append([Buffer.alloc(1)]), { name: 'AssertionError' });
      await volume.commit(label(`b${length}`));
      await stream.append([patternBytes(length, 1 * MiB)]);
      const expected = Buffer.concat([
        patternBytes(1, 3 * MiB).subarray(0, length),
        patternBytes(length, MiB),
      ]);
      t.true((await bytesOf(stream, 0, stream.length)).equals(expected));
      stream.truncate(length);
      await volume.commit(label(`c${length}`));
    }
    await volume.close();
    const again = await group.open('one');
    t.deepEqual(again.streams(), []);
  });
}

function barrier(test: TestFn, make: MakeBench): void {
  for (const fate of ['drop', 'keep', 'prefix', 'torn'] as const) {
    test(`a volume opens at its last commit after a crash (${fate})`, async (t) => {
      const bench = make({ seed: 7 });
      const volume = await (await bench.open()).create('one');
      const stream = volume.stream('data');
      await stream.append([patternBytes(1, 1.5 * MiB)]);
      await volume.commit(label('first'));
      await stream.append([patternBytes(2, 2 * MiB)]);
      await volume.stream('other').append([patternBytes(3, 100)]);
      bench.crash(fate);
      const again = await (await bench.open()).open('one');
      t.is(again.label.toString(), 'first');
      t.deepEqual(again.streams(), ['data']);
      t.is(again.stream('data').length, 1.5 * MiB);
      t.true((await bytesOf(again.stream('data'), 0, 1.5 * MiB)).equals(patternBytes(1, 1.5 * MiB)));
      await again.stream('data').append([patternBytes(4, 1 * MiB)]);
      t.true((await bytesOf(again.stream('data'), 1.5 * MiB, MiB)).equals(patternBytes(4, MiB)));
    });
  }

  test('closing loses what was not committed', async (t) => {
    const group = await make().open();
    const volume = await group.create('one');
    await volume.stream('data').append([patternBytes(1, 1000)]);
    await volume.commit(label('kept'));
    await volume.stream('data').append([patternBytes(2, 1000)]);
    await volume.close();
    const again = await group.open('one');
    t.is(again.stream('data').length, 1000);
    t.is(again.label.toString(), 'kept');
  });

  test('a commit covers what came before its call, and commits keep their order', async (t) => {
    const bench = make();
    const volume = await (await bench.open()).create('one');
    const stream = volume.stream('data');
    const commits: Promise<void>[] = [];
    const order: number[] = [];
    for (let i = 0; i < 10; i++) {
      await stream.append([patternBytes(i, 50_000)]);
      commits.push(volume.commit(label(`state ${i}`)).then(() => void order.push(i)));
    }
    await stream.append([patternBytes(99, 50_000)]);
    await Promise.all(commits);
    t.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    bench.crash('drop');
    const again = await (await bench.open()).open('one');
    t.is(again.label.toString(), 'state 9');
    t.is(again.stream('data').length, 500_000);
    t.true((await bytesOf(again.stream('data'), 450_000, 50_000)).equals(patternBytes(9, 50_000)));
  });

  test('a commit of nothing new does not touch the disk', async (t) => {
    const bench = make();
    const volume = await (await bench.open()).create('one');
    await volume.stream('data').append([patternBytes(1, 10)]);
    await volume.commit(label('a'));
    const { calls } = bench.disk;
    await volume.commit(label('a'));
    t.is(bench.disk.calls, calls);
  });
}

function longBarrier(test: TestFn, make: MakeBench): void {
  test('a commit ends though appending goes on, faster than the disk', async (t) => {
    const tick = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));
    const stream = (volume: Volume): Stream => volume.stream('data');
    const bench = make({ delay: tick });
    const volume = await (await bench.open()).create('one');
    const piece = patternBytes(1, MiB);
    await stream(volume).append([piece]);
    let committed = false;
    const commit = volume.commit(label('first')).then(() => (committed = true));
    let appended = 0;
    for (; !committed && appended < 100; appended++) await stream(volume).append([piece]);
    t.true(committed, `${appended} appended meanwhile`);
    await commit;
    bench.crash('drop');
    const again = await (await bench.open()).open('one');
    t.is(stream(again).length, MiB);
  });
}

function readers(test: TestFn, make: MakeBench): void {
  test('a slab keeps its bytes until it is released, whatever happens to the stream', async (t) => {
    const volume = await (await make().open()).create('one');
    const stream = volume.stream('data');
    await stream.append([patternBytes(1, 2.5 * MiB)]);
    const slab = await stream.read(MiB, 1.25 * MiB);
    const before = copyOf(slab);
    stream.truncate(Math.floor(1.1 * MiB));
    await volume.commit(label('cut'));
    await stream.append([patternBytes(2, 3 * MiB)]);
    await volume.commit(label('more'));
    t.true(copyOf(slab).equals(before));
    slab.release();
    t.throws(() => slab.release(), { name: 'AssertionError' });
    t.true((await bytesOf(stream, Math.floor(1.1 * MiB), 3 * MiB)).equals(patternBytes(2, 3 * MiB)));
  });

  test('reading forwards, backwards and at random gives the same bytes', async (t) => {
    const group = await make({ memoryBytes: 24 * MiB }).open();
    const volume = await group.create('one');
    const all = patternBytes(5, 40 * MiB);
    for (let at = 0; at < all.length; at += 4 * MiB) {
      await volume.stream('data').append([all.subarray(at, at + 4 * MiB)]);
    }
    await volume.commit(label('all'));
    await volume.close();
    const stream = (await group.open('one')).stream('data');
    const piece = 300_001;
    const count = Math.floor(all.length / piece);
    const forwards = Array.from({ length: count }, (_, index) => index * piece);
    const shuffled = forwards.map((_, index) => ((index * 31) % count) * piece);
    stream.willRead(0);
    for (const offset of [...forwards, ...forwards.toReversed(), ...shuffled]) {
      const slab = await stream.read(offset, piece);
      if (!copyOf(slab).equals(all.subarray(offset, offset + piece))) t.fail(`at ${offset}`);
      slab.release();
    }
    t.pass();
  });
}

function memory(test: TestFn, make: MakeBench): void {
  test('more streams than memory: all go on', async (t) => {
    const bench = make({ memoryBytes: 24 * MiB });
    const group = await bench.open();
    const ids = Array.from({ length: 12 }, (_, index) => `volume${index}`);
    const made = await Promise.all(ids.map(async (id) => await group.create(id)));
    await Promise.all(
      made.map(async (volume, index) => {
        for (let round = 0; round < 6; round++) {
          for (const name of ['a', 'b', 'c']) {
            await volume.stream(name).append([patternBytes(index * 100 + round, 700_000)]);
          }
        }
        await volume.commit(label(`done ${index}`));
      }),
    );
    await Promise.all(
      made.map(async (volume: Volume, index) => {
        const bytes = await bytesOf(volume.stream('b'), 3 * 700_000, 700_000);
        t.true(bytes.equals(patternBytes(index * 100 + 3, 700_000)));
      }),
    );
  });

  test('readers that need much at once wait for each other', async (t) => {
    const group = await make({ memoryBytes: 24 * MiB }).open();
    const volume = await group.create('one');
    const stream = volume.stream('data');
    for (let i = 0; i < 12; i++) await stream.append([patternBytes(i, 4 * MiB)]);
    await volume.commit(label('all'));
    const reads = [0, 8, 16, 24, 32].map(async (place, index) => {
      const slab = await stream.read(place * MiB + 5, 15 * MiB);
      const first = slab.slices[0]?.[0];
      if (index === 0) await volume.commit(label('meanwhile'));
      slab.release();
      return first === patternBytes(place / 4, 4 * MiB)[5];
    });
    t.deepEqual(await Promise.all(reads), [true, true, true, true, true]);
  });
}

/** The chunker in WebAssembly against its definition in TypeScript, and against the cuts of every release. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { top } from '#support';
import type { AverageBytes } from '../../../../src/store/kernels/index.js';
import { gearTable, referenceCuts } from './reference-chunker.js';
import { lines, newState, noise, periodic, Workbench } from './workbench.js';

const bench = await Workbench.open();
const averages: readonly AverageBytes[] = [8192, 16384];

const inputs: Readonly<Record<string, Buffer>> = {
  noise: noise('chunks', 1_000_000),
  text: lines(700_000),
  zeros: Buffer.alloc(300_000),
  ones: Buffer.alloc(300_000, 0xff),
  'period 3': periodic('three', 3, 200_000),
  'period 250': periodic('period', 250, 200_000),
  'period 5000': periodic('long', 5000, 400_000),
  'zeros between noise': Buffer.concat([noise('a', 70_000), Buffer.alloc(150_000), noise('b', 90_000)]),
  empty: Buffer.alloc(0),
  'one byte': Buffer.from('x'),
};

for (const average of averages) {
  for (const [name, bytes] of Object.entries(inputs)) {
    test(`${name} is cut as defined, average ${average}`, (t) => {
      const ours = newState();
      const theirs = newState();
      t.deepEqual(bench.cuts(bytes, average, [], ours), referenceCuts(bytes, theirs, average));
      t.deepEqual(ours, theirs);
    });
  }

  test(`every length around the limits, average ${average}`, (t) => {
    // Zeros make the longest chunk; a prefix of noise moves the limits against the vectors.
    for (const limit of [average / 4 - 16, average / 4, average, average * 4]) {
      for (let length = limit - 70; length <= limit + 70; length++) {
        const bytes = Buffer.alloc(length);
        const ours = newState();
        const theirs = newState();
        t.deepEqual(bench.cuts(bytes, average, [], ours), referenceCuts(bytes, theirs, average));
        t.deepEqual(ours, theirs);
      }
    }
  });

  test(`a cut is found wherever it is, average ${average}`, (t) => {
    // A window that passes the strict mask is laid into zeros at every place of a vector, near each limit.
    const window = windowThatCuts(average);
    for (const limit of [average / 4, average, average * 4]) {
      for (let end = limit - 40; end <= limit + 40; end++) {
        const bytes = Buffer.alloc(average * 4 + 100);
        bytes.set(window, end - window.length);
        t.deepEqual(bench.cuts(bytes, average), referenceCuts(bytes, newState(), average), `${end}`);
      }
    }
  });
}

function windowThatCuts(average: AverageBytes): Buffer {
  const { noise: bytes } = inputs;
  const end = bytes === undefined ? undefined : referenceCuts(bytes, newState(), average)[0];
  if (bytes === undefined || end === undefined) throw new Error('The noise has a cut');
  return bytes.subarray(end - 16, end);
}

test('any split in two changes nothing', (t) => {
  const bytes = Buffer.concat([noise('split', 24_000), lines(12_000)]);
  const whole = newState();
  const expected = bench.cuts(bytes, 8192, [], whole);
  t.true(expected.length > 1);
  for (let split = 0; split <= bytes.length; split++) {
    const state = newState();
    const cuts = bench.cuts(bytes, 8192, [split], state);
    if (cuts.join() !== expected.join() || state.hash !== whole.hash || state.bytes !== whole.bytes) {
      t.fail(`split at ${split}: ${cuts.join()}`);
    }
  }
});

test('many small pieces change nothing', (t) => {
  const bytes = Buffer.concat([lines(50_000), noise('pieces', 80_000)]);
  const expected = referenceCuts(bytes, newState(), 8192);
  for (let piece = 1; piece <= 70; piece++) {
    const splits = Array.from({ length: Math.floor(bytes.length / piece) }, (_, i) => i * piece);
    t.deepEqual(bench.cuts(bytes, 8192, splits), expected, `${piece}`);
  }
});

test('it stops after as many cuts as asked, and goes on from the last', (t) => {
  const bytes = noise('stops', 300_000);
  const expected = referenceCuts(bytes, newState(), 8192);
  const at = bench.put(bytes);
  const state = newState();
  const found: number[] = [];
  for (let from = 0; from < bytes.length;) {
    const count = bench.kernels.cut(at + from, bytes.length - from, state, 8192, 1);
    if (count === 0) break;
    from += bench.kernels.cuts[0] ?? NaN;
    found.push(from);
    t.deepEqual(state, newState());
  }
  t.deepEqual(found, expected);
});

test('a cut depends on the chunk alone: what comes before moves it along', (t) => {
  const bytes = noise('shift', 200_000);
  const cuts = referenceCuts(bytes, newState(), 16384);
  const first = cuts[0] ?? NaN;
  t.deepEqual(
    bench.cuts(bytes.subarray(first), 16384),
    cuts.slice(1).map((cut) => cut - first),
  );
});

test('a run of one byte is never cut before the longest chunk', (t) => {
  const hashes = gearTable.map((entry) => -entry & 0xffff);
  t.true(hashes.every((hash) => (hash & 0xffe0) !== 0));
});

test('the size of chunks of noise is what is asked for', (t) => {
  for (const average of averages) {
    const cuts = bench.cuts(noise('size', 4_000_000), average);
    const mean = (cuts.at(-1) ?? NaN) / cuts.length;
    t.true(mean > average && mean < average * 1.3, `${mean}`);
  }
});

interface Case {
  readonly input: string;
  readonly average: AverageBytes;
  readonly cuts: readonly number[];
}
test('the cuts of every release: a change would make all stored data new', (t) => {
  const cases = JSON.parse(readFileSync(join(top, 'fixtures/chunks/cuts.json'), 'utf8')) as readonly Case[];
  for (const { input, average, cuts } of cases) {
    const bytes = inputs[input];
    if (bytes === undefined) return t.fail(input);
    t.deepEqual(bench.cuts(bytes, average).slice(0, cuts.length), cuts, input);
  }
  return t.is(cases.length, 8);
});

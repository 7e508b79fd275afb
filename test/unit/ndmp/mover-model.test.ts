/** Any order of requests and events: the mover is what the model says, after each of them. */
import test from 'ava';
import fc from 'fast-check';
import type { NdmpVersion } from '../../../src/ndmp/xdr.js';
import { anyLandings } from './fake-landings.js';
import { MoverModel } from './mover-model.js';
import {
  accept,
  ask,
  connect,
  endStream,
  feed,
  listen,
  mount,
  open,
  read,
  Real,
  setRecordSize,
  setWindow,
  setWindowHere,
  type Step,
} from './mover-steps.js';
import { allOnes, quiet } from './mover-world.js';

const modes = fc.constantFrom<'read' | 'write'>('read', 'write');
const sizes = fc.constantFrom(0n, 100n, 300n, 600n, 1000n, allOnes);
const offsets = fc.constantFrom(0n, 3n, 100n, 250n, 599n, 600n, 1000n, 1050n, 1100n, 7000n);
const lengths = fc.constantFrom(0n, 1n, 50n, 100n, 350n, allOnes);

/** As often as they lead somewhere. */
const steps: readonly (readonly [number, fc.Arbitrary<Step>])[] = [
  [
    3,
    fc.tuple(modes, fc.constantFrom<'local' | 'tcp'>('local', 'tcp')).map(([mode, by]) => listen(mode, by)),
  ],
  [4, fc.constant(accept())],
  [2, modes.map((mode) => connect(mode))],
  [2, fc.constantFrom(100, 100, 50, 250, 7, 0).map((bytes) => setRecordSize(bytes))],
  [2, fc.tuple(sizes, sizes).map(([offset, length]) => setWindow(offset, length))],
  [4, sizes.map((length) => setWindowHere(length))],
  [5, fc.tuple(offsets, lengths).map(([offset, length]) => read(offset, length))],
  [5, fc.constant(ask('continue'))],
  [1, fc.constantFrom<'abort' | 'close'>('abort', 'close').map((name) => ask(name))],
  [2, fc.constant(ask('stop'))],
  [6, fc.constantFrom(1, 60, 100, 340, 1000).map((bytes) => feed(bytes))],
  [1, fc.constantFrom<'ended' | 'cut'>('ended', 'ended', 'cut').map((how) => endStream(how))],
  [4, fc.tuple(fc.nat(3), fc.nat(2)).map(([which, place]) => mount(which, place))],
  [
    2,
    fc
      .constantFrom<'read' | 'read-write' | undefined>('read', 'read-write', 'read-write', undefined)
      .map((mode) => open(mode)),
  ],
];
const weighted = steps.flatMap(([weight, arbitrary]) => Array.from({ length: weight }, () => arbitrary));

/** Where a run begins: with nothing, or in the middle of a backup or recovery. */
const beginnings = fc.constantFrom<() => Step[]>(
  () => [],
  () => [setRecordSize(100), mount(1, 0), listen('read', 'tcp'), accept(), feed(340)],
  () => [setRecordSize(50), setWindow(0n, 100n), connect('read'), feed(60)],
  () => [
    setRecordSize(100),
    mount(2, 1),
    setWindow(0n, 600n),
    listen('write', 'tcp'),
    accept(),
    read(250n, allOnes),
  ],
  () => [setRecordSize(100), mount(2, 1), connect('write'), read(0n, allOnes)],
  () => [setRecordSize(250), mount(3, 1), connect('write'), read(0n, 350n)],
);

test('in any order of requests and events the mover is what the model says', async (t) => {
  const versions = fc.constantFrom<NdmpVersion>(2, 3, 4);
  await fc.assert(
    fc.asyncProperty(
      versions,
      beginnings,
      fc.commands(weighted, { maxCommands: 60, size: 'max' }),
      anyLandings,
      async (version, beginning, commands, landings) => {
        const model = new MoverModel(version, {
          name: 'none',
          objects: [],
          earlyAfter: Infinity,
          endsAfter: Infinity,
        });
        const real = new Real(version, landings);
        for (const step of beginning()) await step.run(model, real);
        await fc.asyncModelRun(() => ({ model, real }), commands);
        real.world.mover.end();
        await quiet();
        if (!real.world.isClean) throw new Error('Something is taken after the end of the session');
      },
    ),
    { numRuns: 400, includeErrorInReport: true },
  );
  t.pass();
});

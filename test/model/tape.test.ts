/** A drive against an array of objects: writing, reading both ways, spacing, locating, erasing, reloading, crashing. */
import test from 'ava';
import fc from 'fast-check';
import type { Disk } from '#env';
import { realEnv } from '#env';
import { FileGroup } from '#store';
import { type Fate, SimDisk } from '#support';
import { Cartridge, Drive, DriveError, mediumOf } from '#vtl';
import { copyOf } from '#wire';
import { SimRandom } from '../sim/sim-random.js';
import { recordBytes, TapeModel, type TapeObject } from '../sim/tape-model.js';

const MiB = 1024 * 1024;
const seeds = fc.integer({ min: 1, max: 2 ** 31 });
const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 5000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 700_000 }) },
);
const count = fc.integer({ min: -6, max: 6 });
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('write' as const), seed: seeds, length, times: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('filemarks' as const), count: fc.integer({ min: 0, max: 3 }), immediate: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), times: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reverse' as const), times: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('space-blocks' as const), count }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('space-filemarks' as const), count }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('space-runs' as const), count: fc.integer({ min: -3, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('locate' as const), share: fc.double({ min: 0, max: 1.1, noNaN: true }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('locate-file' as const), file: fc.integer({ min: 0, max: 8 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('eod' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rewind' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reload' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), fate: fc.constantFrom<Fate>('drop', 'keep', 'prefix', 'torn') }) },
); // prettier-ignore
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Motion = Extract<Step, { do: `space-${string}` | `locate${string}` | 'eod' | 'rewind' }>;

class World {
  readonly #disk: SimDisk;
  readonly #model = new TapeModel('A00001L8');
  #life: Disk | undefined;
  #drive: Drive | undefined;

  constructor(seed: number) {
    this.#disk = new SimDisk({ dice: new SimRandom(seed) });
  }
  async drive(): Promise<Drive> {
    if (this.#drive !== undefined) return this.#drive;
    this.#life ??= this.#disk.begin();
    const env = { ...realEnv(), disk: this.#life };
    const group = await FileGroup.open({ env, folder: 'group', reserveBytes: 0, memoryBytes: 24 * MiB });
    const options = { env, group, id: 'A', barcode: 'A00001L8', medium: mediumOf('LTO-8') };
    const known = (await group.list()).includes('A');
    const cartridge = known ? new Cartridge(options) : await Cartridge.create(options);
    this.#drive = new Drive({ env, id: 'drive0', serial: 'S0', generation: 8 });
    await this.#drive.insert(cartridge);
    equal(this.#drive.state, 'ready', 'state');
    return this.#drive;
  }

  async run(one: Step): Promise<void> {
    const drive = await this.drive();
    await this.#act(drive, one);
    this.#checkPosition(await this.drive());
  }
  #checkPosition(drive: Drive): void {
    const { objects, position } = this.#model;
    const found = drive.position;
    equal(found.object, position, 'object');
    equal(found.file, objects.slice(0, position).filter(({ kind }) => kind === 'filemark').length, 'file');
    equal(found.eod, position === objects.length, 'eod');
    equal(found.bop, position === 0, 'bop');
    equal(drive.partitions[0]?.objects, objects.length, 'objects');
  }

  async #act(drive: Drive, one: Step): Promise<void> {
    const model = this.#model;
    switch (one.do) {
      case 'write':
        for (let i = 0; i < one.times; i++) await this.#write(drive, one.seed + i, one.length);
        return;
      case 'filemarks':
        if (one.count > 0)
          model.writing(Array.from({ length: one.count }, () => ({ kind: 'filemark' as const })));
        await drive.writeFilemarks(one.count, { immediate: one.immediate });
        if (one.count > 0) model.written();
        if (!one.immediate) model.synchronized();
        return;
      case 'read':
        for (let i = 0; i < one.times; i++) same(await drive.readRecord(), model.read());
        return;
      case 'reverse':
        for (let i = 0; i < one.times; i++) {
          const expected = model.objects[model.position - 1];
          if (expected !== undefined) model.position -= 1;
          same(await drive.readReverse(), expected);
        }
        return;
      case 'reload':
        await drive.unload();
        model.synchronized();
        await drive.load();
        model.position = 0;
        return;
      case 'crash':
        return await this.#crash(one.fate);
      case 'erase':
        model.writing([]);
        await drive.erase(false);
        model.written();
        model.synchronized();
        return;
      case 'space-blocks':
      case 'space-filemarks':
      case 'space-runs':
      case 'locate':
      case 'locate-file':
      case 'eod':
      case 'rewind':
        return await this.#move(drive, one);
    }
  }
  async #write(drive: Drive, seed: number, bytes: number): Promise<void> {
    this.#model.writing([{ kind: 'record', seed, length: bytes }]);
    const record = recordBytes(seed, bytes);
    let released = 0;
    const half = Math.floor(bytes / 2);
    const slices = half > 0 ? [record.subarray(0, half), record.subarray(half)] : [record];
    await drive.writeRecord({ length: bytes, slices, release: () => (released += 1) });
    equal(released, 1, 'releases');
    this.#model.written();
  }
  async #move(drive: Drive, one: Motion): Promise<void> {
    const model = this.#model;
    model.synchronized(); // motion is a barrier
    switch (one.do) {
      case 'space-blocks':
        deepEqual(await drive.space('blocks', one.count), model.spaceBlocks(one.count));
        return;
      case 'space-filemarks':
        deepEqual(await drive.space('filemarks', one.count), model.spaceFilemarks(one.count));
        return;
      case 'space-runs':
        deepEqual(await drive.space('sequential-filemarks', one.count), spaceRuns(model, one.count));
        return;
      case 'locate': {
        const object = Math.floor(one.share * model.objects.length);
        const beyond = object > model.objects.length;
        equal(await outcome(drive.locate({ object })), beyond ? 'eod' : 'done', 'locate');
        model.position = Math.min(object, model.objects.length);
        return;
      }
      case 'locate-file': {
        const marks = model.objects.flatMap(({ kind }, index) => (kind === 'filemark' ? [index + 1] : []));
        const found = [0, ...marks][one.file];
        equal(
          await outcome(drive.locate({ file: one.file })),
          found === undefined ? 'eod' : 'done',
          'locate file',
        );
        model.position = found ?? model.objects.length;
        return;
      }
      case 'eod':
        await drive.space('eod', 0);
        model.position = model.objects.length;
        return;
      case 'rewind':
        await drive.rewind();
        model.position = 0;
    }
  }
  async #crash(fate: Fate): Promise<void> {
    this.#disk.crash(fate);
    this.#life = this.#drive = undefined;
    const drive = await this.drive();
    const found: (TapeObject | 'other')[] = [];
    for (;;) {
      const next = await drive.readRecord();
      if (next.kind === 'eod') break;
      if (next.kind === 'filemark') found.push(next);
      else {
        found.push(this.#model.identify(copyOf(next.record)) ?? 'other');
        next.record.release();
      }
    }
    const wrong = this.#model.found(found, 'crash');
    if (wrong !== undefined) throw new Error(wrong);
    this.#model.synchronized();
    await drive.rewind();
    this.#model.position = 0;
  }
}

/** SPACE over sequential filemarks, by the words of the standard. */
function spaceRuns(model: TapeModel, count: number): { moved: number; stoppedBy?: 'eod' | 'bop' } {
  const run = Math.abs(count);
  if (run === 0) return { moved: 0 };
  const step = Math.sign(count);
  let seen = 0;
  for (;;) {
    const next = model.objects[step > 0 ? model.position : model.position - 1];
    if (next === undefined) return { moved: 0, stoppedBy: step > 0 ? 'eod' : 'bop' };
    model.position += step;
    seen = next.kind === 'filemark' ? seen + 1 : 0;
    if (seen === run) return { moved: run };
  }
}
async function outcome(motion: Promise<void>): Promise<string> {
  return await motion.then(
    () => 'done',
    (error: unknown) => (error instanceof DriveError ? error.code : String(error)),
  );
}
type Found = Awaited<ReturnType<Drive['readRecord']>> | Awaited<ReturnType<Drive['readReverse']>>;
function same(found: Found, expected: TapeObject | undefined): void {
  const kind = found.kind === 'eod' || found.kind === 'bop' ? undefined : found.kind;
  equal(kind, expected?.kind, 'kind');
  if (found.kind !== 'record') return;
  const bytes = copyOf(found.record);
  found.record.release();
  if (expected?.kind !== 'record' || !bytes.equals(recordBytes(expected.seed, expected.length))) {
    throw new Error('other bytes');
  }
}
function equal(found: unknown, expected: unknown, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)} instead of ${String(expected)}`);
}
const deepEqual = (found: unknown, expected: unknown): void =>
  equal(JSON.stringify(found), JSON.stringify(expected), 'result');

test('a drive is an array of objects that survives crashes', async (t) => {
  const property = fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 5, maxLength: 60 }), async (seed, steps) => {
    const world = new World(seed);
    for (const one of steps) await world.run(one);
  }); // prettier-ignore
  await fc.assert(property, { numRuns: 150, seed: 20250102, includeErrorInReport: true });
  t.pass();
});

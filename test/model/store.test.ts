/** FileGroup against arrays of bytes, with crashes at any disk call. */
import test from 'ava';
import fc from 'fast-check';
import { StoreError } from '#errors';
import type { Disk } from '#env';
import { realEnv } from '#env';
import { FileGroup, type Volume } from '#store';
import { type Fate, SimDisk } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../contract/store.js';
import { SimRandom } from '../sim/sim-random.js';

const MiB = 1024 * 1024;
type State = { readonly label: string; readonly streams: Readonly<Record<string, Buffer>> };
const NAMES = ['data', 'objects'] as const;
type Name = (typeof NAMES)[number];

const name = fc.constantFrom(...NAMES);
const fate = fc.constantFrom<Fate>('drop', 'keep', 'prefix', 'torn');
const size = fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 1_400_000 }));
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), name, size }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('truncate' as const), name, share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), name, from: fc.double({ min: 0, max: 0.99, noNaN: true }), size }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), fate }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash-in-commit' as const), fate, calls: fc.integer({ min: 0, max: 9 }) }) },
); // prettier-ignore
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const empty: State = { label: '', streams: {} };
const lengthOf = (state: State, of: Name): number => state.streams[of]?.length ?? 0;

class World {
  readonly disk: SimDisk;
  #life: Disk | undefined;
  #group: FileGroup | undefined;
  #volume: Volume | undefined;
  #now = empty;
  #committed = empty;
  #commits = 0;
  #appends = 0;
  #truncated = false;

  constructor(seed: number) {
    this.disk = new SimDisk({ dice: new SimRandom(seed) });
  }
  async open(): Promise<Volume> {
    if (this.#volume !== undefined) return this.#volume;
    this.#life ??= this.disk.begin();
    const env = { ...realEnv(), disk: this.#life };
    this.#group ??= await FileGroup.open({ env, folder: 'group', reserveBytes: 0, memoryBytes: 24 * MiB });
    const made = (await this.#group.list()).includes('one');
    this.#volume = made ? await this.#group.open('one') : await this.#group.create('one');
    return this.#volume;
  }
  async run(one: Step): Promise<void> {
    const volume = await this.open();
    switch (one.do) {
      case 'append':
        return await this.#append(volume, one.name, one.size);
      case 'truncate': {
        const length = Math.floor(one.share * lengthOf(this.#now, one.name));
        volume.stream(one.name).truncate(length);
        const kept = this.#now.streams[one.name]?.subarray(0, length) ?? Buffer.alloc(0);
        this.#now = { ...this.#now, streams: { ...this.#now.streams, [one.name]: kept } };
        this.#truncated = true;
        return;
      }
      case 'commit':
        return await this.#commit(volume);
      case 'read':
        return await this.#read(volume, one.name, one.from, one.size);
      case 'reopen':
        await volume.close();
        this.#volume = undefined;
        return await this.#reopened([this.#committed]);
      case 'crash':
        this.#crash(one.fate);
        return await this.#reopened([this.#committed]);
      case 'crash-in-commit':
        return await this.#crashInCommit(volume, one.fate, one.calls);
    }
  }
  async #append(volume: Volume, to: Name, bytes: number): Promise<void> {
    if (this.#truncated) await this.#commit(volume);
    const added = patternBytes((this.#appends += 1), bytes);
    const half = Math.floor(bytes / 3);
    await volume.stream(to).append([added.subarray(0, half), added.subarray(half)]);
    const grown = Buffer.concat([this.#now.streams[to] ?? Buffer.alloc(0), added]);
    this.#now = { ...this.#now, streams: { ...this.#now.streams, [to]: grown } };
  }
  /** The label is longer than a sector, so that the commit record can tear. */
  #next(): State {
    this.#commits += 1;
    return { ...this.#now, label: `state ${this.#commits} ${`${this.#commits},`.repeat(500)}` };
  }
  async #commit(volume: Volume): Promise<void> {
    const next = this.#next();
    await volume.commit(Buffer.from(next.label));
    this.#now = this.#committed = next;
    this.#truncated = false;
  }
  async #read(volume: Volume, of: Name, from: number, bytes: number): Promise<void> {
    const all = this.#now.streams[of];
    if (all === undefined || all.length === 0) return;
    const offset = Math.floor(from * all.length);
    const length = Math.min(bytes, all.length - offset);
    const slab = await volume.stream(of).read(offset, length);
    const same = copyOf(slab).equals(all.subarray(offset, offset + length));
    slab.release();
    if (!same) throw new Error(`${of}: other bytes at ${offset}`);
  }
  #crash(how: Fate): void {
    this.disk.crash(how);
    this.#life = this.#group = this.#volume = undefined;
    this.#truncated = false;
  }
  async #crashInCommit(volume: Volume, how: Fate, calls: number): Promise<void> {
    const next = this.#next();
    let left = calls;
    const died = new Promise<'died'>((resolve) => {
      this.disk.fault = () => {
        if (left-- > 0) return undefined;
        resolve('died');
        return 'hang';
      };
    });
    const outcome = await Promise.race([
      volume.commit(Buffer.from(next.label)).then(() => 'done' as const),
      died,
    ]);
    this.disk.fault = undefined;
    this.#crash(how);
    await this.#reopened(outcome === 'done' ? [next] : [this.#committed, next]);
  }
  /** It must be in one of the states, whole. */
  async #reopened(possible: readonly State[]): Promise<void> {
    const volume = await this.open();
    const found = possible.find(({ label }) => label === volume.label.toString());
    if (found === undefined) throw new Error(`opened at "${volume.label.toString()}"`);
    this.#now = this.#committed = found;
    this.#truncated = false;
    for (const one of NAMES) {
      const expected = found.streams[one] ?? Buffer.alloc(0);
      const stream = volume.stream(one);
      if (stream.length !== expected.length)
        throw new Error(`${one} has ${stream.length} of ${expected.length}`);
      await this.#read(volume, one, 0, expected.length);
    }
  }
}

test('FileGroup is an array of bytes that survives crashes', async (t) => {
  const property = fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 5, maxLength: 40 }), async (seed, steps) => {
    const world = new World(seed);
    for (const one of steps) await world.run(one);
  }); // prettier-ignore
  await fc.assert(property, { numRuns: 120, seed: 20250101, includeErrorInReport: true });
  t.pass();
});

test('a commit slot that rots after a clean close is healed by the other', async (t) => {
  const world = new World(1);
  let volume = await world.open();
  await volume.stream('data').append([patternBytes(1, 5000)]);
  await volume.commit(Buffer.from('state'));
  await volume.close();
  const { disk } = world;
  for (const slot of [0, 1]) disk.rot('group/one.volume/commit', slot * 128 * 1024 + 20, 3);
  const env = { ...realEnv(), disk: disk.begin() };
  const group = await FileGroup.open({ env, folder: 'group', reserveBytes: 0 });
  await t.throwsAsync(group.open('one'), { instanceOf: StoreError, code: 'corrupt' });
  disk.rot('group/one.volume/commit', 20, 3);
  volume = await group.open('one');
  t.is(volume.label.toString(), 'state');
  t.is(volume.stream('data').length, 5000);
});

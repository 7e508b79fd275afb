/** A store against arrays of bytes, with crashes at any disk call. */
import fc from 'fast-check';
import type { Disk } from '#env';
import { type Env, realEnv } from '#env';
import type { StorageGroup, Stream, Volume } from '#store';
import { type Fate, SimDisk } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../contract/store.js';
import { SimRandom } from '../sim/sim-random.js';

type State = { readonly label: string; readonly streams: Readonly<Record<string, Buffer>> };
const NAMES = ['data', 'objects'] as const;
type Name = (typeof NAMES)[number];

/** A group that may be able to collect what is not needed. */
export type Collecting = StorageGroup & { collect?(): Promise<unknown> };
export type OpenGroup = (env: Env) => Promise<Collecting>;

const name = fc.constantFrom(...NAMES);
const fate = fc.constantFrom<Fate>('drop', 'keep', 'prefix', 'torn');
const size = fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 1_400_000 }));
export const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), name, size }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('truncate' as const), name, share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), name, from: fc.double({ min: 0, max: 0.99, noNaN: true }), size }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('collect' as const), beside: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), fate }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash-in-commit' as const), fate, calls: fc.integer({ min: 0, max: 9 }) }) },
); // prettier-ignore
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const empty: State = { label: '', streams: {} };
/** The second is told to be of entries; what a store makes of that is its own. */
const streamOf = (volume: Volume, of: Name): Stream =>
  volume.stream(of, of === 'objects' ? { entryBytes: 24 } : {});
const lengthOf = (state: State, of: Name): number => state.streams[of]?.length ?? 0;

export class World {
  readonly disk: SimDisk;
  #life: Disk | undefined;
  #group: Collecting | undefined;
  #collection: Promise<unknown> | undefined;
  readonly #openGroup: OpenGroup;
  #volume: Volume | undefined;
  #now = empty;
  #committed = empty;
  #commits = 0;
  #appends = 0;
  #truncated = false;

  constructor(seed: number, openGroup: OpenGroup) {
    this.#openGroup = openGroup;
    this.disk = new SimDisk({ dice: new SimRandom(seed) });
  }
  async open(): Promise<Volume> {
    if (this.#volume !== undefined) return this.#volume;
    this.#life ??= this.disk.begin();
    const env = { ...realEnv(), disk: this.#life };
    this.#group ??= await this.#openGroup(env);
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
        streamOf(volume, one.name).truncate(length);
        const kept = this.#now.streams[one.name]?.subarray(0, length) ?? Buffer.alloc(0);
        this.#now = { ...this.#now, streams: { ...this.#now.streams, [one.name]: kept } };
        this.#truncated = true;
        return;
      }
      case 'commit':
        return await this.#commit(volume);
      case 'read':
        return await this.#read(volume, one.name, one.from, one.size);
      case 'collect': {
        if (this.#collection !== undefined) return;
        const ended = this.#group?.collect?.();
        if (one.beside) {
          this.#collection = ended?.finally(() => {
            this.#collection = undefined;
          });
        } else await ended;
        return;
      }
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
    // Some of what is appended was there before.
    const added = patternBytes(((this.#appends += 1) * 5) % 7, bytes);
    const half = Math.floor(bytes / 3);
    await streamOf(volume, to).append([added.subarray(0, half), added.subarray(half)]);
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
    const slab = await streamOf(volume, of).read(offset, length);
    const same = copyOf(slab).equals(all.subarray(offset, offset + length));
    slab.release();
    if (!same) throw new Error(`${of}: other bytes at ${offset}`);
  }
  #crash(how: Fate): void {
    this.disk.crash(how);
    this.#life = this.#group = this.#volume = this.#collection = undefined;
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
      const stream = streamOf(volume, one);
      if (stream.length !== expected.length)
        throw new Error(`${one} has ${stream.length} of ${expected.length}`);
      await this.#read(volume, one, 0, expected.length);
    }
  }
}

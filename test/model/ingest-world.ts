/**
 * IngestWorld: two tapes of a group whose crew is late and in no order (`DelayedCrew`), written, cut, committed and read without waiting
 * for one another, on a disk that fills up and fails: held against arrays of bytes.
 */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { type Disk, realEnv } from '#env';
import { StoreError } from '#errors';
import { Arena, DedupGroup, type KeySource, type Stream, type Volume } from '#store';
import { DelayedCrew, SimDisk } from '#support';
import { copyOf, type Slab } from '#wire';
import { patternBytes } from '../contract/store.js';
import { SimRandom } from '../sim/sim-random.js';
import { keyFiles } from './group-keys.js';

const MiB = 1024 * 1024;
/** What was stored before, as often as not. */
const known = Buffer.concat([
  patternBytes(1, 5 * MiB),
  Buffer.alloc(MiB, 'as it goes on and on'),
  patternBytes(2, 3 * MiB),
]);

const who = fc.constantFrom(0, 1);
const waits = fc.boolean();
const share = fc.double({ min: 0, max: 1, noNaN: true });
const size = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 5000 }) },
  { weight: 4, arbitrary: fc.integer({ min: 5000, max: 900_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 900_000, max: 6_000_000 }) },
);
export const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('append' as const), who, size, fresh: fc.boolean(), from: fc.constantFrom('anywhere' as const, 'first' as const, 'any' as const), share, waits }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('land' as const), who, size, fresh: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), who, share }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('commit' as const), who, waits }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('truncate' as const), who, share, waits }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), who, share, size, waits }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), who, waits }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('room' as const), bytes: fc.constantFrom(0, 100_000, 1_500_000, 1e12) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('quota' as const), bytes: fc.constantFrom(0, 100_000, 1_500_000, 4_000_000, 1e12) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fault' as const), kind: fc.constantFrom('write' as const, 'sync' as const, 'free' as const, 'read' as const), after: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('collect' as const), waits }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
); // prettier-ignore
export type IngestStep = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Committed {
  readonly label: string;
  readonly bytes: Buffer;
}
const codeOf = (error: unknown): string => {
  if (error instanceof StoreError) return error.code;
  throw error;
};

/** Bytes on their way to a stream: half of them are there. */
class Coming {
  readonly #bytes: Buffer;
  readonly #slab: Slab;
  constructor(bytes: Buffer, slab: Slab) {
    this.#bytes = bytes;
    this.#slab = slab;
    this.#fill(0, bytes.length >> 1);
  }
  get bytes(): Buffer {
    return this.#bytes;
  }
  #fill(from: number, to: number): void {
    let begin = 0;
    for (const slice of this.#slab.slices) {
      if (from < begin + slice.length)
        this.#bytes.copy(slice, Math.max(0, from - begin), Math.max(from, begin), to);
      begin += slice.length;
    }
  }
  /** All of them; where they land there are no others. */
  come(): readonly Buffer[] {
    if (this.#slab.length === 0) return [this.#bytes];
    const half = this.#bytes.length >> 1;
    assert(
      copyOf(this.#slab).subarray(0, half).equals(this.#bytes.subarray(0, half)),
      'a landing is its own',
    );
    this.#fill(half, this.#bytes.length);
    return this.#slab.slices;
  }
  /** It was appended. */
  gone(): void {
    this.#slab.release();
  }
  release(): void {
    this.come();
    this.gone();
  }
}

/** A tape and whoever writes it. */
class Writer {
  readonly id: string;
  /** Of landings, whether the volume is open still or not. */
  #coming: Coming[] = [];
  volume: Volume | undefined;
  /** With what an append under way adds. */
  #bytes: Buffer = Buffer.alloc(0);
  /** The last one acknowledged, then those that were asked for since. */
  #states: Committed[] = [{ label: '', bytes: Buffer.alloc(0) }];
  #commits = 0;
  #isCut = false;
  #appending: Promise<void> = Promise.resolve();
  #others: Promise<void>[] = [];
  /** The volume must be opened again. */
  #isBroken = false;
  #place = 0;

  constructor(id: string) {
    this.id = id;
  }
  async open(group: DedupGroup): Promise<void> {
    if (this.volume !== undefined) return;
    try {
      const isThere = (await group.list()).includes(this.id);
      assert(isThere || this.#states[0]?.label === '', 'it was committed and is gone');
      this.volume = isThere ? await group.open(this.id) : await group.create(this.id);
      this.#found(this.volume.label.toString());
      await this.readAll();
    } catch (error) {
      if (codeOf(error) === 'corrupt') throw error;
      await this.volume?.close();
      this.volume = undefined;
      this.#isBroken = false;
    }
  }
  #found(label: string): void {
    const state = this.#states.find((one) => one.label === label);
    assert(state !== undefined, `${this.id} opened at "${label}"`);
    this.#states = [state];
    this.#bytes = state.bytes;
    this.#isCut = this.#isBroken = false;
    assert.equal(this.stream.length, state.bytes.length, this.id);
  }
  get stream(): Stream {
    assert(this.volume !== undefined);
    return this.volume.stream('data');
  }
  /** Nothing is under way any more. */
  async settled(): Promise<void> {
    await this.#appending;
    for (const one of this.#others.splice(0)) await one;
  }
  #next(size: number, fresh: boolean): Buffer {
    const from = this.#place % known.length;
    const next = fresh ? patternBytes((this.#place % 1e6) + 7, size) : known.subarray(from, from + size);
    this.#place = fresh ? this.#place * 3 + 1 : this.#place + next.length;
    return next;
  }
  land(size: number, fresh: boolean): void {
    const bytes = this.#next(size, fresh);
    const slab = this.#isBroken ? undefined : this.stream.landing?.(bytes.length);
    if (slab !== undefined) this.#coming.push(new Coming(bytes, slab));
  }
  #comes(share: number): Coming | undefined {
    return this.#coming.splice(Math.floor(share * this.#coming.length), 1)[0];
  }
  /** It will not be appended. */
  drop(share: number): void {
    this.#comes(share)?.release();
  }
  /** Begins it; resolves when it may be waited for, with what to wait for. */
  async append({
    size,
    fresh,
    from,
    share,
  }: Extract<IngestStep, { do: 'append' }>): Promise<Promise<void>[]> {
    await this.#appending;
    if (this.#isCut) {
      await this.settled();
      await this.commit();
    }
    if (this.#isCut || this.#isBroken) return []; // it could not be committed
    const coming = from === 'anywhere' ? undefined : this.#comes(from === 'first' ? 0 : share);
    this.#appending = this.#append(coming?.bytes ?? this.#next(size, fresh), coming);
    return [this.#appending];
  }
  async #append(added: Buffer, coming: Coming | undefined): Promise<void> {
    const { stream } = this;
    const before = this.#bytes;
    assert.equal(stream.length, before.length);
    this.#bytes = Buffer.concat([before, added]);
    const lent = Buffer.from(added);
    try {
      const parts = [lent.subarray(0, lent.length >> 2), lent.subarray(lent.length >> 2)];
      await stream.append(coming?.come() ?? parts);
      assert.equal(stream.length, this.#bytes.length);
    } catch (error) {
      this.#bytes = before;
      this.#noteFailure(error);
      assert.equal(stream.length, before.length);
    }
    lent.fill(0xee); // it was lent until now
    coming?.gone();
  }
  #noteFailure(error: unknown): void {
    const code = codeOf(error);
    assert(['full', 'io', 'broken'].includes(code), code);
    if (code !== 'full') this.#isBroken = true;
  }
  async commit(): Promise<void> {
    assert(this.volume !== undefined);
    const number = (this.#commits += 1);
    const isCut = this.#isCut;
    const state = { label: `${number}`, bytes: this.#bytes.subarray(0, this.stream.length) };
    this.#states.push(state);
    try {
      await this.volume.commit(Buffer.from(state.label));
      const first = Number(this.#states[0]?.label);
      if (first < number) this.#states.splice(0, this.#states.indexOf(state));
      if (isCut) this.#isCut = false;
    } catch (error) {
      this.#noteFailure(error);
    }
  }
  async truncate(share: number): Promise<void> {
    await this.settled();
    if (this.#isBroken || this.#isCut) return;
    const length = Math.floor(share * this.#bytes.length);
    try {
      this.stream.truncate(length);
    } catch (error) {
      this.#noteFailure(error);
      return;
    }
    this.#bytes = this.#bytes.subarray(0, length);
    this.#isCut = true;
  }
  async read(share: number, size: number): Promise<void> {
    const { length } = this.stream;
    const offset = Math.floor(share * Math.max(0, length - 1));
    const bytes = Math.min(size, length - offset);
    if (bytes > 0) await this.#readAt(offset, bytes);
  }
  /** By parts that a pool has memory for. */
  async readAll(): Promise<void> {
    const { length } = this.stream;
    for (let at = 0; at < length; at += 4 * MiB) await this.#readAt(at, Math.min(4 * MiB, length - at));
  }
  async #readAt(offset: number, bytes: number): Promise<void> {
    const { length } = this.stream;
    const expected = this.#bytes.subarray(offset, offset + bytes);
    try {
      const slab = await this.stream.read(offset, bytes);
      const got = copyOf(slab);
      slab.release();
      const at = got.findIndex((byte, index) => byte !== expected[index]);
      if (!got.equals(expected)) assert.fail(`${this.id}: other bytes at ${offset + at} of ${length}`);
    } catch (error) {
      this.#noteFailure(error);
    }
  }
  async begin(work: Promise<void>, waits: boolean): Promise<void> {
    this.#others.push(work);
    if (waits) await work;
  }
  /** `waits`: for what is under way, or it is cut short. */
  async close(waits: boolean): Promise<void> {
    if (waits) await this.settled();
    await this.volume?.close();
    await this.settled();
    this.volume = undefined;
  }
  async reopenIfBroken(): Promise<void> {
    if (this.#isBroken) await this.close(true);
  }
  died(): void {
    this.#coming = [];
    this.volume = undefined;
    this.#appending = Promise.resolve();
    this.#others = [];
  }
}

export class IngestWorld {
  readonly #dice: SimRandom;
  readonly #disk: SimDisk;
  readonly #arena = new Arena();
  /** A third of the groups are encrypted. */
  readonly #keys: { readonly keySource?: KeySource };
  readonly #writers = [new Writer('one'), new Writer('two')];
  #life: Disk | undefined;
  #group: DedupGroup | undefined;
  #collection: Promise<void> = Promise.resolve();

  constructor(seed: number) {
    this.#dice = new SimRandom(seed);
    this.#keys = this.#dice.chance(1 / 3) ? { keySource: { kind: 'file', path: '/key' } } : {};
    this.#disk = new SimDisk({ dice: this.#dice.fork() });
  }
  async run(steps: readonly IngestStep[]): Promise<void> {
    for (const one of steps) await this.#step(one);
    this.#disk.fault = undefined;
    this.#disk.capacityBytes = 1e12;
    await this.#all(async (writer) => {
      await writer.settled();
      await writer.reopenIfBroken();
    });
    const group = await this.#open();
    group.configure({ capacityBytes: 1e12 });
    await this.#all(async (writer) => {
      await writer.open(group);
      await writer.commit();
      await writer.readAll();
      await writer.close(true);
      await writer.open(group);
    });
    await this.#collection;
    const { damaged } = await group.scrub();
    assert.equal(damaged.size, 0);
    await group.close();
  }
  async #all(act: (writer: Writer) => Promise<void>): Promise<void> {
    await Promise.all(this.#writers.map(async (writer) => await act(writer)));
  }
  async #open(): Promise<DedupGroup> {
    if (this.#group !== undefined) return this.#group;
    const dice = this.#dice.fork();
    const delay = async (): Promise<void> => {
      for (let left = dice.integer(20); left > 0; left--) await Promise.resolve();
    };
    this.#life ??= this.#disk.begin({ delay });
    this.#group = await DedupGroup.open({
      env: { ...realEnv(), disk: this.#life, secrets: keyFiles },
      ...this.#keys,
      folder: 'group',
      reserveBytes: 0,
      memoryBytes: 24 * MiB,
      density: 'fast',
      arena: this.#arena,
      crew: (arena, kernels) => new DelayedCrew(arena, kernels, dice),
      tuning: { checkpointBytes: 100_000, pieceRuns: 8, packBytes: 4 * MiB, indexEntries: 128 },
    });
    return this.#group;
  }
  async #step(one: IngestStep): Promise<void> {
    if (one.do === 'room') {
      this.#disk.capacityBytes = this.#disk.usedBytes() + one.bytes;
      return;
    }
    if (one.do === 'fault') {
      let left = one.after;
      this.#disk.fault = ({ kind }) => (kind === one.kind && left-- === 0 ? 'io' : undefined);
      return;
    }
    if (one.do === 'crash' || one.do === 'restart') {
      await this.#end(one.do);
      return;
    }
    const group = await this.#opened();
    if (group === undefined) return;
    if (one.do === 'quota') {
      group.configure({ capacityBytes: this.#disk.usedBytes() + MiB + one.bytes }); // a MiB is kept for metadata
      return;
    }
    if (one.do === 'collect') {
      await this.#collect(group, one.waits);
      return;
    }
    const writer = this.#writers[one.who];
    assert(writer !== undefined);
    await writer.reopenIfBroken();
    await writer.open(group);
    if (writer.volume === undefined) return;
    await this.#work(writer, one);
  }
  async #work(writer: Writer, one: Extract<IngestStep, { readonly who: number }>): Promise<void> {
    switch (one.do) {
      case 'append': {
        const [appending] = await writer.append(one);
        if (one.waits) await appending;
        return;
      }
      case 'land':
        writer.land(one.size, one.fresh);
        return;
      case 'drop':
        writer.drop(one.share);
        return;
      case 'commit':
        return await writer.begin(writer.commit(), one.waits);
      case 'read':
        return await writer.begin(writer.read(one.share, one.size), one.waits);
      case 'truncate':
        return await writer.truncate(one.share);
      case 'close':
        return await writer.close(one.waits);
    }
  }
  /** Undefined while the disk says no. */
  async #opened(): Promise<DedupGroup | undefined> {
    try {
      return await this.#open();
    } catch (error) {
      assert(['full', 'io'].includes(codeOf(error)));
      return undefined;
    }
  }
  async #collect(group: DedupGroup, waits: boolean): Promise<void> {
    await this.#collection;
    this.#collection = group.collect().then(
      () => undefined,
      (error: unknown) => void codeOf(error),
    );
    if (waits) await this.#collection;
  }
  /** False when the disk says no: what then? It is started again. */
  async #closed(): Promise<boolean> {
    await this.#all(async (writer) => await writer.close(true));
    try {
      await this.#group?.close();
      return true;
    } catch (error) {
      assert(['full', 'io'].includes(codeOf(error)));
      return false;
    }
  }
  async #end(how: 'crash' | 'restart'): Promise<void> {
    if (how === 'crash' || !(await this.#closed())) {
      this.#disk.crash('drop');
      this.#life = undefined;
      for (const writer of this.#writers) writer.died();
    }
    this.#collection = Promise.resolve();
    this.#group = undefined;
  }
}

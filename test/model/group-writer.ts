/** GroupWriter: somebody who has a volume to himself: writes, cuts, commits, reads; each step held against the model. */
import { strict as assert } from 'node:assert';
import { StoreError } from '#errors';
import type { DedupGroup, Stream, Volume } from '#store';
import { copyOf } from '#wire';
import type { SimRandom } from '../sim/sim-random.js';
import { entryBytes, someEntries, somePart } from './group-contents.js';
import { bytesOf, emptyState, type GroupModel, isSame, type State, withStream } from './group-model.js';

const STEPS = {
  append: 40,
  'append and commit': 6,
  truncate: 8,
  commit: 22,
  'commit twice': 4,
  read: 14,
  reserve: 3,
  close: 8,
} as const;
type Step = keyof typeof STEPS;
const CLOSED_STEPS = { open: 20, remove: 1, shred: 1, rollback: 3, 'open nothing': 1 } as const;
const names = ['data', 'more', 'objects'] as const;
type Name = (typeof names)[number];
const streamBytesMax = 500_000;

export const streamOf = (volume: Volume, name: string): Stream =>
  volume.stream(name, name === 'objects' ? { entryBytes } : {});
export async function readWhole(volume: Volume): Promise<State> {
  const streams = new Map<string, Buffer>();
  for (const name of volume.streams()) {
    const stream = streamOf(volume, name);
    const slab = await stream.read(0, stream.length);
    streams.set(name, Buffer.from(copyOf(slab)));
    slab.release();
  }
  return { label: volume.label.toString(), streams };
}

export interface WriterParts {
  readonly id: string;
  readonly group: DedupGroup;
  readonly model: GroupModel;
  readonly random: SimRandom;
  readonly say: (what: string) => void;
  /** Another label for each commit. */
  readonly nextLabel: () => string;
}

/** Waits for both, whatever becomes of the first. */
async function both(...works: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(works)) if (one.status === 'rejected') throw one.reason;
}

export class GroupWriter {
  readonly #parts: WriterParts;
  #volume: Volume | undefined;
  #now: State = emptyState;
  /** Streams that were cut since the last commit. */
  #isCut = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }
  async work(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      try {
        await this.#step();
      } catch (error) {
        await this.#refused(error);
      }
    }
  }
  /** The disk has failed or is full. Full: all is as it was. Failed: what was not committed is gone, and the group recovers. */
  async #refused(error: unknown): Promise<void> {
    if (!(error instanceof StoreError)) throw error;
    this.#say(`${error.code}: ${error.message}`);
    if (error.code === 'full') return;
    if (error.code !== 'io' && error.code !== 'broken') throw error;
    await this.#volume?.close();
    this.#volume = undefined;
  }
  #say(what: string): void {
    this.#parts.say(`${this.#parts.id}: ${what}`);
  }

  async #step(): Promise<void> {
    const { random } = this.#parts;
    if (this.#volume === undefined) {
      await this.#closedStep();
      return;
    }
    const step = random.weighted<Step>(STEPS);
    const name = random.pick(names);
    this.#say(`${step} ${name}`);
    const volume = this.#volume;
    switch (step) {
      case 'append':
        if (this.#isCut) await this.#commit(volume);
        return await this.#append(volume, name);
      case 'append and commit':
        return await this.#appendAndCommit(volume, name);
      case 'truncate':
        return this.#truncate(volume, name);
      case 'commit':
        return await this.#commit(volume);
      case 'commit twice':
        return await both(this.#commit(volume), this.#commit(volume));
      case 'read':
        return await this.#read(volume, name);
      case 'reserve':
        return await streamOf(volume, name).reserve(random.between(1, 20_000));
      case 'close':
        this.#volume = undefined;
        return await volume.close();
    }
  }

  // --- with the volume closed

  async #closedStep(): Promise<void> {
    const { id, group, model, random } = this.#parts;
    if (!(await group.list()).includes(id)) {
      model.found(id, 'absent');
      this.#say('create');
      model.begin(id, emptyState);
      this.#volume = await group.create(id);
      model.done(id, emptyState);
      this.#now = emptyState;
      this.#isCut = false;
      return;
    }
    const step = random.weighted(CLOSED_STEPS);
    this.#say(step);
    if (step === 'remove' || step === 'shred') await this.#remove(step);
    else if (step === 'rollback') await this.#rollback();
    else if (step === 'open') await this.#open();
  }
  async #open(): Promise<void> {
    const { id, group, model } = this.#parts;
    const volume = await group.open(id);
    try {
      const state = await readWhole(volume);
      model.found(id, state);
      this.#now = state;
      this.#isCut = false;
      this.#volume = volume;
    } catch (error) {
      await volume.close();
      throw error;
    }
  }
  /** Its snapshots go with it. */
  async #remove(how: 'remove' | 'shred'): Promise<void> {
    const { id, group, model } = this.#parts;
    const gone = model.names().filter((name) => name === id || name.startsWith(`${id}@`));
    for (const name of gone) model.begin(name, 'absent');
    if (how === 'shred' && group.isEncrypted) await shredded(group, id);
    else await group.remove(id);
    for (const name of gone) model.done(name, 'absent');
  }
  async #rollback(): Promise<void> {
    const { id, group, model, random } = this.#parts;
    const snapshots = await group.snapshots(id);
    if (snapshots.length === 0) return;
    const name = random.pick(snapshots);
    if (model.of(`${id}@${name}`).includes('absent')) return;
    this.#say(`rollback to ${name}`);
    const copy = model.copying(`${id}@${name}`, id);
    try {
      await group.rollback(id, name);
      copy.done();
    } catch (error) {
      copy.failed();
      throw error;
    }
  }

  // --- with the volume open

  #added(name: Name): Buffer {
    const { random } = this.#parts;
    return name === 'objects'
      ? someEntries(random, bytesOf(this.#now, name).length / entryBytes)
      : somePart(random);
  }
  async #append(volume: Volume, name: Name): Promise<void> {
    const added = this.#added(name);
    const half = name === 'objects' ? 0 : Math.floor(added.length / 3);
    await streamOf(volume, name).append([added.subarray(0, half), added.subarray(half)]);
    this.#grow(name, added);
  }
  #grow(name: Name, added: Buffer): void {
    this.#now = withStream(this.#now, name, Buffer.concat([bytesOf(this.#now, name), added]));
  }
  /** The commit covers what was appended before it, and what is being appended or not. */
  async #appendAndCommit(volume: Volume, name: Name): Promise<void> {
    if (this.#isCut) await this.#commit(volume);
    const { model, id } = this.#parts;
    const added = this.#added(name);
    const label = this.#parts.nextLabel();
    const without = { ...this.#now, label };
    const appended = streamOf(volume, name).append([added]);
    this.#grow(name, added);
    const whole = { ...this.#now, label };
    model.begin(id, without);
    model.begin(id, whole);
    const committed = volume.commit(Buffer.from(label));
    const [first, second] = await Promise.allSettled([appended, committed]);
    if (second.status === 'fulfilled') {
      model.done(id, without);
      this.#now = { ...this.#now, label };
    }
    if (first.status === 'rejected') {
      // Refused as a whole.
      this.#now = { ...without, label: this.#now.label };
      throw first.reason;
    }
    if (second.status === 'rejected') throw second.reason;
  }
  #truncate(volume: Volume, name: Name): void {
    const { random } = this.#parts;
    const bytes = bytesOf(this.#now, name);
    const share = bytes.length > streamBytesMax ? 0.1 : random.chance(0.2) ? 0 : random.fraction();
    const length =
      name === 'objects'
        ? Math.floor((share * bytes.length) / entryBytes) * entryBytes
        : Math.floor(share * bytes.length);
    streamOf(volume, name).truncate(length);
    this.#now = withStream(this.#now, name, bytes.subarray(0, length));
    this.#isCut = true;
  }
  async #commit(volume: Volume): Promise<void> {
    const { id, model, nextLabel } = this.#parts;
    const next = { ...this.#now, label: nextLabel() };
    model.begin(id, next);
    await volume.commit(Buffer.from(next.label));
    model.done(id, next);
    this.#now = next;
    this.#isCut = false;
  }
  async #read(volume: Volume, name: Name): Promise<void> {
    const { random } = this.#parts;
    const all = bytesOf(this.#now, name);
    const stream = streamOf(volume, name);
    assert(stream.length === all.length, `${name} has ${stream.length} bytes, not ${all.length}`);
    if (all.length === 0) return;
    let offset = random.integer(all.length);
    stream.willRead(offset);
    for (let count = random.between(1, 3); count > 0 && offset < all.length; count--) {
      const length = random.between(1, Math.min(all.length - offset, random.pick([3000, 200_000])));
      const slab = await stream.read(offset, length);
      const same = copyOf(slab).equals(all.subarray(offset, offset + length));
      slab.release();
      assert(same, `${this.#parts.id}, ${name}: other bytes in ${length} from ${offset}`);
      offset += length;
    }
  }
  /** Nothing is lost by closing it. */
  async end(): Promise<void> {
    const volume = this.#volume;
    if (volume === undefined) return;
    const label = volume.label.toString();
    assert(
      isSame({ ...this.#now, label }, await readWhole(volume)),
      `${this.#parts.id} is not what was written`,
    );
    await volume.close();
    this.#volume = undefined;
  }
}

async function shredded(group: DedupGroup, id: string): Promise<void> {
  try {
    await group.shred(id);
  } catch (error) {
    const code = error instanceof StoreError ? error.code : undefined;
    if (code === 'locked')
      await group.remove(id); // somebody reads it
    else if (code !== 'missing') throw error;
  }
}

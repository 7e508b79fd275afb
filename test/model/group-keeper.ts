/** GroupKeeper: what goes on in a group beside its writers: collecting, compressing, scrubbing, points in time, forks. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import type { Clock } from '#env';
import { CanceledError, StoreError } from '#errors';
import type { DedupGroup, VolumeView } from '#store';
import type { SimRandom } from '../sim/sim-random.js';
import type { GroupKeys } from './group-keys.js';
import type { GroupModel } from './group-model.js';

const STEPS = {
  collect: 22,
  'collect in part': 4,
  'plan only': 2,
  optimize: 4,
  scrub: 6,
  sizes: 3,
  snapshot: 12,
  'remove snapshot': 5,
  fork: 4,
  'remove fork': 3,
  'change key': 3,
} as const;
/** Of all that a view shows. */
async function digestOf(view: VolumeView): Promise<string> {
  const hash = createHash('sha256').update(view.label);
  for (const name of view.streams().toSorted()) {
    const stream = view.stream(name);
    const slab = await stream.read(0, stream.length);
    for (const slice of slab.slices) hash.update(slice);
    slab.release();
  }
  return hash.digest('hex');
}
const snapshotsMax = 4;
const forks = ['fork1', 'fork2', 'fork3'] as const;

export interface KeeperParts {
  readonly group: DedupGroup;
  readonly model: GroupModel;
  readonly random: SimRandom;
  readonly clock: Clock;
  /** Of an encrypted group. */
  readonly keys: GroupKeys | undefined;
  readonly say: (what: string) => void;
}

export class GroupKeeper {
  readonly #parts: KeeperParts;
  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }
  async work(steps: number): Promise<void> {
    const { clock, random } = this.#parts;
    for (let step = 0; step < steps; step++) {
      await clock.sleep(random.fraction() * 4);
      try {
        await this.#step(random.weighted(STEPS));
      } catch (error) {
        if (error instanceof CanceledError) continue;
        if (!(error instanceof StoreError) || error.code === 'corrupt') throw error;
        this.#parts.say(`keeper: ${error.code}: ${error.message}`);
      }
    }
  }
  async #step(step: keyof typeof STEPS): Promise<void> {
    const { group, random } = this.#parts;
    this.#parts.say(`keeper: ${step}`);
    const garbageShareMin = random.pick([0, 0.02, 0.5]);
    switch (step) {
      case 'collect':
        await group.collect({ garbageShareMin, pace: this.#pace() });
        return;
      case 'collect in part':
        await this.#cutShort(garbageShareMin);
        return;
      case 'plan only':
        assert((await group.collect({ dryRun: true })).freedBytes === 0);
        return;
      case 'optimize':
        await group.optimize({ garbageShareMin, pace: this.#pace() });
        return;
      case 'scrub':
        await this.#scrub();
        return await this.#verify();
      case 'sizes':
        return await this.#sizes();
      case 'snapshot':
        return await this.#snapshot();
      case 'remove snapshot':
        return await this.#removeSnapshot();
      case 'fork':
        return await this.#fork();
      case 'remove fork':
        return await this.#removeFork();
      case 'change key':
        return await this.#parts.keys?.change(group);
    }
  }
  /** As slow as beside real drives, or as fast as it goes. */
  #pace(): () => Promise<void> {
    const { clock, random } = this.#parts;
    const restMs = random.pick([0, 0.3, 2]);
    return async () => await clock.sleep(random.fraction() * restMs);
  }
  async #cutShort(garbageShareMin: number): Promise<void> {
    const stop = new AbortController();
    let left = this.#parts.random.integer(4);
    const pace = async (): Promise<void> => {
      if (left-- <= 0) stop.abort();
      await this.#parts.clock.sleep(0);
    };
    await this.#parts.group.collect({ garbageShareMin, pace, signal: stop.signal });
  }
  async #scrub(): Promise<void> {
    const { damaged, ranges, volumes, repaired } = await this.#parts.group.scrub({ pace: this.#pace() });
    const healed = repaired.filter((what) => what.startsWith('container'));
    assert(healed.length === 0, `a copy was not durable: ${healed.join()}`);
    assert(
      damaged.size === 0 && ranges.length === 0 && volumes.length === 0,
      `scrubbing found damage in ${[...damaged.keys()].join()}`,
    );
  }
  /** Each volume as it was committed last, while it is written; then what only it uses. */
  async #verify(): Promise<void> {
    const { group } = this.#parts;
    for (const id of await group.list()) {
      try {
        const { ranges, lost } = await group.verify(id, { pace: this.#pace() });
        assert(!lost && ranges.length === 0, `verifying ${id} found damage`);
        const view = await group.view(id);
        const [once, twice] = [await digestOf(view), await digestOf(view)];
        await view.close();
        assert(once === twice, `${id} changed while it was looked at`);
        const { ownBytes, usedBytes } = await group.volumeSizes(id);
        assert(ownBytes >= 0 && ownBytes <= usedBytes);
      } catch (error) {
        // Removed or shredded meanwhile.
        if (!(error instanceof StoreError) || error.code !== 'missing') throw error;
      }
    }
  }
  async #sizes(): Promise<void> {
    const sizes = await this.#parts.group.sizes();
    for (const [name, bytes] of Object.entries(sizes))
      assert(Number.isSafeInteger(bytes) && bytes >= 0, name);
  }

  // --- points in time

  #certainNames(): string[] {
    const { model } = this.#parts;
    return model.names().filter((name) => !model.of(name).includes('absent'));
  }
  async #snapshot(): Promise<void> {
    const { group, model, random } = this.#parts;
    const volumes = this.#certainNames().filter((name) => !name.includes('@'));
    if (volumes.length === 0) return;
    const volume = random.pick(volumes);
    const name = `s${random.integer(snapshotsMax)}`;
    if (model.certain(`${volume}@${name}`) !== 'absent') return;
    await this.#copy(volume, `${volume}@${name}`, async () => await group.snapshot(volume, name));
  }
  async #copy(from: string, to: string, act: () => Promise<void>): Promise<void> {
    this.#parts.say(`keeper: ${from} to ${to}`);
    const copy = this.#parts.model.copying(from, to);
    try {
      await act();
      copy.done();
    } catch (error) {
      copy.failed();
      throw error;
    }
  }
  async #removeSnapshot(): Promise<void> {
    const { group, model, random } = this.#parts;
    const snapshots = this.#certainNames().filter((name) => name.includes('@'));
    if (snapshots.length === 0) return;
    const name = random.pick(snapshots);
    const [volume = '', snapshot = ''] = name.split('@');
    model.begin(name, 'absent');
    await group.removeSnapshot(volume, snapshot);
    model.done(name, 'absent');
  }
  async #fork(): Promise<void> {
    const { group, model, random } = this.#parts;
    const sources = this.#certainNames();
    const free = forks.filter((name) => model.certain(name) === 'absent');
    if (sources.length === 0 || free.length === 0) return;
    const [from, to] = [random.pick(sources), random.pick(free)];
    const [volume = '', snapshot] = from.split('@');
    await this.#copy(from, to, async () => await group.fork(volume, to, snapshot));
  }
  async #removeFork(): Promise<void> {
    const { group, model, random } = this.#parts;
    const there = forks.filter((name) => !model.of(name).includes('absent'));
    if (there.length === 0) return;
    const fork = random.pick(there);
    const gone = model.names().filter((name) => name === fork || name.startsWith(`${fork}@`));
    for (const name of gone) model.begin(name, 'absent');
    await group.remove(fork);
    for (const name of gone) model.done(name, 'absent');
  }
}

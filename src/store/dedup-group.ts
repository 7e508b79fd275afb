/**
 * DedupGroup: volumes whose streams are stored chunk by chunk, each chunk once. The engine does the work; here are the names, and
 * what happens when an engine has failed: the next opening recovers the group from its journal.
 */
import { strict as assert } from 'node:assert';
import type { Env } from '#env';
import { RefusedError, StoreError } from '../errors.js';
import type { Arena } from './engine/arena.js';
import { collect, type CollectionOptions, type CollectionReport, recompress } from './engine/collector.js';
import type { Crew } from './engine/crew.js';
import { DedupVolume } from './engine/dedup-volume.js';
import { defaultTuning, type Engine, type Tuning } from './engine/engine.js';
import type { Fact } from './engine/facts.js';
import { plainGroup } from './engine/group-cipher.js';
import type { KeyRing } from './engine/key-ring.js';
import type { Kernels } from './engine/kernels.js';
import type { Density } from './engine/open-container.js';
import {
  checkExpected,
  type EngineOptions,
  makeFolder,
  openAgain,
  openSuperblock,
  recover,
} from './engine/recovery.js';
import { DedupView } from './dedup-view.js';
import { replaceContainer } from './engine/healing.js';
import { Pacer } from './engine/pacer.js';
import {
  type DamageReport,
  damageOf,
  scrub,
  type ScrubOptions,
  type ScrubReport,
} from './engine/scrubber.js';
import { type DedupVerifyReport, verifyVolume } from './engine/verifier.js';
import { type GroupSizes, sizesOf, type VolumeSizes, volumeSizesOf } from './engine/sizes.js';
import type { Superblock } from './engine/superblock.js';
import {
  createVolume,
  destroyUnusedKeys,
  forkVolume,
  rotateKey,
  shredVolume,
} from './engine/volume-lives.js';
import type { KeySource } from './key-source.js';
import type { Expectation, PaceOptions, Space, StorageGroup, Volume, VolumeView } from './store.js';

const MiB = 1024 * 1024;

export interface DedupGroupOptions extends Expectation {
  readonly env: Env;
  readonly folder: string;
  /** Bytes that the group may occupy; all of its disk when not given. */
  readonly capacityBytes?: number;
  /** Bytes of the disk that are left free. */
  readonly reserveBytes?: number;
  /** Memory for what is being written and read; the index comes on top. */
  readonly memoryBytes?: number;
  /** How new chunks are compressed. */
  readonly density?: Density;
  readonly kernels?: Kernels;
  readonly arena?: Arena;
  /** Threads for cutting and compressing, beside this one. */
  readonly threads?: number;
  /** Somebody else who does that: a simulated one. */
  readonly crew?: (arena: Arena, kernels: Kernels) => Crew;
  readonly tuning?: Partial<Tuning>;
  /**
   * What opens an encrypted group; a new group that gets one is encrypted. RefusedError 'unauthorized' when it is not the right one or
   * there is none, 'conflict' when the group is not encrypted.
   */
  readonly keySource?: KeySource | undefined;
}
const defaults = {
  density: 'adaptive' as Density,
  threads: 0,
  reserveBytes: 64 * MiB,
  memoryBytes: 128 * MiB,
};
const volumeId = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** A snapshot. */
export interface PointInTime {
  readonly name: string;
  /** Milliseconds since 1970 UTC. */
  readonly takenMs: number;
  /** Of all its streams. */
  readonly logicalBytes: number;
}

export class DedupGroup implements StorageGroup {
  #options: EngineOptions;
  readonly #superblock: Superblock;
  #ring: KeyRing | undefined;
  readonly #release: () => Promise<void>;
  readonly #open = new Map<string, DedupVolume | undefined>();
  #engine: Engine;
  #recovering: Promise<Engine> | undefined;

  private constructor(
    options: EngineOptions,
    superblock: Superblock,
    ring: KeyRing | undefined,
    engine: Engine,
    release: () => Promise<void>,
  ) {
    this.#options = options;
    this.#superblock = superblock;
    this.#ring = ring;
    this.#engine = engine;
    this.#release = release;
  }
  /** Makes the folder if need be and claims it: StoreError 'locked' when another process has it. */
  static async open(options: DedupGroupOptions): Promise<DedupGroup> {
    const { keySource, ...others } = options;
    const { env, folder } = options;
    const engineOptions = {
      capacityBytes: Infinity,
      ...defaults,
      ...others,
      tuning: { ...defaultTuning, ...options.tuning },
    };
    await checkExpected(env.disk, folder, options);
    await makeFolder(env, folder);
    const release = await env.disk.claim(folder);
    let ring: KeyRing | undefined;
    try {
      const cost = engineOptions.tuning.passphraseCost;
      const opened = await openSuperblock({ env, folder }, options.id, keySource, cost);
      ring = opened.ring;
      const engine = await begin(engineOptions, opened.superblock, ring);
      return new DedupGroup(engineOptions, opened.superblock, ring, engine, release);
    } catch (error) {
      ring?.close();
      await release();
      throw error;
    }
  }

  /** Never changes; its owner can know the group by it. */
  get id(): string {
    return this.#superblock.id;
  }
  /** What was stored stays as it is; what is stored from now on, and whether there is room for it, follows this. */
  configure(settings: { readonly density?: Density; readonly capacityBytes?: number }): void {
    this.#options = { ...this.#options, ...settings };
    if (settings.density !== undefined) this.#engine.containers.density = settings.density;
    if (settings.capacityBytes !== undefined) this.#engine.guard.limit(settings.capacityBytes);
  }

  /** The engine of this life; after a failure the next one, which knows what the journal knows. */
  async #alive(): Promise<Engine> {
    if (this.#recovering !== undefined) return await this.#recovering;
    if (this.#engine.refusal === undefined) return this.#engine;
    this.#recovering = this.#recover().finally(() => {
      this.#recovering = undefined;
    });
    return await this.#recovering;
  }
  async #recover(): Promise<Engine> {
    await this.#engine.close(); // nothing of the old life may write any more
    if (this.#ring !== undefined) this.#ring = await openAgain(this.#options, this.#ring);
    this.#engine = await begin(this.#options, this.#superblock, this.#ring);
    return this.#engine;
  }

  async create(id: string): Promise<Volume> {
    assert(volumeId.test(id), `"${id}" is no name of a volume`);
    const engine = await this.#alive();
    if (this.#open.has(id) || engine.state.volumes.has(id)) {
      throw new StoreError('locked', `Volume ${id} exists`, { volume: id });
    }
    return await this.#holding(id, async () => {
      await createVolume(engine, this.#ring, id);
      return await this.#openIn(engine, id);
    });
  }
  async open(id: string): Promise<Volume> {
    if (this.#open.has(id)) throw new StoreError('locked', `Volume ${id} is in use`, { volume: id });
    return await this.#holding(id, async () => await this.#openIn(await this.#alive(), id));
  }
  async #openIn(engine: Engine, id: string): Promise<DedupVolume> {
    const entry = engine.state.volumes.get(id);
    if (entry === undefined) throw new StoreError('missing', `There is no volume ${id}`, { volume: id });
    const state = await engine.stateOf(entry).catch((cause: unknown) => {
      engine.check(); // one that has failed does not know what is on the disk
      throw cause;
    });
    entry.state = state; // a checkpoint may have let go of it meanwhile
    const volume = new DedupVolume(id, engine, this, state.copy());
    engine.open.set(id, volume);
    return volume;
  }
  async #holding(id: string, make: () => Promise<DedupVolume>): Promise<Volume> {
    this.#open.set(id, undefined);
    try {
      const volume = await make();
      this.#open.set(id, volume);
      return volume;
    } catch (error) {
      this.#open.delete(id);
      throw error;
    }
  }
  closed(volume: DedupVolume): void {
    const { id, engine } = volume;
    this.#open.delete(id);
    engine.open.delete(id);
    const entry = engine.state.volumes.get(id);
    if (entry !== undefined && !entry.dirty && entry.root !== undefined) entry.state = undefined;
  }

  async remove(id: string): Promise<void> {
    assert(volumeId.test(id), `"${id}" is no name of a volume`);
    if (this.#open.has(id)) throw new StoreError('locked', `Volume ${id} is in use`, { volume: id });
    this.#open.set(id, undefined); // nobody opens what goes
    try {
      const engine = await this.#alive();
      await engine.inTurn(async () => {
        if (!engine.state.volumes.has(id)) return;
        // With the snapshots that there are now, not those when we began to wait.
        const snapshots = [...engine.state.volumes.keys()].filter((name) => name.startsWith(`${id}@`));
        await engine.record([id, ...snapshots].map((volume): Fact => ({ kind: 'removed', volume })));
      });
    } finally {
      this.#open.delete(id);
    }
  }

  // --- encryption

  get isEncrypted(): boolean {
    return this.#ring !== undefined;
  }
  /** From now on another key opens the group, and not the one before; nothing that is stored is written again. */
  async rotateKey(source: KeySource): Promise<void> {
    this.#needRing();
    await rotateKey(await this.#alive(), this.#needRing(), source);
  }
  /**
   * Destroys the key of a volume and of its snapshots: nothing on the disk can be read as that volume any more, from the moment that
   * this resolves. StoreError 'locked' when it is open or being read, 'missing'.
   */
  async shred(id: string): Promise<void> {
    this.#needRing();
    if (this.#open.has(id)) throw new StoreError('locked', `Volume ${id} is in use`, { volume: id });
    this.#open.set(id, undefined); // nobody opens what goes
    try {
      const engine = await this.#alive();
      await shredVolume(engine, this.#needRing(), id);
    } finally {
      this.#open.delete(id);
    }
  }
  #needRing(): KeyRing {
    if (this.#ring !== undefined) return this.#ring;
    const message = 'The storage group is not encrypted: that is chosen when a group is made';
    throw new RefusedError('conflict', message, { group: this.id });
  }

  // --- points in time

  /** Keeps the last committed state of a volume, open or not, under a name. StoreError 'locked' when it is taken. */
  async snapshot(id: string, name: string): Promise<void> {
    assert(volumeId.test(name), `"${name}" is no name of a snapshot`);
    await this.#copy(id, `${id}@${name}`, 'new');
  }
  /** The snapshots of a volume, the newest last. */
  async pointsInTime(id: string): Promise<readonly PointInTime[]> {
    const { state } = await this.#alive();
    const before = `${id}@`;
    const all = [...state.volumes.values()].filter((entry) => entry.id.startsWith(before));
    return all
      .map(({ id: name, copiedMs, logicalBytes }) => {
        return { name: name.slice(before.length), takenMs: copiedMs, logicalBytes };
      })
      .toSorted((a, b) => a.takenMs - b.takenMs);
  }
  async snapshots(id: string): Promise<string[]> {
    const engine = await this.#alive();
    const before = `${id}@`;
    const names = [...engine.state.volumes.keys()].filter((one) => one.startsWith(before));
    return names.map((one) => one.slice(before.length)).toSorted();
  }
  /** No error when it is not there. */
  async removeSnapshot(id: string, name: string): Promise<void> {
    const engine = await this.#alive();
    const volume = `${id}@${name}`;
    if (!engine.state.volumes.has(volume)) return;
    await engine.inTurn(async () => await engine.record([{ kind: 'removed', volume }]));
  }
  /** The volume, which must not be open, is again what it was. */
  async rollback(id: string, name: string): Promise<void> {
    if (this.#open.has(id)) throw new StoreError('locked', `Volume ${id} is in use`, { volume: id });
    this.#open.set(id, undefined);
    try {
      await this.#copy(`${id}@${name}`, id, 'over');
    } finally {
      this.#open.delete(id);
    }
  }
  /** A new volume that begins as another one is, or as it was. */
  async fork(id: string, to: string, name?: string): Promise<void> {
    assert(volumeId.test(to), `"${to}" is no name of a volume`);
    await this.#copy(name === undefined ? id : `${id}@${name}`, to, 'new');
  }
  async #copy(from: string, to: string, how: 'new' | 'over'): Promise<void> {
    const engine = await this.#alive();
    await engine.inTurn(async () => {
      const entry = engine.state.volumes.get(from);
      if (entry === undefined) throw new StoreError('missing', `There is no ${from}`, { volume: from });
      if (how === 'new' && (engine.state.volumes.has(to) || this.#open.has(to))) {
        throw new StoreError('locked', `${to} exists`, { volume: to });
      }
      if (entry.damage !== undefined) throw entry.damage;
      const ring = isOneFamily(from, to) ? undefined : this.#ring;
      const atMs = this.#options.env.clock.wallMs();
      if (ring !== undefined) await forkVolume(engine, ring, entry, to, atMs);
      else await engine.record([{ kind: 'copied', from, to, atMs }]);
    });
  }
  async list(): Promise<string[]> {
    const engine = await this.#alive();
    return [...engine.state.volumes.keys()].filter((id) => volumeId.test(id)).toSorted();
  }
  /** Frees what nothing refers to. StoreError 'locked' while another collection is under way. */
  async collect(options: CollectionOptions = {}): Promise<CollectionReport> {
    return await collect(await this.#alive(), options);
  }
  /** Compresses densely what was compressed fast, and frees what that leaves behind. */
  async optimize(options: CollectionOptions = {}): Promise<CollectionReport> {
    const engine = await this.#alive();
    const { bytes } = await recompress(engine, options);
    const report = await collect(engine, options);
    return { ...report, freedBytes: report.freedBytes - bytes, copiedBytes: report.copiedBytes + bytes };
  }
  /** Reads and verifies everything; what is damaged, and whom it concerns. */
  async scrub(options: ScrubOptions = {}): Promise<ScrubReport> {
    return await scrub(await this.#alive(), options);
  }
  /** Of one volume or snapshot (`volume@snapshot`), open or not: its last committed state. StoreError 'missing'. */
  async verify(id: string, options: PaceOptions = {}): Promise<DedupVerifyReport> {
    return await verifyVolume(await this.#alive(), id, options);
  }
  /** Damage that is known, and whom it concerns. */
  async damage(): Promise<DamageReport> {
    const engine = await this.#alive();
    return await damageOf(engine, new Pacer(engine.env.clock, {}, 'Looking for damage'));
  }
  /**
   * Takes a sound copy of a container, as another store keeps it, in place of a damaged one. StoreError 'corrupt' when it does not
   * verify or is something else, 'missing'.
   */
  async replaceContainer(id: number, image: Buffer): Promise<void> {
    const engine = await this.#alive();
    await replaceContainer(engine, id, image, new Pacer(engine.env.clock, {}, 'Replacing a container'));
  }
  async view(id: string): Promise<VolumeView> {
    const engine = await this.#alive();
    const entry = engine.state.volumes.get(id);
    if (entry === undefined) throw new StoreError('missing', `There is no volume ${id}`, { volume: id });
    const state = (await engine.peekState(entry)).copy();
    if (engine.state.volumes.get(id) !== entry) return await this.view(id); // it is another one now, or gone
    return new DedupView(id, engine, state);
  }
  /** What removing a volume or a snapshot (`volume@snapshot`) would give back: exact, by a walk through all recipes. */
  async volumeSizes(id: string, options: PaceOptions = {}): Promise<VolumeSizes> {
    return await volumeSizesOf(await this.#alive(), id, options);
  }
  async sizes(): Promise<GroupSizes> {
    return sizesOf(await this.#alive());
  }
  async space(): Promise<Space> {
    return await this.#engine.guard.space();
  }

  /** Closes the volumes that are open, losing what they did not commit, and gives up the folder. */
  async close(): Promise<void> {
    for (const volume of this.#open.values()) await volume?.close();
    await this.#engine.close();
    this.#ring?.close();
    await this.#release();
  }
}
/** A volume and its snapshots have one key. */
const isOneFamily = (a: string, b: string): boolean => a.split('@')[0] === b.split('@')[0];

/** A life of the group. */
async function begin(
  options: EngineOptions,
  superblock: Superblock,
  ring: KeyRing | undefined,
): Promise<Engine> {
  const engine = await recover(options, superblock, (means) => ring?.standOn(means) ?? plainGroup);
  if (ring !== undefined) await destroyUnusedKeys(engine, ring);
  return engine;
}

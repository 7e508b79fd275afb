/**
 * GroupState: the whole group as the journal says it is: volumes, and where containers lie. Facts change it, in replay and in
 * the running engine alike; a checkpoint is it in bytes.
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { ContainerTable } from './container-table.js';
import { decodeLost, decodeRoot, encodeLost, encodeRoot, type Fact, type Lost } from './facts.js';
import { lengthOf, VolumeState } from './volume-state.js';

/** Where the state of a volume lies: so many chunks of a container. */
export interface Root {
  readonly container: number;
  readonly ordinal: number;
  readonly chunks: number;
  readonly bytes: number;
}
/** What is known of a volume. Its state is at hand, or in its root, or both. */
export interface VolumeEntry {
  readonly id: string;
  /** Number of the key that it is sealed with; its snapshots have the same. 0: none. */
  readonly key: number;
  /** As of the last checkpoint; undefined for an empty volume. */
  root: Root | undefined;
  state: VolumeState | undefined;
  /** The journal has changed it since the checkpoint. */
  dirty: boolean;
  /** Its state does not verify. */
  damage: StoreError | undefined;
  /** It has lost commits for that: what they referred to lies in containers up to this one. 0: it has not. */
  damagedTo: number;
  /** Bytes of all its streams, as of the last commit. */
  logicalBytes: number;
  /** When it was copied from another, in milliseconds since 1970; 0: it was not. */
  copiedMs: number;
}
export interface RunFile {
  readonly number: number;
  readonly entries: number;
}

export class GroupState {
  readonly volumes: Map<string, VolumeEntry>;
  readonly containers: ContainerTable;
  /** Of the last batch that it has seen. */
  sequence: number;
  /** Files of the index, newest first. Containers up to the number are in them. */
  indexRuns: readonly RunFile[] = [];
  indexedTo = 0;
  /** What cannot be read in containers: quarantined. */
  readonly damaged = new Map<number, Lost>();
  /** Bytes of files that nothing needs, as of the last collection; and what volumes gave up since, by removal or truncation. */
  garbageBytes = 0;
  releasedBytes = 0;
  /** Of the first, as a checkpoint has it: no fact says it. */
  garbageStored = 0;

  constructor(volumes = new Map<string, VolumeEntry>(), containers = new ContainerTable(), sequence = 0) {
    this.volumes = volumes;
    this.containers = containers;
    this.sequence = sequence;
  }

  /** The states of volumes that the fact names must be at hand. */
  apply(fact: Fact): void {
    switch (fact.kind) {
      case 'created':
        this.volumes.set(fact.volume, newEntry(fact.volume, fact.key, new VolumeState()));
        return;
      case 'adopted': {
        const entry = newEntry(fact.volume, fact.key, undefined);
        entry.root = fact.root;
        entry.logicalBytes = fact.logicalBytes;
        entry.copiedMs = fact.atMs;
        entry.dirty = false;
        this.volumes.set(fact.volume, entry);
        return;
      }
      case 'removed':
        this.releasedBytes += this.volumes.get(fact.volume)?.logicalBytes ?? 0;
        this.volumes.delete(fact.volume);
        return;
      case 'container':
        this.containers.set(fact.container);
        return;
      case 'retired':
        this.containers.remove(fact.container);
        this.damaged.delete(fact.container);
        return;
      case 'damaged':
        if (fact.lost.length === 0 || !this.containers.has(fact.container))
          this.damaged.delete(fact.container);
        else this.damaged.set(fact.container, fact.lost);
        return;
      case 'copied': {
        const from = this.volumes.get(fact.from);
        if (from === undefined) throw unknown(fact.from);
        const entry = newEntry(fact.to, from.key, from.state?.copy());
        entry.root = from.root;
        entry.damage = from.damage;
        entry.dirty = from.dirty || from.root === undefined;
        entry.logicalBytes = from.logicalBytes;
        entry.copiedMs = fact.atMs;
        this.releasedBytes += this.volumes.get(fact.to)?.logicalBytes ?? 0;
        this.volumes.set(fact.to, entry);
        return;
      }
      case 'commit':
        this.#commit(fact.volume, fact.change);
    }
  }
  #commit(id: string, change: Buffer): void {
    const entry = this.volumes.get(id);
    if (entry === undefined) throw unknown(id);
    if (entry.damage !== undefined) {
      entry.damagedTo = this.containers.last;
      return;
    }
    assert(entry.state !== undefined, 'the state is at hand before it is changed');
    entry.dirty = true;
    try {
      entry.state.apply(new ByteReader(change, `A commit of volume ${id}`));
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      entry.damage = cause;
      entry.damagedTo = this.containers.last;
    }
    const before = entry.logicalBytes;
    entry.logicalBytes = 0;
    for (const stream of entry.state.streams.values()) entry.logicalBytes += lengthOf(stream);
    this.releasedBytes += Math.max(0, before - entry.logicalBytes);
  }

  encode(): Buffer {
    const to = new ByteWriter().u64(this.sequence);
    to.u32(this.volumes.size);
    for (const { id, key, root, damagedTo, logicalBytes, copiedMs } of this.volumes.values()) {
      to.text(id).u32(key).u64(logicalBytes).u64(copiedMs).u32(damagedTo);
      to.u8(root === undefined ? 0 : 1);
      if (root !== undefined) encodeRoot(to, root);
    }
    this.containers.encode(to);
    to.u32(this.indexedTo).u32(this.indexRuns.length);
    for (const { number, entries } of this.indexRuns) to.u32(number).u32(entries);
    to.u32(this.damaged.size);
    for (const [container, lost] of this.damaged) encodeLost(to.u32(container), lost);
    to.u64(this.garbageBytes).u64(this.releasedBytes);
    return to.finish();
  }
  static decode(from: ByteReader): GroupState {
    const sequence = from.u64();
    const volumes = new Map<string, VolumeEntry>();
    for (let left = from.u32(); left > 0; left--) {
      const entry = newEntry(from.text(), from.u32(), undefined);
      entry.dirty = false;
      entry.logicalBytes = from.u64();
      entry.copiedMs = from.u64();
      entry.damagedTo = from.u32();
      if (entry.damagedTo > 0) entry.damage = lostCommits(entry.id);
      if (from.u8() === 1) {
        entry.root = decodeRoot(from);
      } else entry.state = new VolumeState();
      volumes.set(entry.id, entry);
    }
    const state = new GroupState(volumes, ContainerTable.decode(from), sequence);
    state.indexedTo = from.u32();
    state.indexRuns = Array.from({ length: from.u32() }, () => ({ number: from.u32(), entries: from.u32() }));
    for (let left = from.u32(); left > 0; left--) state.damaged.set(from.u32(), decodeLost(from));
    state.garbageBytes = state.garbageStored = from.u64();
    state.releasedBytes = from.u64();
    return state;
  }
  /** Where the states of volumes lie. */
  roots(): Root[] {
    return [...this.volumes.values()].flatMap(({ root }) => (root === undefined ? [] : [root]));
  }
}
const newEntry = (id: string, key: number, state: VolumeState | undefined): VolumeEntry => ({
  id,
  key,
  root: undefined,
  state,
  dirty: true,
  damage: undefined,
  damagedTo: 0,
  logicalBytes: 0,
  copiedMs: 0,
});
/** A state that could not be read when commits went on from it: reading it now would bring an older one back. */
const lostCommits = (volume: string): StoreError => {
  const message = `Volume ${volume} has lost its last commits to damage: roll it back to a snapshot, or delete it`;
  return new StoreError('corrupt', message, { volume });
};
const unknown = (volume: string): StoreError =>
  new StoreError('corrupt', `The journal speaks of a volume ${volume} that is not there`, { volume });

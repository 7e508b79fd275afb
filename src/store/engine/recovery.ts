/**
 * Recovery: from a folder to an engine: the newest sound checkpoint, the journal behind it, then what a crash left over goes. What
 * does not add up is 'corrupt', and nothing is removed then (I3).
 */
import { dirname, join } from 'node:path';
import { type Disk, type Env, makeDurableDirectory } from '#env';
import { RefusedError, StoreError } from '../../errors.js';
import { type KeySource, secretOf } from '../key-source.js';
import type { Expectation } from '../store.js';
import { type Checkpoint, dropCheckpoint, lostCheckpoints, newestCheckpoint } from './checkpoint.js';
import { cleanMirrors } from './collector.js';
import { type Directory, KIND } from './container.format.js';
import { ContainerStore } from './container-store.js';
import type { ContainerFact } from './container-table.js';
import { type CheckpointPlace, setDue } from './checkpointing.js';
import { Engine, type Tuning } from './engine.js';
import type { Fact } from './facts.js';
import { FingerprintIndex } from './fingerprint-index.js';
import { MergePace } from './index-merge.js';
import type { GroupCipher } from './group-cipher.js';
import { GroupState } from './group-state.js';
import { type Batch, Journal, journalFolder, readJournal, segmentsIn } from './journal.js';
import { type Means, type MeansOptions, openMeans } from './means.js';
import { deriveKey, passphraseCost } from './key-derivation.js';
import { KeyRing, type KeyRingParts } from './key-ring.js';
import type { Density } from './open-container.js';
import { Mirrors } from './mirrors.js';
import { Packs } from './packs.js';
import {
  groupNumber,
  readSuperblock,
  settleSuperblock,
  type Superblock,
  writeSuperblock,
} from './superblock.js';

export interface EngineOptions extends MeansOptions {
  readonly env: Env;
  readonly folder: string;
  readonly capacityBytes: number;
  readonly reserveBytes: number;
  readonly memoryBytes: number;
  readonly tuning: Tuning;
  readonly density: Density;
}
/** That the index is made of again, read beside each other. */
const directoriesAtOnce = 16;
const packsFolder = (folder: string): string => join(folder, 'packs');
const indexFolder = (folder: string): string => join(folder, 'index');

/** Before anything is touched: the folder holds what its owner expects. StoreError 'missing'. */
export async function checkExpected(disk: Disk, folder: string, { id, make }: Expectation): Promise<void> {
  const found = await readSuperblock(disk, folder);
  if (found === undefined && make === false) {
    throw new StoreError('missing', `${folder} holds no storage group`, { folder });
  }
  if (found !== undefined && id !== undefined && found.superblock.id !== id) {
    const facts = { folder, expected: id, found: found.superblock.id };
    throw new StoreError('missing', `${folder} holds another storage group`, facts);
  }
}

export interface OpenSuperblock {
  readonly superblock: Superblock;
  /** Of an encrypted group. */
  readonly ring: KeyRing | undefined;
}
/**
 * The group's superblock, made if the folder is a group not yet: an encrypted one if a key is given. RefusedError when the key is
 * not the right one, when one is given and not needed, and when one is needed and not given; nothing is changed then.
 */
export async function openSuperblock(
  parts: KeyRingParts,
  id?: string,
  source?: KeySource,
  cost = passphraseCost,
): Promise<OpenSuperblock> {
  const { env, folder } = parts;
  const found = await readSuperblock(env.disk, folder);
  if (found === undefined) await checkUnused(env.disk, folder);
  else {
    checkSealed(found.superblock, source);
    await settleSuperblock(env.disk, folder, found); // nothing relies on it before
  }
  const superblock = found?.superblock ?? { id: id ?? env.random.uuid(), sequence: 1, settings: {} };
  if (source !== undefined) {
    const secret = await secretOf(env.secrets, source);
    try {
      const ring =
        found === undefined
          ? await KeyRing.make(parts, superblock, secret, cost)
          : await KeyRing.open(parts, found, async (derivation) => [
              await deriveKey(derivation, secret.bytes),
            ]);
      return { superblock, ring };
    } finally {
      secret.bytes.fill(0);
    }
  }
  if (found?.whole !== true) {
    try {
      await writeSuperblock(env.disk, folder, superblock, undefined, found?.superblock.copy);
    } catch (cause) {
      // A full disk is no reason not to read what is there: one copy says it all.
      if (found === undefined || !(cause instanceof StoreError) || cause.code !== 'full') throw cause;
    }
  }
  return { superblock, ring: undefined };
}
/** After a failure that may have left keys on the disk as they are not in memory. */
export async function openAgain(parts: KeyRingParts, ring: KeyRing): Promise<KeyRing> {
  const found = await readSuperblock(parts.env.disk, parts.folder);
  if (found === undefined) throw lostSuperblock(parts.folder);
  const again = await KeyRing.open(parts, found, async () => await Promise.resolve(ring.wrappingKeys));
  ring.close(); // not before: this may have to be tried once more
  return again;
}
const lostSuperblock = (folder: string): StoreError =>
  new StoreError('corrupt', 'The storage group has lost its superblock', { folder });
async function checkUnused(disk: Disk, folder: string): Promise<void> {
  const packs = await Packs.list(disk, packsFolder(folder));
  const used = packs.length > 0 || (await segmentsIn(disk, journalFolder(folder))).length > 0;
  await disk.syncDirectory(dirname(folder));
  if (used) throw lostSuperblock(folder);
}
function checkSealed({ keys, id }: Superblock, source: KeySource | undefined): void {
  if (keys !== undefined && source === undefined) {
    throw new RefusedError('unauthorized', 'The storage group is encrypted: it opens with its key only', {
      group: id,
    });
  }
  if (keys === undefined && source !== undefined) {
    const message =
      'The storage group is not encrypted, and a key was given for it: either it is another folder, or somebody has put this group in place of the encrypted one';
    throw new RefusedError('conflict', message, { group: id });
  }
}

/** Of a folder that is claimed. */
export async function recover(
  options: EngineOptions,
  superblock: Superblock,
  cipherOf: (means: Means) => GroupCipher,
): Promise<Engine> {
  const { env, folder } = options;
  const { disk } = env;
  const group = groupNumber(superblock.id);
  const means = await openMeans(options, env.log.facility('store', { folder }));
  const cipher = cipherOf(means);
  const owner = { group, cipher };
  const segments = await segmentsIn(disk, journalFolder(folder));
  const { newest, rotten } = await newestCheckpoint(disk, folder, owner);
  if (newest === undefined && rotten.length > 0 && segments[0] !== 1) throw lostCheckpoints(folder);
  const state = newest?.state ?? new GroupState();
  const from = newest?.segment ?? 1;
  const { batches, bytes } = await readJournal(disk, journalFolder(folder), owner, from, state.sequence);
  const onDisk = await Packs.list(disk, packsFolder(folder));
  const lastPack = highest([onDisk, state.containers.packs.keys(), packsOf(batches)]);
  const packs = new Packs(disk, packsFolder(folder), lastPack, options.tuning.packBytes);
  const mirrors = new Mirrors(disk, join(folder, 'mirrors'));
  const index = new FingerprintIndex(
    disk,
    indexFolder(folder),
    group,
    (id) => state.containers.has(id),
    options.tuning.indexEntries,
    new MergePace(env.clock),
  );
  const journal = new Journal(
    disk,
    journalFolder(folder),
    owner,
    Math.max(0, from - 1, ...segments) + 1,
    state.sequence,
  );
  journal.bytesBefore = bytes;
  const engine = new Engine({
    ...options,
    group,
    means,
    cipher,
    journal,
    state,
    index,
    checkpoint: placeOf(newest, state, options.tuning),
    containers: (host) =>
      new ContainerStore(host, means, packs, mirrors, state.containers, options.memoryBytes, cipher.regions),
  });
  engine.containers.density = options.density;
  await replay(engine, batches);
  for (const number of rotten) await dropCheckpoint(disk, folder, number);
  await removeOrphans(engine, onDisk);
  await cleanMirrors(engine);
  await loadIndex(engine);
  return engine;
}
function placeOf(newest: Checkpoint | undefined, state: GroupState, tuning: Tuning): CheckpointPlace {
  const place: CheckpointPlace = {
    number: newest?.number ?? 0,
    segment: newest?.segment ?? 1,
    sequence: state.sequence,
    bytes: newest?.bytes ?? 0,
    newestBytes: newest?.bytes ?? 0,
    roots: state.roots(),
    rootsBefore: [],
    indexBefore: new Set(state.indexRuns.map(({ number }) => number)),
    dueBytes: 0,
    dueContainer: 0,
  };
  setDue(place, tuning, state);
  return place;
}
/** Of lists that are too long to be arguments. */
function highest(lists: readonly Iterable<number>[]): number {
  let last = 0;
  for (const list of lists) for (const number of list) last = Math.max(last, number);
  return last;
}
const packsOf = (batches: readonly Batch[]): number[] =>
  batches.flatMap(({ facts }) =>
    facts.flatMap((fact) => (fact.kind === 'container' ? [fact.container.place.pack] : [])),
  );

async function replay(engine: Engine, batches: readonly Batch[]): Promise<void> {
  const { state } = engine;
  // Where everything lies comes first: states of volumes are read from where they lie now, not where they lay then.
  const places = (fact: Fact): boolean => fact.kind === 'container' || fact.kind === 'retired';
  for (const { facts } of batches) for (const fact of facts) if (places(fact)) state.apply(fact);
  for (const { sequence, facts } of batches) {
    for (const fact of facts) {
      if (places(fact)) continue;
      const needs = fact.kind === 'commit' ? fact.volume : fact.kind === 'copied' ? fact.from : undefined;
      if (needs !== undefined) await load(engine, needs);
      state.apply(fact.kind === 'commit' ? opened(engine, fact) : fact);
    }
    state.sequence = sequence;
  }
  engine.containers.startAfter(state.containers.last);
  engine.journal.startAfter(state.sequence);
}
/** A commit that does not open (the key of its volume was destroyed) is the damage of its volume alone. */
function opened(engine: Engine, fact: Fact & { readonly kind: 'commit' }): Fact {
  const entry = engine.state.volumes.get(fact.volume);
  if (entry === undefined || entry.damage !== undefined) return fact;
  try {
    return { ...fact, change: engine.cipher.volumes.openChange(entry.key, fact.change) };
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    entry.damage = cause;
    return fact;
  }
}
/** A state that does not verify is the damage of its volume alone. */
async function load(engine: Engine, volume: string): Promise<void> {
  const entry = engine.state.volumes.get(volume);
  if (entry === undefined || entry.state !== undefined || entry.damage !== undefined) return;
  try {
    await engine.stateOf(entry);
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'corrupt') throw cause;
    entry.damage = cause;
  }
}
/** Packs that hold nothing of what is: begun before a crash, or emptied. */
async function removeOrphans(engine: Engine, packs: readonly number[]): Promise<void> {
  const table = engine.state.containers;
  for (const pack of packs) {
    if ((table.packs.get(pack)?.containers ?? 0) > 0) continue;
    table.dropPack(pack);
    await engine.containers.packs.remove(pack);
  }
  for (const [pack, { containers }] of table.packs) if (containers === 0) table.dropPack(pack);
}
async function loadIndex(engine: Engine): Promise<void> {
  const { state, index, containers } = engine;
  const whole = await index.load(state.indexRuns);
  await index.clean(new Set(state.indexRuns.map(({ number }) => number)));
  let some: Promise<Directory | undefined>[] = [];
  const publish = async (): Promise<void> => {
    for (const directory of await Promise.all(some)) if (directory !== undefined) index.publish(directory);
    some = [];
    await index.relieve(); // merges would keep whoever opens the group waiting
  };
  for (const id of state.containers.ids(whole ? state.indexedTo + 1 : 0)) {
    const fact = state.containers.get(id);
    if (fact?.kind !== KIND.data) continue;
    some.push(readDirectory(containers, fact));
    if (some.length === directoriesAtOnce) await publish();
  }
  await publish();
}
/** A damaged container is not found again; who reads it is told. */
async function readDirectory(
  containers: ContainerStore,
  fact: ContainerFact,
): Promise<Directory | undefined> {
  try {
    return await containers.readDirectory(fact);
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    return undefined;
  }
}
/** Folder of a group, its name durable. */
export async function makeFolder(env: Env, folder: string): Promise<void> {
  if (!(await env.disk.exists(folder))) await makeDurableDirectory(env.disk, folder);
}

/**
 * How volumes begin and end in a group that may be encrypted: a key is durable before the volume that has it, and a volume is gone
 * before its key is destroyed. So a crash leaves keys that no volume has, never the other way round; the next life destroys those.
 */
import { StoreError } from '../../errors.js';
import { type KeySource, secretOf } from '../key-source.js';
import type { Engine } from './engine.js';
import type { Fact } from './facts.js';
import type { VolumeEntry } from './group-state.js';
import { deriveKey, newDerivation } from './key-derivation.js';
import type { KeyRing } from './key-ring.js';
import { MetaWriter } from './meta-writer.js';
import { EntryLog } from './entry-log.js';
import { type Piece, Recipe } from './recipe.js';
import { type StreamState, VolumeState } from './volume-state.js';

/** A volume and its snapshots, which have one key. */
export function familyOf(engine: Engine, id: string): string[] {
  const before = `${id}@`;
  const { volumes } = engine.state;
  return volumes.has(id) ? [id, ...[...volumes.keys()].filter((name) => name.startsWith(before))] : [];
}
/** What went wrong with keys may have reached the disk in part: only a new life knows. But for a full disk, which changed nothing. */
export async function guarded<T>(engine: Engine, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof StoreError && cause.code !== 'full') engine.fail(cause);
    throw cause;
  }
}
/** In turn only. 0 without encryption. */
async function newKey(engine: Engine, ring: KeyRing | undefined): Promise<number> {
  return ring === undefined ? 0 : await guarded(engine, async () => await ring.keys.add());
}

export async function createVolume(engine: Engine, ring: KeyRing | undefined, volume: string): Promise<void> {
  await engine.inTurn(async () => {
    await engine.record([{ kind: 'created', volume, key: await newKey(engine, ring) }]);
  });
}

/** Gone at once and for good: nothing on the disk opens its recipe any more, whatever is found there. StoreError 'missing'. */
export async function shredVolume(engine: Engine, ring: KeyRing, id: string): Promise<void> {
  await engine.inTurn(async () => {
    const family = familyOf(engine, id);
    if (family.length === 0) throw new StoreError('missing', `There is no volume ${id}`, { volume: id });
    if ([...engine.pins].some((pin) => family.includes(pin.id))) {
      const message = `Volume ${id} is being read or verified: end that first`;
      throw new StoreError('locked', message, { volume: id });
    }
    const others = [...engine.state.volumes.values()].filter((entry) => !family.includes(entry.id));
    await guarded(engine, async () => {
      await ring.keepOnly(new Set(others.map(({ key }) => key)), async () => {
        await engine.record(family.map((volume): Fact => ({ kind: 'removed', volume })));
        engine.forgetPieces();
      });
    });
  });
}
/** The keys of the group under what another secret makes; nothing that is stored is written again. */
export async function rotateKey(engine: Engine, ring: KeyRing, source: KeySource): Promise<void> {
  const { env, tuning } = engine;
  const secret = await secretOf(env.secrets, source);
  const derivation = newDerivation(secret.random, (bytes) => env.random.bytes(bytes), tuning.passphraseCost);
  const key = await deriveKey(derivation, secret.bytes).finally(() => secret.bytes.fill(0));
  await engine.inTurn(async () => {
    try {
      await ring.rotate({ derivation, key });
    } catch (cause) {
      if (cause instanceof StoreError) engine.fail(cause); // one superblock may have it already
      throw cause;
    }
  });
}
/** At the beginning of a life, when everything is known to be there. */
export async function destroyUnusedKeys(engine: Engine, ring: KeyRing): Promise<void> {
  const used = new Set([...engine.state.volumes.values()].map(({ key }) => key));
  const isUnused = [...ring.keys.numbers].some((number) => !used.has(number));
  const isLost = [...used].some((number) => ring.keys.keyOf(number) === undefined);
  if ((!isUnused && !ring.keys.isWorn) || isLost || ring.keys.isDamaged) return;
  try {
    await engine.inTurn(async () => {
      await guarded(engine, async () => await ring.keepOnly(used, async () => await Promise.resolve()));
    });
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'full') throw cause; // there will be another life
  }
}

/**
 * A volume that begins as another is, with a key of its own: its recipe is stored once more, its chunks are not. In the engine's turn
 * until it is done: commits wait for it.
 */
export async function forkVolume(
  engine: Engine,
  ring: KeyRing,
  from: VolumeEntry,
  volume: string,
  atMs: number,
): Promise<void> {
  const state = (await engine.stateOf(from)).copy();
  const key = await newKey(engine, ring);
  const writer = new MetaWriter(engine.containers, engine.cipher);
  const again = async (pieces: readonly Piece[]): Promise<Piece[]> => {
    const made: Piece[] = [];
    for (const piece of pieces) {
      const { container, ordinal } = await writer.add(await engine.pieceBytes(piece), key);
      made.push({ ...piece, container, ordinal });
    }
    return made;
  };
  const streams = new Map<string, StreamState>();
  for (const [name, stream] of state.streams) {
    if (stream.kind === 'data') {
      const { runs, pieces } = stream.recipe;
      streams.set(name, { ...stream, recipe: new Recipe(await again(pieces), runs) });
    } else {
      const { log } = stream;
      const rest = log.slice(log.from, log.bytes);
      streams.set(name, {
        kind: 'entries',
        log: new EntryLog(log.entryBytes, await again(log.pieces), rest),
      });
    }
  }
  const root = await writer.add(new VolumeState(state.label, streams).encode(), key);
  await engine.containers.written(writer.used);
  await engine.containers.sync();
  // Its containers and the volume in one batch: nobody takes them for garbage in between.
  const { logicalBytes } = from;
  await engine.record([{ kind: 'adopted', volume, key, root, logicalBytes, atMs }]);
}

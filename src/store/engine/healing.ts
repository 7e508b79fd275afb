/**
 * Healing: a chunk that is lost where it was stored, and was stored again since because the same content came again, is put back: a new
 * generation of its container has it. Or a sound copy of the whole container comes from a replica.
 */
import { StoreError } from '../../errors.js';
import {
  type ContainerName,
  type Directory,
  fingerprintBytes,
  isFast,
  peekHead,
} from './container.format.js';
import { containerAlignBytes } from './engine-limits.js';
import type { Engine } from './engine.js';
import { indexesOf, type Move, readableDirectory, regenerate, settleMoves } from './generations.js';
import { inspect } from './inspection.js';
import type { Pacer } from './pacer.js';

/** Containers that have less damage now. */
export async function heal(engine: Engine, pacer: Pacer): Promise<readonly number[]> {
  const healed: number[] = [];
  for (const id of engine.quarantine.healable) {
    await pacer.step(engine.state.containers.get(id)?.place.bytes ?? 0);
    if (await engine.moves.run(async () => await healOne(engine, id, pacer))) healed.push(id);
  }
  return healed;
}
async function healOne(engine: Engine, id: number, pacer: Pacer): Promise<boolean> {
  const fact = engine.state.containers.get(id);
  const before = engine.quarantine.all.get(id);
  if (fact === undefined || before === undefined || before === 'all') return false;
  const move = await regenerate(engine, fact, { isKept: () => true, recompress: false }, pacer);
  engine.quarantine.tried(id);
  if (move === undefined || move.lost.length >= before.length) return false;
  return (await settleMoves(engine, [move], () => true)) > 0;
}

/**
 * Takes a whole container as another store of the same content keeps it: its image, with its head, regions and fingerprints. It must
 * verify in everything, and be what ours is, as far as ours can still be read. StoreError 'corrupt' when it is not, 'missing' when
 * there is no such container.
 */
export async function replaceContainer(
  engine: Engine,
  id: number,
  image: Buffer,
  pacer: Pacer,
): Promise<void> {
  await engine.moves.run(async () => {
    const fact = engine.state.containers.get(id);
    if (fact === undefined) throw new StoreError('missing', `There is no container ${id}`, { container: id });
    const copy = await soundCopy(engine, id, image, pacer);
    const ours = await readableDirectory(engine, fact);
    if (copy === undefined || !isSameContent(copy, ours, fact)) {
      const message = `The copy of container ${id} is not a sound copy of it`;
      throw new StoreError('corrupt', message, { container: id });
    }
    const move = await adopt(engine, fact, copy, image);
    await settleMoves(engine, [move], () => true);
  });
  await engine.inTurn(async () => await engine.record([]));
}
async function soundCopy(
  engine: Engine,
  id: number,
  image: Buffer,
  pacer: Pacer,
): Promise<Directory | undefined> {
  const head = peekHead(image);
  if (head?.id !== id || head.bytes !== image.length || image.length % containerAlignBytes !== 0)
    return undefined;
  const name: ContainerName = {
    group: image.readBigUInt64LE(8),
    place: { pack: image.readUInt32LE(24), offset: image.readUInt32LE(28), bytes: image.length },
  };
  const generation = image.readUInt32LE(20);
  const { directory, lost } = await inspect(engine, name, { id, generation }, image, pacer);
  return directory?.fingerprints === undefined || lost.size > 0 ? undefined : directory;
}
/** It has every chunk that ours has, the same ones. */
function isSameContent(
  copy: Directory,
  ours: Directory | undefined,
  { kind, ordinals, chunks }: { readonly kind: number; readonly ordinals: number; readonly chunks: number },
): boolean {
  if (copy.kind !== kind || copy.count < chunks || (copy.ordinals.at(-1) ?? 0) >= ordinals) return false;
  if (ours === undefined) return true;
  return ours.ordinals.every((ordinal, index) => {
    const at = copy.indexOf(ordinal);
    if (at < 0 || copy.lengths[at] !== ours.lengths[index]) return false;
    if (ours.fingerprints === undefined) return true;
    const from = index * fingerprintBytes;
    const theirs = copy.fingerprints?.subarray(at * fingerprintBytes, (at + 1) * fingerprintBytes);
    return theirs?.equals(ours.fingerprints.subarray(from, from + fingerprintBytes)) === true;
  });
}
/** Its regions as they are, with our addresses around them. */
async function adopt(engine: Engine, fact: Move['old'], copy: Directory, image: Buffer): Promise<Move> {
  const { containers, cipher } = engine;
  const open = await containers.beginAgainSoon(fact.id, fact.kind, () => containers.density);
  try {
    for (const [number, { offset, storedBytes }] of copy.regions.entries()) {
      if (indexesOf(copy, number).length === 0) continue;
      const stored = Buffer.alloc(storedBytes);
      const source = image.subarray(offset, offset + storedBytes + cipher.regions.overheadBytes);
      cipher.regions.open(copy, number, source, stored);
      await open.addRegion(copy, number, stored);
    }
    const generation = fact.generation + 1;
    await open.ended();
    const made = open.seal(engine.group, generation, (bytes) => containers.packs.reserve(bytes));
    const { place, rawBytes, count: chunks, directory } = open;
    if (place === undefined || directory === undefined) throw new StoreError('corrupt', 'It is empty');
    const next = { ...fact, generation, place, chunks, rawBytes, fast: isFast(directory) };
    await containers.writeImage(made, next);
    return { old: fact, made: next, lost: [] };
  } finally {
    await open.packed();
    containers.workspaces.give(open.release());
  }
}

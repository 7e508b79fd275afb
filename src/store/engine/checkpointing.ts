/**
 * Checkpointing: recipes and states of volumes that changed go into containers, then the state of the group into a file. Runs in
 * the engine's turn, so that no commit comes between. Each step leaves a group that recovers: what is new is referred to by
 * nothing until the step after it is durable.
 */
import { strict as assert } from 'node:assert';
import { dropCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { Engine, Tuning } from './engine.js';
import { checkpointContainers, checkpointContainersShare } from './engine-limits.js';
import type { GroupState, Root, VolumeEntry } from './group-state.js';
import { MetaWriter } from './meta-writer.js';
import type { Piece } from './recipe.js';
import { trimCuts } from './trimming.js';
import type { StreamState } from './volume-state.js';

/** The newest checkpoint there is, and what the one before it needs. */
export interface CheckpointPlace {
  number: number;
  /** First segment of the journal that the newest needs. */
  segment: number;
  /** Of the last batch that it has seen. */
  sequence: number;
  /** Of both files, and of the newest. */
  bytes: number;
  newestBytes: number;
  /** States of volumes that the newest refers to, and the one before: they must not go. */
  roots: readonly Root[];
  rootsBefore: readonly Root[];
  indexBefore: ReadonlySet<number>;
  /** The next is due when the journal is longer, or when a container has a higher number. */
  dueBytes: number;
  dueContainer: number;
}
/** The larger the state, the longer it may wait to be written again. */
export function setDue(place: CheckpointPlace, tuning: Tuning, { containers }: GroupState): void {
  place.dueBytes = Math.max(tuning.checkpointBytes, 2 * place.newestBytes);
  const share = Math.floor(containers.count / checkpointContainersShare);
  place.dueContainer = containers.last + Math.max(checkpointContainers, share);
}
export const isCheckpointDue = ({ journal, checkpoint, state }: Engine): boolean =>
  journal.bytes > checkpoint.dueBytes || state.containers.last > checkpoint.dueContainer;
/** After one that the disk had no room for. */
export function postponeCheckpoint({ journal, checkpoint, state, tuning }: Engine): void {
  checkpoint.dueBytes = journal.bytes + tuning.checkpointBytes / 4;
  checkpoint.dueContainer = state.containers.last + checkpointContainers / 4;
}

export async function runCheckpoint(engine: Engine, force: boolean): Promise<void> {
  const { state, checkpoint } = engine;
  const changed = state.sequence !== checkpoint.sequence || state.garbageBytes !== state.garbageStored;
  if (!changed && engine.owed.length === 0 && !force) return; // nothing has happened
  const dirty = [...state.volumes.values()].filter((entry) => entry.dirty && entry.damage === undefined);
  await trimAll(engine, dirty);
  await storePieces(engine, dirty);
  const roots = await storeStates(engine, dirty);
  for (const [entry, root] of roots) entry.root = root;
  await engine.record([]); // what was owed
  const closing = engine.journal.bytes;
  const segment = await engine.journal.beginNext();
  const indexBefore = new Set(engine.index.runs.map(({ number }) => number));
  state.indexRuns = engine.index.runs;
  state.indexedTo = indexedTo(engine);
  const { disk } = engine.env;
  const number = checkpoint.number + 1;
  const bytes = await writeCheckpoint(disk, engine.folder, engine, number, segment, state);
  const kept = checkpoint.segment;
  if (number >= 2) await dropCheckpoint(disk, engine.folder, number - 2);
  await engine.journal.drop(kept);
  await engine.index.checkpointed(new Set([...checkpoint.indexBefore, ...indexBefore]));
  engine.journal.bytesBefore = closing;
  state.garbageStored = state.garbageBytes;
  checkpoint.number = number;
  checkpoint.sequence = state.sequence;
  checkpoint.segment = segment;
  checkpoint.bytes = checkpoint.newestBytes + bytes;
  checkpoint.newestBytes = bytes;
  checkpoint.rootsBefore = checkpoint.roots;
  checkpoint.roots = state.roots();
  checkpoint.indexBefore = indexBefore;
  setDue(checkpoint, engine.tuning, state);
  for (const entry of dirty) {
    entry.dirty = false;
    if (!engine.open.has(entry.id)) entry.state = undefined;
  }
}

/** Every container up to it is in runs of the index. */
function indexedTo({ index, containers, state }: Engine): number {
  let lowest = Math.min(index.containerMin, state.containers.last + 1);
  for (const id of containers.openIds()) lowest = Math.min(lowest, id);
  return lowest - 1;
}
async function settle(engine: Engine, writer: MetaWriter): Promise<void> {
  if (writer.used.size === 0) return;
  await engine.containers.written(writer.used);
  await engine.containers.sync();
  for (const open of writer.used) assert(open.state === 'durable');
  await engine.record([]);
}

async function trimAll(engine: Engine, dirty: readonly VolumeEntry[]): Promise<void> {
  for (const { id, state } of dirty) {
    for (const stream of [...(state?.streams.values() ?? []), ...(engine.open.get(id)?.working() ?? [])]) {
      if (stream.kind === 'data') await trimCuts(engine, stream.recipe.runs);
    }
  }
}
async function storePieces(engine: Engine, dirty: readonly VolumeEntry[]): Promise<void> {
  const writer = new MetaWriter(engine.containers, engine.cipher);
  const stored: {
    readonly entry: VolumeEntry;
    readonly stream: string;
    readonly pieces: Piece[];
    readonly runs: number;
  }[] = [];
  for (const entry of dirty) {
    for (const [stream, drafts] of entry.state?.drafts(engine.tuning.pieceRuns) ?? []) {
      const pieces: Piece[] = [];
      for (const { bytes, end } of drafts) {
        const { container, ordinal } = await writer.add(bytes, entry.key);
        pieces.push({ container, ordinal, end });
      }
      stored.push({ entry, stream, pieces, runs: drafts.reduce((sum, { runs }) => sum + runs, 0) });
    }
  }
  await settle(engine, writer);
  for (const { entry, stream, pieces, runs } of stored) {
    const before = piecesOf(entry.state?.streams.get(stream));
    entry.state?.adopt(stream, pieces, runs);
    engine.open.get(entry.id)?.adopt(stream, before, pieces, runs);
  }
}
export function piecesOf(state: StreamState | undefined): readonly Piece[] {
  if (state === undefined) return [];
  return state.kind === 'data' ? state.recipe.pieces : state.log.pieces;
}
async function storeStates(engine: Engine, dirty: readonly VolumeEntry[]): Promise<Map<VolumeEntry, Root>> {
  const writer = new MetaWriter(engine.containers, engine.cipher);
  const roots = new Map<VolumeEntry, Root>();
  for (const entry of dirty) {
    if (entry.state !== undefined) roots.set(entry, await writer.add(entry.state.encode(), entry.key));
  }
  await settle(engine, writer);
  return roots;
}

/**
 * VolumeState: a volume as the journal says it is: label and streams at the last commit. Replay and the running engine change it
 * with the same function, so that what a crash would bring back is at hand all the time.
 */
import { strict as assert } from 'node:assert';
import { ByteReader, ByteWriter } from './bytes.js';
import { fromColumns, toColumns } from './columns.js';
import { chunkBytesMax, entryPieceBytes } from './engine-limits.js';
import { EntryLog } from './entry-log.js';
import { type Piece, Recipe, Runs } from './recipe.js';
import { decodePieces, decodeRuns, encodePieces, encodeRuns } from './recipe.format.js';

export interface DataState {
  readonly kind: 'data';
  readonly recipe: Recipe;
  /** Behind the last cut: not yet a chunk. */
  tail: Buffer;
}
export interface EntriesState {
  readonly kind: 'entries';
  readonly log: EntryLog;
}
export type StreamState = DataState | EntriesState;
export const lengthOf = (state: StreamState): number =>
  state.kind === 'data' ? state.recipe.bytes + state.tail.length : state.log.bytes;

/** Bytes that are to be stored as a piece. */
export interface PieceDraft {
  readonly bytes: Buffer;
  /** Where it ends in the stream. */
  readonly end: number;
  /** Runs in it, of a recipe. */
  readonly runs: number;
}
const empty = Buffer.alloc(0);

export class VolumeState {
  label: Buffer;
  readonly streams: Map<string, StreamState>;

  constructor(label: Buffer = empty, streams = new Map<string, StreamState>()) {
    this.label = label;
    this.streams = streams;
  }
  copy(): VolumeState {
    const streams = [...this.streams].map(([name, state]): [string, StreamState] => [
      name,
      copyOfStream(state),
    ]);
    return new VolumeState(this.label, new Map(streams));
  }

  // --- changes, as the journal has them

  /** Label, then changes of streams until the end of them. */
  apply(from: ByteReader): void {
    this.label = Buffer.from(from.block());
    for (let left = from.count(); left > 0; left--) {
      const name = from.text();
      const entryBytes = from.varint();
      const known = this.streams.get(name);
      const emptied = known === undefined || lengthOf(known) === 0;
      const state = emptied ? newStream(entryBytes) : known;
      this.streams.set(name, state);
      if (state.kind === 'data') applyData(state, from);
      else applyEntries(state, from);
    }
  }

  // --- the whole, as a checkpoint has it

  /** Pieces that are due, by stream. */
  drafts(pieceRuns: number): Map<string, PieceDraft[]> {
    const all = new Map<string, PieceDraft[]>();
    for (const [name, state] of this.streams) {
      const drafts =
        state.kind === 'data' ? draftRuns(state.recipe.runs, pieceRuns) : draftEntries(state.log);
      if (drafts.length > 0) all.set(name, drafts);
    }
    return all;
  }
  /** `runs`: of a recipe, that are in the pieces now. */
  adopt(name: string, added: readonly Piece[], runs: number): void {
    const state = this.streams.get(name);
    assert(state !== undefined);
    if (state.kind === 'data') state.recipe.adopt([...state.recipe.pieces, ...added], runs);
    else state.log.adopt([...state.log.pieces, ...added]);
  }
  encode(): Buffer {
    const to = new ByteWriter();
    const streams = [...this.streams].filter(([, state]) => lengthOf(state) > 0);
    to.block(this.label).varint(streams.length);
    for (const [name, state] of streams) {
      to.text(name);
      if (state.kind === 'data') {
        const { recipe, tail } = state;
        to.varint(0);
        encodePieces(to, recipe.pieces);
        encodeRuns(to, recipe.runs, 0, recipe.runs.length);
        to.block(tail);
      } else {
        const { log } = state;
        to.varint(log.entryBytes);
        encodePieces(to, log.pieces);
        to.block(toColumns(log.slice(log.from, log.bytes), log.entryBytes));
      }
    }
    return to.finish();
  }
}

function copyOfStream(state: StreamState): StreamState {
  if (state.kind === 'data') return { kind: 'data', recipe: state.recipe.copy(), tail: state.tail };
  return { kind: 'entries', log: state.log.copy() };
}
export function newStream(entryBytes: number): StreamState {
  if (entryBytes > 0) return { kind: 'entries', log: new EntryLog(entryBytes) };
  return { kind: 'data', recipe: new Recipe(), tail: empty };
}

function applyData(state: DataState, from: ByteReader): void {
  const { recipe } = state;
  const keep = from.varint();
  if (keep > recipe.bytes) throw from.corrupt('keeps what is not there');
  if (keep < recipe.bytes) recipe.truncate(keep);
  const chunks = from.varint();
  const bytes = from.varint();
  if (bytes > 0) {
    if (recipe.runs.length === 0) throw from.corrupt('goes on where nothing is');
    recipe.runs.extend(chunks, bytes);
  }
  decodeRuns(from, recipe.runs);
  const tail = from.block();
  if (tail.length > chunkBytesMax) throw from.corrupt('has an end that is too long');
  state.tail = Buffer.from(tail);
}
function applyEntries(state: EntriesState, from: ByteReader): void {
  const keep = from.varint();
  if (keep > state.log.bytes) throw from.corrupt('keeps what is not there');
  state.log.truncate(keep);
  state.log.append(from.block());
}

function draftRuns(runs: Runs, pieceRuns: number): PieceDraft[] {
  const drafts: PieceDraft[] = [];
  // The last run may still grow.
  for (let to = pieceRuns; to < runs.length; to += pieceRuns) {
    const writer = new ByteWriter();
    encodeRuns(writer, runs, to - pieceRuns, to);
    drafts.push({ bytes: writer.finish(), end: runs.at(to - 1).to, runs: pieceRuns });
  }
  return drafts;
}
function draftEntries(log: EntryLog): PieceDraft[] {
  const drafts: PieceDraft[] = [];
  const size = entryPieceBytes - (entryPieceBytes % log.entryBytes);
  for (let from = log.from; from + size <= log.bytes; from += size) {
    drafts.push({
      bytes: toColumns(log.slice(from, from + size), log.entryBytes),
      end: from + size,
      runs: 0,
    });
  }
  return drafts;
}

export function decodeState(from: ByteReader): VolumeState {
  const label = Buffer.from(from.block());
  const streams = new Map<string, StreamState>();
  for (let left = from.count(); left > 0; left--) {
    const name = from.text();
    const entryBytes = from.varint();
    const pieces = decodePieces(from);
    if (entryBytes > 0) {
      const rest = fromColumns(from.block(), entryBytes);
      streams.set(name, { kind: 'entries', log: new EntryLog(entryBytes, pieces, rest) });
      continue;
    }
    const runs = new Runs(pieces.at(-1)?.end ?? 0);
    decodeRuns(from, runs);
    streams.set(name, { kind: 'data', recipe: new Recipe(pieces, runs), tail: Buffer.from(from.block()) });
  }
  return new VolumeState(label, streams);
}
/** Runs of a piece that begins at `begins` of its stream. */
export function decodePiece(bytes: Buffer, begins: number, what: string): Runs {
  const runs = new Runs(begins);
  decodeRuns(new ByteReader(bytes, what), runs);
  return runs;
}

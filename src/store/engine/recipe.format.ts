/** Runs and pieces as bytes: in the journal, in pieces, and in the state of a volume (FORMAT.md, "Recipes"). */
import type { ByteReader, ByteWriter } from './bytes.js';
import { containerChunksMax } from './engine-limits.js';
import { type Piece, type Recipe, type RecipeMark, Runs } from './recipe.js';

const zigzag = (value: number): number => (value >= 0 ? 2 * value : -2 * value - 1);
const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

/** Runs from … to of the arrays: container (as a difference), first chunk (likewise), chunks, bytes. */
export function encodeRuns(to: ByteWriter, runs: Runs, from: number, until: number): void {
  to.varint(until - from);
  let container = 0;
  let next = 0;
  for (let index = from; index < until; index++) {
    const run = runs.at(index);
    to.varint(zigzag(run.container - container));
    to.varint(zigzag(run.first - (run.container === container ? next : 0)));
    to.varint(run.count).varint(run.to - run.from);
    container = run.container;
    next = run.first + run.count;
  }
}
export function decodeRuns(from: ByteReader, runs: Runs): void {
  let container = 0;
  let next = 0;
  for (let left = from.count(); left > 0; left--) {
    const before = container;
    container += unzigzag(from.varint());
    const first = unzigzag(from.varint()) + (container === before ? next : 0);
    const count = from.varint();
    const bytes = from.varint();
    const sound =
      container > 0 && container < 2 ** 32 && first >= 0 && count > 0 && first + count <= containerChunksMax;
    if (!sound || bytes === 0) throw from.corrupt('has a run of no chunks');
    runs.push(container, first, count, bytes);
    next = first + count;
  }
}

export function encodePieces(to: ByteWriter, pieces: readonly Piece[]): void {
  to.varint(pieces.length);
  let end = 0;
  for (const piece of pieces) {
    to.varint(piece.container)
      .varint(piece.ordinal)
      .varint(piece.end - end);
    end = piece.end;
  }
}
export function decodePieces(from: ByteReader): Piece[] {
  let end = 0;
  return Array.from({ length: from.count() }, () => {
    const container = from.varint();
    const ordinal = from.varint();
    end += from.varint();
    return { container, ordinal, end };
  });
}

/**
 * What became of a recipe between two of its marks, as VolumeState.apply reads it: bytes that are kept of the first, what the last
 * run of those grew by, runs that came.
 */
export function encodeChange(
  to: ByteWriter,
  recipe: Recipe,
  keep: number,
  before: RecipeMark,
  after: RecipeMark,
): void {
  const { runs } = recipe;
  let index = recipe.indexOf(before.runs);
  let chunks = 0;
  let bytes = 0;
  if (keep < before.bytes) {
    index = runs.end > keep ? runs.indexAt(keep) : runs.length;
  } else if (index > 0) {
    const last = runs.at(index - 1);
    const end = Math.min(last.to, after.bytes);
    if (end > before.bytes) {
      bytes = end - before.bytes;
      chunks = (after.runs === before.runs ? after.lastCount : last.count) - before.lastCount;
    }
  }
  to.varint(keep).varint(chunks).varint(bytes);
  const until = recipe.indexOf(after.runs);
  const added = new Runs(0);
  for (; index < until; index++) {
    const run = runs.at(index);
    const isLast = index === until - 1;
    const end = isLast ? after.bytes : run.to;
    added.push(run.container, run.first, isLast ? after.lastCount : run.count, end - run.from);
  }
  encodeRuns(to, added, 0, added.length);
}

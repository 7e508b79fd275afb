/** Runs and pieces as bytes: in the journal, in pieces, and in the state of a volume (FORMAT.md, "Recipes"). */
import type { ByteReader, ByteWriter } from './bytes.js';
import { containerChunksMax } from './engine-limits.js';
import type { Piece, Runs } from './recipe.js';

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

/**
 * Recipe: of which chunks a stream is made, in runs of chunks that follow each other in a container. What is behind a
 * checkpoint lies in pieces in containers of their own kind; what is newer is here, in plain arrays. It grows at the end
 * and can be cut.
 *
 * A run says how many bytes of its chunks count: after a cut inside a chunk the last one counts in part (its run may then
 * name chunks behind it that do not count at all), and no run goes on over a cut.
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';

/** A stored run of runs. */
export interface Piece {
  readonly container: number;
  readonly ordinal: number;
  /** Where it ends in the stream, as far as it counts. */
  readonly end: number;
}
export interface Run {
  readonly container: number;
  readonly first: number;
  readonly count: number;
  /** From … to in the stream. */
  readonly from: number;
  readonly to: number;
}
/** What is left of pieces that are cut off at `end`, which lies in one of them or where one ends. */
export function piecesUpTo(pieces: readonly Piece[], end: number): Piece[] {
  const count = pieces.findIndex((piece) => piece.end >= end);
  const cut = pieces[count];
  assert(cut !== undefined);
  const kept = pieces.slice(0, count);
  const begins = kept.at(-1)?.end ?? 0;
  return begins === end ? kept : [...kept, { ...cut, end }];
}
/** A moment of a recipe that only grew since. */
export interface RecipeMark {
  readonly bytes: number;
  /** Number of runs, those in pieces included, and chunks of the last. */
  readonly runs: number;
  readonly lastCount: number;
}

/** Runs in arrays, in order, from the offset `from` of the stream. */
export class Runs {
  length = 0;
  #containers = new Uint32Array(64);
  #firsts = new Uint16Array(64);
  #counts = new Uint16Array(64);
  #ends = new Float64Array(64);
  readonly from: number;
  /** Runs that were cut inside, and may name chunks behind the cut. */
  #cuts: number[] = [];

  constructor(from: number) {
    this.from = from;
  }
  get end(): number {
    return this.length === 0 ? this.from : (this.#ends[this.length - 1] ?? 0);
  }
  at(index: number): Run {
    assert(index >= 0 && index < this.length);
    return {
      container: this.#containers[index] ?? 0,
      first: this.#firsts[index] ?? 0,
      count: this.#counts[index] ?? 0,
      from: index === 0 ? this.from : (this.#ends[index - 1] ?? 0),
      to: this.#ends[index] ?? 0,
    };
  }
  push(container: number, first: number, count: number, bytes: number): void {
    if (this.length === this.#ends.length) this.#grow();
    const end = this.end + bytes;
    this.#containers[this.length] = container;
    this.#firsts[this.length] = first;
    this.#counts[this.length] = count;
    this.#ends[this.length] = end;
    this.length += 1;
  }
  #grow(): void {
    const grow = <T extends Uint32Array | Uint16Array | Float64Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    const size = 2 * this.#ends.length;
    this.#containers = grow(this.#containers, new Uint32Array(size));
    this.#firsts = grow(this.#firsts, new Uint16Array(size));
    this.#counts = grow(this.#counts, new Uint16Array(size));
    this.#ends = grow(this.#ends, new Float64Array(size));
  }
  /** True when the chunk goes on where the last run ends. */
  isNext(container: number, ordinal: number): boolean {
    const last = this.length - 1;
    return (
      last >= 0 &&
      this.#containers[last] === container &&
      (this.#firsts[last] ?? 0) + (this.#counts[last] ?? 0) === ordinal
    );
  }
  extend(count: number, bytes: number): void {
    const last = this.length - 1;
    assert(last >= 0);
    this.#counts[last] = (this.#counts[last] ?? 0) + count;
    this.#ends[last] = (this.#ends[last] ?? 0) + bytes;
  }
  truncate(end: number): void {
    assert(end >= this.from && end <= this.end);
    this.length = end === this.from ? 0 : this.indexAt(end - 1) + 1;
    const last = this.length - 1;
    this.#cuts = this.#cuts.filter((index) => index < last);
    if (last < 0 || this.#ends[last] === end) return;
    this.#ends[last] = end;
    this.#cuts.push(last);
  }
  get cuts(): readonly number[] {
    return this.#cuts;
  }
  /** Only so many of the run's chunks hold bytes that count. */
  trim(index: number, count: number): void {
    assert(count > 0 && count <= (this.#counts[index] ?? 0));
    this.#counts[index] = count;
    this.#cuts = this.#cuts.filter((one) => one !== index);
  }
  /** The run that holds the byte at that offset. */
  indexAt(offset: number): number {
    assert(offset >= this.from && offset < this.end);
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ends[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  /** Tells of every chunk that is named. */
  touchAll(liveness: { touchRun(container: number, first: number, count: number): void }): void {
    for (let index = 0; index < this.length; index++) {
      const count = this.#counts[index] ?? 0;
      liveness.touchRun(this.#containers[index] ?? 0, this.#firsts[index] ?? 0, count);
    }
  }
  /** The runs behind the first `count`. */
  behind(count: number): Runs {
    const rest = new Runs(count === 0 ? this.from : this.at(count - 1).to);
    for (let index = count; index < this.length; index++) {
      const { container, first, count: chunks, from, to } = this.at(index);
      rest.push(container, first, chunks, to - from);
    }
    rest.#cuts = this.#cuts.flatMap((index) => (index < count ? [] : [index - count]));
    return rest;
  }
}

/** Runs of a piece, as far as it counts. */
export class PieceRuns {
  readonly #runs: Runs;
  readonly #to: number;

  constructor(runs: Runs, to: number) {
    this.#runs = runs;
    this.#to = to;
  }
  has(offset: number): boolean {
    return offset >= this.#runs.from && offset < Math.min(this.#to, this.#runs.end);
  }
  /** The run that holds the byte at that offset, which lies in the piece. StoreError 'corrupt' when none does. */
  at(offset: number): Run {
    if (offset >= this.#runs.end)
      throw new StoreError('corrupt', 'A recipe is shorter than its stream', { offset });
    const run = this.#runs.at(this.#runs.indexAt(offset));
    return run.to > this.#to ? { ...run, to: this.#to } : run;
  }
}

export class Recipe {
  pieces: readonly Piece[];
  /** Behind the pieces. */
  runs: Runs;
  /** Runs that are in pieces, or were in pieces that were cut off: numbers of runs count on from here. */
  #base = 0;
  /** The last run may go on. */
  #open = false;
  /** How often it was cut: a run that was looked up before need not be one of its runs any more. */
  cuts = 0;

  constructor(pieces: readonly Piece[] = [], runs = new Runs(pieces.at(-1)?.end ?? 0)) {
    assert(runs.from === (pieces.at(-1)?.end ?? 0));
    this.pieces = pieces;
    this.runs = runs;
  }
  get bytes(): number {
    return this.runs.end;
  }
  copy(): Recipe {
    return new Recipe(this.pieces, this.runs.behind(0));
  }

  push(container: number, ordinal: number, bytes: number): void {
    if (this.#open && this.runs.isNext(container, ordinal)) this.runs.extend(1, bytes);
    else this.runs.push(container, ordinal, 1, bytes);
    this.#open = true;
  }
  truncate(end: number): void {
    assert(end >= 0 && end <= this.bytes);
    this.#open = false;
    this.cuts += 1;
    if (end >= this.runs.from) {
      this.runs.truncate(end);
      return;
    }
    this.pieces = piecesUpTo(this.pieces, end);
    this.#base += this.runs.length;
    this.runs = new Runs(end);
  }

  get mark(): RecipeMark {
    const { runs } = this;
    const lastCount = runs.length === 0 ? 0 : runs.at(runs.length - 1).count;
    return { bytes: this.bytes, runs: this.#base + runs.length, lastCount };
  }
  /** Index in `runs` of the run with that number. */
  indexOf(number: number): number {
    return number - this.#base;
  }
  /** What the first `count` runs said is in these pieces now. */
  adopt(pieces: readonly Piece[], count: number): void {
    const end = pieces.at(-1)?.end ?? 0;
    assert(count <= this.runs.length && end === (count === 0 ? this.runs.from : this.runs.at(count - 1).to));
    this.pieces = pieces;
    this.runs = this.runs.behind(count);
    this.#base += count;
  }
}

/** Index of the piece that holds the byte. */
export function pieceAt(pieces: readonly Piece[], offset: number): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pieces[middle]?.end ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What a host may find on a cartridge: the model that the real drive is held against.
 *
 * The states form a line in time. Everything before `#durable` is history; after a crash the cartridge is in one of the
 * states from there on; after a lost connection in one of those from `#acknowledged` on. Objects are immutable.
 */
import { strict as assert } from 'node:assert';

export type TapeObject =
  { readonly kind: 'record'; readonly seed: number; readonly length: number } | { readonly kind: 'filemark' };
type State = readonly TapeObject[];

/** The bytes of a record follow from its seed: any swap, cut or stale copy shows. */
export function recordBytes(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let x = (seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let at = 0; at < words.length; at++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[at] = x;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** Short records may be alike although their seeds are not. */
const same = (a: TapeObject, b: TapeObject | undefined): boolean =>
  b !== undefined &&
  a.kind === b.kind &&
  (a.kind === 'filemark' ||
    (b.kind === 'record' && a.length === b.length && (a.seed === b.seed || keyOf(a) === keyOf(b))));

const keyBytes = 16;
const keyOf = ({ seed, length }: TapeObject & { kind: 'record' }): string =>
  `${length} ${recordBytes(seed, Math.min(length, keyBytes)).toString('hex')}`;

export class TapeModel {
  readonly barcode: string;
  /** Records ever written, by the beginning of their bytes. */
  readonly #written = new Map<string, TapeObject & { readonly kind: 'record' }>();
  #states: State[] = [[]];
  #durable = 0;
  #acknowledged = 0;
  /** Object number. */
  position = 0;

  constructor(barcode: string) {
    this.barcode = barcode;
  }
  get objects(): State {
    return this.#states[this.#acknowledged] ?? [];
  }
  /** Objects that certainly survive a crash. */
  get durableCount(): number {
    const states = this.#states.slice(this.#durable);
    return Math.min(...states.map((state) => state.length));
  }

  /** Says that the host is about to write these here. They are there, all of them, when `written` is called. */
  writing(objects: readonly TapeObject[]): void {
    for (const one of objects) if (one.kind === 'record') this.#written.set(keyOf(one), one);
    const kept = this.objects.slice(0, this.position);
    if (kept.length < this.objects.length) this.#states.push(kept);
    for (let count = 1; count <= objects.length; count++) {
      this.#states.push([...kept, ...objects.slice(0, count)]);
    }
  }
  written(): void {
    this.#acknowledged = this.#states.length - 1;
    this.position = this.objects.length;
  }
  /** A synchronising command was answered with GOOD. */
  synchronized(): void {
    this.#states = [this.objects];
    this.#durable = 0;
    this.#acknowledged = 0;
  }

  /** Which record these bytes are; undefined when none ever had them. */
  identify(bytes: Buffer): TapeObject | undefined {
    const known = this.#written.get(`${bytes.length} ${bytes.subarray(0, keyBytes).toString('hex')}`);
    return known !== undefined && recordBytes(known.seed, known.length).equals(bytes) ? known : undefined;
  }

  /**
   * Holds what was found, from the first object to the end of data, against what may be there, and goes on from it. Returns
   * undefined when it may, else what is wrong.
   */
  found(objects: readonly (TapeObject | 'other')[], after: 'crash' | 'cut'): string | undefined {
    const possible = this.#states.slice(after === 'crash' ? this.#durable : this.#acknowledged);
    const match = possible.findLast(
      (state) =>
        state.length === objects.length &&
        objects.every((one, index) => one !== 'other' && same(one, state[index])),
    );
    if (match === undefined) {
      const lengths = possible.map((state) => state.length).join(', ');
      const first = objects.findIndex((one, index) => one === 'other' || !same(one, this.objects[index]));
      return `${this.barcode} after a ${after}: found ${objects.length} objects, object ${first} is ${JSON.stringify(objects[first])} and not ${JSON.stringify(this.objects[first])}; possible were ${lengths}`;
    }
    const older = after === 'crash' ? [] : this.#states.slice(this.#durable, this.#acknowledged + 1);
    this.#states = [...older, match];
    this.#durable = 0;
    this.#acknowledged = this.#states.length - 1;
    return undefined;
  }

  // --- motion, by the rules of SSC ------------------------------------------------------------------------------

  /** SPACE over blocks: stops behind a filemark (before it, backwards), at the ends. */
  spaceBlocks(count: number): { readonly moved: number; readonly stoppedBy?: 'filemark' | 'eod' | 'bop' } {
    const step = Math.sign(count);
    for (let moved = 0; moved < Math.abs(count); moved++) {
      const next = this.objects[step > 0 ? this.position : this.position - 1];
      if (next === undefined) return { moved, stoppedBy: step > 0 ? 'eod' : 'bop' };
      this.position += step;
      if (next.kind === 'filemark') return { moved, stoppedBy: 'filemark' };
    }
    return { moved: Math.abs(count) };
  }
  spaceFilemarks(count: number): { readonly moved: number; readonly stoppedBy?: 'eod' | 'bop' } {
    const step = Math.sign(count);
    let moved = 0;
    while (moved < Math.abs(count)) {
      const next = this.objects[step > 0 ? this.position : this.position - 1];
      if (next === undefined) return { moved, stoppedBy: step > 0 ? 'eod' : 'bop' };
      this.position += step;
      if (next.kind === 'filemark') moved += 1;
    }
    return { moved };
  }
  /** What a READ meets; undefined at the end of data. The position goes behind it. */
  read(): TapeObject | undefined {
    assert(this.position <= this.objects.length);
    const next = this.objects[this.position];
    if (next !== undefined) this.position += 1;
    return next;
  }
}

/**
 * ElementAddresses: element addresses (SMC-3 5.2: 16 bits, each kind a run without gaps) ↔ elements of the machine room.
 *
 * A kind starts where the personality says. When it would run into another one at the counts of this library, it moves
 * behind all others, storage first: what backup programs know by heart are the addresses of drives and robot. Addresses
 * depend on personality and counts only, so they survive a restart; growing past a neighbour changes them, which mode
 * page 1Dh shows and MODE PARAMETERS CHANGED announces.
 */
import { strict as assert } from 'node:assert';
import { drivesMax, mailSlotsMax, slotsMax } from '#limits';
import type { ElementKind, ElementRef } from '#vtl';

export type Counts = Readonly<Record<ElementKind, number>>;

export interface AddressRange {
  readonly kind: ElementKind;
  readonly first: number;
  readonly count: number;
}

/** Who gives way: a kind moves for those before it. */
const precedence = ['robot', 'drive', 'mail', 'slot'] as const;
const addressEnd = 0x1_0000;
/** Moved runs start at multiples of this, so that they are easy to recognise. */
const alignment = 0x100;
const basesMax = 0x2000;
assert(
  basesMax + slotsMax + 2 * alignment + drivesMax + mailSlotsMax + 2 * alignment <= addressEnd,
  'every library fits, moved or not, while its bases stay below basesMax',
);

const end = ({ first, count }: AddressRange): number => first + count;
const overlap = (a: AddressRange, b: AddressRange): boolean => a.first < end(b) && b.first < end(a);

export class ElementAddresses {
  /** Ascending. */
  readonly ranges: readonly AddressRange[];
  readonly #byKind: ReadonlyMap<ElementKind, AddressRange>;

  constructor(bases: Readonly<Record<ElementKind, number>>, counts: Counts) {
    const placed: AddressRange[] = [];
    for (const kind of precedence) {
      const wish = { kind, first: bases[kind], count: counts[kind] };
      const clash = placed.some((range) => overlap(range, wish));
      const behind = Math.ceil(Math.max(0, ...placed.map(end)) / alignment) * alignment;
      placed.push(clash ? { ...wish, first: behind } : wish);
    }
    assert(placed.every((range) => end(range) <= addressEnd));
    this.ranges = placed.toSorted((a, b) => a.first - b.first);
    this.#byKind = new Map(placed.map((range) => [range.kind, range]));
  }

  range(kind: ElementKind): AddressRange {
    const range = this.#byKind.get(kind);
    assert(range !== undefined);
    return range;
  }
  addressOf({ kind, index }: ElementRef): number {
    return this.range(kind).first + index;
  }
  refOf(address: number): ElementRef | undefined {
    const range = this.ranges.find((one) => address >= one.first && address < end(one));
    return range === undefined ? undefined : { kind: range.kind, index: address - range.first };
  }
}

/**
 * Intake: where bytes come into a stream: its ring, as long as it needs one, and what is on its way there from initiators.
 *
 * When something is to be put where others' bytes are on their way to, the ring is left to them and another taken. What that costs
 * is bounded, whoever lets memory be given and sends nothing: nothing lands until as much has come as was copied, nor while many
 * rings are left.
 */
import type { Slab } from '#wire';
import { Landings } from './landings.js';
import type { Ring, RingOwner } from './ring.js';
import type { Rings } from './rings.js';

const nothing = Buffer.alloc(0);

export interface IntakeOwner extends RingOwner {
  /** What is held will be cut again from its first byte, or not at all: what was known of chunks to come is void. */
  left(): void;
}

export class Intake {
  readonly #rings: Rings;
  readonly #owner: IntakeOwner;
  readonly #landings = new Landings();
  #ring: Ring | undefined;
  /** Copied from one ring to another, less what came since. */
  #copiedBytes = 0;

  constructor(rings: Rings, owner: IntakeOwner) {
    this.#rings = rings;
    this.#owner = owner;
  }
  get ring(): Ring | undefined {
    return this.#ring;
  }
  open(): Ring {
    this.#ring ??= this.#rings.take(this.#owner);
    return this.#ring;
  }
  get heldBytes(): number {
    return this.#ring?.heldBytes ?? 0;
  }
  landing(bytes: number): Slab {
    const isWise = this.#copiedBytes <= 0 && !this.#rings.areShort;
    return this.#landings.take(this.open(), bytes, isWise);
  }
  /** As many bytes of the slice, from there on, as there is room for. */
  put(slice: Uint8Array, from: number): number {
    const { ring } = this;
    const isFree =
      ring === undefined ||
      ring.isNext(slice, from) ||
      this.#landings.isFree(ring, ring.end, slice.length - from);
    if (!isFree) {
      this.#copiedBytes = ring.heldBytes;
      this.refill(this.copy(ring.heldBytes));
    }
    const bytes = this.open().fill(slice, from);
    this.#copiedBytes -= bytes;
    this.#landings.appended(slice, bytes);
    return bytes;
  }
  /** So many of the bytes that it holds, from the first on. */
  copy(bytes: number): Buffer {
    const ring = this.#ring;
    if (ring === undefined || bytes === 0) return nothing;
    const copy = Buffer.allocUnsafe(bytes);
    let at = 0;
    ring.read(ring.begin, ring.begin + bytes, (memory, from, to) => {
      at += memory.copy(copy, at, from, to);
    });
    return copy;
  }
  /** It holds this and nothing else, to be cut from its beginning. */
  refill(bytes: Buffer): void {
    const next = bytes.length > 0 ? this.#rings.take(this.#owner) : undefined; // first: there may be none
    this.letGo();
    this.#ring = next;
    next?.fill(bytes, 0);
  }
  letGo(): void {
    this.#owner.left();
    if (this.#ring !== undefined) this.#rings.give(this.#ring);
    this.#ring = undefined;
  }
}

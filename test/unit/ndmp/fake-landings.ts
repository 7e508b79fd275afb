/**
 * FakeLandings: memory of a drive's for records that are on their way to it, as its store has it, and watched: what was written from
 * there is the drive's until the landing is released, and after that nobody writes to it.
 */
import fc from 'fast-check';
import type { Slab } from '#wire';

/** What is given when memory is asked for: in one piece, in two, not aligned, a place only, nothing. */
export type LandingKind = 'whole' | 'split' | 'odd' | 'empty' | 'none';
export const landingKinds: readonly LandingKind[] = ['whole', 'split', 'odd', 'empty', 'none'];
/** Nothing at all is what a store of plain files has. */
export const anyLandings: fc.Arbitrary<readonly LandingKind[]> = fc.oneof(
  fc.constant<readonly LandingKind[]>(['none']),
  fc.constant<readonly LandingKind[]>(['whole']),
  fc.array(fc.constantFrom(...landingKinds), { minLength: 1, maxLength: 7 }),
);

interface Out {
  readonly memory: Buffer;
  /** Places of it that were written to tape, and what they held. */
  readonly written: { readonly at: number; readonly bytes: Buffer }[];
}
const spent = 0xdb;

export class FakeLandings {
  /** In turns. */
  kinds: readonly LandingKind[] = ['none'];
  /** Bytes that were written from where they had landed. */
  writtenInPlace = 0;
  readonly faults: string[] = [];
  readonly #out = new Set<Out>();
  readonly #released: Buffer[] = [];
  #turn = 0;

  take(bytes: number): Slab | undefined {
    const kind = this.kinds[this.#turn++ % this.kinds.length] ?? 'none';
    if (kind === 'none') return undefined;
    const memory = Buffer.alloc(bytes + 1)
      .subarray(kind === 'odd' ? 1 : 0)
      .subarray(0, bytes);
    const out: Out = { memory, written: [] };
    this.#out.add(out);
    const length = kind === 'empty' ? 0 : bytes;
    const middle = kind === 'split' ? bytes >> 1 : 0;
    const slices = [memory.subarray(0, middle), memory.subarray(middle)].filter((one) => one.length > 0);
    return { length, slices: length === 0 ? [] : slices, release: () => this.#release(out) };
  }
  #release(out: Out): void {
    if (!this.#out.delete(out)) this.faults.push('A landing was released twice');
    for (const { at, bytes } of out.written)
      if (!out.memory.subarray(at, at + bytes.length).equals(bytes))
        this.faults.push('What was on the tape was written over');
    out.memory.fill(spent);
    this.#released.push(out.memory);
  }
  /** A record is on the tape now. */
  wrote({ slices }: Slab): void {
    for (const slice of slices)
      for (const { memory, written } of this.#out) {
        if (slice.buffer !== memory.buffer) continue;
        written.push({ at: slice.byteOffset - memory.byteOffset, bytes: Buffer.from(slice) });
        this.writtenInPlace += slice.length;
      }
    if (slices.some(({ buffer }) => this.#released.some((memory) => memory.buffer === buffer)))
      this.faults.push('A record was written from a landing that had been released');
  }
  get outCount(): number {
    return this.#out.size;
  }
  /** All of them came back, and nobody wrote where it was not to. */
  get isClean(): boolean {
    if (!this.#released.every((memory) => memory.every((byte) => byte === spent)))
      this.faults.push('A landing was written after it had been released');
    if (this.faults.length > 0) throw new Error(this.faults.join('; '));
    return this.#out.size === 0;
  }
}

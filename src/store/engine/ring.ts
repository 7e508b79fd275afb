/**
 * Ring: what was appended to a stream and is not in its recipe yet, and the cutting of it. Bytes come in at the end, chunks leave
 * at the front, in order; slips with what lies between are with the crew.
 *
 *   R1 chunks are contiguous: where the ring begins again, the chunk that has begun is copied to before the front
 *   R2 bytes stay until the chunk that they are part of was taken
 *   R3 a ring that is given up is used by another only when its slips have come back, and no landing lies in it
 *   R4 memory of a landing is written by nobody but whoever has it
 *
 * Places are counted from the first byte that ever came in.
 */
import { strict as assert } from 'node:assert';
import { liesAt, put } from '#wire';
import { fingerprintBytes } from './container.format.js';
import type { Crew } from './crew.js';
import { chunkBytesMax, cutBytesMax, cutBytesMin, ringBytes, ringHeldBytesMax } from './engine-limits.js';
import type { FingerprintCipher } from './fingerprint-cipher.js';
import type { Means } from './means.js';
import { cutSlipBytes, CutSlip, streamWordsBytes } from './slips.js';

const slipsMax = ringBytes / cutBytesMax;
const wordsBytes = Math.ceil(streamWordsBytes / 64) * 64;

export interface RingOwner {
  /** Chunks may have come. */
  found(): void;
  /** What is likely to be in the bytes from that place on. */
  hint(slip: CutSlip, place: number, bytes: number): void;
}

export class Ring {
  readonly #crew: Crew;
  readonly #fingerprints: FingerprintCipher;
  /** Room for a chunk before the front. */
  readonly #memory: Buffer;
  readonly #words: Buffer;
  readonly #slips: readonly CutSlip[];
  readonly lane: number;
  /** Place of the first byte that is held, and behind the last. */
  begin = 0;
  end = 0;
  /** Landings that lie here. */
  #landings = 0;
  /** Handed to the crew up to here; cut up to here, and all chunks that were found were taken. */
  #handed = 0;
  #settled = 0;
  /** Slips that are out, oldest first: of those, so many are done. */
  #first = 0;
  #out = 0;
  #ready = 0;
  #slipsEver = 0;
  /** The next chunk of the oldest. */
  #index = 0;
  #chunkFrom = 0;
  #chunkTo = 0;
  #owner: RingOwner | undefined;
  #givenUp: (() => void) | undefined;

  constructor({ arena, crew }: Means, fingerprints: FingerprintCipher, lane: number) {
    this.#crew = crew;
    this.#fingerprints = fingerprints;
    this.lane = lane;
    this.#memory = arena.allocate(chunkBytesMax + ringBytes);
    const slips = arena.allocate(wordsBytes + slipsMax * slotBytes);
    this.#words = slips.subarray(0, wordsBytes);
    this.#slips = Array.from({ length: slipsMax }, (_, index) => {
      const at = wordsBytes + index * slotBytes;
      const slip = new CutSlip(slips.subarray(at, at + cutSlipBytes));
      slip.done = (): void => this.#done(slip);
      return slip;
    });
  }
  /** It is whose now. Empty. */
  begun(owner: RingOwner): void {
    assert(this.#out === 0 && this.#landings === 0);
    this.begin = this.end = this.#handed = this.#settled = 0;
    this.#index = this.#slipsEver = 0;
    this.#words.fill(0);
    this.#owner = owner;
    this.#givenUp = undefined;
  }
  /** Whoever has it lets go of it. `free` is called when it may be used again. */
  giveUp(free: () => void): void {
    this.#owner = undefined;
    this.#givenUp = free;
    this.#freeIfUnused();
  }
  /** R3. */
  #freeIfUnused(): void {
    if (this.#givenUp === undefined || this.#out > this.#ready || this.#landings > 0) return;
    const free = this.#givenUp;
    this.#givenUp = undefined;
    this.#out = this.#ready = 0;
    free();
  }
  get heldBytes(): number {
    return this.end - this.begin;
  }
  get roomBytes(): number {
    return ringHeldBytesMax - this.heldBytes;
  }

  /** Memory from place `from` on for bytes on their way (R4), which `landed` gives back. Undefined: there is none now. */
  landing(from: number, bytes: number): Buffer[] | undefined {
    assert(from >= this.end);
    if (from + bytes - this.begin > ringBytes) return undefined;
    this.#landings += 1;
    const at = from % ringBytes;
    const first = Math.min(bytes, ringBytes - at);
    const slices = [this.#memory.subarray(chunkBytesMax + at, chunkBytesMax + at + first)];
    if (first < bytes) slices.push(this.#memory.subarray(chunkBytesMax, chunkBytesMax + bytes - first));
    return slices;
  }
  landed(): void {
    this.#landings -= 1;
    this.#freeIfUnused();
  }
  /** They lie already where they come next: they were given that memory. */
  isNext(source: Uint8Array, from: number): boolean {
    return liesAt(source, from, this.#memory, chunkBytesMax + (this.end % ringBytes));
  }

  /** As many bytes as there is room for; their number. */
  fill(source: Uint8Array, from: number): number {
    const bytes = Math.min(source.length - from, this.roomBytes);
    for (let done = 0; done < bytes;) {
      const at = this.end % ringBytes;
      const part = Math.min(bytes - done, ringBytes - at);
      put(this.#memory, chunkBytesMax + at, source, from + done, from + done + part);
      this.end += part;
      done += part;
    }
    return bytes;
  }
  /** Bytes from … to, which are held, one piece or two. */
  read(from: number, to: number, put: (memory: Buffer, from: number, to: number) => void): void {
    assert(from >= this.begin && to <= this.end);
    for (let place = from; place < to;) {
      const at = place % ringBytes;
      const part = Math.min(to - place, ringBytes - at);
      put(this.#memory, chunkBytesMax + at, chunkBytesMax + at + part);
      place += part;
    }
  }

  /** Hands bytes to the crew; `all`: also when they are few. */
  hand(all: boolean): void {
    while (this.#out < slipsMax) {
      const waiting = this.end - this.#handed;
      const enough = all ? 1 : this.#out === 0 ? cutBytesMin : cutBytesMax;
      if (waiting < enough) return;
      const at = this.#handed % ringBytes;
      const bytes = Math.min(waiting, cutBytesMax, ringBytes - at);
      const from = this.#memory.byteOffset + chunkBytesMax + at;
      const slip = this.#slips[(this.#first + this.#out) % slipsMax];
      assert(slip !== undefined);
      const seam = at === 0 && this.#handed > 0 ? from + ringBytes : 0;
      slip.ask(from, bytes, this.#words.byteOffset, this.#slipsEver, seam);
      this.#owner?.hint(slip, this.#handed, bytes);
      this.#fingerprints.restore(slip.hintDigests, 0, slip.hints * fingerprintBytes);
      this.#handed += bytes;
      this.#slipsEver += 1;
      this.#out += 1;
      this.#crew.run(slip, this.lane);
    }
  }
  #done({ digests, count }: CutSlip): void {
    this.#fingerprints.permute(digests, 0, count * fingerprintBytes);
    this.#ready += 1;
    this.#owner?.found();
    this.#freeIfUnused();
  }

  /** True when there is a next chunk. It is `memory` from `chunkFrom` to `chunkTo`, its fingerprint at `digestAt` of `digests`. */
  next(): boolean {
    while (this.#ready > 0) {
      const { count, begunBytes, from, bytes, cuts } = this.#oldest;
      if (this.#index < count) {
        const base = from - this.#memory.byteOffset;
        this.#chunkFrom = this.#index === 0 ? base - begunBytes : base + (cuts[this.#index - 1] ?? 0);
        this.#chunkTo = base + (cuts[this.#index] ?? 0);
        return true;
      }
      this.#settled += bytes;
      this.#first = (this.#first + 1) % slipsMax;
      this.#out -= 1;
      this.#ready -= 1;
      this.#index = 0;
    }
    return false;
  }
  get #oldest(): CutSlip {
    const slip = this.#slips[this.#first];
    assert(slip !== undefined);
    return slip;
  }
  get memory(): Buffer {
    return this.#memory;
  }
  get chunkFrom(): number {
    return this.#chunkFrom;
  }
  get chunkTo(): number {
    return this.#chunkTo;
  }
  get digests(): Buffer {
    return this.#oldest.digests;
  }
  get digestAt(): number {
    return this.#index * fingerprintBytes;
  }
  /** The next chunk is somewhere else now. */
  take(): void {
    this.begin += this.#chunkTo - this.#chunkFrom;
    this.#index += 1;
  }
  /** Behind the last byte that is cut as far as it can be, and of which all chunks were taken. */
  get settled(): number {
    return this.#settled;
  }
}
const slotBytes = Math.ceil(cutSlipBytes / 64) * 64;

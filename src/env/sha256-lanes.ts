/**
 * SHA-256 of several pieces of memory side by side. A processor that has instructions for it waits for the result of each before it can
 * take the next: two hashes in turns take it hardly longer than one. One that has none computes eight in the parts of its vectors.
 * Node's face has neither, but OpenSSL inside of Node does, for TLS, and the programs that nodejs.org gives out let everybody call
 * it. It is not promised to anybody, so it is believed only where it has just said what Node says, and nobody depends on it.
 */
import { strict as assert } from 'node:assert';
import { hash } from 'node:crypto';
import process from 'node:process';

const laneCount = 8;
const blockBytes = 64;
const digestWords = 8;
/** What the last block ends with: the length of all in bits. */
const lengthBytes = 8;
/** Two blocks: what is left behind the last whole one, and how it ends. */
const tailBytes = 2 * blockBytes;
/** struct HASH_DESC: an address, a number of blocks. */
const orderWords = 4;
const stateBytes = laneCount * digestWords * 4;
const ordersBytes = laneCount * orderWords * 4;
export const lanesBytes = stateBytes + ordersBytes + laneCount * tailBytes;

/** FIPS 180-4, 5.3.3. */
const begun = new Uint32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
/** Addresses of SHA256_MB_CTX (word w of each lane, then word w + 1) and of the orders; how many times four lanes there are. */
export type MultiBlock = (state: number, orders: number, fours: number) => void;

export class Sha256Lanes {
  readonly #multiBlock: MultiBlock;
  /** Address of the memory's first byte: it is never moved. */
  readonly #base: number;
  readonly #stateAt: number;
  readonly #state: Uint32Array;
  readonly #ordersAt: number;
  readonly #orders: Uint32Array;
  readonly #tailsAt: number;
  readonly #tails: Buffer;
  /** Of each lane: its piece, the address of its next block, how many there are; whether those are the last. */
  readonly #piece = new Int32Array(laneCount);
  readonly #at = new Float64Array(laneCount);
  readonly #left = new Int32Array(laneCount);
  readonly #isLast = new Uint8Array(laneCount);

  /** `scratch`: `lanesBytes` of the memory that all pieces lie in, at a multiple of 64; `address`: where that is. */
  constructor(multiBlock: MultiBlock, scratch: Buffer, address: number) {
    assert(scratch.length === lanesBytes);
    this.#multiBlock = multiBlock;
    this.#base = address - scratch.byteOffset;
    this.#stateAt = address;
    this.#state = new Uint32Array(scratch.buffer, scratch.byteOffset, stateBytes / 4);
    this.#ordersAt = address + stateBytes;
    this.#orders = new Uint32Array(scratch.buffer, scratch.byteOffset + stateBytes, ordersBytes / 4);
    this.#tailsAt = this.#ordersAt + ordersBytes;
    this.#tails = scratch.subarray(stateBytes + ordersBytes);
  }
  /** Of piece `index`, bytes `pieces[2 · index]` … `pieces[2 · index + 1]` of `memory`, to 32 · `index` of `digests`. */
  digest(memory: Buffer, pieces: Int32Array, count: number, digests: Buffer): void {
    let next = 0;
    for (let active = 0; ;) {
      for (; active < laneCount && next < count; active++, next++) this.#begin(active, next, memory, pieces);
      if (active === 0) return;
      this.#advance(active);
      for (let lane = active - 1; lane >= 0; lane--) {
        if (this.#left[lane] !== 0) continue;
        if (this.#isLast[lane] === 0) {
          this.#beginLast(lane, memory, pieces);
          continue;
        }
        this.#put(lane, digests);
        active -= 1;
        if (lane < active) this.#move(active, lane);
      }
    }
  }
  #begin(lane: number, piece: number, memory: Buffer, pieces: Int32Array): void {
    const from = pieces[2 * piece] ?? 0;
    const to = pieces[2 * piece + 1] ?? 0;
    assert(from >= 0 && from <= to && to <= memory.length);
    for (let word = 0; word < digestWords; word++) this.#state[word * laneCount + lane] = begun[word] ?? 0;
    this.#piece[lane] = piece;
    this.#at[lane] = this.#base + memory.byteOffset + from;
    this.#left[lane] = Math.floor((to - from) / blockBytes);
    this.#isLast[lane] = 0;
    if (this.#left[lane] === 0) this.#beginLast(lane, memory, pieces);
  }
  /** What is left behind the last whole block, a one, zeros, and the length. */
  #beginLast(lane: number, memory: Buffer, pieces: Int32Array): void {
    const piece = this.#piece[lane] ?? 0;
    const to = pieces[2 * piece + 1] ?? 0;
    const bytes = to - (pieces[2 * piece] ?? 0);
    const rest = bytes % blockBytes;
    const blocks = rest + 1 + lengthBytes <= blockBytes ? 1 : 2;
    const tail = lane * tailBytes;
    const tails = this.#tails;
    for (let i = 0; i < rest; i++) tails[tail + i] = memory[to - rest + i] ?? 0;
    tails[tail + rest] = 0x80;
    tails.fill(0, tail + rest + 1, tail + blocks * blockBytes);
    const end = tail + blocks * blockBytes;
    tails.writeUInt32BE(Math.floor(bytes / 2 ** 29), end - lengthBytes);
    tails.writeUInt32BE((bytes << 3) >>> 0, end - lengthBytes / 2);
    this.#at[lane] = this.#tailsAt + tail;
    this.#left[lane] = blocks;
    this.#isLast[lane] = 1;
  }
  /** All of them by as many blocks as the one that is left with fewest. */
  #advance(active: number): void {
    let blocks = this.#left[0] ?? 0;
    for (let lane = 1; lane < active; lane++) blocks = Math.min(blocks, this.#left[lane] ?? 0);
    const fours = active > 4 ? 2 : 1;
    for (let lane = 0; lane < fours * 4; lane++) {
      const at = this.#at[lane] ?? 0;
      this.#orders[lane * orderWords] = at;
      this.#orders[lane * orderWords + 1] = at / 2 ** 32;
      this.#orders[lane * orderWords + 2] = lane < active ? blocks : 0;
    }
    this.#multiBlock(this.#stateAt, this.#ordersAt, fours);
    for (let lane = 0; lane < active; lane++) {
      this.#at[lane] = (this.#at[lane] ?? 0) + blocks * blockBytes;
      this.#left[lane] = (this.#left[lane] ?? 0) - blocks;
    }
  }
  #put(lane: number, digests: Buffer): void {
    const at = (this.#piece[lane] ?? 0) * digestWords * 4;
    for (let word = 0; word < digestWords; word++)
      digests.writeUInt32BE(this.#state[word * laneCount + lane] ?? 0, at + word * 4);
  }
  /** Those that are at work come first: they are computed in pairs. */
  #move(from: number, to: number): void {
    for (let word = 0; word < digestWords * laneCount; word += laneCount)
      this.#state[word + to] = this.#state[word + from] ?? 0;
    if (this.#isLast[from] === 1)
      this.#tails.copyWithin(to * tailBytes, from * tailBytes, (from + 1) * tailBytes);
    const moved = this.#isLast[from] === 1 ? (to - from) * tailBytes : 0;
    this.#piece[to] = this.#piece[from] ?? 0;
    this.#at[to] = (this.#at[from] ?? 0) + moved;
    this.#left[to] = this.#left[from] ?? 0;
    this.#isLast[to] = this.#isLast[from] ?? 0;
  }
}

/**
 * Over the memory of `scratch`, which is `lanesBytes` of it that are theirs. Undefined where they are not to be had. `load`: where the
 * function comes from.
 */
export async function openSha256Lanes(
  scratch: Buffer,
  load: () => Promise<MultiBlock> = loadMultiBlock,
): Promise<Sha256Lanes | undefined> {
  const { platform, arch, versions } = process;
  // Of other versions not even the arguments are known.
  if (platform !== 'linux' || arch !== 'x64' || !versions.openssl.startsWith('3.')) return undefined;
  try {
    const [multiBlock, { default: koffi }] = await Promise.all([load(), import('koffi')]);
    const over = (memory: Buffer): Sha256Lanes =>
      new Sha256Lanes(multiBlock, memory, Number(koffi.address(memory)));
    return isRight(over) ? over(scratch) : undefined;
  } catch {
    return undefined; // koffi has nothing for this machine, or this Node was built otherwise
  }
}
export async function loadMultiBlock(): Promise<MultiBlock> {
  const { default: koffi } = await import('koffi');
  return koffi.load(null).func('void sha256_multi_block(uintptr_t, uintptr_t, int)') as MultiBlock; // as it says
}
/** They say what Node says, of pieces of all lengths that end differently, and of some that outlast others by far. */
function isRight(over: (scratch: Buffer) => Sha256Lanes): boolean {
  const all = Buffer.alloc(lanesBytes + 20_000);
  const memory = all.subarray(lanesBytes);
  for (let i = 0; i < memory.length; i++) memory[i] = (i * i) >>> 3;
  const pieces = new Int32Array(2 * 3 * blockBytes);
  const count = pieces.length / 2;
  for (let piece = 0; piece < count; piece++) {
    pieces[2 * piece] = piece;
    pieces[2 * piece + 1] = piece + (piece % 16 === 15 ? piece * 100 : piece);
  }
  const digests = Buffer.alloc(count * digestWords * 4);
  over(all.subarray(0, lanesBytes)).digest(memory, pieces, count, digests);
  const wanted: string[] = [];
  for (let piece = 0; piece < count; piece++)
    wanted.push(hash('sha256', memory.subarray(pieces[2 * piece], pieces[2 * piece + 1]), 'hex'));
  return digests.toString('hex') === wanted.join('');
}

/**
 * VolumeCipher: what is a volume's own (its recipe, its state, its label, the uncut ends of its streams) under a key of its own, which
 * can be destroyed: pieces and states as they lie in containers, changes as they lie in the journal.
 */
import { StoreError } from '../../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { regionBytesMax } from './engine-limits.js';
import { CODEC } from './kernels.js';
import type { Means } from './means.js';
import { openBox, sealBox } from './sealing.js';

export interface VolumeCipher {
  /** Of a piece or a state. Also compresses, because nothing can any more afterwards. */
  sealStored(key: number, bytes: Buffer): Buffer;
  /** StoreError 'corrupt', also when the key was destroyed. */
  openStored(bytes: Buffer): Buffer;
  /** Of a commit of the volume that has this key. */
  sealChange(key: number, change: Buffer): Buffer;
  openChange(key: number, change: Buffer): Buffer;
}
export const plainVolumes: VolumeCipher = {
  sealStored: (_key, bytes) => bytes,
  openStored: (bytes) => bytes,
  sealChange: (_key, change) => change,
  openChange: (_key, change) => change,
};

/** Who has the keys. */
export interface KeyHolder {
  /** Undefined: it was destroyed, or never was. */
  keyOf(number: number): Buffer | undefined;
}
const storedContext = Buffer.from('stored');
const changeContext = Buffer.from('change');
const numberBytes = 4;

export class SealedVolumes implements VolumeCipher {
  readonly #keys: KeyHolder;
  readonly #random: (bytes: number) => Buffer;
  readonly #means: Means;
  /** Memory of the kernels' for what is compressed and what comes of it; made when first needed. */
  #memory: { readonly raw: Buffer; readonly packed: Buffer } | undefined;

  constructor(keys: KeyHolder, random: (bytes: number) => Buffer, means: Means) {
    this.#keys = keys;
    this.#random = random;
    this.#means = means;
  }
  #keyOf(number: number): Buffer {
    const key = this.#keys.keyOf(number);
    if (key !== undefined) return key;
    throw new StoreError('corrupt', 'The key of the volume was destroyed', { key: number });
  }
  #memoryOf(): { readonly raw: Buffer; readonly packed: Buffer } {
    const take = (): Buffer => this.#means.arena.allocate(regionBytesMax);
    this.#memory ??= { raw: take(), packed: take() };
    return this.#memory;
  }

  sealStored(number: number, bytes: Buffer): Buffer {
    const box = sealBox(this.#keyOf(number), this.#random, storedContext, this.#pack(bytes));
    const to = new ByteWriter().u32(number).raw(box);
    return to.finish();
  }
  openStored(bytes: Buffer): Buffer {
    const number = bytes.length < numberBytes ? 0 : bytes.readUInt32LE(0);
    const packed = openBox(this.#keyOf(number), storedContext, bytes.subarray(numberBytes));
    if (packed === undefined) throw notSealed('A recipe', number);
    return this.#unpack(packed);
  }
  sealChange(number: number, change: Buffer): Buffer {
    return sealBox(this.#keyOf(number), this.#random, changeContext, change);
  }
  openChange(number: number, change: Buffer): Buffer {
    const opened = openBox(this.#keyOf(number), changeContext, change);
    if (opened === undefined) throw notSealed('A commit', number);
    return opened;
  }

  /** Part by part: codec, bytes of the part, the part as it was compressed. */
  #pack(bytes: Buffer): Buffer {
    const to = new ByteWriter();
    const { raw, packed } = this.#memoryOf();
    for (let at = 0; at < bytes.length; at += regionBytesMax) {
      const part = bytes.subarray(at, at + regionBytesMax);
      part.copy(raw);
      const done = this.#means.kernels.compress(raw.subarray(0, part.length), packed, true);
      to.u8(done?.codec ?? CODEC.none).varint(part.length);
      to.block(done === undefined ? part : packed.subarray(0, done.bytes));
    }
    return to.finish();
  }
  #unpack(source: Buffer): Buffer {
    const from = new ByteReader(source, 'What a volume has stored');
    const { raw, packed } = this.#memoryOf();
    const to = new ByteWriter();
    while (!from.ended) {
      const codec = from.u8();
      const bytes = from.varint();
      const part = from.block();
      if (bytes > regionBytesMax || part.length > regionBytesMax) throw from.corrupt('is too long');
      if (codec === CODEC.none) {
        to.raw(part);
        continue;
      }
      part.copy(packed);
      const target = raw.subarray(0, bytes);
      this.#means.kernels.decompress(codec, packed.subarray(0, part.length), target);
      to.raw(target);
    }
    return to.finish();
  }
}
const notSealed = (what: string, key: number): StoreError =>
  new StoreError('corrupt', `${what} of a volume does not open with its key`, { key });

/** HeadReader: what a container says of itself, from wherever it can still be read: its head, the copy at its end, its mirror. */
import { xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import {
  damaged,
  decodeHead,
  type Directory,
  fingerprintBytes,
  footBytes,
  headBytesBefore,
  regionSeed,
} from './container.format.js';
import type { ContainerFact } from './container-table.js';
import { headBytesMax } from './engine-limits.js';
import type { Mirrors } from './mirrors.js';
import type { Packs } from './packs.js';
import { PLACE, type RegionCipher } from './region-cipher.js';

export class HeadReader {
  readonly #group: bigint;
  readonly #packs: Packs;
  readonly #mirrors: Mirrors;
  readonly #cipher: RegionCipher;
  constructor(group: bigint, packs: Packs, mirrors: Mirrors, cipher: RegionCipher) {
    this.#group = group;
    this.#packs = packs;
    this.#mirrors = mirrors;
    this.#cipher = cipher;
  }
  /** From the disk, with fingerprints if they are sound. */
  async read(fact: ContainerFact): Promise<Directory> {
    const { id, place } = fact;
    const name = { group: this.#group, place };
    const head = Buffer.alloc(Math.min(headBytesMax, place.bytes));
    const got = await this.#read(fact, 0, head);
    const directory =
      decodeHead(name, id, head.subarray(0, bytesOf(got)), this.#cipher) ??
      (await this.#lastHead(fact)) ??
      decodeHead(name, id, head.subarray(0, await this.#mirrors.read(fact, 0, head)), this.#cipher);
    if (directory === undefined || directory.generation !== fact.generation)
      throw typeof got === 'number' ? damaged(id, 'head', { ...place }) : got;
    const bytes = directory.count * fingerprintBytes;
    const stored = Buffer.alloc(bytes + this.#cipher.overheadBytes);
    const fingerprints = stored.subarray(0, bytes);
    const read = await this.#read(fact, directory.fingerprintsOffset, stored);
    const sound =
      read === stored.length &&
      xxh64(stored, regionSeed(id, PLACE.fingerprints)) === directory.fingerprintsChecksum &&
      this.#cipher.open(directory, PLACE.fingerprints, stored, fingerprints);
    if (sound) directory.fingerprints = fingerprints;
    return directory;
  }
  /** The copy of the head at the end. */
  async #lastHead(fact: ContainerFact): Promise<Directory | undefined> {
    const { id, place } = fact;
    const bytes = Math.min(headBytesMax + footBytes, place.bytes);
    const end = Buffer.alloc(bytes);
    const got = await this.#read(fact, place.bytes - bytes, end);
    const headBytes = got === bytes ? headBytesBefore(end) : undefined;
    if (headBytes === undefined || headBytes + footBytes > bytes) return undefined;
    const last = end.subarray(bytes - footBytes - headBytes);
    return decodeHead({ group: this.#group, place }, id, last, this.#cipher);
  }
  /** How much was read, or why nothing was: another copy may do. */
  async #read({ place }: ContainerFact, offset: number, target: Buffer): Promise<number | StoreError> {
    try {
      return await this.#packs.read(place, offset, target);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      return cause.code === 'missing' ? 0 : cause; // the pack is gone: nothing of it verifies
    }
  }
}
const bytesOf = (got: number | StoreError): number => (typeof got === 'number' ? got : 0);

/**
 * OpenContainer: a container in memory, from its first chunk until it is written. Chunks are gathered in regions, each of them where
 * it will lie in the image if nothing before it shrinks; a region that is full is compressed by the crew, several at a time, while
 * the next is being filled, and moves up then; `seal` puts head and fingerprints around them.
 *
 *   S3 after `end` nothing is added. S5 the head is decoded again and compared before it goes anywhere.
 */
import { strict as assert } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { xxh64 } from '#wire';
import {
  alignedHead,
  alignedRegion,
  containerBytesOf,
  type ContainerKind,
  type ContainerName,
  damaged,
  decodeHead,
  Directory,
  encodeFoot,
  encodeHead,
  fingerprintBytes,
  footBytes,
  headBytesOf,
  type Place,
  type Region,
  regionSeed,
} from './container.format.js';
import { containerChunksMax, containerRawBytesMax, headBytesMax, regionBytesMax } from './engine-limits.js';
import { putAt } from './fingerprint.js';
import { CODEC } from './kernels.js';
import type { Means } from './means.js';
import { PLACE, plainRegions, type RegionCipher } from './region-cipher.js';
import { EFFORT, type Effort } from './slips.js';
import type { Part, Workspace } from './workspace.js';

/** filling → ended (nothing is added any more) → sealed → written (readable in its pack) → durable → journaled. */
export type OpenState = 'filling' | 'ended' | 'sealed' | 'written' | 'durable';
/** How regions are compressed; 'adaptive': fast while writers wait for us, else densely. */
export type Density = 'none' | 'fast' | 'dense' | 'adaptive';

/** Who works for a container. */
export interface ContainerTools extends Means {
  /** What 'adaptive' means now. */
  readonly effort: Effort;
}
/** A region that is full. */
interface FullRegion {
  readonly part: Part;
  /** Where it was gathered in the image. */
  readonly from: number;
  readonly bytes: number;
  readonly chunks: number;
  isPacked: boolean;
}

export class OpenContainer {
  readonly id: number;
  readonly kind: ContainerKind;
  /** Of this image alone. */
  readonly salt: Buffer;
  state: OpenState = 'filling';
  place: Place | undefined;
  directory: Directory | undefined;
  /** Of fingerprints in the locality cache: see FingerprintCache. */
  source = -1;
  readonly #tools: ContainerTools;
  readonly #density: () => Density;
  readonly #cipher: RegionCipher;
  /** Of the image; undefined when nothing is sealed. */
  readonly #key: Buffer | undefined;
  #workspace: Workspace | undefined;
  readonly #regions: Region[] = [];
  /** Numbers of the chunks, when they are not simply counted. */
  #ordinals: number[] | undefined;
  #count = 0;
  #rawBytes = 0;
  /** Regions that are full and not in the image yet, oldest first. */
  readonly #full: FullRegion[] = [];
  #waiting: (() => void)[] = [];
  /** The region that is being filled: who will pack it, where it is in the image, its chunks and bytes. */
  #part = 0;
  #regionFrom = 0;
  #regionChunks = 0;
  #regionBytes = 0;
  /** Behind the last region that is as it will be written; the first lies behind the largest head. */
  #end = headBytesMax;
  #image: Buffer | undefined;

  constructor(
    id: number,
    kind: ContainerKind,
    tools: ContainerTools,
    workspace: Workspace,
    density: () => Density,
    cipher: RegionCipher = plainRegions,
  ) {
    this.id = id;
    this.kind = kind;
    this.#tools = tools;
    this.#workspace = workspace;
    this.#density = density;
    this.#cipher = cipher;
    this.salt = cipher.salt();
    this.#key = cipher.keyOf(this);
  }
  get count(): number {
    return this.#count;
  }
  get rawBytes(): number {
    return this.#rawBytes;
  }
  /** Bytes that it will need on disk at most. */
  get pendingBytes(): number {
    const { overheadBytes } = this.#cipher;
    let regions = this.#end - headBytesMax + alignedRegion(this.#regionBytes + overheadBytes);
    for (const { bytes } of this.#full) regions += alignedRegion(bytes + overheadBytes);
    const count = this.#regions.length + this.#full.length + 1;
    return containerBytesOf(count, this.#count, regions, overheadBytes);
  }
  /** Room for the most there can be; `count` of them are there. */
  get fingerprints(): Buffer | undefined {
    return this.#workspace?.fingerprints;
  }
  readonly stale = false;
  lengthOf(ordinal: number): number {
    return this.#memory().lengths[ordinal] ?? 0;
  }
  #memory(): Workspace {
    assert(this.#workspace !== undefined, 'its memory was given back');
    return this.#workspace;
  }
  hasRoomFor(bytes: number): boolean {
    return (
      this.state === 'filling' &&
      this.#count < containerChunksMax &&
      this.#rawBytes + bytes <= containerRawBytesMax
    );
  }

  /** False while there is no memory for the next region: `change`, then ask again. */
  canTake(bytes: number): boolean {
    return this.#regionBytes + bytes <= regionBytesMax || this.#full.length + 1 < this.#memory().parts.length;
  }
  /** Resolves when a region was compressed. */
  async change(): Promise<void> {
    assert(this.#full.length > 0);
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }
  /** Resolves when no region is with the crew. */
  async packed(): Promise<void> {
    while (this.#full.length > 0) await this.change();
  }

  /** Adds a chunk; its number. The fingerprint is 32 bytes at `at` of `digests`. */
  add(memory: Buffer, from: number, to: number, digests: Buffer, at: number): number {
    const bytes = to - from;
    assert(this.hasRoomFor(bytes) && bytes > 0 && bytes <= regionBytesMax && this.canTake(bytes));
    if (this.#regionBytes + bytes > regionBytesMax) this.#closeRegion();
    if (this.#regionChunks === 0) this.#regionFrom = this.#behindAll();
    const { image, fingerprints, lengths } = this.#memory();
    this.#tools.kernels.copy(memory, from, to, image, this.#regionFrom + this.#regionBytes);
    putAt(fingerprints, this.#count, digests, at);
    lengths[this.#count] = bytes;
    this.#regionBytes += bytes;
    this.#regionChunks += 1;
    this.#rawBytes += bytes;
    this.#count += 1;
    return this.#count - 1;
  }
  /** Where a region has room whatever becomes of those before it. */
  #behindAll(): number {
    const last = this.#full.at(-1);
    return last === undefined
      ? this.#end
      : last.from + alignedRegion(last.bytes + this.#cipher.overheadBytes);
  }
  /** The same with a number of its own, for what is left of an older generation. Ascending. */
  addAs(ordinal: number, chunk: Buffer, fingerprint: Buffer): void {
    this.#number(ordinal);
    this.add(chunk, 0, chunk.length, fingerprint, 0);
  }
  #number(ordinal: number): void {
    this.#ordinals ??= [];
    assert(this.#ordinals.length === this.#count && ordinal > (this.#ordinals.at(-1) ?? -1));
    this.#ordinals.push(ordinal);
  }
  /** A whole region of an older generation of the same container, as `readStored` gives it. */
  async addRegion(old: Directory, number: number, stored: Buffer): Promise<void> {
    const region = old.regions[number];
    assert(region !== undefined && region.storedBytes === stored.length);
    await this.#addStored(old, number, region, stored);
  }
  /** One that does not verify any more: what it was is kept, and that it is lost. */
  async addLost(old: Directory, number: number): Promise<void> {
    const region = old.regions[number];
    assert(region !== undefined);
    const lost = { ...region, codec: CODEC.lost, dense: true, storedBytes: 0 };
    await this.#addStored(old, number, lost, Buffer.alloc(0));
  }
  async #addStored(old: Directory, number: number, region: Region, stored: Buffer): Promise<void> {
    assert(old.fingerprints !== undefined);
    this.#closeRegion();
    await this.packed();
    const { image, fingerprints, lengths } = this.#memory();
    const end = this.#end + stored.length + this.#cipher.overheadBytes;
    const sealed = image.subarray(this.#end, end);
    const place = this.#regions.length;
    this.#cipher.seal(this, place, stored, sealed);
    const checksum = xxh64(sealed, regionSeed(this.id, place));
    for (let index = old.regionOf.indexOf(number); old.regionOf[index] === number; index++) {
      this.#number(old.ordinals[index] ?? 0);
      putAt(fingerprints, this.#count, old.fingerprints, index * fingerprintBytes);
      lengths[this.#count] = old.lengths[index] ?? 0;
      this.#count += 1;
    }
    this.#rawBytes += region.rawBytes;
    this.#pushRegion({ ...region, offset: this.#end - headBytesMax, checksum });
  }
  /** What it stores lies at the end of the image already, sealed. */
  #pushRegion(region: Region): void {
    const { image } = this.#memory();
    const bytes = region.storedBytes + this.#cipher.overheadBytes;
    const next = this.#end + alignedRegion(bytes);
    image.fill(0, this.#end + bytes, next);
    this.#regions.push(region);
    this.#end = next;
  }

  /** What was gathered is to be compressed. */
  #closeRegion(): void {
    if (this.#regionChunks === 0) return;
    const { image, parts } = this.#memory();
    const part = parts[this.#part];
    assert(part !== undefined && this.#full.length < parts.length);
    const [from, bytes] = [this.#regionFrom, this.#regionBytes];
    const region = { part, from, bytes, chunks: this.#regionChunks, isPacked: false };
    const number = this.#regions.length + this.#full.length;
    this.#full.push(region);
    this.#part = (this.#part + 1) % parts.length;
    this.#regionBytes = this.#regionChunks = 0;
    const density = this.#density();
    const effort = density === 'adaptive' ? this.#tools.effort : EFFORT[density];
    part.slip.ask(image.subarray(from, from + bytes), part.packed, effort, this.id, number, this.#key);
    part.slip.done = (): void => this.#packed(region);
    this.#tools.crew.run(part.slip);
  }
  /** To where they are written, in the order in which they came. */
  #packed(region: FullRegion): void {
    region.part.slip.forgetKey();
    region.isPacked = true;
    for (let next = this.#full[0]; next?.isPacked === true; next = this.#full[0]) {
      this.#full.shift();
      const { chunks, bytes: rawBytes, from, part } = next;
      const { codec, isDense: dense, storedBytes, checksum } = part.slip;
      const { image } = this.#memory();
      const bytes = storedBytes + this.#cipher.overheadBytes;
      if (!part.slip.isInSource) this.#tools.kernels.copy(part.packed, 0, bytes, image, this.#end);
      else if (from > this.#end) this.#tools.kernels.copy(image, from, from + bytes, image, this.#end);
      const offset = this.#end - headBytesMax;
      this.#pushRegion({ codec, dense, chunks, offset, storedBytes, rawBytes, checksum });
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Nothing is added any more. `then` is called when all regions are compressed. */
  end(then: () => void): void {
    assert(this.state === 'filling' && this.#count > 0);
    this.state = 'ended';
    this.#closeRegion();
    if (this.#full.length === 0) then();
    else void this.packed().then(then);
  }
  async ended(): Promise<void> {
    await new Promise<void>((resolve) => this.end(resolve));
  }
  /** After `end`. `reserve` says where it will lie, given its length. The image to be written. */
  seal(group: bigint, generation: number, reserve: (bytes: number) => Place): Buffer {
    assert(this.state === 'ended' && this.#full.length === 0);
    this.state = 'sealed';
    const { image, lengths } = this.#memory();
    const { overheadBytes } = this.#cipher;
    const regionBytes = this.#end - headBytesMax;
    const bytes = containerBytesOf(this.#regions.length, this.#count, regionBytes, overheadBytes);
    const place = reserve(bytes);
    const headBytes = headBytesOf(this.#regions.length, this.#count);
    const start = headBytesMax - alignedHead(headBytes);
    const fingerprints = Buffer.from(this.#memory().fingerprints.subarray(0, this.#count * fingerprintBytes));
    const stored = image.subarray(this.#end, this.#end + fingerprints.length + overheadBytes);
    this.#cipher.seal(this, PLACE.fingerprints, fingerprints, stored);
    const directory = new Directory({
      id: this.id,
      generation,
      kind: this.kind,
      place,
      salt: this.salt,
      regions: this.#regions.map((region) => ({ ...region, offset: region.offset + headBytesMax - start })),
      ordinals: Uint16Array.from({ length: this.#count }, (_, index) => this.#ordinals?.[index] ?? index),
      lengths: lengths.slice(0, this.#count),
      fingerprintsOffset: this.#end - start,
      fingerprintsChecksum: xxh64(stored, regionSeed(this.id, PLACE.fingerprints)),
    });
    directory.fingerprints = fingerprints;
    const name: ContainerName = { group, place };
    const head = encodeHead(name, directory, this.#cipher);
    this.#verify(name, directory, head);
    image.fill(0, start, headBytesMax);
    head.copy(image, start);
    const foot = encodeFoot(head.length);
    image.fill(0, this.#end + stored.length, start + bytes);
    head.copy(image, start + bytes - footBytes - head.length);
    foot.copy(image, start + bytes - footBytes);
    this.place = place;
    this.directory = directory;
    this.#image = image.subarray(start, start + bytes);
    return this.#image;
  }
  /** S5. */
  #verify(name: ContainerName, directory: Directory, head: Buffer): void {
    const again = decodeHead(name, this.id, head, this.#cipher);
    assert(again !== undefined, 'S5: the head decodes');
    again.fingerprints = directory.fingerprints;
    assert(isDeepStrictEqual(again, directory), 'S5: the head says what it was made of');
  }
  /** What `seal` returned, as long as its memory is held. */
  get image(): Buffer {
    assert(this.#image !== undefined);
    return this.#image;
  }

  /** Bytes of a chunk into `target`, while its memory is held. */
  readChunk(ordinal: number, from: number, to: number, target: Buffer, at: number): void {
    let first = 0;
    for (const [number, region] of this.#regions.entries()) {
      if (ordinal < first + region.chunks) {
        const raw = Buffer.alloc(region.rawBytes); // rare: a reader right behind the writer
        this.#openRegion(number, raw);
        const offset = this.#offsetOf(first, ordinal);
        raw.copy(target, at, offset + from, offset + to);
        return;
      }
      first += region.chunks;
    }
    let raw = this.#regionFrom;
    for (const region of this.#full) {
      if (ordinal < first + region.chunks) {
        raw = region.from;
        break;
      }
      first += region.chunks;
    }
    const offset = raw + this.#offsetOf(first, ordinal);
    this.#memory().image.copy(target, at, offset + from, offset + to);
  }
  #openRegion(number: number, raw: Buffer): void {
    const region = this.#regions[number];
    assert(region !== undefined);
    const at = headBytesMax + region.offset;
    const end = at + region.storedBytes;
    const stored = this.#memory().image.subarray(at, end + this.#cipher.overheadBytes);
    const packed = this.#cipher.overheadBytes === 0 ? stored : this.#spare(region.storedBytes);
    if (!this.#cipher.open(this, number, stored, packed))
      throw damaged(this.id, 'region', { region: number });
    if (region.codec === CODEC.none) packed.copy(raw);
    else this.#tools.kernels.decompress(region.codec, packed, raw);
  }
  /** What was sealed is opened elsewhere: the image stays what it is. */
  #spare(bytes: number): Buffer {
    const workspace = this.#memory();
    workspace.spare ??= this.#tools.arena.allocate(regionBytesMax);
    return workspace.spare.subarray(0, bytes);
  }
  #offsetOf(first: number, ordinal: number): number {
    const { lengths } = this.#memory();
    let offset = 0;
    for (let index = first; index < ordinal; index++) offset += lengths[index] ?? 0;
    return offset;
  }

  /** Written: its memory may be used for another. */
  release(): Workspace {
    const workspace = this.#memory();
    this.#workspace = undefined;
    this.#image = undefined;
    this.#key?.fill(0);
    return workspace;
  }
  get holdsMemory(): boolean {
    return this.#workspace !== undefined;
  }
}

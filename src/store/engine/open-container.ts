/**
 * OpenContainer: a container in memory, from its first chunk until it is written. Chunks are gathered in regions, each of them where
 * it will lie in the image if nothing before it shrinks; a region that is full is compressed by the crew, several at a time, while
 * the next is being filled, and moves up then; `seal` puts head and fingerprints around them.
 *
 *   S3 after `end` nothing is added. S5 the head is decoded again and compared before it goes anywhere.
 */
import { strict as assert } from 'node:assert';
import { xxh64 } from '#wire';
import {
  alignedHead,
  alignedRegion,
  containerBytesOf,
  type ContainerKind,
  type ContainerName,
  damaged,
  decodeHead,
  type Directory,
  encodeFoot,
  encodeHead,
  fingerprintBytes,
  footBytes,
  type HeadFields,
  headBytesOf,
  isDirectoryOf,
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
import type { Part, PartOwner, Workspace } from './workspace.js';

/** filling → ended (nothing is added any more) → sealed → written (readable in its pack) → durable → journaled. */
export type OpenState = 'filling' | 'ended' | 'sealed' | 'written' | 'durable';
/** How regions are compressed; 'adaptive': fast while writers wait for us, else densely. */
export type Density = 'none' | 'fast' | 'dense' | 'adaptive';

/** Who works for a container. */
export interface ContainerTools extends Means {
  /** What 'adaptive' means now. */
  readonly effort: Effort;
}

export class OpenContainer implements PartOwner {
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
  #count = 0;
  #rawBytes = 0;
  /** Regions that are full and not in the image yet: in so many parts, before that of the region that is being filled. */
  #full = 0;
  readonly #waiting: (() => void)[] = [];
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
    workspace.regions.clear();
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
    for (let full = 0; full < this.#full; full++)
      regions += alignedRegion(this.#fullPart(full).bytes + overheadBytes);
    const count = this.#memory().regions.count + this.#full + 1;
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
  /** The part with the full region of that number; the oldest is 0. */
  #fullPart(number: number): Part {
    const { parts } = this.#memory();
    const part = parts[(this.#part - this.#full + number + parts.length) % parts.length];
    assert(part !== undefined);
    return part;
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
    return this.#regionBytes + bytes <= regionBytesMax || this.#full + 1 < this.#memory().parts.length;
  }
  /** Resolves when a region was compressed. */
  change(): Promise<void> {
    assert(this.#full > 0);
    return new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
  /** Resolves when no region is with the crew. */
  async packed(): Promise<void> {
    while (this.#full > 0) await this.change();
  }

  /** Adds a chunk; its number. The fingerprint is 32 bytes at `at` of `digests`. */
  add(memory: Buffer, from: number, to: number, digests: Buffer, at: number): number {
    const ordinal = this.#count;
    this.#add(ordinal, memory, from, to, digests, at);
    return ordinal;
  }
  /** The same with a number of its own, for what is left of an older generation. Ascending. */
  addAs(ordinal: number, chunk: Buffer, fingerprint: Buffer): void {
    this.#add(ordinal, chunk, 0, chunk.length, fingerprint, 0);
  }
  #add(ordinal: number, memory: Buffer, from: number, to: number, digests: Buffer, at: number): void {
    const bytes = to - from;
    assert(this.hasRoomFor(bytes) && bytes > 0 && bytes <= regionBytesMax && this.canTake(bytes));
    if (this.#regionBytes + bytes > regionBytesMax) this.#closeRegion();
    if (this.#regionChunks === 0) this.#regionFrom = this.#behindAll();
    this.#tools.kernels.copy(memory, from, to, this.#memory().image, this.#regionFrom + this.#regionBytes);
    this.#name(ordinal, bytes, digests, at);
    this.#regionBytes += bytes;
    this.#regionChunks += 1;
    this.#rawBytes += bytes;
  }
  /** What is known of the next chunk. */
  #name(ordinal: number, bytes: number, digests: Buffer, at: number): void {
    const { ordinals, lengths, fingerprints } = this.#memory();
    const index = this.#count;
    assert(index === 0 || ordinal > (ordinals[index - 1] ?? 0));
    ordinals[index] = ordinal;
    lengths[index] = bytes;
    putAt(fingerprints, index, digests, at);
    this.#count += 1;
  }
  /** Where a region has room whatever becomes of those before it. */
  #behindAll(): number {
    if (this.#full === 0) return this.#end;
    const last = this.#fullPart(this.#full - 1);
    return last.from + alignedRegion(last.bytes + this.#cipher.overheadBytes);
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
    const { image, regions } = this.#memory();
    const end = this.#end + stored.length + this.#cipher.overheadBytes;
    const sealed = image.subarray(this.#end, end);
    const place = regions.count;
    this.#cipher.seal(this, place, stored, sealed);
    const checksum = xxh64(sealed, regionSeed(this.id, place));
    for (let index = old.regionOf.indexOf(number); old.regionOf[index] === number; index++) {
      const [ordinal, bytes] = [old.ordinals[index] ?? 0, old.lengths[index] ?? 0];
      this.#name(ordinal, bytes, old.fingerprints, index * fingerprintBytes);
    }
    this.#rawBytes += region.rawBytes;
    const { codec, dense, chunks, storedBytes, rawBytes } = region;
    const [low, high] = [Number(checksum & 0xffffffffn), Number(checksum >> 32n)];
    regions.add(codec, dense, chunks, this.#end - headBytesMax, storedBytes, rawBytes, low, high);
    this.#passRegion(storedBytes);
  }
  /** What the last region stores lies at the end of the image already, sealed. */
  #passRegion(storedBytes: number): void {
    const bytes = storedBytes + this.#cipher.overheadBytes;
    const next = this.#end + alignedRegion(bytes);
    this.#memory().image.fill(0, this.#end + bytes, next);
    this.#end = next;
  }

  /** What was gathered is to be compressed. */
  #closeRegion(): void {
    if (this.#regionChunks === 0) return;
    const { image, parts, regions } = this.#memory();
    const part = parts[this.#part];
    assert(part !== undefined && this.#full < parts.length);
    part.owner = this;
    part.from = this.#regionFrom;
    part.bytes = this.#regionBytes;
    part.chunks = this.#regionChunks;
    part.isPacked = false;
    const number = regions.count + this.#full;
    this.#full += 1;
    this.#part = (this.#part + 1) % parts.length;
    this.#regionBytes = this.#regionChunks = 0;
    const density = this.#density();
    const effort = density === 'adaptive' ? this.#tools.effort : EFFORT[density];
    part.slip.ask(image, part.from, part.from + part.bytes, part.packed, effort, this.id, number, this.#key);
    this.#tools.crew.run(part.slip);
  }
  /** To where they are written, in the order in which they came. */
  regionPacked(packed: Part): void {
    packed.slip.forgetKey();
    packed.isPacked = true;
    while (this.#full > 0) {
      const part = this.#fullPart(0);
      if (!part.isPacked) break;
      this.#full -= 1;
      part.owner = undefined;
      this.#bring(part);
    }
    if (this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }
  #bring({ from, bytes: rawBytes, chunks, slip, packed }: Part): void {
    const { image, regions } = this.#memory();
    const { kernels } = this.#tools;
    const bytes = slip.storedBytes + this.#cipher.overheadBytes;
    if (!slip.isInSource) kernels.copy(packed, 0, bytes, image, this.#end);
    else if (from > this.#end) kernels.copy(image, from, from + bytes, image, this.#end);
    const { codec, isDense, storedBytes, checksumLow, checksumHigh } = slip;
    const offset = this.#end - headBytesMax;
    regions.add(codec, isDense, chunks, offset, storedBytes, rawBytes, checksumLow, checksumHigh);
    this.#passRegion(storedBytes);
  }

  /** Nothing is added any more. `then` is called when all regions are compressed. */
  end(then: () => void): void {
    assert(this.state === 'filling' && this.#count > 0);
    this.state = 'ended';
    this.#closeRegion();
    if (this.#full === 0) then();
    else void this.packed().then(then);
  }
  async ended(): Promise<void> {
    await new Promise<void>((resolve) => this.end(resolve));
  }
  /** After `end`. `reserve` says where it will lie, given its length. The image to be written. */
  seal(group: bigint, generation: number, reserve: (bytes: number) => Place): Buffer {
    assert(this.state === 'ended' && this.#full === 0);
    this.state = 'sealed';
    const { image, regions, ordinals, lengths } = this.#memory();
    const { overheadBytes } = this.#cipher;
    const count = this.#count;
    const bytes = containerBytesOf(regions.count, count, this.#end - headBytesMax, overheadBytes);
    const place = reserve(bytes);
    const headBytes = headBytesOf(regions.count, count);
    const start = headBytesMax - alignedHead(headBytes);
    const fingerprints = Buffer.from(this.#memory().fingerprints.subarray(0, count * fingerprintBytes));
    const stored = image.subarray(this.#end, this.#end + fingerprints.length + overheadBytes);
    this.#cipher.seal(this, PLACE.fingerprints, fingerprints, stored);
    const { id, kind, salt } = this;
    const regionsOffset = headBytesMax - start;
    const fingerprintsOffset = this.#end - start;
    const fingerprintsChecksum = xxh64(stored, regionSeed(id, PLACE.fingerprints));
    const chunks = { count, ordinals, lengths, fingerprintsOffset, fingerprintsChecksum };
    const fields = { id, generation, kind, salt, regions, regionsOffset, ...chunks };
    const head = image.subarray(start, start + headBytes);
    image.fill(0, start, headBytesMax);
    this.directory = this.#write(head, { group, place }, fields);
    this.directory.fingerprints = fingerprints;
    image.fill(0, this.#end + stored.length, start + bytes);
    head.copy(image, start + bytes - footBytes - headBytes);
    encodeFoot(headBytes).copy(image, start + bytes - footBytes);
    this.place = place;
    this.#image = image.subarray(start, start + bytes);
    return this.#image;
  }
  /** S5. What the head says. */
  #write(head: Buffer, name: ContainerName, fields: HeadFields): Directory {
    encodeHead(name, fields, head, this.#cipher);
    const directory = decodeHead(name, this.id, head, this.#cipher);
    assert(directory !== undefined, 'S5: the head decodes');
    assert(isDirectoryOf(directory, fields), 'S5: the head says what it was made of');
    return directory;
  }
  /** What `seal` returned, as long as its memory is held. */
  get image(): Buffer {
    assert(this.#image !== undefined);
    return this.#image;
  }

  /** Bytes of a chunk into `target`, while its memory is held. */
  readChunk(ordinal: number, from: number, to: number, target: Buffer, at: number): void {
    const { regions } = this.#memory();
    let first = 0;
    for (let number = 0; number < regions.count; number++) {
      const behind = first + regions.chunksOf(number);
      if (ordinal < behind) {
        const raw = Buffer.alloc(regions.rawBytesOf(number)); // rare: a reader right behind the writer
        this.#openRegion(number, raw);
        const offset = this.#offsetOf(first, ordinal);
        raw.copy(target, at, offset + from, offset + to);
        return;
      }
      first = behind;
    }
    let raw = this.#regionFrom;
    for (let full = 0; full < this.#full; full++) {
      const part = this.#fullPart(full);
      if (ordinal < first + part.chunks) {
        raw = part.from;
        break;
      }
      first += part.chunks;
    }
    const offset = raw + this.#offsetOf(first, ordinal);
    this.#memory().image.copy(target, at, offset + from, offset + to);
  }
  #openRegion(number: number, raw: Buffer): void {
    const { image, regions } = this.#memory();
    const at = headBytesMax + regions.offsetOf(number);
    const storedBytes = regions.storedBytesOf(number);
    const stored = image.subarray(at, at + storedBytes + this.#cipher.overheadBytes);
    const packed = this.#cipher.overheadBytes === 0 ? stored : this.#spare(storedBytes);
    if (!this.#cipher.open(this, number, stored, packed))
      throw damaged(this.id, 'region', { region: number });
    const codec = regions.codecOf(number);
    if (codec === CODEC.none) packed.copy(raw);
    else this.#tools.kernels.decompress(codec, packed, raw);
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

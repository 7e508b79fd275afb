/** MemoryGroup: the store's face over plain memory, for tests of what stands on it. Nothing survives it. */
import { StoreError } from '#errors';
import type { DamagedRange, Space, StorageGroup, Stream, VerifyReport, Volume } from '#store';
import { ownedSlab, type Slab } from '#wire';

class MemoryStream implements Stream {
  #bytes = Buffer.alloc(0);
  readonly #group: MemoryGroup;
  constructor(group: MemoryGroup) {
    this.#group = group;
  }
  get length(): number {
    return this.#bytes.length;
  }
  async append(slices: readonly Uint8Array[]): Promise<void> {
    await Promise.resolve();
    this.#group.check();
    this.#bytes = Buffer.concat([this.#bytes, ...slices]);
  }
  truncate(length: number): void {
    this.#bytes = this.#bytes.subarray(0, length);
  }
  async read(offset: number, length: number): Promise<Slab> {
    await Promise.resolve();
    if (offset + length > this.#bytes.length) throw new StoreError('corrupt', 'Reading past the end');
    return ownedSlab(Buffer.from(this.#bytes.subarray(offset, offset + length)));
  }
  async reserve(): Promise<void> {
    return await Promise.resolve();
  }
  willRead(): void {
    return;
  }
  /** Damages a byte. */
  flip(offset: number): void {
    this.#bytes[offset] = (this.#bytes[offset] ?? 0) ^ 0xff;
  }
}

export class MemoryVolume implements Volume {
  readonly id: string;
  label = Buffer.alloc(0);
  commits = 0;
  readonly #group: MemoryGroup;
  readonly #streams = new Map<string, MemoryStream>();
  constructor(id: string, group: MemoryGroup) {
    this.id = id;
    this.#group = group;
  }
  stream(name: string): MemoryStream {
    const known = this.#streams.get(name) ?? new MemoryStream(this.#group);
    this.#streams.set(name, known);
    return known;
  }
  streams(): readonly string[] {
    return [...this.#streams].filter(([, stream]) => stream.length > 0).map(([name]) => name);
  }
  async commit(label: Buffer): Promise<void> {
    await Promise.resolve();
    this.#group.check();
    this.commits += 1;
    this.label = Buffer.from(label);
  }
  async close(): Promise<void> {
    return await Promise.resolve();
  }
}

export class MemoryGroup implements StorageGroup {
  readonly volumes = new Map<string, MemoryVolume>();
  /** What appends and commits fail with from now on. */
  failing: 'full' | 'io' | undefined;
  freeBytes = 2 ** 40;
  /** What `verify` finds. */
  damaged: readonly DamagedRange[] = [];

  check(): void {
    if (this.failing !== undefined) throw new StoreError(this.failing, 'As the test wants it');
  }
  async create(id: string): Promise<Volume> {
    const volume = new MemoryVolume(id, this);
    this.volumes.set(id, volume);
    return await Promise.resolve(volume);
  }
  async open(id: string): Promise<Volume> {
    await Promise.resolve();
    const volume = this.volumes.get(id);
    if (volume === undefined) throw new StoreError('missing', `There is no ${id}`);
    return volume;
  }
  async view(id: string): Promise<Volume> {
    return await this.open(id);
  }
  async verify(id: string): Promise<VerifyReport> {
    await this.open(id);
    return { bytes: 0, ranges: this.damaged, lost: false };
  }
  async remove(id: string): Promise<void> {
    this.volumes.delete(id);
    return await Promise.resolve();
  }
  async list(): Promise<string[]> {
    return await Promise.resolve([...this.volumes.keys()]);
  }
  async space(): Promise<Space> {
    return await Promise.resolve({ freeBytes: this.freeBytes, usedBytes: 0 });
  }
  async close(): Promise<void> {
    return await Promise.resolve();
  }
}

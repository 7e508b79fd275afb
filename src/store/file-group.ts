/**
 * FileGroup: volumes as folders of plain files. The reference implementation of the store's face, and a tape library's store
 * where there is nothing to deduplicate. Bytes on disk: FORMAT.md.
 */
import { strict as assert } from 'node:assert';
import { dirname, join } from 'node:path';
import { type Disk, type Env, makeDurableDirectory } from '#env';
import { StoreError } from '#errors';
import { slotBytes, slots } from './commit-record.js';
import { type FileVolume, makeVolume, openVolume, type VolumeHost } from './file-volume.js';
import { SegmentPool } from './segment-pool.js';
import { SpaceGuard } from './space-guard.js';
import type { Expectation, Space, StorageGroup, VerifyReport, Volume, VolumeView } from './store.js';

const MiB = 1024 * 1024;

export interface FileGroupOptions extends Expectation {
  readonly env: Env;
  readonly folder: string;
  /** Bytes that the group may occupy; all of its disk when not given. */
  readonly capacityBytes?: number;
  /** Bytes of the disk that are left free. */
  readonly reserveBytes?: number;
  /** Memory for bytes being written and read ahead. */
  readonly memoryBytes?: number;
}
const defaults = { reserveBytes: 64 * MiB, memoryBytes: 96 * MiB };

const idName = 'group';
const groupId = /^[0-9a-f-]{36}\n$/;
const volumeId = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const SUFFIX = { volume: '.volume', making: '.making', removing: '.removing' } as const;

export class FileGroup implements StorageGroup, VolumeHost {
  /** Never changes; its owner can know the group by it. */
  readonly id: string;
  readonly disk: Env['disk'];
  readonly pool: SegmentPool;
  readonly guard: SpaceGuard;
  readonly #folder: string;
  readonly #release: () => Promise<void>;
  readonly #open = new Map<string, FileVolume | undefined>();
  /** Bytes of volumes that are not open; filled when first asked for. */
  #closedBytes: Map<string, number> | undefined;

  private constructor(options: FileGroupOptions, id: string, release: () => Promise<void>) {
    const { env, folder } = options;
    this.id = id;
    this.disk = env.disk;
    this.#folder = folder;
    this.#release = release;
    this.pool = new SegmentPool(Math.floor((options.memoryBytes ?? defaults.memoryBytes) / MiB));
    this.guard = new SpaceGuard({
      disk: env.disk,
      folder,
      capacityBytes: options.capacityBytes ?? Infinity,
      reserveBytes: options.reserveBytes ?? defaults.reserveBytes,
      occupied: async () => await this.#occupied(),
    });
  }
  /** Makes the folder if need be and claims it: StoreError 'locked' when another process has it. */
  static async open(options: FileGroupOptions): Promise<FileGroup> {
    const { env, folder } = options;
    const { disk } = env;
    const found = await readId(disk, folder);
    await checkExpected(disk, found, options);
    if (!(await disk.exists(folder))) {
      await makeDurableDirectory(disk, folder);
      await disk.syncDirectory(dirname(folder));
    }
    const release = await disk.claim(folder);
    try {
      const id = found ?? (await writeId(disk, folder, options.id ?? env.random.uuid()));
      const group = new FileGroup(options, id, release);
      await group.#clean();
      return group;
    } catch (error) {
      await release();
      throw error;
    }
  }
  /** What was stored stays; whether there is room follows this from now on. */
  configure({ capacityBytes }: { readonly capacityBytes?: number }): void {
    if (capacityBytes !== undefined) this.guard.limit(capacityBytes);
  }
  /** What a crash left of a creation or a removal. */
  async #clean(): Promise<void> {
    for (const name of await this.disk.list(this.#folder)) {
      const left = name.endsWith(SUFFIX.making) || name.endsWith(SUFFIX.removing);
      if (left) await this.disk.remove(join(this.#folder, name));
    }
  }
  #path(id: string, suffix: string = SUFFIX.volume): string {
    assert(volumeId.test(id), `"${id}" is no name of a volume`);
    return join(this.#folder, id + suffix);
  }

  async create(id: string): Promise<Volume> {
    const path = this.#path(id);
    if (this.#open.has(id) || (await this.disk.exists(path))) {
      throw new StoreError('locked', `Volume ${id} exists`, { volume: id });
    }
    return await this.#holding(id, async () => {
      const making = this.#path(id, SUFFIX.making);
      await this.disk.remove(making);
      await makeVolume(this.disk, making, id);
      await this.disk.rename(making, path);
      await this.disk.syncDirectory(this.#folder);
      return await openVolume(this, path, id);
    });
  }
  async open(id: string): Promise<Volume> {
    if (this.#open.has(id)) throw new StoreError('locked', `Volume ${id} is in use`, { volume: id });
    return await this.#holding(id, async () => await openVolume(this, this.#path(id), id));
  }
  async #holding(id: string, make: () => Promise<FileVolume>): Promise<Volume> {
    this.#open.set(id, undefined);
    try {
      const volume = await make();
      this.#open.set(id, volume);
      this.#closedBytes?.delete(id);
      return volume;
    } catch (error) {
      this.#open.delete(id);
      throw error;
    }
  }
  closed(volume: FileVolume): void {
    this.#open.delete(volume.id);
    this.#closedBytes?.set(volume.id, volume.occupied().inFiles);
  }

  async view(id: string): Promise<VolumeView> {
    return await this.open(id);
  }
  /** Files have no checksums of the store's: what their owner put there does. */
  async verify(id: string): Promise<VerifyReport> {
    const volume = await this.open(id);
    const bytes = volume.streams().reduce((sum, name) => sum + volume.stream(name).length, 0);
    await volume.close();
    return { bytes, ranges: [], lost: false };
  }

  async remove(id: string): Promise<void> {
    const path = this.#path(id);
    if (this.#open.has(id)) throw new StoreError('locked', `Volume ${id} is in use`, { volume: id });
    if (!(await this.disk.exists(path))) return;
    const removing = this.#path(id, SUFFIX.removing);
    await this.disk.remove(removing);
    await this.disk.rename(path, removing);
    await this.disk.syncDirectory(this.#folder);
    await this.disk.remove(removing);
    this.#closedBytes?.delete(id);
  }

  async list(): Promise<string[]> {
    const names = await this.disk.list(this.#folder);
    return names
      .filter((name) => name.endsWith(SUFFIX.volume))
      .map((name) => name.slice(0, -SUFFIX.volume.length));
  }
  async space(): Promise<Space> {
    return await this.guard.space();
  }
  async #occupied(): Promise<{ inFiles: number; pending: number }> {
    const all = { inFiles: 0, pending: 0 };
    for (const bytes of (await this.#measured()).values()) all.inFiles += bytes;
    for (const volume of this.#open.values()) {
      const { inFiles, pending } = volume?.occupied() ?? { inFiles: 0, pending: 0 };
      all.inFiles += inFiles;
      all.pending += pending;
    }
    return all;
  }
  async #measured(): Promise<Map<string, number>> {
    if (this.#closedBytes !== undefined) return this.#closedBytes;
    const measured = new Map<string, number>();
    for (const id of await this.list()) {
      if (!this.#open.has(id)) measured.set(id, await this.#measure(id));
    }
    this.#closedBytes = measured;
    for (const id of this.#open.keys()) measured.delete(id); // opened while we looked
    return measured;
  }
  async #measure(id: string): Promise<number> {
    const path = this.#path(id);
    let bytes = slots * slotBytes;
    for (const name of await this.disk.list(path)) {
      if (!name.endsWith('.stream')) continue;
      const file = await this.disk.open(join(path, name), 'existing');
      try {
        bytes += await file.size();
      } finally {
        await file.close();
      }
    }
    return bytes;
  }

  /** Closes the volumes that are open, losing what they did not commit, and gives up the folder. */
  async close(): Promise<void> {
    for (const volume of this.#open.values()) await volume?.close();
    await this.#release();
  }
}

/** Undefined in a folder that is no group yet, or one that releases before this one made. */
async function readId(disk: Disk, folder: string): Promise<string | undefined> {
  if (!(await disk.exists(join(folder, idName)))) return undefined;
  const file = await disk.open(join(folder, idName), 'existing');
  try {
    const bytes = Buffer.alloc(64);
    const text = bytes.toString('utf8', 0, await file.readAt(bytes, 0));
    if (text === '') return undefined; // its making was not finished
    if (groupId.test(text)) return text.trimEnd();
    throw new StoreError('corrupt', `What names the storage group is damaged`, {
      path: join(folder, idName),
    });
  } finally {
    await file.close();
  }
}
async function writeId(disk: Disk, folder: string, id: string): Promise<string> {
  const file = await disk.open(join(folder, idName), 'create');
  try {
    await file.writeAt(Buffer.from(`${id}\n`), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory(folder);
  return id;
}
/** Without an id, a folder of volumes is a group that an earlier release made. */
async function checkExpected(
  disk: Disk,
  found: string | undefined,
  { folder, id, make }: FileGroupOptions,
): Promise<void> {
  if (found === undefined && make === false) {
    const holds = (await disk.list(folder)).some((name) => name.endsWith(SUFFIX.volume));
    if (!holds || id !== undefined)
      throw new StoreError('missing', `${folder} holds no storage group`, { folder });
  }
  if (found !== undefined && id !== undefined && found !== id) {
    throw new StoreError('missing', `${folder} holds another storage group`, { folder, expected: id, found });
  }
}

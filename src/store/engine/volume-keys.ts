/**
 * VolumeKeys: the keys of volumes, in a table of one epoch: two files that say the same, each a header and a sector per key, every
 * key sealed under the key of the epoch (FORMAT.md, "Keys of volumes").
 *
 * A new volume's key is added at the end. To destroy keys, the table is written again without them under the key of a new epoch;
 * when the superblocks hold that one instead of the old, nothing opens the old table any more, wherever copies of it are. It is then
 * overwritten and removed all the same.
 */
import { strict as assert } from 'node:assert';
import { dirname, join } from 'node:path';
import type { Disk, DiskFile } from '#env';
import { StoreError } from '../../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { decodeFrame, encodeFrame, FRAME, sectorBytes } from './frame.js';
import { boxBytes, keyBytes, openBox, sealBox } from './sealing.js';
import type { KeyHolder } from './volume-cipher.js';

const copies = [0, 1] as const;
const suffix = '.keys';

export interface VolumeKeysParts {
  readonly disk: Disk;
  readonly folder: string;
  readonly group: bigint;
  readonly random: (bytes: number) => Buffer;
}
interface Table {
  readonly keys: Map<number, Buffer>;
  /** Highest number ever given. */
  last: number;
  /** Sectors in use, the header's included. */
  slots: number;
}
export const keysFolder = (group: string): string => join(group, 'keys');

export class VolumeKeys implements KeyHolder {
  readonly #parts: VolumeKeysParts;
  #epoch: number;
  #epochKey: Buffer;
  #table: Table;
  /** The copies differ, or a sector was lost in one: it wants to be written again. */
  isWorn: boolean;
  /** A key is lost: it verifies in no copy. */
  readonly isDamaged: boolean;

  private constructor(
    parts: VolumeKeysParts,
    epoch: number,
    epochKey: Buffer,
    table: Table,
    isWorn: boolean,
    isDamaged: boolean,
  ) {
    this.#parts = parts;
    this.#epoch = epoch;
    this.#epochKey = epochKey;
    this.#table = table;
    this.isWorn = isWorn;
    this.isDamaged = isDamaged;
  }
  /** The first table of a group. */
  static async make(parts: VolumeKeysParts, epoch: number, epochKey: Buffer): Promise<VolumeKeys> {
    const table: Table = { keys: new Map(), last: 0, slots: 1 };
    const made = new VolumeKeys(parts, epoch, epochKey, table, false, false);
    await made.prepare(epoch, epochKey, new Set());
    return made;
  }
  /** StoreError 'corrupt' when neither copy can be read. */
  static async load(parts: VolumeKeysParts, epoch: number, epochKey: Buffer): Promise<VolumeKeys> {
    const files = await Promise.all(copies.map(async (copy) => await contentOf(parts, epoch, copy)));
    const slots = Math.max(...files.map(({ length }) => Math.floor(length / sectorBytes)));
    if (slots === 0) {
      const facts = { folder: parts.folder, epoch };
      throw new StoreError('corrupt', 'The keys of the volumes of the storage group are lost', facts);
    }
    const table: Table = { keys: new Map(), last: 0, slots: 0 };
    let isWorn = false;
    let lost = 0;
    for (let slot = 0; slot < slots; slot++) {
      const found = files.map((file, copy) => bodyAt(parts, epoch, copy, file, slot));
      const body = found[0] ?? found[1];
      isWorn ||= found[0] === undefined || found[1] === undefined;
      if (body === undefined || !takeSlot(table, epoch, epochKey, slot, body)) {
        lost += 1;
        continue;
      }
      table.slots = slot + 1;
    }
    // Sectors behind the last sound one were being written when the power failed.
    const isDamaged = lost > slots - table.slots;
    return new VolumeKeys(parts, epoch, epochKey, table, isWorn, isDamaged);
  }

  keyOf(number: number): Buffer | undefined {
    return this.#table.keys.get(number);
  }
  get numbers(): Iterable<number> {
    return this.#table.keys.keys();
  }
  get epoch(): number {
    return this.#epoch;
  }
  get epochKey(): Buffer {
    return this.#epochKey;
  }
  /** Of both copies. */
  get bytes(): number {
    return copies.length * this.#table.slots * sectorBytes;
  }

  /** Both copies say on the disk what is known here. */
  async isSound(): Promise<boolean> {
    for (const copy of copies) {
      const file = await contentOf(this.#parts, this.#epoch, copy);
      const found: Table = { keys: new Map(), last: 0, slots: 0 };
      for (let slot = 0; slot < this.#table.slots; slot++) {
        const body = bodyAt(this.#parts, this.#epoch, copy, file, slot);
        if (body === undefined || !takeSlot(found, this.#epoch, this.#epochKey, slot, body)) return false;
      }
      for (const [number, key] of this.#table.keys)
        if (found.keys.get(number)?.equals(key) !== true) return false;
      for (const key of found.keys.values()) key.fill(0);
    }
    return true;
  }

  /** A new key, durable. Its number. On 'full' nothing happened. */
  async add(): Promise<number> {
    const number = this.#table.last + 1;
    const key = this.#parts.random(keyBytes);
    const slot = this.#table.slots;
    const body = this.#encode(this.#epoch, this.#epochKey, number, key);
    for (const copy of copies) {
      const file = await this.#parts.disk.open(this.#path(this.#epoch, copy), 'existing');
      try {
        await file.writeAt(frameAt(this.#parts, this.#epoch, copy, slot, body), slot * sectorBytes);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    this.#table.keys.set(number, key);
    this.#table.last = number;
    this.#table.slots += 1;
    return number;
  }
  #encode(epoch: number, epochKey: Buffer, number: number, key: Buffer): Buffer {
    const box = sealBox(epochKey, this.#parts.random, contextOf(epoch, number), key);
    return new ByteWriter().u32(number).raw(box).finish();
  }
  #path(epoch: number, copy: number): string {
    return pathOf(this.#parts.folder, epoch, copy);
  }

  // --- a new epoch: prepare, then the superblocks name it, then adopt, then dropOthers

  /** Writes the table of another epoch with these keys. Nothing refers to it yet. */
  async prepare(epoch: number, epochKey: Buffer, kept: ReadonlySet<number>): Promise<void> {
    const { disk, folder } = this.#parts;
    const bodies = [new ByteWriter().u32(this.#table.last).finish()];
    for (const [number, key] of this.#table.keys)
      if (kept.has(number)) bodies.push(this.#encode(epoch, epochKey, number, key));
    await disk.makeDirectory(folder);
    await disk.syncDirectory(dirname(folder));
    for (const copy of copies) {
      const sectors = bodies.map((body, slot) => frameAt(this.#parts, epoch, copy, slot, body));
      const file = await disk.open(this.#path(epoch, copy), 'create');
      try {
        await file.truncate(0); // an attempt before this one may have begun it
        await file.writeAt(Buffer.concat(sectors), 0);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await disk.syncDirectory(folder);
  }
  /** The table that was prepared is the one. The keys that are not in it are gone. */
  adopt(epoch: number, epochKey: Buffer, kept: ReadonlySet<number>): void {
    this.#epochKey.fill(0);
    this.#epoch = epoch;
    this.#epochKey = epochKey;
    for (const [number, key] of this.#table.keys) {
      if (kept.has(number)) continue;
      key.fill(0);
      this.#table.keys.delete(number);
    }
    this.#table.slots = this.#table.keys.size + 1;
    this.isWorn = false;
  }
  /** Overwrites and removes the tables of all epochs but this. */
  async dropOthers(): Promise<void> {
    const { disk, folder } = this.#parts;
    const others = (await disk.list(folder)).filter(
      (name) => name.endsWith(suffix) && Number.parseInt(name, 10) !== this.#epoch,
    );
    for (const name of others) {
      const file = await disk.open(join(folder, name), 'existing');
      try {
        await overwrite(file);
      } finally {
        await file.close();
      }
      await disk.remove(join(folder, name));
    }
    if (others.length > 0) await disk.syncDirectory(folder);
  }
  close(): void {
    for (const key of this.#table.keys.values()) key.fill(0);
    this.#table.keys.clear();
    this.#epochKey.fill(0);
  }
}

async function overwrite(file: DiskFile): Promise<void> {
  const bytes = await file.size();
  if (bytes === 0) return;
  await file.writeAt(Buffer.alloc(bytes), 0);
  await file.sync();
}
function pathOf(folder: string, epoch: number, copy: number): string {
  return join(folder, `${epoch.toString(10).padStart(9, '0')}-${copy}${suffix}`);
}
async function contentOf({ disk, folder }: VolumeKeysParts, epoch: number, copy: number): Promise<Buffer> {
  const path = pathOf(folder, epoch, copy);
  if (!(await disk.exists(path))) return Buffer.alloc(0);
  const file = await disk.open(path, 'existing');
  try {
    const bytes = Buffer.alloc(await file.size());
    return bytes.subarray(0, await file.readAt(bytes, 0));
  } catch (cause) {
    if (cause instanceof StoreError && cause.code === 'io') return Buffer.alloc(0); // the other copy will do
    throw cause;
  } finally {
    await file.close();
  }
}
function frameAt(
  { group }: VolumeKeysParts,
  epoch: number,
  copy: number,
  slot: number,
  body: Buffer,
): Buffer {
  const offset = slot * sectorBytes;
  const frame = encodeFrame({ kind: FRAME.keys, copy, group, file: epoch, offset }, 0, body);
  assert(frame.length === sectorBytes, 'a sector is written or it is not');
  return frame;
}
function bodyAt(
  { group }: VolumeKeysParts,
  epoch: number,
  copy: number,
  source: Buffer,
  slot: number,
): Buffer | undefined {
  const offset = slot * sectorBytes;
  const name = { kind: FRAME.keys, group, file: epoch, offset };
  const frame = decodeFrame(name, source.subarray(offset, offset + sectorBytes));
  return frame?.copy === copy ? frame.body : undefined;
}
/** False when it does not open. */
function takeSlot(table: Table, epoch: number, epochKey: Buffer, slot: number, body: Buffer): boolean {
  const from = new ByteReader(body, 'A key of a volume');
  const number = from.u32();
  table.last = Math.max(table.last, number);
  if (slot === 0) return true;
  const key = openBox(epochKey, contextOf(epoch, number), from.raw(keyBytes + boxBytes));
  if (key !== undefined) table.keys.set(number, key);
  return key !== undefined;
}
function contextOf(epoch: number, number: number): Buffer {
  return new ByteWriter().text('volume key').u32(epoch).u32(number).finish();
}

/**
 * CartridgeCheck: a cartridge verified without a drive, as it was committed last; it may be in a drive meanwhile, where the store can
 * show its committed state. The store reads all of it with its own checks, then every record is read and held against its entry.
 */
import type { Clock } from '#env';
import { Pacer, type PaceOptions, type ReadableStream, type StorageGroup, type VolumeView } from '#store';
import { decodeLabel } from './cartridge-label.js';
import { bytesOf, type DamagedObjects, isDamage, merged, PartitionMap } from './damage.js';
import {
  dataStream,
  decodeEntry,
  type Entry,
  entryBytes,
  EntrySealer,
  OBJECT_TYPE,
  objectsStream,
} from './tape-image.format.js';

export interface CartridgeReport {
  /** Records and filemarks, and bytes of records, that were read. */
  readonly objects: number;
  readonly bytes: number;
  readonly damaged: readonly DamagedObjects[];
  /** What the cartridge is cannot be read: nothing of it can be. */
  readonly lost: boolean;
}
const pageEntries = 1024;

/** StoreError 'missing', 'locked' (its store can only show what is not open), CanceledError. Damage is no error. */
export async function checkCartridge(
  clock: Clock,
  group: StorageGroup,
  id: string,
  options: PaceOptions = {},
): Promise<CartridgeReport> {
  // Half of the work is the store's, the other half ours.
  let all = 0;
  const told = (half: 0 | 1) => (done: number, total: number) => {
    all = Math.max(all, total);
    options.progress?.(half * all + (total === 0 ? 0 : (done / total) * all), 2 * all);
  };
  const { lost } = await group.verify(id, { ...options, progress: told(0) });
  if (lost) return { objects: 0, bytes: 0, damaged: [], lost };
  const view = await group.view(id);
  try {
    const check = new CartridgeCheck(
      view,
      new Pacer(clock, { ...options, progress: told(1) }, `Verifying ${id}`),
    );
    return await check.run();
  } finally {
    await view.close();
  }
}

class CartridgeCheck {
  readonly #view: VolumeView;
  readonly #pacer: Pacer;
  readonly #total: number;
  #objects = 0;
  #bytes = 0;

  constructor(view: VolumeView, pacer: Pacer) {
    this.#view = view;
    this.#pacer = pacer;
    this.#total = view.streams().reduce((sum, name) => sum + view.stream(name).length, 0);
  }
  async run(): Promise<CartridgeReport> {
    const found: DamagedObjects[] = [];
    const label = decodeLabel(this.#view.label);
    for (const [number, { salt }] of label.partitions.entries()) {
      const map = new PartitionMap(this.#view, number);
      const sealer = new EntrySealer(number, Buffer.from(salt, 'hex'));
      for await (const [first, last] of this.#damagedIn(map, sealer))
        found.push(await map.range(first, last));
    }
    return { objects: this.#objects, bytes: this.#bytes, damaged: merged(found), lost: false };
  }
  async *#damagedIn(map: PartitionMap, sealer: EntrySealer): AsyncIterable<readonly [number, number]> {
    const entries = this.#view.stream(objectsStream(map.number), { entryBytes });
    const data = this.#view.stream(dataStream(map.number));
    for (let from = 0; from < map.objects; from += pageEntries) {
      const count = Math.min(pageEntries, map.objects - from);
      const page = await readable(async () => await bytesOf(entries, from * entryBytes, count * entryBytes));
      if (page === undefined) {
        yield [from, from + count - 1];
        continue;
      }
      for (let index = 0; index < count; index++) {
        const entry = decodeEntry(page, index * entryBytes);
        await this.#pacer.step(entry.storedBytes);
        if (!(await isSound(data, entry, from + index, sealer))) yield [from + index, from + index];
        this.#objects += 1;
        this.#bytes += entry.storedBytes;
      }
      this.#pacer.progress(Math.min(this.#bytes, this.#total), this.#total);
    }
  }
}
async function isSound(
  data: ReadableStream,
  entry: Entry,
  object: number,
  sealer: EntrySealer,
): Promise<boolean> {
  const { type, storedBytes, offset, checksum } = entry;
  if (type === OBJECT_TYPE.filemark)
    return storedBytes === 0 && sealer.checksumOf(entry, object, []) === checksum;
  const inside = storedBytes > 0 && offset + storedBytes <= data.length;
  if (type !== OBJECT_TYPE.record || !inside) return false;
  const slab = await readable(async () => await data.read(offset, storedBytes));
  if (slab === undefined) return false;
  const sound = sealer.checksumOf(entry, object, slab.slices) === checksum;
  slab.release();
  return sound;
}
async function readable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (cause) {
    if (isDamage(cause)) return undefined;
    throw cause;
  }
}

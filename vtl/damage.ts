/** Damage: bytes of streams that the store cannot give back, as the objects of a tape that an operator knows. */
import type { DamagedRange, ReadableStream, VolumeView } from '#store';
import { StoreError } from '#errors';
import {
  dataStream,
  decodeEntry,
  type Entry,
  entryBytes,
  markBytes,
  marksStream,
  objectsStream,
  readU64,
} from './tape-image.format.js';

/** Objects that follow each other, by number; `file`: filemarks before the first, undefined when they cannot be counted. */
export interface DamagedObjects {
  readonly partition: number;
  readonly first: number;
  readonly last: number;
  readonly file: number | undefined;
}

/** `A00001L9 partition 0: records 1200–1215 (file 3)`. */
export function inWords(barcode: string, { partition, first, last, file }: DamagedObjects): string {
  const records = first === last ? `record ${first}` : `records ${first}–${last}`;
  return `${barcode} partition ${partition}: ${records}${file === undefined ? '' : ` (file ${file})`}`;
}

/** Neighbours become one, in order. */
export function merged(objects: readonly DamagedObjects[]): readonly DamagedObjects[] {
  const all: DamagedObjects[] = [];
  for (const next of objects.toSorted((a, b) => a.partition - b.partition || a.first - b.first)) {
    const last = all.at(-1);
    if (last?.partition === next.partition && next.first <= last.last + 1) {
      all[all.length - 1] = { ...last, last: Math.max(last.last, next.last) };
    } else all.push(next);
  }
  return all;
}

/** One partition, as entries and marks in a view of its volume. Nothing is cached: it is asked a few times. */
export class PartitionMap {
  readonly number: number;
  readonly objects: number;
  readonly #objects: ReadableStream;
  readonly #marks: ReadableStream;

  constructor(view: VolumeView, number: number) {
    this.number = number;
    this.#objects = view.stream(objectsStream(number), { entryBytes });
    this.#marks = view.stream(marksStream(number), { entryBytes: markBytes });
    this.objects = Math.floor(this.#objects.length / entryBytes);
  }
  async entry(object: number): Promise<Entry> {
    return decodeEntry(await bytesOf(this.#objects, object * entryBytes, entryBytes), 0);
  }
  /** Filemarks before the object. */
  async fileOf(object: number): Promise<number | undefined> {
    let low = 0;
    let high = Math.floor(this.#marks.length / markBytes);
    try {
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const mark = readU64(await bytesOf(this.#marks, middle * markBytes, markBytes), 0);
        if (mark < object) low = middle + 1;
        else high = middle;
      }
      return low;
    } catch (cause) {
      if (isDamage(cause)) return undefined;
      throw cause;
    }
  }
  /** Objects of which bytes lie there. Offsets of entries ascend, so that takes a few looks. */
  async objectsIn(offset: number, bytes: number): Promise<DamagedObjects | undefined> {
    const first = await this.#firstWhere((entry) => entry.offset + entry.storedBytes > offset);
    const behind = await this.#firstWhere((entry) => entry.offset >= offset + bytes);
    return first < behind ? await this.range(first, behind - 1) : undefined;
  }
  async range(first: number, last: number): Promise<DamagedObjects> {
    return { partition: this.number, first, last, file: await this.fileOf(first) };
  }
  async #firstWhere(is: (entry: Entry) => boolean): Promise<number> {
    let low = 0;
    let high = this.objects;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (is(await this.entry(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** The objects that damaged ranges of the view's volume concern. Where the entries are damaged too: all that may be. */
export async function objectsOf(
  view: VolumeView,
  ranges: readonly DamagedRange[],
): Promise<readonly DamagedObjects[]> {
  const found: DamagedObjects[] = [];
  for (const { stream, offset, bytes } of ranges) {
    const number = Number(stream.split('-')[1]);
    if (!Number.isInteger(number)) continue;
    const map = new PartitionMap(view, number);
    if (map.objects === 0) continue;
    if (stream === objectsStream(number)) {
      const last = Math.min(map.objects, Math.ceil((offset + bytes) / entryBytes)) - 1;
      found.push(await map.range(Math.floor(offset / entryBytes), last));
    } else if (stream === dataStream(number)) {
      const objects = await dataIn(map, offset, bytes);
      if (objects !== undefined) found.push(objects);
    }
  }
  return merged(found);
}
async function dataIn(map: PartitionMap, offset: number, bytes: number): Promise<DamagedObjects | undefined> {
  try {
    return await map.objectsIn(offset, bytes);
  } catch (cause) {
    if (!isDamage(cause)) throw cause;
    return await map.range(0, map.objects - 1);
  }
}

export const isDamage = (cause: unknown): boolean =>
  cause instanceof StoreError && ['corrupt', 'io', 'missing'].includes(cause.code);
export async function bytesOf(stream: ReadableStream, offset: number, length: number): Promise<Buffer> {
  const slab = await stream.read(offset, length);
  const bytes = Buffer.concat(slab.slices);
  slab.release();
  return bytes;
}

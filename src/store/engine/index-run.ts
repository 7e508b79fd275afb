/**
 * IndexRun: a file of the index: entries of a range of fingerprints, sorted by their fronts, in pages; and in memory its filter and
 * the first entry of each page, so that finding an entry costs one read, and not finding one mostly none (FORMAT.md, "Index").
 */
import { join } from 'node:path';
import type { Disk, DiskFile } from '#env';
import { xxh64 } from '#wire';
import { ByteReader } from './bytes.js';
import { Filter, type HiRange } from './filter.js';
import { decodeFrame, FRAME } from './frame.js';

export const pageBytes = 4096;
export const pageHeaderBytes = 16;
export const entryBytes = 16;
export const entriesPerPage = (pageBytes - pageHeaderBytes) / entryBytes;

/** Written lately, over the whole range; or a part of the large sorted body below. */
export type Layer = 'fresh' | 'base';

export const runPath = (folder: string, number: number): string =>
  join(folder, `${number.toString(10).padStart(9, '0')}.run`);
export async function runsIn(disk: Disk, folder: string): Promise<number[]> {
  const names = (await disk.list(folder)).filter((name) => name.endsWith('.run'));
  return names.map((name) => Number.parseInt(name, 10));
}
export const pageSeed = (number: number, page: number): bigint =>
  BigInt(number) * 0x1_0000_0000n + BigInt(page);

export interface RunFields {
  readonly number: number;
  readonly layer: Layer;
  readonly range: HiRange;
  readonly entries: number;
  readonly filter: Filter;
  /** First `hi` of each page. */
  readonly fences: Uint32Array;
  /** Of the body: fresh runs up to that number are in it. */
  readonly mergedTo: number;
}

export class IndexRun {
  readonly number: number;
  readonly layer: Layer;
  readonly range: HiRange;
  readonly entries: number;
  readonly filter: Filter;
  readonly mergedTo: number;
  readonly #fences: Uint32Array;
  readonly #file: DiskFile;
  readonly #disk: Disk;
  readonly #path: string;
  /** Reads under way; and who waits for the last of them. */
  #users = 0;
  #unused: (() => void) | undefined;
  #isClosed = false;

  constructor(disk: Disk, folder: string, file: DiskFile, fields: RunFields) {
    this.#disk = disk;
    this.#path = runPath(folder, fields.number);
    this.#file = file;
    this.number = fields.number;
    this.layer = fields.layer;
    this.range = fields.range;
    this.entries = fields.entries;
    this.filter = fields.filter;
    this.mergedTo = fields.mergedTo;
    this.#fences = fields.fences;
  }
  get pages(): number {
    return this.#fences.length;
  }
  get bytes(): number {
    return (this.pages + 1) * pageBytes + this.#fences.byteLength + this.filter.words.byteLength;
  }
  get memoryBytes(): number {
    return this.#fences.byteLength + this.filter.words.byteLength;
  }
  /** `page`: memory for one. */
  async find(
    hi: number,
    lo: number,
    page: Buffer,
  ): Promise<{ readonly container: number; readonly ordinal: number } | undefined> {
    for (let index = this.pageOf(hi); index >= 0; index--) {
      const got = await this.read(page, index);
      if (isSound(page.subarray(0, got), this.number, index)) {
        const found = findIn(page, hi, lo);
        if (found !== undefined) return found;
      } // else its chunks are stored once more
      if (this.#fences[index] !== hi) return undefined;
    }
    return undefined;
  }
  /** The last page that begins at or before it; -1 when none does. */
  pageOf(hi: number): number {
    let low = 0;
    let high = this.#fences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#fences[middle] ?? 0) <= hi) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
  /** The first page that may hold it: entries with one `hi` may begin in the page before that which begins with it. */
  firstPageOf(hi: number): number {
    let page = Math.max(0, this.pageOf(hi));
    while (page > 0 && this.#fences[page] === hi) page -= 1;
    return page;
  }
  /** No fewer than it has there. */
  entriesIn({ first, last }: HiRange): number {
    const pages = this.pageOf(last) - this.firstPageOf(first) + 1;
    return Math.max(0, Math.min(this.entries, pages * entriesPerPage));
  }
  /** Pages from `page` on, as many as `target` holds. */
  async read(target: Buffer, page: number): Promise<number> {
    if (this.#isClosed) return 0; // it was merged while somebody looked elsewhere
    this.#users += 1;
    try {
      return await this.#file.readAt(target, (page + 1) * pageBytes);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#unused?.();
    }
  }
  /** When the last read is done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#unused = resolve;
      });
    }
    await this.#file.close();
  }
  async remove(): Promise<void> {
    await this.close();
    await this.#disk.remove(this.#path);
  }

  /** Undefined when it is not there whole. */
  static async open(
    disk: Disk,
    folder: string,
    group: bigint,
    number: number,
  ): Promise<IndexRun | undefined> {
    const path = runPath(folder, number);
    if (!(await disk.exists(path))) return undefined;
    const file = await disk.open(path, 'existing');
    const fields = await readFields(file, group, number);
    if (fields !== undefined) return new IndexRun(disk, folder, file, fields);
    await file.close();
    return undefined;
  }
}

/** Of the first page, and of what lies behind the last: `xxh64` of both parts, the second seeded with that of the first. */
export function tableChecksum(fences: Uint32Array, words: Uint32Array): number {
  return Number(xxh64(bytesOf(words), xxh64(bytesOf(fences))) >> 12n);
}
export const bytesOf = (words: Uint32Array): Buffer =>
  Buffer.from(words.buffer, words.byteOffset, words.byteLength);

async function readFields(file: DiskFile, group: bigint, number: number): Promise<RunFields | undefined> {
  const head = Buffer.alloc(pageBytes);
  const got = await file.readAt(head, 0);
  const frame = decodeFrame({ kind: FRAME.indexRun, group, file: number, offset: 0 }, head.subarray(0, got));
  if (frame === undefined) return undefined;
  const reader = new ByteReader(frame.body, `Run ${number} of the index`);
  const entries = reader.u64();
  const pages = reader.u32();
  const filterWords = reader.u32();
  const checksum = reader.u64();
  const range = { first: reader.u32(), last: reader.u32() };
  const layer = reader.u8() === 1 ? 'base' : 'fresh';
  const mergedTo = reader.ended ? 0 : reader.u32(); // the first groups did not say
  const fences = new Uint32Array(pages);
  const words = new Uint32Array(filterWords);
  const at = (pages + 1) * pageBytes;
  const read =
    (await file.readAt(bytesOf(fences), at)) + (await file.readAt(bytesOf(words), at + fences.byteLength));
  const isWhole = read === fences.byteLength + words.byteLength && tableChecksum(fences, words) === checksum;
  const filter = new Filter(words, range);
  if (!isWhole) await gatherTables(file, number, fences, filter);
  return { number, layer, range, entries, fences, filter, mergedTo };
}
/** What lies behind the pages has rotted: the pages say the same. */
async function gatherTables(
  file: DiskFile,
  number: number,
  fences: Uint32Array,
  filter: Filter,
): Promise<void> {
  filter.words.fill(0);
  const bytes = Buffer.alloc(pageBytes);
  for (let page = fences.length - 1; page >= 0; page--) {
    const got = await file.readAt(bytes, (page + 1) * pageBytes);
    const entries = isSound(bytes.subarray(0, got), number, page) ? bytes.readUInt16LE(8) : 0;
    // A page that has rotted too gets the fence of the next: what lies before it is found.
    fences[page] = entries > 0 ? bytes.readUInt32LE(pageHeaderBytes) : (fences[page + 1] ?? 0xffff_ffff);
    for (let at = pageHeaderBytes; at < pageHeaderBytes + entries * entryBytes; at += entryBytes)
      filter.add(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
  }
}
export function isSound(page: Buffer, number: number, index: number): boolean {
  if (page.length < pageBytes || page.readUInt16LE(8) > entriesPerPage) return false;
  return xxh64(page.subarray(8), pageSeed(number, index)) === page.readBigUInt64LE(0);
}
function findIn(page: Buffer, hi: number, lo: number): { container: number; ordinal: number } | undefined {
  const hiAt = (index: number): number => page.readUInt32LE(pageHeaderBytes + index * entryBytes);
  const count = page.readUInt16LE(8);
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (hiAt(middle) < hi) low = middle + 1;
    else high = middle;
  }
  for (; low < count && hiAt(low) === hi; low++) {
    const at = pageHeaderBytes + low * entryBytes;
    if (page.readUInt32LE(at + 4) !== lo) continue;
    return { container: page.readUInt32LE(at + 8), ordinal: page.readUInt16LE(at + 12) };
  }
  return undefined;
}

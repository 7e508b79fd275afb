/**
 * IndexRun: a file of the index: entries sorted by the front of their fingerprints, in pages; and in memory its filter and the
 * first entry of each page, so that finding an entry costs one read, and not finding one mostly none (FORMAT.md, "Index").
 */
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import type { Disk, DiskFile } from '#env';
import { xxh64 } from '#wire';
import { ByteReader, ByteWriter } from './bytes.js';
import { filterBitsPerEntry } from './engine-limits.js';
import { decodeFrame, encodeFrame, FRAME } from './frame.js';

export const pageBytes = 4096;
const pageHeaderBytes = 16;
const entryBytes = 16;
const entriesPerPage = (pageBytes - pageHeaderBytes) / entryBytes;
const pagesPerWrite = 64;
const blockWords = 16;

export interface IndexEntry {
  /** The first eight bytes of the fingerprint. */
  hi: number;
  lo: number;
  container: number;
  ordinal: number;
}

/** Blocked Bloom filter: six bits in one block of 64 bytes. */
export class Filter {
  readonly words: Uint32Array;
  readonly #blocks: number;
  constructor(words: Uint32Array) {
    assert(words.length % blockWords === 0);
    this.words = words;
    this.#blocks = words.length / blockWords;
  }
  static for(entries: number): Filter {
    const blocks = Math.max(1, Math.ceil((entries * filterBitsPerEntry) / (blockWords * 32)));
    return new Filter(new Uint32Array(blocks * blockWords));
  }
  #block(hi: number): number {
    return Math.floor((hi / 0x1_0000_0000) * this.#blocks) * blockWords;
  }
  add(hi: number, lo: number): void {
    const at = this.#block(hi);
    const mixed = Math.imul(lo, 0x9e3779b1) >>> 0;
    for (let i = 0; i < 3; i++) {
      this.#set(at, (lo >>> (9 * i)) & 511);
      this.#set(at, (mixed >>> (5 + 9 * i)) & 511);
    }
  }
  #set(at: number, bit: number): void {
    this.words[at + (bit >>> 5)] = (this.words[at + (bit >>> 5)] ?? 0) | (1 << (bit & 31));
  }
  mayHave(hi: number, lo: number): boolean {
    const at = this.#block(hi);
    const mixed = Math.imul(lo, 0x9e3779b1) >>> 0;
    for (let i = 0; i < 3; i++) {
      if (!this.#has(at, (lo >>> (9 * i)) & 511) || !this.#has(at, (mixed >>> (5 + 9 * i)) & 511))
        return false;
    }
    return true;
  }
  #has(at: number, bit: number): boolean {
    return ((this.words[at + (bit >>> 5)] ?? 0) & (1 << (bit & 31))) !== 0;
  }
}

const pathOf = (folder: string, number: number): string =>
  join(folder, `${number.toString(10).padStart(9, '0')}.run`);
export async function runsIn(disk: Disk, folder: string): Promise<number[]> {
  const names = (await disk.list(folder)).filter((name) => name.endsWith('.run'));
  return names.map((name) => Number.parseInt(name, 10));
}
const pageSeed = (number: number, page: number): bigint => BigInt(number) * 0x1_0000_0000n + BigInt(page);

export class IndexRun {
  readonly number: number;
  readonly entries: number;
  readonly filter: Filter;
  /** First `hi` of each page. */
  readonly #fences: Uint32Array;
  readonly #file: DiskFile;
  readonly #disk: Disk;
  readonly #path: string;

  constructor(
    disk: Disk,
    folder: string,
    file: DiskFile,
    fields: {
      readonly number: number;
      readonly entries: number;
      readonly filter: Filter;
      readonly fences: Uint32Array;
    },
  ) {
    this.#disk = disk;
    this.#path = pathOf(folder, fields.number);
    this.#file = file;
    this.number = fields.number;
    this.entries = fields.entries;
    this.filter = fields.filter;
    this.#fences = fields.fences;
  }
  get pages(): number {
    return this.#fences.length;
  }
  get bytes(): number {
    return (this.pages + 1) * pageBytes + this.#fences.byteLength + this.filter.words.byteLength;
  }
  async find(
    hi: number,
    lo: number,
  ): Promise<{ readonly container: number; readonly ordinal: number } | undefined> {
    let page = this.#pageOf(hi);
    for (; page >= 0; page--) {
      const bytes = await this.#page(page);
      if (bytes !== undefined) {
        const found = findIn(bytes, hi, lo);
        if (found !== undefined) return found;
      }
      if (this.#fences[page] !== hi) return undefined;
    }
    return undefined;
  }
  /** The last page that begins at or before it. */
  #pageOf(hi: number): number {
    let low = 0;
    let high = this.#fences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#fences[middle] ?? 0) <= hi) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
  /** Undefined when it does not verify: its chunks are stored once more then. */
  async #page(page: number): Promise<Buffer | undefined> {
    const bytes = Buffer.alloc(pageBytes);
    const got = await this.#file.readAt(bytes, (page + 1) * pageBytes);
    return isSound(bytes.subarray(0, got), this.number, page) ? bytes : undefined;
  }
  /** All entries in order, for merging. */
  async *all(): AsyncIterable<IndexEntry> {
    const bytes = Buffer.alloc(pagesPerWrite * pageBytes);
    const entry: IndexEntry = { hi: 0, lo: 0, container: 0, ordinal: 0 };
    for (let from = 0; from < this.pages; from += pagesPerWrite) {
      const count = Math.min(pagesPerWrite, this.pages - from);
      const got = await this.#file.readAt(bytes.subarray(0, count * pageBytes), (from + 1) * pageBytes);
      for (let i = 0; i < count; i++) {
        const page = bytes.subarray(i * pageBytes, Math.min(got, (i + 1) * pageBytes));
        if (!isSound(page, this.number, from + i)) continue;
        const entries = page.readUInt16LE(8);
        for (let index = 0; index < entries; index++) {
          readEntry(page, index, entry);
          yield entry;
        }
      }
    }
  }
  async close(): Promise<void> {
    await this.#file.close();
  }
  async remove(): Promise<void> {
    await this.#file.close();
    await this.#disk.remove(this.#path);
  }

  /** Undefined when it is not there whole. */
  static async open(
    disk: Disk,
    folder: string,
    group: bigint,
    number: number,
  ): Promise<IndexRun | undefined> {
    const path = pathOf(folder, number);
    if (!(await disk.exists(path))) return undefined;
    const file = await disk.open(path, 'existing');
    const head = Buffer.alloc(pageBytes);
    const got = await file.readAt(head, 0);
    const frame = decodeFrame(
      { kind: FRAME.indexRun, group, file: number, offset: 0 },
      head.subarray(0, got),
    );
    if (frame !== undefined) {
      const reader = new ByteReader(frame.body, `Run ${number} of the index`);
      const entries = reader.u64();
      const fences = new Uint32Array(reader.u32());
      const filter = new Filter(new Uint32Array(reader.u32()));
      const checksum = reader.u64();
      const rest = Buffer.alloc(fences.byteLength + filter.words.byteLength);
      const read = await file.readAt(rest, (fences.length + 1) * pageBytes);
      if (read === rest.length && Number(xxh64(rest) >> 12n) === checksum) {
        rest.copy(Buffer.from(fences.buffer), 0);
        rest.copy(Buffer.from(filter.words.buffer), 0, fences.byteLength);
        return new IndexRun(disk, folder, file, { number, entries, filter, fences });
      }
    }
    await file.close();
    return undefined;
  }
}
function isSound(page: Buffer, number: number, index: number): boolean {
  if (page.length < pageBytes || page.readUInt16LE(8) > entriesPerPage) return false;
  return xxh64(page.subarray(8), pageSeed(number, index)) === page.readBigUInt64LE(0);
}
function readEntry(page: Buffer, index: number, into: IndexEntry): void {
  const at = pageHeaderBytes + index * entryBytes;
  into.hi = page.readUInt32LE(at);
  into.lo = page.readUInt32LE(at + 4);
  into.container = page.readUInt32LE(at + 8);
  into.ordinal = page.readUInt16LE(at + 12);
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

/** Writes a run, entry by entry in order of `hi`. */
export class RunWriter {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #group: bigint;
  readonly #number: number;
  readonly #file: DiskFile;
  readonly #filter: Filter;
  readonly #fences: number[] = [];
  readonly #buffer = Buffer.alloc(pagesPerWrite * pageBytes);
  #pages = 0;
  #inPage = 0;
  #entries = 0;

  private constructor(
    disk: Disk,
    folder: string,
    group: bigint,
    number: number,
    file: DiskFile,
    entriesMax: number,
  ) {
    this.#disk = disk;
    this.#folder = folder;
    this.#group = group;
    this.#number = number;
    this.#file = file;
    this.#filter = Filter.for(entriesMax);
  }
  static async begin(
    disk: Disk,
    folder: string,
    group: bigint,
    number: number,
    entriesMax: number,
  ): Promise<RunWriter> {
    const path = pathOf(folder, number);
    await disk.remove(path);
    return new RunWriter(disk, folder, group, number, await disk.open(path, 'create'), entriesMax);
  }
  /** True when `flush` is due before the next. */
  add(entry: IndexEntry): boolean {
    const page = this.#pages % pagesPerWrite;
    const at = page * pageBytes + pageHeaderBytes + this.#inPage * entryBytes;
    if (this.#inPage === 0) this.#fences.push(entry.hi);
    this.#buffer.writeUInt32LE(entry.hi, at);
    this.#buffer.writeUInt32LE(entry.lo, at + 4);
    this.#buffer.writeUInt32LE(entry.container, at + 8);
    this.#buffer.writeUInt32LE(entry.ordinal, at + 12);
    this.#filter.add(entry.hi, entry.lo);
    this.#entries += 1;
    this.#inPage += 1;
    if (this.#inPage === entriesPerPage) this.#endPage();
    return this.#inPage === 0 && this.#pages % pagesPerWrite === 0;
  }
  #endPage(): void {
    const at = (this.#pages % pagesPerWrite) * pageBytes;
    const page = this.#buffer.subarray(at, at + pageBytes);
    page.fill(0, pageHeaderBytes + this.#inPage * entryBytes);
    page.writeBigUInt64LE(0n, 8);
    page.writeUInt16LE(this.#inPage, 8);
    page.writeBigUInt64LE(xxh64(page.subarray(8), pageSeed(this.#number, this.#pages)), 0);
    this.#pages += 1;
    this.#inPage = 0;
  }
  async flush(): Promise<void> {
    const count = this.#pages % pagesPerWrite === 0 ? pagesPerWrite : this.#pages % pagesPerWrite;
    const from = this.#pages - count;
    await this.#file.writeAt(this.#buffer.subarray(0, count * pageBytes), (from + 1) * pageBytes);
  }
  /** Durable when it resolves. */
  async finish(): Promise<IndexRun> {
    if (this.#inPage > 0) this.#endPage();
    if (this.#pages % pagesPerWrite !== 0) await this.flush();
    const fences = Uint32Array.from(this.#fences);
    const { words } = this.#filter;
    const rest = Buffer.concat([Buffer.from(fences.buffer), Buffer.from(words.buffer)]);
    await this.#file.writeAt(rest, (this.#pages + 1) * pageBytes);
    const body = new ByteWriter().u64(this.#entries).u32(fences.length).u32(words.length);
    body.u64(Number(xxh64(rest) >> 12n));
    const name = { kind: FRAME.indexRun, copy: 0, group: this.#group, file: this.#number, offset: 0 };
    await this.#file.writeAt(encodeFrame(name, 0, body.finish()), 0);
    await this.#file.sync();
    await this.#disk.syncDirectory(this.#folder);
    const fields = { number: this.#number, entries: this.#entries, filter: this.#filter, fences };
    return new IndexRun(this.#disk, this.#folder, this.#file, fields);
  }
  async abandon(): Promise<void> {
    await this.#file.close();
    await this.#disk.remove(pathOf(this.#folder, this.#number));
  }
}

/** RunWriter: a run of the index in the making, entry by entry in order. */
import { strict as assert } from 'node:assert';
import type { Disk, DiskFile } from '#env';
import { xxh64 } from '#wire';
import { ByteWriter } from './bytes.js';
import { baseFilterBits, freshFilterBits } from './engine-limits.js';
import { Filter, type HiRange } from './filter.js';
import { encodeFrame, FRAME } from './frame.js';
import {
  bytesOf,
  entriesPerPage,
  IndexRun,
  type Layer,
  pageBytes,
  pageHeaderBytes,
  pageSeed,
  runPath,
  tableChecksum,
} from './index-run.js';

/** Entries come in slices of this many pages: what a write takes, and the longest that nobody else gets to run. */
const pagesPerWrite = 32;
const pageWords = pageBytes / 4;

export interface RunPlan {
  readonly group: bigint;
  readonly number: number;
  readonly layer: Layer;
  readonly range: HiRange;
  readonly entriesMax: number;
  readonly mergedTo: number;
}

export class RunWriter {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #plan: RunPlan;
  readonly #file: DiskFile;
  readonly #filter: Filter;
  readonly #fences: Uint32Array;
  readonly #buffer = Buffer.from(new ArrayBuffer(pagesPerWrite * pageBytes));
  readonly #words = new Uint32Array(this.#buffer.buffer);
  #pages = 0;
  #inPage = 0;
  /** Word of the next entry. */
  #at = pageHeaderBytes / 4;
  #entries = 0;

  private constructor(disk: Disk, folder: string, file: DiskFile, plan: RunPlan) {
    this.#disk = disk;
    this.#folder = folder;
    this.#file = file;
    this.#plan = plan;
    const bits = plan.layer === 'base' ? baseFilterBits : freshFilterBits;
    this.#filter = Filter.for(plan.entriesMax, plan.range, bits);
    this.#fences = new Uint32Array(Math.ceil(plan.entriesMax / entriesPerPage));
  }
  static async begin(disk: Disk, folder: string, plan: RunPlan): Promise<RunWriter> {
    const path = runPath(folder, plan.number);
    await disk.remove(path);
    return new RunWriter(disk, folder, await disk.open(path, 'create'), plan);
  }
  /** True when `flush` is due before the next. At most as many as were planned. */
  add(hi: number, lo: number, container: number, ordinal: number): boolean {
    const words = this.#words;
    const at = this.#at;
    if (this.#inPage === 0) this.#fences[this.#pages] = hi;
    words[at] = hi;
    words[at + 1] = lo;
    words[at + 2] = container;
    words[at + 3] = ordinal;
    this.#filter.add(hi, lo);
    this.#at = at + 4;
    this.#entries += 1;
    this.#inPage += 1;
    if (this.#inPage === entriesPerPage) this.#endPage();
    return this.#inPage === 0 && this.#pages % pagesPerWrite === 0;
  }
  #endPage(): void {
    const at = (this.#pages % pagesPerWrite) * pageBytes;
    const page = this.#buffer.subarray(at, at + pageBytes);
    page.fill(0, this.#at * 4 - at);
    page.writeBigUInt64LE(0n, 8);
    page.writeUInt16LE(this.#inPage, 8);
    page.writeBigUInt64LE(xxh64(page.subarray(8), pageSeed(this.#plan.number, this.#pages)), 0);
    this.#pages += 1;
    this.#inPage = 0;
    this.#at = (this.#pages % pagesPerWrite) * pageWords + pageHeaderBytes / 4;
  }
  async flush(): Promise<void> {
    const count = this.#pages % pagesPerWrite === 0 ? pagesPerWrite : this.#pages % pagesPerWrite;
    const from = this.#pages - count;
    await this.#file.writeAt(this.#buffer.subarray(0, count * pageBytes), (from + 1) * pageBytes);
  }
  /** Durable when it resolves. */
  async finish(): Promise<IndexRun> {
    const { group, number, layer, range, entriesMax, mergedTo } = this.#plan;
    assert(this.#entries <= entriesMax);
    const isBegun = this.#inPage > 0;
    if (isBegun) this.#endPage();
    // `add` has asked for a flush when a page that was filled was the last of a write; nobody has for this one.
    if (isBegun || this.#pages % pagesPerWrite !== 0) await this.flush();
    const fences = this.#fences.slice(0, this.#pages);
    const { words } = this.#filter;
    const at = (this.#pages + 1) * pageBytes;
    await this.#file.writeAt(bytesOf(fences), at);
    await this.#file.writeAt(bytesOf(words), at + fences.byteLength);
    const body = new ByteWriter().u64(this.#entries).u32(fences.length).u32(words.length);
    body.u64(tableChecksum(fences, words)).u32(range.first).u32(range.last);
    body.u8(layer === 'base' ? 1 : 0).u32(mergedTo);
    const name = { kind: FRAME.indexRun, copy: 0, group, file: number, offset: 0 };
    await this.#file.writeAt(encodeFrame(name, 0, body.finish()), 0);
    await this.#file.sync();
    await this.#disk.syncDirectory(this.#folder);
    const filter = this.#filter;
    const fields = { number, layer, range, entries: this.#entries, filter, fences, mergedTo };
    return new IndexRun(this.#disk, this.#folder, this.#file, fields);
  }
  async abandon(): Promise<void> {
    await this.#file.close();
    await this.#disk.remove(runPath(this.#folder, this.#plan.number));
  }
}

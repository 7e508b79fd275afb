/**
 * DumpReader: the records of a dump one after another. Lengths are limited, numbers checked; behind a damaged place the next header of
 * the same dump is looked for.
 */
import { E } from '#env';
import { treeDumpInodeMax, treeXattrBytesMax } from '../../limits.js';
import type { ImageInput } from '../image-input.js';
import { type Steps, TreeFailure } from '../steps.js';
import type { Xattr } from '../xattrs.js';
import { blocksMax, type DumpHeader, dumpHeaderOf, RECORD, tapeBlockBytes } from './dump-header.js';
import { xattrsOfBlock } from './ext2-xattrs.js';

/** Where the content of an inode goes. Negative numbers are errors, and end it. */
export interface ContentSink {
  data(bytes: Buffer): number;
  hole(lengthBytes: number): number;
}
/** A header of an inode, and where it lies. */
export interface InodeRecord {
  readonly at: number;
  readonly header: DumpHeader;
}

export class DumpReader {
  readonly #input: ImageInput;
  readonly #damaged: (offset: number, text: string) => void;
  /** Read already, and not used up. */
  #next: InodeRecord | undefined;
  /** Of the dump: headers of another are none of ours. */
  #dateSeconds: number | undefined;
  /** Which inodes it holds: a bit for each, number 1 first. */
  #saved: Buffer = Buffer.alloc(0);

  constructor(input: ImageInput, damaged: (offset: number, text: string) => void) {
    this.#input = input;
    this.#damaged = damaged;
  }
  /** The dump should hold the inode; undefined when that is not known. */
  holds(number: number): boolean | undefined {
    if (this.#saved.length === 0) return undefined;
    return (((this.#saved[(number - 1) >> 3] ?? 0) >> ((number - 1) & 7)) & 1) === 1;
  }

  /** From the beginning to the first inode. Throws TreeFailure when it is no dump. */
  *open(): Steps<void> {
    yield* this.#input.openWhole();
    this.#next = undefined;
    const first = yield* this.#input.exactly(tapeBlockBytes);
    const header = first === undefined ? undefined : dumpHeaderOf(first);
    if (header?.type !== RECORD.tape) throw new TreeFailure('The image is no dump, or not its first volume');
    this.#dateSeconds = header.dateSeconds;
    for (;;) {
      const record = yield* this.peek();
      const type = record?.header.type;
      if (record === undefined || (type !== RECORD.used && type !== RECORD.map)) return;
      yield* this.#map(record);
    }
  }
  *#map({ at, header }: InodeRecord): Steps<void> {
    this.#next = undefined;
    const bytes = header.count * tapeBlockBytes;
    if (bytes > treeDumpInodeMax / 8 + tapeBlockBytes) {
      throw new TreeFailure(`A map of ${bytes} bytes (at byte ${at}) is larger than any dump of ours`);
    }
    const map = Buffer.alloc(header.type === RECORD.map ? bytes : 0);
    for (let filled = 0; filled < bytes;) {
      const some = yield* this.#input.some();
      if (some.length === 0) return;
      const part = Math.min(some.length, bytes - filled);
      if (map.length > 0) map.set(some.subarray(0, part), filled);
      this.#input.took(part);
      filled += part;
    }
    if (map.length > 0) this.#saved = map;
  }

  /** Goes to an inode; undefined when none begins there. */
  *inodeAt(offset: number): Steps<InodeRecord | undefined> {
    this.#next = undefined;
    yield* this.#input.openAt(offset, tapeBlockBytes);
    const block = yield* this.#input.exactly(tapeBlockBytes);
    const header = block === undefined ? undefined : dumpHeaderOf(block);
    if (header === undefined || header.type !== RECORD.inode || header.isExtended) return undefined;
    this.#dateSeconds = header.dateSeconds;
    return { at: offset, header };
  }

  /** The next header of an inode; undefined at the end of the dump. */
  *inode(): Steps<InodeRecord | undefined> {
    for (;;) {
      const record = yield* this.peek();
      if (record === undefined || record.header.type === RECORD.end) return undefined;
      this.#next = undefined;
      const { header } = record;
      if (header.type === RECORD.inode && !header.isExtended) return record;
      yield* this.#skipBlocks(header); // what belongs to an inode that was lost
    }
  }
  /** The next header; it stays the next. */
  *peek(): Steps<InodeRecord | undefined> {
    this.#next ??= yield* this.#header();
    return this.#next;
  }
  *#header(): Steps<InodeRecord | undefined> {
    for (let isLost = false; ; isLost = true) {
      const at = this.#input.position;
      const block = yield* this.#input.exactly(tapeBlockBytes);
      if (block === undefined) {
        this.#damaged(at, 'The image ends without the end of a dump');
        return undefined;
      }
      const header = dumpHeaderOf(block);
      const isOurs = header !== undefined && header.dateSeconds === this.#dateSeconds;
      if (
        isOurs &&
        (header.count <= blocksMax || header.type === RECORD.used || header.type === RECORD.map)
      ) {
        return { at, header };
      }
      if (!isLost) this.#damaged(at, 'What should be a header is none: looking for the next one');
    }
  }
  *#skipBlocks({ blocks }: DumpHeader): Steps<void> {
    let data = 0;
    for (const block of blocks) data += block === 0 ? 0 : tapeBlockBytes;
    yield* this.#input.skip(data);
  }

  /** All of the inode's content. An error of the sink, or a negative number of our own when the image ends: then it is not whole. */
  *content({ header }: InodeRecord, sink: ContentSink): Steps<number> {
    let left = header.inode.size;
    let error = 0;
    for (let part: DumpHeader | undefined = header; part !== undefined;) {
      const { blocks } = part;
      for (let block = 0; block < blocks.length;) {
        const isData = blocks[block] !== 0;
        let end = block + 1;
        while (end < blocks.length && (blocks[end] !== 0) === isData) end += 1;
        const bytes = (end - block) * tapeBlockBytes;
        const used = Math.min(bytes, left);
        if (isData) error = yield* this.#run(bytes, used, sink, error);
        else if (used > 0 && error >= 0) error = sink.hole(used);
        if (error === ended) return broken;
        left -= used;
        block = end;
      }
      part = left > 0 ? yield* this.#more(header.inodeNumber) : undefined;
    }
    return left > 0 && error >= 0 ? broken : error;
  }
  /** Of a run of data, the first `used` bytes. After an error it is only read. */
  *#run(bytes: number, used: number, sink: ContentSink, before: number): Steps<number> {
    let error = before;
    this.#input.need(bytes);
    for (let at = 0; at < bytes;) {
      const some = yield* this.#input.some();
      if (some.length === 0) return ended;
      const part = Math.min(some.length, bytes - at);
      const wanted = Math.min(part, used - at);
      if (wanted > 0 && error >= 0) error = sink.data(some.subarray(0, wanted));
      this.#input.took(part);
      at += part;
    }
    return error;
  }
  /** The header that continues an inode. */
  *#more(number: number): Steps<DumpHeader | undefined> {
    const record = yield* this.peek();
    if (record?.header.type !== RECORD.more || record.header.inodeNumber !== number) return undefined;
    this.#next = undefined;
    return record.header;
  }
  *skip(record: InodeRecord): Steps<void> {
    yield* this.content(record, { data: () => 0, hole: () => 0 });
  }

  /** Extended attributes of the inode that was read last. */
  *xattrs(number: number): Steps<Xattr[]> {
    const xattrs: Xattr[] = [];
    for (;;) {
      const record = yield* this.peek();
      const header = record?.header;
      if (record === undefined || header?.isExtended !== true || header.inodeNumber !== number) return xattrs;
      this.#next = undefined;
      const bytes = yield* this.bytes(record, treeXattrBytesMax);
      const found = bytes === undefined ? undefined : xattrsOfBlock(bytes);
      if (found === undefined)
        this.#damaged(record.at, `The extended attributes of inode ${number} are damaged`);
      else xattrs.push(...found);
    }
  }
  /** The content in one piece; undefined when it is longer than allowed, or not whole. */
  *bytes(record: InodeRecord, bytesMax: number): Steps<Buffer | undefined> {
    const { size } = record.header.inode;
    if (size > bytesMax) {
      yield* this.skip(record);
      return undefined;
    }
    const bytes = Buffer.alloc(size);
    let filled = 0;
    const error = yield* this.content(record, {
      data: (some) => {
        bytes.set(some, filled);
        filled += some.length;
        return 0;
      },
      hole: (length) => {
        filled += length;
        return 0;
      },
    });
    return error < 0 ? undefined : bytes;
  }
}
/** The content of an inode ends too early. */
const broken = -E.io;
/** The same while it is found out: no error of a sink. */
const ended = Number.NEGATIVE_INFINITY;

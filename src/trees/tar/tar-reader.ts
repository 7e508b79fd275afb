/**
 * TarReader: the members of an archive one after another: pax, ustar, GNU's and the oldest. What an archive says is believed
 * only as far as it can do no harm: lengths are limited, numbers checked. Behind a damaged place the next header is looked for.
 */
import { treeExtentsMax, treeGlobalPaxBytesMax, treePathBytesMax, treePaxBytesMax } from '../../limits.js';
import type { ImageInput } from '../image-input.js';
import type { Steps } from '../steps.js';
import { type ReadMember, type PaxRecords, memberOf } from './read-member.js';
import { paxRecordsOf } from './pax-records.js';
import { type Extent, isMap } from './sparse-map.js';
import { blockBytes, gnuSparse, hasMagic, isChecked, isZero, numberIn, typeFlag, ustar } from './ustar.js';

/** What leads a member: records and names, in members of their own. */
interface Lead {
  readonly records: Map<string, Buffer>;
  /** Sparse version 0.0 has a record for each piece. */
  readonly pieces: number[];
  /** Where the first of them lies. */
  from: number;
  /** Of all of them. */
  bytes: number;
  /** Something of it was unreadable: what follows must not be taken by another name than its own. */
  isSpoiled: boolean;
}

/** Ends of a piece of sparse map, as lines of decimal numbers. */
const mapLineBytesMax = 21;

export class TarReader {
  readonly #input: ImageInput;
  readonly #damaged: (offset: number, text: string) => void;
  #global: PaxRecords = new Map<string, Buffer>();
  /** Of the member, with what fills up its last block. */
  #dataLeft = 0;

  constructor(input: ImageInput, damaged: (offset: number, text: string) => void) {
    this.#input = input;
    this.#damaged = damaged;
  }

  /** What is left of the member's data. */
  get dataLeft(): number {
    return this.#dataLeft;
  }
  /** Some of the member's data, at least a byte; nothing when the image ends. `took` tells how much of it was used. */
  *data(): Steps<Buffer> {
    const bytes = yield* this.#input.some();
    return bytes.length > this.#dataLeft ? bytes.subarray(0, this.#dataLeft) : bytes;
  }
  took(bytes: number): void {
    this.#input.took(bytes);
    this.#dataLeft -= bytes;
  }
  /** Goes on to a member somewhere else. */
  jumped(): void {
    this.#dataLeft = 0;
  }
  /** Bytes from here to the end of the next header, if it is an ordinary one: what a direct reader asks for. */
  static readonly leadBytes = 3 * blockBytes;

  /** The next one; undefined at the end of the archive. */
  *next(): Steps<ReadMember | undefined> {
    if (!(yield* this.#input.skip(this.#dataLeft))) {
      this.#damaged(this.#input.position, 'The image ends within a file');
      return undefined;
    }
    this.#dataLeft = 0;
    let lead: Lead | undefined;
    for (;;) {
      const at = this.#input.position;
      const block = yield* this.#header();
      if (block === undefined) return undefined;
      if (this.#input.position - at > blockBytes) lead = undefined; // something was skipped
      lead ??= newLead(this.#input.position - blockBytes);
      const size = numberIn(block, ustar.size);
      if (Number.isNaN(size) || size < 0) {
        this.#damaged(lead.from, 'A header has no valid size');
        lead = undefined;
        continue;
      }
      const type = String.fromCharCode(block[ustar.type[0]] ?? 0);
      if (isLead(type)) {
        yield* this.#lead(type, size, lead);
        continue;
      }
      if (type === typeFlag.gnuVolume) {
        yield* this.#input.skip(Math.ceil(size / blockBytes) * blockBytes); // the name of the archive
        lead = undefined;
        continue;
      }
      const member = yield* this.#member(block, size, lead);
      if (member !== undefined) return member;
      lead = undefined;
    }
  }

  /** A block that is a header; undefined at the end of the archive. A loan. */
  *#header(): Steps<Buffer | undefined> {
    let isLost = false;
    for (;;) {
      const at = this.#input.position;
      const block = yield* this.#input.exactly(blockBytes);
      if (block === undefined) {
        this.#damaged(at, 'The image ends without the end of an archive');
        return undefined;
      }
      if (isChecked(block) && !isZero(block) && (!isLost || hasMagic(block))) return block;
      if (isZero(block) && !isLost) {
        const second = yield* this.#input.exactly(blockBytes);
        if (second === undefined || isZero(second)) return undefined;
        if (isChecked(second)) return second; // a single block of zeros is no end
      }
      if (!isLost) this.#damaged(at, 'What should be a header is none: looking for the next one');
      isLost = true;
    }
  }

  /** Records or a name for the member that follows. */
  *#lead(type: string, size: number, lead: Lead): Steps<void> {
    const isName = type === typeFlag.gnuName || type === typeFlag.gnuLinkName;
    const limit = isName ? treePathBytesMax : treePaxBytesMax;
    const padded = Math.ceil(size / blockBytes) * blockBytes;
    lead.bytes += padded + blockBytes;
    if (size > limit || lead.bytes > 2 * treePaxBytesMax) {
      if (!lead.isSpoiled) this.#damaged(lead.from, `An extended header of ${size} bytes is too large`);
      this.#spoil(lead);
      yield* this.#input.skip(padded);
      return;
    }
    this.#input.need(padded + blockBytes);
    const piece = yield* this.#input.exactly(padded);
    if (piece === undefined) return; // the end is noticed by who reads on
    const bytes = Buffer.from(piece.subarray(0, size));
    if (isName) {
      const end = bytes.indexOf(0);
      const name = end === -1 ? bytes : bytes.subarray(0, end);
      lead.records.set(type === typeFlag.gnuName ? 'path' : 'linkpath', name);
      return;
    }
    const records = paxRecordsOf(bytes);
    if (records === undefined) {
      this.#spoil(lead);
      this.#damaged(lead.from, 'An extended header is damaged');
      return;
    }
    if (type === typeFlag.globalPax) this.#addGlobals(records, lead);
    else if (!lead.isSpoiled) for (const record of records) addRecord(lead, record);
  }
  #spoil(lead: Lead): void {
    lead.isSpoiled = true;
    lead.records.clear();
    lead.pieces.length = 0;
  }
  #addGlobals(records: readonly (readonly [string, Buffer])[], { from }: Lead): void {
    const all = new Map([...this.#global, ...records.slice(0, globalsMax)]);
    const bytes = [...all].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    if (all.size > globalsMax || bytes > treeGlobalPaxBytesMax) {
      this.#damaged(from, 'Extended headers for the whole archive are too large');
      return;
    }
    this.#global = new Map([...all].map(([key, value]) => [key, Buffer.from(value)]));
  }

  *#member(block: Buffer, ustarSize: number, lead: Lead): Steps<ReadMember | undefined> {
    const records = this.#global.size === 0 ? lead.records : new Map([...this.#global, ...lead.records]);
    const told = records.get('size');
    const size = told === undefined ? ustarSize : Number(/^\d{1,16}$/.exec(told.toString('latin1'))?.[0]);
    const read = memberOf(block, records, lead.from, size);
    if (read === undefined || lead.isSpoiled || !Number.isSafeInteger(size)) {
      this.#damaged(lead.from, 'A header holds what cannot be: its file is left out');
      if (Number.isSafeInteger(size)) yield* this.#input.skip(Math.ceil(size / blockBytes) * blockBytes);
      return undefined;
    }
    const pieces = yield* this.#oldPieces(block);
    this.#dataLeft = read.hasData ? Math.ceil(size / blockBytes) * blockBytes : 0;
    const extents = yield* this.#extents(read, lead, pieces);
    if (extents === 'none') return read;
    const bytes = extents?.reduce((sum, { length }) => sum + length, 0);
    if (
      extents !== undefined &&
      bytes !== undefined &&
      isMap(extents, read.size) &&
      bytes <= this.#dataLeft
    ) {
      return { ...read, extents };
    }
    this.#damaged(lead.from, 'The map of a sparse file is damaged: the file is left out');
    yield* this.#input.skip(this.#dataLeft);
    this.#dataLeft = 0;
    return undefined;
  }
  /** Where a sparse file has data, however its map was written; undefined when it is damaged. */
  *#extents(read: ReadMember, lead: Lead, old: Extent[] | undefined): Steps<Extent[] | 'none' | undefined> {
    if (old !== undefined) return old;
    const record = (key: string): string | undefined => lead.records.get(key)?.toString('latin1');
    if (record('GNU.sparse.major') === '1' && read.hasData) return yield* this.#leadingMap();
    const map = record('GNU.sparse.map');
    if (map !== undefined) return pairs(map.split(',').map(Number));
    if (record('GNU.sparse.numblocks') !== undefined) return pairs(lead.pieces);
    return 'none';
  }
  /** Version 1.0: lines at the beginning of the data, filled up to a block. */
  *#leadingMap(): Steps<Extent[] | undefined> {
    const numbers: number[] = [];
    let count: number | undefined;
    let text = '';
    while (count === undefined || numbers.length < 2 * count) {
      const block = this.#dataLeft < blockBytes ? undefined : yield* this.#input.exactly(blockBytes);
      if (block === undefined) return undefined;
      this.#dataLeft -= blockBytes;
      const lines = (text + block.toString('latin1')).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        if (!/^\d{1,16}$/.test(line)) return undefined;
        if (count !== undefined) numbers.push(Number(line));
        else count = Number(line);
        if (count > treeExtentsMax + 1) return undefined;
        if (numbers.length === 2 * count) break;
      }
      if (text.length > mapLineBytesMax && numbers.length < 2 * (count ?? 1)) return undefined;
    }
    return pairs(numbers);
  }
  /** GNU's older way: four pieces in the header, and more in blocks behind it. */
  *#oldPieces(header: Buffer): Steps<Extent[] | undefined> {
    if (String.fromCharCode(header[ustar.type[0]] ?? 0) !== typeFlag.gnuSparse) return undefined;
    const numbers: number[] = [];
    pushPieces(numbers, header, gnuSparse.pieces, gnuSparse.piecesMax);
    let isExtended = header[gnuSparse.isExtended] === 1;
    while (isExtended && numbers.length < 2 * treeExtentsMax) {
      const block = yield* this.#input.exactly(blockBytes);
      if (block === undefined) break;
      pushPieces(numbers, block, 0, gnuSparse.extensionMax);
      isExtended = block[gnuSparse.extended] === 1;
    }
    return pairs(numbers);
  }
}

const globalsMax = 1000;

const newLead = (from: number): Lead => ({
  records: new Map(),
  pieces: [],
  from,
  bytes: 0,
  isSpoiled: false,
});

function isLead(type: string): boolean {
  return (
    type === typeFlag.pax ||
    type === typeFlag.solarisPax ||
    type === typeFlag.globalPax ||
    type === typeFlag.gnuName ||
    type === typeFlag.gnuLinkName
  );
}

function addRecord(lead: Lead, [key, value]: readonly [string, Buffer]): void {
  const isPiece = key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes';
  if (isPiece) lead.pieces.push(Number(value.toString('latin1')));
  else lead.records.set(key, value);
}

/** Offset and length by turns. An odd number of them, or what is no number, gives a map that is none. */
function pairs(numbers: readonly number[]): Extent[] {
  const extents: Extent[] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    extents.push({ offset: numbers[index] ?? Number.NaN, length: numbers[index + 1] ?? Number.NaN });
  }
  return extents;
}

function pushPieces(numbers: number[], block: Buffer, at: number, piecesMax: number): void {
  for (let piece = 0; piece < piecesMax; piece += 1) {
    const from = at + 24 * piece;
    if (block[from] === 0) return;
    numbers.push(numberIn(block, [from, 12]), numberIn(block, [from + 12, 12]));
  }
}

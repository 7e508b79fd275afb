/**
 * Journal: batches of facts, in order, each durable before the next is written (FORMAT.md, "Journal").
 *
 *   J1 a batch is written twice, so that one rotten place costs nothing
 *   J2 there is at most one batch that may be torn, and it is the last: damage before a sound batch is damage, not a crash
 *   J3 after a restart the next batch goes into a new file, so nothing is ever written behind a torn end
 */
import { strict as assert } from 'node:assert';
import { dirname, join } from 'node:path';
import type { Disk, DiskFile } from '#env';
import { StoreError } from '../../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { FrameOwner } from './frame-cipher.js';
import { encodeFact, type Fact, decodeFact } from './facts.js';
import { decodeFrame, encodeFrame, FRAME, sectorBytes } from './frame.js';

const suffix = '.journal';
const copies = 2;
const fileName = (segment: number): string => segment.toString(10).padStart(9, '0') + suffix;

export interface Batch {
  readonly sequence: number;
  readonly facts: readonly Fact[];
}

export class Journal {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #owner: FrameOwner;
  #segment: number;
  #sequence: number;
  #file: DiskFile | undefined;
  #end = 0;
  #bytesBefore = 0;
  /** Behind the last batch lies something. */
  #suspect = false;

  /** `segment`: the one to write next, which is new. `sequence`: of the last batch. */
  constructor(disk: Disk, folder: string, owner: FrameOwner, segment: number, sequence: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#owner = owner;
    this.#segment = segment;
    this.#sequence = sequence;
  }
  /** Before the first batch of this life. */
  startAfter(sequence: number): void {
    assert(this.#end === 0 && sequence >= this.#sequence);
    this.#sequence = sequence;
  }
  get sequence(): number {
    return this.#sequence;
  }
  get segment(): number {
    return this.#segment;
  }
  /** Bytes of this segment. */
  get bytes(): number {
    return this.#end;
  }
  /** Bytes of segments before it that are still there. */
  get bytesBefore(): number {
    return this.#bytesBefore;
  }
  set bytesBefore(bytes: number) {
    this.#bytesBefore = bytes;
  }

  /** Durable when it resolves. On 'full' nothing happened, and the same may be tried again; any other failure is final. */
  async append(facts: readonly Fact[]): Promise<void> {
    const writer = new ByteWriter().u64(this.#sequence + 1);
    for (const fact of facts) encodeFact(writer, fact);
    const offset = this.#end;
    const { group, cipher } = this.#owner;
    const name = { kind: FRAME.journal, group, file: this.#segment };
    const body = cipher.frames.seal({ ...name, offset }, writer.finish());
    const first = encodeFrame({ ...name, copy: 0, offset }, offset / sectorBytes, body);
    const second = encodeFrame(
      { ...name, copy: 1, offset: offset + first.length },
      offset / sectorBytes,
      body,
    );
    const file = await this.#opened();
    this.#suspect = true;
    await file.writeAt(Buffer.concat([first, second]), offset);
    try {
      await file.sync();
    } catch (cause) {
      throw new StoreError('io', 'Synchronizing the journal failed', {}, { cause });
    }
    this.#suspect = false;
    this.#end += first.length + second.length;
    this.#sequence += 1;
  }
  async #opened(): Promise<DiskFile> {
    if (this.#file !== undefined) return this.#file;
    // Whether or not it is there: an attempt before this one may have made it and gone no further.
    await this.#disk.makeDirectory(this.#folder);
    await this.#disk.syncDirectory(dirname(this.#folder));
    const file = await this.#disk.open(join(this.#folder, fileName(this.#segment)), 'create');
    try {
      await this.#disk.syncDirectory(this.#folder);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    return file;
  }
  /** What comes next goes into a new segment. Returns its number. */
  async beginNext(): Promise<number> {
    if (this.#end > 0) {
      await this.close();
      this.#bytesBefore += this.#end;
      this.#segment += 1;
      this.#end = 0;
    }
    return this.#segment;
  }
  /** Removes segments below. */
  async drop(below: number): Promise<void> {
    for (const segment of await segmentsIn(this.#disk, this.#folder)) {
      if (segment < below) await this.#disk.remove(join(this.#folder, fileName(segment)));
    }
  }
  /**
   * The end of this life. What a failed write or fsync has left behind the last batch goes: nobody was told that it is there,
   * and the system may yet forget it, however whole it looks.
   */
  async end(): Promise<void> {
    const file = this.#file;
    if (file !== undefined && this.#suspect) {
      await file.truncate(this.#end);
      await file.sync();
      this.#suspect = false;
    }
    await this.close();
  }
  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

export async function segmentsIn(disk: Disk, folder: string): Promise<number[]> {
  const names = (await disk.list(folder)).filter((name) => name.endsWith(suffix));
  return names.map((name) => Number.parseInt(name, 10)).toSorted((a, b) => a - b);
}

export interface ReplayedJournal {
  readonly batches: readonly Batch[];
  readonly bytes: number;
}
/** Batches of the segments from `first` on that follow on `sequence`. StoreError 'corrupt' when one before the last is damaged. */
export async function readJournal(
  disk: Disk,
  folder: string,
  owner: FrameOwner,
  first: number,
  sequence: number,
): Promise<ReplayedJournal> {
  const batches: Batch[] = [];
  let bytes = 0;
  for (const segment of await segmentsIn(disk, folder)) {
    if (segment < first) continue;
    const file = await disk.open(join(folder, fileName(segment)), 'existing');
    try {
      const source = Buffer.alloc(await file.size());
      const got = await file.readAt(source, 0);
      bytes += got;
      for (const body of bodiesOf(source.subarray(0, got), owner, segment)) {
        const batch = decodeBatch(body, segment);
        const expected = (batches.at(-1)?.sequence ?? sequence) + 1;
        if (batch.sequence !== expected) throw gap(segment, expected, batch.sequence);
        batches.push(batch);
      }
      // What we go on from must be there after the next power failure too, not only in the system's memory.
      await file.sync();
    } finally {
      await file.close();
    }
  }
  return { batches, bytes };
}
/** True when every batch can be read in both of its copies. No batch may be written meanwhile. */
export async function isJournalWhole(disk: Disk, folder: string, group: bigint): Promise<boolean> {
  for (const segment of await segmentsIn(disk, folder)) {
    const file = await disk.open(join(folder, fileName(segment)), 'existing');
    try {
      const source = Buffer.alloc(await file.size());
      const got = await file.readAt(source, 0);
      for (let at = 0; at < got;) {
        const frame = decodeFrame(
          { kind: FRAME.journal, group, file: segment, offset: at },
          source.subarray(at, got),
        );
        if (frame === undefined) return false;
        at += frame.bytes;
      }
    } finally {
      await file.close();
    }
  }
  return true;
}
const gap = (segment: number, expected: number, found: number): StoreError => {
  const facts = { segment, expected, found };
  return new StoreError('corrupt', `The journal lacks what came before batch ${found}`, facts);
};
function decodeBatch(body: Buffer, segment: number): Batch {
  const reader = new ByteReader(body, `A batch of journal segment ${segment}`);
  const sequence = reader.u64();
  const facts: Fact[] = [];
  while (!reader.ended) facts.push(decodeFact(reader));
  return { sequence, facts };
}
function* bodiesOf(source: Buffer, { group, cipher }: FrameOwner, segment: number): Iterable<Buffer> {
  const opened = (offset: number, body: Buffer): Buffer => {
    const open = cipher.frames.open({ kind: FRAME.journal, file: segment, offset }, body);
    if (open !== undefined) return open;
    const facts = { segment, offset };
    throw new StoreError('corrupt', 'A batch of the journal does not open with the key of the group', facts);
  };
  const frameAt = (offset: number): ReturnType<typeof decodeFrame> =>
    decodeFrame({ kind: FRAME.journal, group, file: segment, offset }, source.subarray(offset));
  for (let at = 0; at < source.length;) {
    const first = frameAt(at);
    if (first !== undefined && first.copy === 0) {
      yield opened(at, first.body);
      at += copies * first.bytes;
      continue;
    }
    // The first copy is torn or rotten: its second one, or a later batch, begins at some sector behind it.
    // A second copy that belongs to an earlier place is left from an attempt that a full disk cut short.
    let next = at;
    let second: ReturnType<typeof frameAt>;
    do {
      next += sectorBytes;
      second = frameAt(next);
    } while (next < source.length && (second === undefined || second.extra < at / sectorBytes));
    if (second === undefined) return;
    if (second.copy !== 1 || second.extra !== at / sectorBytes) {
      const facts = { segment, offset: at, next };
      throw new StoreError('corrupt', 'A batch of the journal is damaged in both copies', facts);
    }
    yield opened(at, second.body);
    at = next + second.bytes;
    assert(at % sectorBytes === 0);
  }
}
export const journalFolder = (group: string): string => join(group, 'journal');

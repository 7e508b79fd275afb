/**
 * The window of a mover: which bytes of the image belong on the tape that is in the drive; and how far the image has come.
 * Offsets are of the whole image, not of the tape. Plain functions and counters, without I/O.
 */
import { moverRecordBytesDefault } from '#limits';
import { NdmpError } from './errors.table.js';
import { allOnes } from './types.js';

export interface MoverWindow {
  readonly offset: bigint;
  /** All ones: without end. */
  readonly length: bigint;
}
export const wholeImage: MoverWindow = { offset: 0n, length: allOnes };

/** First byte behind the window; all ones when it has no end, which no image reaches. */
export function endOfWindow({ offset, length }: MoverWindow): bigint {
  const end = offset + length;
  return end > allOnes ? allOnes : end;
}

export function isInWindow(window: MoverWindow, position: bigint): boolean {
  return position >= window.offset && position < endOfWindow(window);
}

/**
 * A window that a client asks for (spec4 3.6.2.2). Throws 'illegal-args' unless it begins and ends between records. Length 0
 * is legal: the mover pauses as soon as there is data.
 */
export function windowOf(offset: bigint, length: bigint, recordBytes: number): MoverWindow {
  const record = BigInt(recordBytes);
  if (offset % record !== 0n) throw new NdmpError('illegal-args', 'A window begins with a record');
  const isEndless = length === allOnes || offset + length === allOnes;
  if (!isEndless && length % record !== 0n)
    throw new NdmpError('illegal-args', 'A window ends with a record');
  if (!isEndless && offset + length > allOnes) throw new NdmpError('illegal-args', 'The window ends nowhere');
  return { offset, length };
}

/** What MOVER_GET_STATE tells, and what both directions of the stream count. */
export class MoverProgress {
  recordBytes = moverRecordBytesDefault;
  window: MoverWindow = wholeImage;
  /** Next byte of the image: to be written, or to be sent. */
  position = 0n;
  recordNum = 0n;
  /** N2: the sum of the records written, or of the bytes sent. */
  bytesMoved = 0n;
  seekPosition = 0n;
  /** Of the MOVER_READ under way; all ones: to the end, however far that is. */
  bytesLeftToRead = 0n;

  setWindow(window: MoverWindow): void {
    this.window = window;
    this.recordNum = window.offset / BigInt(this.recordBytes);
  }
  /** A record is on the tape. */
  wroteRecord(): void {
    const bytes = BigInt(this.recordBytes);
    this.position += bytes;
    this.bytesMoved += bytes;
    this.recordNum = this.position / bytes;
  }
  /** A MOVER_READ begins. */
  beginRead(offset: bigint, length: bigint): void {
    this.position = offset;
    this.seekPosition = offset;
    this.bytesLeftToRead = length;
  }
  /** Of `available` bytes at the position, how many are wanted. */
  wantedOf(available: number): number {
    const inWindow = endOfWindow(this.window) - this.position;
    const wanted = this.bytesLeftToRead < inWindow ? this.bytesLeftToRead : inWindow;
    return wanted < BigInt(available) ? Number(wanted) : available;
  }
  sent(length: number): void {
    const bytes = BigInt(length);
    this.recordNum = this.position / BigInt(this.recordBytes);
    this.position += bytes;
    this.bytesMoved += bytes;
    if (this.bytesLeftToRead !== allOnes) this.bytesLeftToRead -= bytes;
  }
}

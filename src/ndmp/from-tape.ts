/**
 * FromTape: records of the tape as bytes of the image stream (mover mode WRITE), as MOVER_READ asks for them.
 *
 * Offsets and lengths are bytes: a direct access recovery asks for single headers. Slices of a record go to the link without a
 * copy and are given back when they have been sent; the loop waits while too much is under way. A pause or a halt is announced
 * when everything before it has been sent.
 */
import type { Link } from '#env';
import { moverUnsentBytesMax } from '#limits';
import type { ReadResult } from '#vtl';
import type { Slab } from '#wire';
import type { ImagePlaces } from './image-places.js';
import { breathAfter, type Flow, type FlowParts, haltOf } from './mover-faces.js';
import { isInWindow } from './mover-window.js';
import { piecesOf } from './record-queue.js';
import { StepLoop } from './step-loop.js';
import type { MoverHaltReason, PauseReason } from './types.js';

/** Small records are sent together: a system call for each costs more than they do. */
const flushBytes = 256 * 1024;
const flushSlices = 256;

interface Found {
  /** Offset in the image of the record's first byte. */
  readonly start: bigint;
  readonly object: number;
  /** Its place is known by counting the records before it, each of the record size. */
  readonly isCounted: boolean;
}

export class FromTape implements Flow {
  readonly #parts: FlowParts;
  readonly #link: Link;
  readonly #places: ImagePlaces;
  readonly #loop = new StepLoop({
    mayGo: () => !this.#over && !this.#paused,
    begin: () => {
      this.#recordsInTurn = 0;
      return this.#parts.tape.quiet;
    },
    step: async () => await this.#step(),
    idle: () => this.#flush(),
    fail: async (error) => {
      const { reason, text } = haltOf(error, this.#parts.log);
      await this.#halt(reason, `Reading from the tape failed: ${text}`);
    },
  });
  #paused = false;
  #over = false;
  /** The peer has closed the stream. */
  #ended: { readonly error: Error | undefined } | undefined;
  /** Gathered, not yet written to the link. */
  #slices: Buffer[] = [];
  #records: Slab[] = [];
  #gatheredBytes = 0;
  /** Written to the link, not yet taken. */
  #unsentBytes = 0;
  #sentSome: (() => void) | undefined;
  /** Where a pause at the end of a file left the tape. */
  #leftAt: number | undefined;
  #recordsInTurn = 0;
  #lingering: (() => void) | undefined;

  constructor(parts: FlowParts, link: Link, places: ImagePlaces) {
    this.#parts = parts;
    this.#link = link;
    this.#places = places;
  }

  get settled(): Promise<void> {
    return this.#loop.settled;
  }
  start(): void {
    this.#link.start({
      data: () => undefined, // nobody has anything to say in this direction
      closed: (error) => {
        this.#ended = { error };
        this.#lingering?.();
        this.#loop.go();
      },
    });
  }
  /** A tape that was changed or moved at the end of a file, without a new window, stands where the image goes on. */
  resume(): void {
    const { position } = this.#parts.progress;
    if (this.#leftAt !== undefined && this.#places.isNext(position))
      this.#places.goOn(position, this.#parts.tape.position.object);
    this.#leftAt = undefined;
    this.#paused = false;
    this.#loop.go();
  }
  recordBytesChanged(): void {
    // Places are worked out anew for every jump.
  }
  windowChanged(): void {
    this.#leftAt = undefined;
  }
  read(): void {
    this.#loop.go();
  }
  end(how: 'close' | 'cut'): void {
    this.#over = true;
    if (how === 'close') this.#flush();
    for (const record of this.#records.splice(0)) record.release();
    if (how === 'cut') this.#link.destroy();
    else if (this.#ended === undefined) this.#lingering = this.#parts.connector.linger(this.#link);
    this.#sentSome?.();
  }

  /** False: wait for what comes. */
  async #step(): Promise<boolean> {
    const { progress, tape, env } = this.#parts;
    if (this.#ended !== undefined) {
      this.#peerClosed(this.#ended.error);
      return false;
    }
    if (progress.bytesLeftToRead === 0n) return false;
    if (!isInWindow(progress.window, progress.position)) return await this.#pause('seek');
    const place = await this.#findPlace();
    if (this.#over) return false;
    if (place === undefined) return await this.#pause('eof');
    const found = await tape.readRecord();
    if (this.#over) {
      if (found.kind === 'record') found.record.release();
      return false;
    }
    if (found.kind !== 'record') return await this.#pause('eof');
    if (!(await this.#take(found, place))) return false;
    if (this.#unsentBytes + this.#gatheredBytes >= moverUnsentBytesMax) await this.#room();
    this.#recordsInTurn += 1;
    if (this.#recordsInTurn % breathAfter === 0) await env.clock.sleep(0);
    return true;
  }

  /** Puts the tape before the record that holds the position; undefined when this file of the tape has no such record. */
  async #findPlace(): Promise<Found | undefined> {
    const { tape, progress } = this.#parts;
    this.#places.assumeWindow(progress.window.offset, tape.position.object);
    const { from, records, start } = this.#places.find(progress.position, progress.recordBytes);
    if (tape.position.object !== from && !(await tape.locate(from))) return undefined;
    if (this.#over) return undefined;
    if (records > 0 && (await tape.spaceRecords(records)) !== records) return undefined;
    return { start, object: from + records, isCounted: records > 0 };
  }
  /** Sends what is wanted of a record; false when the mover cannot go on. */
  async #take(
    { record }: ReadResult & { readonly kind: 'record' },
    { start, object, isCounted }: Found,
  ): Promise<boolean> {
    const { progress } = this.#parts;
    const { recordBytes } = progress;
    const { length } = record;
    if (length > recordBytes || (length < recordBytes && isCounted && !(await this.#isLast()))) {
      record.release();
      if (this.#over) return false;
      const text = `A record of ${length} bytes is on the tape, and the record size is ${recordBytes}`;
      await this.#halt('media-error', text);
      return false;
    }
    if (this.#over) {
      record.release();
      return false;
    }
    this.#places.hasRead(start, object, length);
    const skipped = Number(progress.position - start);
    if (skipped >= length) {
      record.release();
      await this.#pause('eof'); // a short record: the byte was never written
      return false;
    }
    const wanted = progress.wantedOf(length - skipped);
    this.#slices.push(...piecesOf(record, skipped, skipped + wanted));
    this.#records.push(record);
    this.#gatheredBytes += wanted;
    progress.sent(wanted);
    if (this.#gatheredBytes >= flushBytes || this.#slices.length >= flushSlices) this.#flush();
    return true;
  }

  /**
   * Has the file no record behind the one that was read? If it has, that one is not short because the image ends there: all
   * are shorter than the record size, and counting by it has led to another place.
   */
  async #isLast(): Promise<boolean> {
    const next = await this.#parts.tape.readRecord();
    if (next.kind === 'record') next.record.release();
    return next.kind !== 'record';
  }

  // --- sending ----------------------------------------------------------------------------------------------------------

  #flush(): void {
    if (this.#gatheredBytes === 0) return;
    const [slices, records, bytes] = [this.#slices, this.#records, this.#gatheredBytes];
    [this.#slices, this.#records, this.#gatheredBytes] = [[], [], 0];
    this.#unsentBytes += bytes;
    this.#link.write(slices, () => {
      this.#unsentBytes -= bytes;
      for (const record of records) record.release();
      this.#sentSome?.();
    });
  }
  /** Until half of what is under way has been taken, or nobody takes anything any more. */
  async #room(): Promise<void> {
    this.#flush();
    await this.#untilUnsent(moverUnsentBytesMax / 2);
  }
  async #drain(): Promise<void> {
    this.#flush();
    await this.#untilUnsent(0);
  }
  async #untilUnsent(bytes: number): Promise<void> {
    while (this.#unsentBytes > bytes && !this.#over)
      await new Promise<void>((resolve) => (this.#sentSome = resolve));
    this.#sentSome = undefined;
  }

  // --- pausing and ending -----------------------------------------------------------------------------------------------

  async #pause(reason: PauseReason): Promise<false> {
    await this.#drain();
    if (this.#over) return false;
    if (this.#ended !== undefined) {
      this.#peerClosed(this.#ended.error);
      return false;
    }
    this.#paused = true;
    this.#leftAt = reason === 'eof' ? this.#parts.tape.position.object : undefined;
    this.#parts.pause(reason);
    return false;
  }
  async #halt(reason: MoverHaltReason, text: string): Promise<void> {
    await this.#drain();
    if (!this.#over) this.#parts.halt(reason, text);
  }
  /** A peer that closes without having read everything resets the connection: it had what it wanted. */
  #peerClosed(error: Error | undefined): void {
    const code = error !== undefined && 'code' in error ? error.code : undefined;
    if (error === undefined || code === 'ECONNRESET' || code === 'EPIPE')
      this.#parts.halt('connect-closed', 'The image stream was closed by its reader');
    else this.#parts.halt('connect-error', `The image stream was lost: ${error.message}`);
  }
}

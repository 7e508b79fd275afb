/**
 * DataOut: the data of one command on its way from the initiator: immediate, unsolicited and asked for by R2T (RFC 7143
 * 4.2.5.2, 11.3, 11.7, 11.8). It is gathered ahead of execution, as soon as the command is admitted and there is memory, so
 * that a queue of writes pipelines.
 *
 * Invariants: P3 an R2T asks only for bytes that have a place. Bytes count as arrived when they have landed, not when
 * their header has. Every byte is asked for once.
 */
import { CanceledError } from '#errors';
import { burstRangesMax, gatherBytesMax } from '#limits';
import { SENSE, type Sense } from '#scsi';
import { ownedSlab, type Slab } from '#wire';
import type { DataPath } from './data-path.js';
import type { SegmentSink } from './framer.js';
import { ByteRanges, type DataOutMemory, Gather, type GatherMemory } from './gather.js';
import { LandingGather } from './landing-gather.js';
import { bufferOffsetOf, dataSNOf, targetTransferTagOf, writeReadyToTransfer } from './pdu.js';
import { noTag } from './pdu.table.js';

/** The command whose data it is. */
export interface DataOutCommand {
  readonly lun: Buffer;
  readonly tag: number;
  readonly memory: GatherMemory;
  /** Where the unit would have it: see LogicalUnit.landing. */
  landing(bytes: number): Slab | undefined;
  /** False once the command is over, canceled or refused: what still comes is dropped. */
  readonly takesData: boolean;
  /** False for a command that goes before others, and would wait for the memory that they hold. */
  readonly mayWaitForMemory: boolean;
  nextTransferTag(): number;
  nextDataSN(): number;
  /** The data is not as it must be. */
  fail(why: Sense): void;
  /** There is no memory for it. */
  refuse(): void;
  /** All data that was under way has come. */
  settled(): void;
}

/** One sequence of Data-Out PDUs that we expect: unsolicited, or asked for by an R2T. */
interface Burst {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
  /** Everything before it has landed (when in order). */
  at: number;
  /** End of the data segment that is landing now. */
  landingTo: number;
  dataSN: number;
  /** What has come, when PDUs may come in any order. */
  readonly ranges: ByteRanges | undefined;
}

interface Waiting {
  readonly length: number;
  readonly resolve: (slab: Slab) => void;
  readonly reject: (error: Error) => void;
}

export class DataOut implements SegmentSink {
  readonly #command: DataOutCommand;
  readonly #path: DataPath;
  readonly #expected: number;
  #gather: DataOutMemory | undefined;
  /** It is expected where there was no room for it. */
  #landing: Slab | undefined;
  #memoryAsked = false;
  /** In the order of their offsets. */
  readonly #bursts: Burst[] = [];
  #current: Burst | undefined;
  /** Where the data segment now arriving begins. */
  #landingAt = 0;
  /** First byte that neither came with the command nor was asked for. */
  #next = 0;
  /** End of the bytes that the unit has asked for, and has got. */
  #asked = 0;
  #given = 0;
  #waiting: Waiting | undefined;
  /** Ticks without data that is due. */
  #idleTicks = 0;

  constructor(command: DataOutCommand, path: DataPath, expected: number) {
    this.#command = command;
    this.#path = path;
    this.#expected = expected;
  }

  /** Data is still to come. */
  get isDue(): boolean {
    return this.#bursts.length > 0;
  }
  /** Positive: bytes that the unit did not want; negative: bytes that it wanted and that there were not. */
  get residual(): number {
    return this.#expected - this.#given - Math.max(0, this.#asked - this.#expected);
  }

  // --- what comes unasked ---------------------------------------------------------------------------------------------

  /** Prepares for immediate data, and for `more` behind it. Gives the sink of the immediate data. */
  expect(immediateLength: number, more: boolean): SegmentSink | undefined {
    const { keys } = this.#path;
    const firstBurst = this.#firstBurst;
    this.#next = immediateLength;
    if (immediateLength === 0 && !more) return undefined;
    if (immediateLength > 0 && !keys.ImmediateData) this.#command.fail(SENSE.unexpectedUnsolicitedData);
    else if (more && keys.InitialR2T) this.#command.fail(SENSE.unexpectedUnsolicitedData);
    else if (immediateLength > firstBurst) this.#command.fail(SENSE.notEnoughUnsolicitedData);
    else if (this.#command.takesData) this.#takeNow();
    if (more) {
      this.#next = Math.max(firstBurst, immediateLength);
      this.#expectBurst(noTag, immediateLength, this.#next);
    }
    return this.#gather === undefined ? undefined : this;
  }
  get #firstBurst(): number {
    return Math.min(this.#path.keys.FirstBurstLength, this.#path.keys.MaxBurstLength, this.#expected);
  }
  #expectBurst(tag: number, from: number, to: number): void {
    const ranges = this.#path.keys.DataPDUInOrder ? undefined : new ByteRanges();
    this.#bursts.push({ tag, from, to, at: from, landingTo: from, dataSN: 0, ranges });
  }

  // --- memory -----------------------------------------------------------------------------------------------------------

  get #gatherBytes(): number {
    return Math.min(this.#expected, gatherBytesMax, this.#command.memory.bytesMax);
  }
  #setGather(slab: Slab): void {
    const landing = this.#landing;
    this.#landing = undefined;
    this.#gather = new Gather(this.#command.memory, slab, () => this.solicit(), landing);
  }
  /** Lets it land where the unit wants it, if there is room for all of it. */
  #land(): boolean {
    const bytes = this.#expected;
    const landing = bytes > gatherBytesMax ? undefined : this.#command.landing(bytes);
    if (landing?.length !== bytes) this.#landing = landing;
    else this.#gather = new LandingGather(landing);
    return this.#gather !== undefined;
  }
  /** What was sent unasked has nowhere to wait, and must not stop the connection on which other commands' data comes. */
  #takeNow(): void {
    if (this.#land()) return;
    const fits = this.#gatherBytes >= this.#firstBurst;
    const slab = fits ? this.#command.memory.take(this.#gatherBytes) : undefined;
    if (slab === undefined) this.#command.refuse();
    else this.#setGather(slab);
  }
  /** Data that we ask for can wait for memory; it is asked for then. */
  #takeSoon(): void {
    const { memory, mayWaitForMemory } = this.#command;
    if (this.#memoryAsked) return;
    this.#memoryAsked = true;
    if (this.#land()) {
      this.solicit();
      return;
    }
    const now = memory.take(this.#gatherBytes);
    if (now !== undefined) {
      this.#setGather(now);
      this.solicit();
    } else if (mayWaitForMemory) {
      void memory.takeSoon(this.#gatherBytes).then((slab) => this.#memoryCame(slab));
    } else {
      this.#command.refuse();
    }
  }
  #memoryCame(slab: Slab): void {
    if (!this.#command.takesData) {
      this.#command.memory.giveBack(slab);
      return;
    }
    this.#setGather(slab);
    this.solicit();
  }

  // --- R2T and Data-Out -----------------------------------------------------------------------------------------------

  /** Asks for as much as there is room for and was agreed on. */
  solicit(): void {
    if (this.#next >= this.#expected || !this.#command.takesData) return;
    if (this.#bursts[0]?.tag === noTag) return; // unsolicited data first: it tells where we go on
    if (this.#gather === undefined) {
      this.#takeSoon();
      return;
    }
    const { MaxOutstandingR2T, MaxBurstLength } = this.#path.keys;
    while (this.#next < this.#expected && this.#bursts.length < MaxOutstandingR2T) {
      const end = Math.min(this.#next + MaxBurstLength, this.#expected, this.#gather.limit);
      if (end <= this.#next) return; // the ring is full; goes on when the unit releases
      this.#ask(this.#next, end);
    }
  }
  #ask(from: number, to: number): void {
    const { lun, tag } = this.#command;
    const transferTag = this.#command.nextTransferTag();
    const header = this.#path.outbox.header();
    writeReadyToTransfer(header, lun, tag, transferTag, this.#command.nextDataSN(), from, to - from);
    this.#next = to;
    this.#expectBurst(transferTag, from, to);
    this.#path.emit(header, 'show', 0, []);
  }

  /**
   * The header of a Data-Out. Gives the sink of its data, undefined to discard it; 'unknown' when no such data was asked
   * for, which is not the command's fault.
   */
  header(bhs: Buffer, length: number): SegmentSink | undefined | 'unknown' {
    const tag = targetTransferTagOf(bhs);
    const burst = this.#bursts.find((one) => one.tag === tag);
    this.#current = burst;
    this.#idleTicks = 0;
    if (burst === undefined) {
      if (tag !== noTag) return 'unknown';
      this.#command.fail(SENSE.unexpectedUnsolicitedData);
      return undefined;
    }
    if (dataSNOf(bhs) !== burst.dataSN) this.#command.fail(SENSE.protocolServiceCrcError); // a PDU is missing (7.9)
    burst.dataSN = dataSNOf(bhs) + 1;
    const offset = bufferOffsetOf(bhs);
    if (!this.#fits(burst, offset, length)) this.#command.fail(SENSE.notEnoughUnsolicitedData);
    if (this.#gather === undefined || !this.#command.takesData) return undefined;
    this.#landingAt = offset;
    return this;
  }
  #fits(burst: Burst, offset: number, length: number): boolean {
    const inside = offset >= burst.from && offset + length <= burst.to;
    if (!inside) return false;
    if (burst.ranges !== undefined) {
      return burst.ranges.add(offset, offset + length) && burst.ranges.count <= burstRangesMax;
    }
    if (offset !== burst.at) return false;
    burst.landingTo = offset + length;
    return true;
  }
  land(chunk: Buffer, from: number, to: number, offset: number): void {
    this.#gather?.land(chunk, from, to, this.#landingAt + offset);
  }
  room(offset: number, bytes: number): Slab | undefined {
    return this.#command.takesData ? this.#gather?.room(this.#landingAt + offset, bytes) : undefined;
  }
  /** The data of the PDU is there. */
  complete(final: boolean, intact: boolean): void {
    const burst = this.#current;
    this.#current = undefined;
    if (!intact) this.#command.fail(SENSE.protocolServiceCrcError);
    if (burst === undefined) return;
    burst.at = burst.landingTo; // not before: the unit may ask for bytes while their PDU is arriving
    if (final) this.#endBurst(burst);
    this.#giveWaiting();
    this.solicit();
    if (!this.isDue) this.#command.settled();
  }
  #endBurst(burst: Burst): void {
    this.#bursts.splice(this.#bursts.indexOf(burst), 1);
    const whole =
      burst.ranges === undefined ? burst.at === burst.to : burst.ranges.covers(burst.from, burst.to);
    if (whole) return;
    // 11.4.7.2: the wrong amount. Only a command that fits the first burst may end its unsolicited data early.
    const early = burst.tag === noTag && this.#next === this.#expected && burst.ranges === undefined;
    if (early) this.#next = burst.at;
    else this.#command.fail(SENSE.notEnoughUnsolicitedData);
  }

  // --- the unit's side --------------------------------------------------------------------------------------------------

  receive(length: number): Slab | Promise<Slab> {
    const want = Math.min(length, this.#expected - this.#given);
    this.#asked = Math.max(this.#asked, this.#given + length);
    if (want <= 0) return ownedSlab(Buffer.alloc(0));
    if (this.#arrived() >= this.#given + want) return this.#give(want);
    return new Promise<Slab>((resolve, reject) => {
      this.#waiting = { length: want, resolve, reject };
    });
  }
  /** End of the bytes that have come without a gap. */
  #arrived(): number {
    const first = this.#bursts[0];
    if (first === undefined) return this.#next;
    return first.ranges === undefined ? first.at : first.from;
  }
  #give(length: number): Slab {
    if (this.#gather === undefined) throw new CanceledError();
    this.#given += length;
    return this.#gather.carve(length);
  }
  #giveWaiting(): void {
    const waiting = this.#waiting;
    // What comes for a task that is being aborted is awaited, but does not land: there is nothing to give.
    if (waiting === undefined || !this.#command.takesData) return;
    if (this.#arrived() < this.#given + waiting.length) return;
    this.#waiting = undefined;
    waiting.resolve(this.#give(waiting.length));
  }

  // --- end --------------------------------------------------------------------------------------------------------------

  /** Nothing more is taken in; memory goes back when the unit has released its parts. What is due is still due. */
  close(): void {
    this.#gather?.close();
    this.#gather = undefined;
    this.#landing?.release();
    this.#landing = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(new CanceledError());
  }
  /** Nothing is due any more. */
  forget(): void {
    this.#bursts.length = 0;
  }
  /** Counts a tick in which data was due; gives the number of such ticks in a row. */
  tick(): number {
    this.#idleTicks = this.isDue ? this.#idleTicks + 1 : 0;
    return this.#idleTicks;
  }
}

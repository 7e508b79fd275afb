/**
 * Transfer: one SCSI command with its data, as the unit sees it (Task) and as the wire sees it: immediate data, unsolicited
 * data, R2Ts, Data-In, status (RFC 7143 4.2.5, 11.3, 11.4, 11.7, 11.8).
 *
 * Data-out is gathered ahead of execution, as soon as the command is admitted and there is memory, so that a queue of
 * writes pipelines; a command that is refused then drops its data. The last data-in waits for the outcome, so that GOOD
 * can travel with it.
 *
 * Invariants: P2 one response unless aborted; Data-In never follows its status. P3 an R2T asks only for bytes that have a
 * place. P7 after `cancel` nothing of the task is sent.
 */
import { CanceledError } from '#errors';
import { gatherBytesMax } from '#limits';
import { SENSE, STATUS, type Nexus, type Outcome, type Sense, type Task, type TaskAttribute } from '#scsi';
import { ownedSlab, type Slab } from '#wire';
import { splitAhs } from './ahs.js';
import type { Ordered } from './command-window.js';
import type { SegmentSink } from './framer.js';
import { ByteRanges, Gather, type GatherMemory } from './gather.js';
import type { KeyValues } from './keys.table.js';
import type { Outbox } from './outbox.js';
import { SliceCursor } from './slice-cursor.js';
import {
  bufferOffsetOf,
  cmdSNOf,
  dataSNOf,
  expectedDataTransferLengthOf,
  FLAG,
  flagsOf,
  initiatorTaskTagOf,
  isFinal,
  isImmediate,
  targetTransferTagOf,
  writeDataIn,
  writeReadyToTransfer,
  writeScsiResponse,
} from './pdu.js';
import { ATTRIBUTE, AHS, bhsBytes, noTag } from './pdu.table.js';

/** The connection that the command came on, to which it is bound. */
export interface DataPath {
  readonly outbox: Outbox;
  readonly keys: KeyValues;
  /** Largest data segment that the initiator takes. */
  readonly segmentBytesMax: number;
  /**
   * Sends a PDU after writing lengths, status numbers and digests. `statSN`: taken, only shown, or not there at all.
   * Gives the StatSN.
   */
  emit(header: Buffer, statSN: 'take' | 'show' | 'none', length: number, slices: readonly Buffer[]): number;
}

/** The session that the command belongs to. */
export interface TransferOwner {
  readonly nexus: Nexus;
  readonly memory: GatherMemory;
  nextTransferTag(): number;
  /** The command's turn has come. */
  begin(transfer: Transfer): void;
  /** The last PDU of the command is about to be queued, or none will come. */
  ended(transfer: Transfer): void;
  noteRefusal(statSN?: number): void;
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
  readonly ranges: ByteRanges | undefined;
}

const attributes: Readonly<Record<number, TaskAttribute>> = {
  [ATTRIBUTE.untagged]: 'simple',
  [ATTRIBUTE.simple]: 'simple',
  [ATTRIBUTE.ordered]: 'ordered',
  [ATTRIBUTE.headOfQueue]: 'head-of-queue',
  [ATTRIBUTE.aca]: 'aca',
};

interface Pending<T> {
  readonly length: number;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export class Transfer implements Task, Ordered, SegmentSink {
  readonly nexus: Nexus;
  readonly lun: Buffer;
  readonly tag: number;
  readonly attribute: TaskAttribute;
  readonly cdb: Buffer;
  readonly expectedOut: number;
  readonly expectedIn: number;
  readonly immediate: boolean;
  readonly cmdSN: number;

  readonly #owner: TransferOwner;
  readonly #path: DataPath;
  #canceled = false;
  /** Why the transport ends the command by itself (11.4.7.2). */
  #failure: Sense | undefined;
  /** Status instead of execution. */
  #refusal: number | undefined;
  #outcome: Outcome | undefined;
  #ended = false;

  // data-out
  #gather: Gather | undefined;
  #wantsMemory = false;
  readonly #bursts: Burst[] = [];
  #current: Burst | undefined;
  /** Where the data segment now arriving begins, and whether it is wanted. */
  #landingAt = 0;
  /** First byte that neither came with the command nor was asked for. */
  #next = 0;
  /** End of the bytes that the unit has asked for. */
  #askedOut = 0;
  #carvedOut = 0;
  #receiving: Pending<Slab> | undefined;
  #quiet: (() => void)[] = [];
  /** Ticks without data that is due. */
  #idleTicks = 0;

  // data-in
  #held: Slab | undefined;
  #offeredIn = 0;
  #sentIn = 0;
  #inSequence = 0;
  /** DataSN of Data-In and R2TSN of R2T: one numbering for both (11.7.5, 11.8.2). */
  #dataSN = 0;

  /** Copies what it needs of the header. */
  constructor(owner: TransferOwner, path: DataPath, bhs: Buffer, ahs: Buffer) {
    this.#owner = owner;
    this.#path = path;
    const kept = Buffer.from(bhs);
    const flags = flagsOf(bhs);
    const length = expectedDataTransferLengthOf(bhs);
    const both = FLAG.read | FLAG.write;
    this.nexus = owner.nexus;
    this.lun = kept.subarray(8, 16);
    this.tag = initiatorTaskTagOf(bhs);
    this.immediate = isImmediate(bhs);
    this.cmdSN = cmdSNOf(bhs);
    this.attribute = attributes[flags & 7] ?? 'simple';
    this.expectedOut = (flags & FLAG.write) === 0 ? 0 : length;
    this.cdb = kept.subarray(32, bhsBytes);
    let expectedIn = (flags & both) === FLAG.read ? length : 0;
    for (const { type, content } of ahs.length === 0 ? [] : splitAhs(ahs)) {
      if (type === AHS.extendedCdb.type) this.cdb = Buffer.concat([this.cdb, content]);
      else if ((flags & both) === both && content.length === 4) expectedIn = content.readUInt32BE(0);
    }
    this.expectedIn = expectedIn;
  }

  get canceled(): boolean {
    return this.#canceled;
  }
  get failed(): boolean {
    return this.#failure !== undefined;
  }
  get refusal(): number | undefined {
    return this.#refusal;
  }
  /** Data-Out is still to come. */
  get awaitsData(): boolean {
    return this.#bursts.length > 0;
  }

  // --- the command's own PDU --------------------------------------------------------------------------------------

  /** Prepares for what comes with the command and unasked behind it. Gives the sink of its immediate data. */
  expect(bhs: Buffer, immediateLength: number): SegmentSink | undefined {
    const { keys } = this.#path;
    const firstBurst = this.#firstBurst;
    const more = this.expectedOut > 0 && !isFinal(bhs);
    this.#next = immediateLength;
    this.#landingAt = 0;
    if (immediateLength === 0 && !more) return undefined;
    if (immediateLength > 0 && !keys.ImmediateData) this.fail(SENSE.unexpectedUnsolicitedData);
    else if (more && keys.InitialR2T) this.fail(SENSE.unexpectedUnsolicitedData);
    else if (immediateLength > firstBurst) this.fail(SENSE.notEnoughUnsolicitedData);
    else if (this.#refusal === undefined) this.#take();
    if (more) {
      this.#expectBurst(noTag, immediateLength, Math.max(firstBurst, immediateLength));
      this.#next = Math.max(firstBurst, immediateLength);
    }
    return this.#gather === undefined ? undefined : this;
  }
  #take(): void {
    const bytes = this.#gatherBytes();
    const slab = bytes < this.#firstBurst ? undefined : this.#owner.memory.take(bytes);
    // No room: SAM-5's TASK SET FULL. What was sent unasked has nowhere to go, and must not stop the connection, on
    // which the data that others wait for arrives.
    if (slab === undefined) this.refuse();
    else this.#setGather(slab);
  }
  get #firstBurst(): number {
    return Math.min(this.#path.keys.FirstBurstLength, this.#path.keys.MaxBurstLength, this.expectedOut);
  }
  #gatherBytes(): number {
    return Math.min(this.expectedOut, gatherBytesMax, this.#owner.memory.bytesMax);
  }
  #setGather(slab: Slab): void {
    this.#gather = new Gather(this.#owner.memory, slab, () => this.#solicit());
  }
  #expectBurst(tag: number, from: number, to: number): void {
    const ranges = this.#path.keys.DataPDUInOrder ? undefined : new ByteRanges();
    this.#bursts.push({ tag, from, to, at: from, landingTo: from, dataSN: 0, ranges });
  }

  /** Its turn in the order of CmdSN. */
  deliver(): void {
    this.#owner.begin(this);
  }
  /** It will never have a turn. */
  drop(): void {
    this.abandon();
  }
  /** Asks for the rest of the data. Called once, when the command is admitted. */
  start(): void {
    this.#solicit();
  }
  /** Ends it with TASK SET FULL instead of executing it. */
  refuse(): void {
    this.#refusal = STATUS.taskSetFull;
    this.#owner.noteRefusal();
  }

  // --- R2T and Data-Out -----------------------------------------------------------------------------------------------

  get #soliciting(): boolean {
    return (
      !this.#canceled &&
      this.#failure === undefined &&
      this.#outcome === undefined &&
      this.#refusal === undefined
    );
  }

  #solicit(): void {
    if (this.#next >= this.expectedOut || !this.#soliciting) return;
    if (this.#bursts[0]?.tag === noTag) return; // unsolicited data first: it tells where we go on
    if (this.#gather === undefined) {
      this.#takeSoon();
      return;
    }
    const { MaxOutstandingR2T, MaxBurstLength } = this.#path.keys;
    while (this.#next < this.expectedOut && this.#bursts.length < MaxOutstandingR2T) {
      const end = Math.min(this.#next + MaxBurstLength, this.expectedOut, this.#gather.limit);
      if (end <= this.#next) return; // the ring is full; goes on when the unit releases
      this.#ask(this.#next, end);
    }
  }
  #takeSoon(): void {
    if (this.#wantsMemory) return;
    this.#wantsMemory = true;
    const now = this.#owner.memory.take(this.#gatherBytes());
    if (now !== undefined) {
      this.#setGather(now);
      this.#solicit();
      return;
    }
    if (this.attribute === 'head-of-queue') {
      this.refuse(); // it goes before commands that hold memory, and would wait for them for ever
      return;
    }
    void this.#owner.memory.takeSoon(this.#gatherBytes()).then((slab) => {
      if (this.#soliciting) {
        this.#setGather(slab);
        this.#solicit();
      } else {
        this.#owner.memory.giveBack(slab);
      }
    });
  }
  #ask(from: number, to: number): void {
    const tag = this.#owner.nextTransferTag();
    const header = this.#path.outbox.header();
    writeReadyToTransfer(header, this.lun, this.tag, tag, this.#dataSN, from, to - from);
    this.#dataSN += 1;
    this.#next = to;
    this.#expectBurst(tag, from, to);
    this.#path.emit(header, 'show', 0, []);
  }

  /**
   * The header of a Data-Out for this task. Gives the sink of its data, undefined to discard it; 'unknown' when no such
   * data was asked for, which is not the task's fault.
   */
  dataOut(bhs: Buffer, length: number): SegmentSink | undefined | 'unknown' {
    const tag = targetTransferTagOf(bhs);
    const burst = this.#bursts.find((one) => one.tag === tag);
    this.#current = burst;
    this.#idleTicks = 0;
    if (burst === undefined) {
      if (tag !== noTag) return 'unknown';
      this.fail(SENSE.unexpectedUnsolicitedData);
      return undefined;
    }
    const offset = bufferOffsetOf(bhs);
    if (dataSNOf(bhs) !== burst.dataSN) this.fail(SENSE.protocolServiceCrcError); // a PDU is missing (7.9)
    burst.dataSN = dataSNOf(bhs) + 1;
    const inside = offset >= burst.from && offset + length <= burst.to;
    if (burst.ranges === undefined) {
      if (!inside || offset !== burst.at) this.fail(SENSE.notEnoughUnsolicitedData);
      else burst.landingTo = offset + length;
    } else if (!inside || !burst.ranges.add(offset, offset + length) || burst.ranges.count > burstRangesMax) {
      this.fail(SENSE.notEnoughUnsolicitedData);
    }
    if (this.#gather === undefined || !this.#soliciting) return undefined;
    this.#landingAt = offset;
    return this;
  }
  land(chunk: Buffer, from: number, to: number, offset: number): void {
    this.#gather?.land(chunk, from, to, this.#landingAt + offset);
  }
  /** The data of the PDU is there. */
  dataOutComplete(final: boolean, intact: boolean): void {
    const burst = this.#current;
    this.#current = undefined;
    if (!intact) this.fail(SENSE.protocolServiceCrcError);
    if (burst === undefined) return;
    burst.at = burst.landingTo; // not before: the unit may ask for bytes while their PDU is arriving
    if (final) this.#endBurst(burst);
    this.#deliverOut();
    this.#progress();
  }
  #endBurst(burst: Burst): void {
    this.#bursts.splice(this.#bursts.indexOf(burst), 1);
    const whole =
      burst.ranges === undefined ? burst.at === burst.to : burst.ranges.covers(burst.from, burst.to);
    if (whole) return;
    // 11.4.7.2: the wrong amount. Only a command that fits the first burst may end its unsolicited data early.
    const early = burst.tag === noTag && this.#next === this.expectedOut && burst.ranges === undefined;
    if (early) this.#next = burst.at;
    else this.fail(SENSE.notEnoughUnsolicitedData);
  }
  /** Something about the data changed: go on asking, tell who waits for silence, or answer. */
  #progress(): void {
    this.#solicit();
    if (this.#bursts.length > 0) return;
    const quiet = this.#quiet;
    this.#quiet = [];
    for (const resolve of quiet) resolve();
    this.#maybeRespond();
  }

  /** The transport ends the command. CHECK CONDITION follows when all data under way has come (7.8). */
  fail(why: Sense): void {
    if (this.#failure !== undefined || this.#outcome !== undefined) return;
    this.#failure = why;
    this.#gather?.close();
    this.#gather = undefined;
    this.#rejectWaiting();
    this.#canceled = true;
  }
  get failure(): Sense | undefined {
    return this.#failure;
  }

  /** No data is asked for any more; resolves when what was asked for has come. For task management. */
  async quiesce(): Promise<void> {
    this.#canceled = true;
    if (this.#bursts.length > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve));
  }

  /** Counts a tick in which data was due; the number of such ticks in a row. */
  tick(): number {
    this.#idleTicks = this.#bursts.length > 0 ? this.#idleTicks + 1 : 0;
    return this.#idleTicks;
  }

  // --- Task -----------------------------------------------------------------------------------------------------------

  async receive(length: number): Promise<Slab> {
    if (this.#canceled) throw new CanceledError();
    const want = Math.min(length, this.expectedOut - this.#carvedOut);
    this.#askedOut = Math.max(this.#askedOut, this.#carvedOut + length);
    if (want <= 0) return ownedSlab(Buffer.alloc(0));
    if (this.#arrived() >= this.#carvedOut + want) return this.#carve(want);
    return await new Promise<Slab>((resolve, reject) => {
      this.#receiving = { length: want, resolve, reject };
    });
  }
  /** End of the bytes that have come without a gap. */
  #arrived(): number {
    const first = this.#bursts[0];
    if (first === undefined) return this.#next;
    return first.ranges === undefined ? first.at : first.from;
  }
  #carve(length: number): Slab {
    this.#carvedOut += length;
    const slab = this.#gather?.carve(length);
    if (slab === undefined) throw new CanceledError();
    return slab;
  }
  #deliverOut(): void {
    const waiting = this.#receiving;
    if (waiting === undefined || this.#arrived() < this.#carvedOut + waiting.length) return;
    this.#receiving = undefined;
    waiting.resolve(this.#carve(waiting.length));
  }

  async send(data: Slab): Promise<void> {
    if (this.#canceled) {
      data.release();
      throw new CanceledError();
    }
    const room = this.expectedIn - this.#offeredIn;
    this.#offeredIn += data.length;
    if (room <= 0 || data.length === 0) {
      data.release();
      return;
    }
    this.#sendHeld(false, undefined);
    this.#held = data;
    if (!this.#path.outbox.isFull) return;
    await this.#path.outbox.room();
    if (this.#canceled) throw new CanceledError();
  }

  /** Ends it without a response, and without waiting for data under way: it has been aborted. */
  abandon(): void {
    this.cancel();
    this.#bursts.length = 0;
    this.#outcome ??= { status: undefined };
    this.#end();
    this.#progress();
  }

  cancel(): void {
    this.#canceled = true;
    this.#gather?.close();
    this.#gather = undefined;
    this.#dropHeld();
    this.#rejectWaiting();
  }
  #dropHeld(): void {
    this.#held?.release();
    this.#held = undefined;
  }
  #rejectWaiting(): void {
    const waiting = this.#receiving;
    this.#receiving = undefined;
    waiting?.reject(new CanceledError());
  }

  // --- Data-In and status -----------------------------------------------------------------------------------------------

  /** The command's end as the unit, or the transport, sees it. */
  finish(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#gather?.close();
    this.#gather = undefined;
    this.#maybeRespond();
  }
  /** Status waits until all R2Ts are answered and unsolicited data has ended: no data meets a task that is gone. */
  #maybeRespond(): void {
    const outcome = this.#outcome;
    if (outcome === undefined || this.#ended) return;
    if (outcome.status === undefined) {
      this.#dropHeld();
      this.#end();
      return;
    }
    if (this.#bursts.length > 0) return;
    this.#end(); // first, so that the answer shows the place that it frees in the window
    this.#respond(outcome.status, outcome.sense);
  }
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.ended(this);
  }

  #respond(status: number, sense: Buffer | undefined): void {
    const collapses = this.#held !== undefined && status === STATUS.good && this.expectedOut === 0;
    this.#sendHeld(true, collapses ? status : undefined);
    if (collapses) return;
    const bidirectional = this.expectedOut > 0 && this.expectedIn > 0;
    const isRead = this.expectedOut === 0 && (this.expectedIn > 0 || this.#offeredIn > 0);
    const main = isRead ? this.#residualIn() : this.expectedOut - this.#carvedOut - this.#excessOut();
    const second = bidirectional ? this.#residualIn() : 0;
    let flags = main > 0 ? FLAG.underflow : main < 0 ? FLAG.overflow : 0;
    if (second !== 0) flags |= second > 0 ? FLAG.bidirectionalUnderflow : FLAG.bidirectionalOverflow;
    const header = this.#path.outbox.header();
    writeScsiResponse(header, flags, status, this.tag, this.#dataSN, Math.abs(second), Math.abs(main));
    if (sense === undefined || sense.length === 0) {
      const statSN = this.#path.emit(header, 'take', 0, []);
      if (this.#refusal !== undefined) this.#owner.noteRefusal(statSN);
      return;
    }
    const length = Buffer.alloc(2);
    length.writeUInt16BE(sense.length);
    this.#path.emit(header, 'take', 2 + sense.length, [length, sense]);
  }
  /** Positive: bytes that did not come; negative: bytes that there was no room for. */
  #residualIn(): number {
    return this.expectedIn - this.#offeredIn;
  }
  #excessOut(): number {
    return Math.max(0, this.#askedOut - this.expectedOut);
  }

  /** Sends the data held back. `last`: no data follows. `status`: travels with its last PDU. */
  #sendHeld(last: boolean, status: number | undefined): void {
    const slab = this.#held;
    if (slab === undefined) return;
    this.#held = undefined;
    const total = Math.min(slab.length, this.expectedIn - this.#sentIn);
    const cursor = new SliceCursor(slab.slices);
    for (let left = total; left > 0;) {
      const room = Math.min(this.#path.segmentBytesMax, this.#path.keys.MaxBurstLength - this.#inSequence);
      const length = Math.min(left, room);
      left -= length;
      this.#sendDataIn(cursor, length, last && left === 0, status);
    }
    this.#path.outbox.lend(() => slab.release());
  }
  #sendDataIn(cursor: SliceCursor, length: number, last: boolean, status: number | undefined): void {
    this.#inSequence += length;
    const endsSequence = last || this.#inSequence === this.#path.keys.MaxBurstLength;
    if (endsSequence) this.#inSequence = 0;
    let flags: number = endsSequence ? FLAG.final : 0;
    const withStatus = last && status !== undefined;
    const residual = withStatus ? this.#residualIn() : 0;
    if (withStatus) flags |= FLAG.hasStatus;
    if (residual !== 0) flags |= residual > 0 ? FLAG.underflow : FLAG.overflow;
    const header = this.#path.outbox.header();
    const code = withStatus ? status : 0;
    writeDataIn(header, flags, code, this.tag, this.#dataSN, this.#sentIn, Math.abs(residual));
    this.#dataSN += 1;
    this.#sentIn += length;
    this.#path.emit(header, withStatus ? 'take' : 'none', length, cursor.take(length));
  }
}

/** PDUs of one burst that may arrive as separate islands. */
const burstRangesMax = 1024;

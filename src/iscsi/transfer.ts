/**
 * Transfer: one SCSI command with its data, as the unit sees it (Task) and as the wire sees it (RFC 7143 4.2.5, 11.3,
 * 11.4).
 *
 * Invariants: P2 one response unless aborted; Data-In never follows its status. P7 after `abandon` nothing of the task is
 * sent.
 */
import { CanceledError } from '#errors';
import { STATUS, type Nexus, type Outcome, type Sense, type Task, type TaskAttribute } from '#scsi';
import type { Slab } from '#wire';
import { splitAhs } from './ahs.js';
import type { Ordered } from './command-window.js';
import { DataIn, type DataInCommand } from './data-in.js';
import { DataOut, type DataOutCommand } from './data-out.js';
import type { DataPath } from './data-path.js';
import type { SegmentSink } from './framer.js';
import type { GatherMemory } from './gather.js';
import {
  cmdSNOf,
  expectedDataTransferLengthOf,
  FLAG,
  flagsOf,
  initiatorTaskTagOf,
  isFinal,
  isImmediate,
  writeScsiResponse,
} from './pdu.js';
import { AHS, ATTRIBUTE, bhsBytes } from './pdu.table.js';

/** The session that the command belongs to. */
export interface TransferOwner {
  readonly nexus: Nexus;
  readonly memory: GatherMemory;
  /** See LogicalUnit.landing. */
  landing(transfer: Transfer, bytes: number): Slab | undefined;
  nextTransferTag(): number;
  /** The command's turn has come. */
  begin(transfer: Transfer): void;
  /** The last PDU of the command is about to be queued, or none will come. */
  ended(transfer: Transfer): void;
  /** It is refused for want of memory, until `ended`. */
  noteRefusal(transfer: Transfer): void;
  /** The initiator has been told, with this StatSN. */
  noteRefusalSent(statSN: number): void;
}

const attributes: Readonly<Record<number, TaskAttribute>> = {
  [ATTRIBUTE.untagged]: 'simple',
  [ATTRIBUTE.simple]: 'simple',
  [ATTRIBUTE.ordered]: 'ordered',
  [ATTRIBUTE.headOfQueue]: 'head-of-queue',
  [ATTRIBUTE.aca]: 'aca',
};

export class Transfer implements Task, Ordered, DataOutCommand, DataInCommand {
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
  readonly #out: DataOut;
  readonly #in: DataIn;
  /** DataSN of Data-In and R2TSN of R2T: one numbering for both (11.7.5, 11.8.2). */
  #dataSN = 0;
  #canceled = false;
  /** Why the transport ends the command by itself (11.4.7.2). */
  #failure: Sense | undefined;
  /** Status instead of execution. */
  #refusal: number | undefined;
  #outcome: Outcome | undefined;
  #ended = false;
  #quiet: (() => void)[] = [];

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
    this.#out = new DataOut(this, path, this.expectedOut);
    this.#in = new DataIn(this, path, expectedIn);
  }

  get canceled(): boolean {
    return this.#canceled;
  }
  get failed(): boolean {
    return this.#failure !== undefined;
  }
  get failure(): Sense | undefined {
    return this.#failure;
  }
  get refusal(): number | undefined {
    return this.#refusal;
  }
  /** Data-Out is still to come. */
  get awaitsData(): boolean {
    return this.#out.isDue;
  }

  // --- the command's own PDU --------------------------------------------------------------------------------------------

  /** Prepares for what comes with the command and unasked behind it. Gives the sink of its immediate data. */
  expect(bhs: Buffer, immediateLength: number): SegmentSink | undefined {
    return this.#out.expect(immediateLength, this.expectedOut > 0 && !isFinal(bhs));
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
    this.#out.solicit();
  }

  // --- data-out -----------------------------------------------------------------------------------------------------------

  get memory(): GatherMemory {
    return this.#owner.memory;
  }
  landing(bytes: number): Slab | undefined {
    // What goes before others is not appended in the order in which it came.
    return this.attribute === 'head-of-queue' ? undefined : this.#owner.landing(this, bytes);
  }
  get takesData(): boolean {
    return !this.#canceled && !this.failed && this.#outcome === undefined && this.#refusal === undefined;
  }
  get mayWaitForMemory(): boolean {
    return this.attribute !== 'head-of-queue';
  }
  nextTransferTag(): number {
    return this.#owner.nextTransferTag();
  }
  nextDataSN(): number {
    return this.#dataSN++;
  }
  /** The header of a Data-Out for this task: see DataOut.header. */
  dataOut(bhs: Buffer, length: number): SegmentSink | undefined | 'unknown' {
    return this.#out.header(bhs, length);
  }
  dataOutComplete(final: boolean, intact: boolean): void {
    this.#out.complete(final, intact);
  }
  tick(): number {
    return this.#out.tick();
  }

  /** The transport ends the command. CHECK CONDITION follows when all data under way has come (7.8). */
  fail(why: Sense): void {
    if (this.#failure !== undefined || this.#outcome !== undefined) return;
    this.#failure = why;
    this.#canceled = true;
    this.#out.close();
  }
  /** Ends it with TASK SET FULL (SAM-5 5.3.1) instead of executing it. */
  refuse(): void {
    this.#refusal = STATUS.taskSetFull;
    this.#owner.noteRefusal(this);
  }
  settled(): void {
    const quiet = this.#quiet;
    this.#quiet = [];
    for (const resolve of quiet) resolve();
    this.#maybeRespond();
  }

  // --- Task ---------------------------------------------------------------------------------------------------------------

  receive(length: number): Slab | Promise<Slab> {
    if (this.#canceled) throw new CanceledError();
    return this.#out.receive(length);
  }
  async send(data: Slab): Promise<void> {
    if (this.#canceled) {
      data.release();
      throw new CanceledError();
    }
    this.#in.offer(data);
    if (!this.#path.outbox.isFull) return;
    await this.#path.outbox.room();
    if (this.#canceled) throw new CanceledError();
  }
  cancel(): void {
    this.#canceled = true;
    this.#out.close();
    this.#in.drop();
  }

  // --- task management ------------------------------------------------------------------------------------------------------

  /** No data is asked for any more; resolves when what was asked for has come. */
  async quiesce(): Promise<void> {
    this.#canceled = true;
    if (this.awaitsData) await new Promise<void>((resolve) => this.#quiet.push(resolve));
  }
  /** Ends it without a response, and without waiting for data under way: it has been aborted. */
  abandon(): void {
    this.cancel();
    this.#out.forget();
    this.#outcome ??= { status: undefined };
    this.#end();
    this.settled();
  }

  // --- status -----------------------------------------------------------------------------------------------------------------

  /** The command's end as the unit, or the transport, sees it. */
  finish(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#out.close();
    this.#maybeRespond();
  }
  /** Status waits until all R2Ts are answered and unsolicited data has ended: no data meets a task that is gone. */
  #maybeRespond(): void {
    const outcome = this.#outcome;
    if (outcome === undefined || this.#ended) return;
    if (outcome.status === undefined) {
      this.#in.drop();
      this.#end();
    } else if (!this.awaitsData) {
      this.#end(); // first, so that the answer shows the place that it frees in the window
      this.#respond(outcome.status, outcome.sense);
    }
  }
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.ended(this);
  }

  #respond(status: number, sense: Buffer | undefined): void {
    const collapses = this.#in.isHeld && status === STATUS.good && this.expectedOut === 0;
    this.#in.send(true, collapses ? status : undefined);
    if (collapses) return;
    const isRead = this.expectedOut === 0 && (this.expectedIn > 0 || this.#in.hasOffered);
    const isBidirectional = this.expectedOut > 0 && this.expectedIn > 0;
    const main = isRead ? this.#in.residual : this.#out.residual;
    const second = isBidirectional ? this.#in.residual : 0;
    let flags = main > 0 ? FLAG.underflow : main < 0 ? FLAG.overflow : 0;
    if (second !== 0) flags |= second > 0 ? FLAG.bidirectionalUnderflow : FLAG.bidirectionalOverflow;
    const header = this.#path.outbox.header();
    writeScsiResponse(header, flags, status, this.tag, this.#dataSN, Math.abs(second), Math.abs(main));
    const data = sense === undefined || sense.length === 0 ? [] : [senseLength(sense), sense];
    const statSN = this.#path.emit(header, 'take', data.length === 0 ? 0 : 2 + (sense?.length ?? 0), data);
    if (this.#refusal !== undefined) this.#owner.noteRefusalSent(statSN);
  }
}

/** SenseLength stands before the sense data (11.4.7). */
function senseLength(sense: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(sense.length);
  return length;
}

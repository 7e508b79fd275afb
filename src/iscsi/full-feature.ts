/**
 * FullFeature: what one connection does with the PDUs of the full feature phase (RFC 7143 chapter 11). Commands go to the
 * session in the order of CmdSN, data to the transfers, the rest is answered here.
 */
import { ProtocolError } from '#errors';
import type { Clock } from '#env';
import { textSequenceBytesMax } from '#limits';
import type { Slab, SlabPool } from '#wire';
import type { Ordered } from './command-window.js';
import type { DataPath } from './data-path.js';
import type { PduReceiver, SegmentSink } from './framer.js';
import {
  cmdSNOf,
  dataSegmentLengthOf,
  expStatSNOf,
  FLAG,
  flagsOf,
  initiatorTaskTagOf,
  isFinal,
  isImmediate,
  OPCODE,
  opcodeOf,
} from './pdu.js';
import {
  LOGOUT_REASON,
  LOGOUT_RESPONSE,
  noTag,
  PDU,
  REJECT,
  TASK_FUNCTION,
  TASK_RESPONSE,
  type RejectReason,
  type TaskResponse,
} from './pdu.table.js';
import { ahsIsSound } from './ahs.js';
import { unnumbered } from './own-headers.js';
import { PingMemory, SegmentBuffer, type SlabSink } from './segment-sinks.js';
import type { Session, SessionLink } from './session.js';
import { SliceCursor } from './slice-cursor.js';
import { managementResponse, manageTasks, type TaskManagementRequest } from './task-management.js';
import { TextExchange, type TextHost } from './text-exchange.js';
import { Transfer } from './transfer.js';

/** The connection, as this phase needs it. */
export interface FullFeatureHost extends DataPath, TextHost, SessionLink {
  readonly clock: Clock;
  readonly pool: SlabPool;
  reject(reason: RejectReason, header: Buffer): void;
  /** No PDU is taken any more; what has been sent leaves, then the connection closes. */
  finish(): void;
  /** Runs it beside; a failure is logged and drops the connection. */
  background(what: string, work: () => Promise<void>): void;
  /** TARGET COLD RESET: all sessions of the target end. */
  coldReset(): void;
}

type Verdict = 'take' | 'ignore' | RejectReason;

export class FullFeature implements PduReceiver {
  readonly #host: FullFeatureHost;
  readonly #session: Session;
  readonly #texts: TextExchange;
  readonly #segment = new SegmentBuffer();
  readonly #pings: PingMemory;
  // The PDU under way
  #bhs: Buffer = Buffer.alloc(0);
  #ahs: Buffer = Buffer.alloc(0);
  #verdict: Verdict = 'ignore';
  #transfer: Transfer | undefined;
  #ping: SlabSink | undefined;
  #leaving = false;
  /** The command whose PDU was under way at the last tick, and for how many. */
  #slow: Transfer | undefined;
  #slowTicks = 0;

  constructor(host: FullFeatureHost, session: Session) {
    this.#host = host;
    this.#session = session;
    this.#texts = new TextExchange(host);
    this.#pings = new PingMemory(host.pool);
  }

  // --- header ---------------------------------------------------------------------------------------------------------

  header(bhs: Buffer, ahs: Buffer): SegmentSink | undefined {
    this.#bhs = bhs;
    this.#ahs = ahs;
    this.#transfer = undefined;
    this.#ping = undefined;
    const length = dataSegmentLengthOf(bhs);
    this.#session.counters.bytesIn += length;
    this.#verdict = this.#leaving ? 'ignore' : 'take';
    if (this.#leaving) return undefined;
    if (this.#session.isDiscovery && asksMoreThanDiscovery(bhs)) {
      this.#verdict = REJECT.commandNotSupported; // 4.3: SendTargets and logout are all there is
      return undefined;
    }
    switch (opcodeOf(bhs)) {
      case OPCODE.scsiCommand:
        return this.#commandHeader(bhs, ahs, length);
      case OPCODE.dataOut:
        return this.#dataOutHeader(bhs, length);
      case OPCODE.nopOut:
        return this.#nopHeader(bhs, length);
      case OPCODE.textRequest:
        if (length <= textSequenceBytesMax) return this.#segment.begin(length);
        this.#verdict = REJECT.invalidPduField;
        return undefined;
      default:
        return undefined;
    }
  }

  #commandHeader(bhs: Buffer, ahs: Buffer, length: number): SegmentSink | undefined {
    this.#verdict = this.#judgeCommand(bhs, ahs, length);
    if (this.#verdict !== 'take') return undefined;
    const transfer = new Transfer(this.#session, this.#host, bhs, ahs);
    this.#transfer = transfer;
    if (this.#session.followsRefusal(expStatSNOf(bhs))) transfer.refuse();
    return transfer.expect(bhs, length);
  }
  #judgeCommand(bhs: Buffer, ahs: Buffer, length: number): Verdict {
    const session = this.#session;
    const flags = flagsOf(bhs);
    const tag = initiatorTaskTagOf(bhs);
    if (!isImmediate(bhs) && session.window.place(cmdSNOf(bhs)) === 'ignored') return 'ignore';
    if (isImmediate(bhs) && session.immediatesExhausted) return REJECT.tooManyImmediateCommands;
    if (tag === noTag || !ahsIsSound(ahs)) return REJECT.invalidPduField;
    if (session.tasks.has(tag)) return REJECT.taskInProgress;
    // 11.3.1, 11.3.4: what is not a write has no data, and nothing follows it.
    const isWrite = (flags & FLAG.write) !== 0;
    if (!isWrite && ((flags & FLAG.final) === 0 || length > 0)) return REJECT.invalidPduField;
    return 'take';
  }

  #dataOutHeader(bhs: Buffer, length: number): SegmentSink | undefined {
    // A task that is over may still be sent data that was under way: it is dropped without a word.
    const transfer = this.#session.tasks.get(initiatorTaskTagOf(bhs));
    this.#transfer = transfer;
    const sink = transfer?.dataOut(bhs, length);
    if (sink !== 'unknown') return sink;
    this.#transfer = undefined;
    this.#verdict = REJECT.invalidPduField;
    return undefined;
  }
  #nopHeader(bhs: Buffer, length: number): SegmentSink | undefined {
    if (length === 0 || initiatorTaskTagOf(bhs) === noTag) return undefined;
    this.#ping = this.#pings.take(length);
    return this.#ping;
  }

  // --- the whole PDU ----------------------------------------------------------------------------------------------------

  complete(intact: boolean): void {
    const bhs = this.#bhs;
    const verdict = this.#leaving ? 'ignore' : this.#verdict;
    if (verdict === 'ignore') return;
    if (!intact) this.#damaged(bhs);
    else if (verdict === 'take') this.#take(bhs);
    else {
      this.#consume(bhs);
      this.#reject(verdict);
    }
    this.#transfer = undefined;
    this.#ping = undefined;
  }

  /** A data digest that does not match (7.8): the PDU is discarded and rejected; a command may be sent again. */
  #damaged(bhs: Buffer): void {
    this.#reject(REJECT.dataDigestError);
    this.#ping?.slab.release();
    if (opcodeOf(bhs) === OPCODE.dataOut) this.#transfer?.dataOutComplete(isFinal(bhs), false);
    else this.#transfer?.drop();
  }
  #reject(reason: RejectReason): void {
    this.#session.counters.rejects += 1;
    this.#host.reject(reason, Buffer.concat([this.#bhs, this.#ahs]));
  }
  /** A command that is rejected for good has still been received: its CmdSN is used up. */
  #consume(bhs: Buffer): void {
    const opcode = opcodeOf(bhs);
    const numbered = Object.values(PDU).some((pdu) => pdu.opcode === opcode && pdu.numbered);
    if (numbered && !isImmediate(bhs)) this.#session.window.plug(cmdSNOf(bhs));
  }

  #take(bhs: Buffer): void {
    switch (opcodeOf(bhs)) {
      case OPCODE.scsiCommand:
        this.#takeCommand(bhs);
        return;
      case OPCODE.dataOut:
        this.#transfer?.dataOutComplete(isFinal(bhs), true);
        return;
      case OPCODE.nopOut:
        this.#takeNop(bhs);
        return;
      case OPCODE.textRequest:
        this.#takeText(bhs);
        return;
      case OPCODE.taskManagementRequest:
        this.#takeTaskManagement(bhs);
        return;
      case OPCODE.logoutRequest:
        this.#takeLogout(bhs);
        return;
      case OPCODE.snackRequest:
        this.#reject(REJECT.snackReject); // recovery level 0 keeps nothing to send again (11.16)
        return;
      case OPCODE.loginRequest:
        this.#reject(REJECT.protocolError); // login is over (6.3)
        return;
      default:
        this.#reject(REJECT.commandNotSupported);
    }
  }

  #takeCommand(bhs: Buffer): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    this.#session.register(transfer);
    if (transfer.immediate) transfer.deliver();
    else this.#session.window.admit(cmdSNOf(bhs), transfer);
  }

  /** Runs it now when immediate, in the order of CmdSN otherwise. False when it is to be ignored. */
  #inOrder(bhs: Buffer, deliver: () => void, drop: () => void = () => undefined): void {
    if (isImmediate(bhs)) {
      deliver();
      return;
    }
    const cmdSN = cmdSNOf(bhs);
    const command: Ordered = { deliver, drop };
    if (this.#session.window.place(cmdSN) === 'ignored') drop();
    else this.#session.window.admit(cmdSN, command);
  }

  /** Counts a tick in which the same command's PDU was under way; gives the number of such ticks in a row. */
  tick(): number {
    this.#slowTicks = this.#transfer !== undefined && this.#transfer === this.#slow ? this.#slowTicks + 1 : 0;
    this.#slow = this.#transfer;
    return this.#slowTicks;
  }
  /** The connection is gone in the middle of a PDU: what it had taken goes back. */
  close(): void {
    this.#leaving = true;
    this.#ping?.slab.release();
    this.#ping = undefined;
    if (this.#transfer !== undefined && this.#session.tasks.get(this.#transfer.tag) !== this.#transfer) {
      this.#transfer.drop();
    }
    this.#transfer = undefined;
  }

  // --- NOP --------------------------------------------------------------------------------------------------------------

  #takeNop(bhs: Buffer): void {
    const request = PDU.nopOut.bhs.decode(bhs);
    const slab = this.#ping?.slab;
    if (request.initiatorTaskTag === noTag) {
      // The answer to a ping of ours: it asks for none (11.18.1), and that it came is all that counts.
      if (!isImmediate(bhs)) this.#inOrder(bhs, () => undefined);
      return;
    }
    const tag = request.initiatorTaskTag;
    const lun = Buffer.from(request.lun);
    this.#inOrder(
      bhs,
      () => this.#answerPing(tag, lun, slab),
      () => slab?.release(),
    );
  }
  #answerPing(tag: number, lun: Buffer, slab: Slab | undefined): void {
    const length = Math.min(slab?.length ?? 0, this.#host.segmentBytesMax);
    const header = PDU.nopIn.bhs.encode({
      opcode: OPCODE.nopIn,
      final: true,
      lun,
      initiatorTaskTag: tag,
      targetTransferTag: noTag,
      ...unnumbered,
    });
    this.#host.emit(
      header,
      'take',
      length,
      slab === undefined ? [] : new SliceCursor(slab.slices).take(length),
    );
    if (slab !== undefined) this.#host.outbox.lend(() => slab.release());
  }

  // --- text -------------------------------------------------------------------------------------------------------------

  #takeText(bhs: Buffer): void {
    const header = Buffer.from(bhs);
    // A text that comes too early waits for its turn, so it is kept; one in order is used in place.
    const early = !isImmediate(bhs) && this.#session.window.place(cmdSNOf(bhs)) === 'early';
    const data = early ? Buffer.from(this.#segment.bytes) : this.#segment.bytes;
    this.#inOrder(bhs, () => this.#answerText(header, data));
  }
  #answerText(header: Buffer, data: Buffer): void {
    const request = PDU.textRequest.bhs.decode(header);
    try {
      const answer = this.#texts.answer(request, data);
      const response = PDU.textResponse.bhs.encode({
        opcode: OPCODE.textResponse,
        final: answer.final,
        continues: answer.continues,
        lun: request.lun,
        initiatorTaskTag: request.initiatorTaskTag,
        targetTransferTag: answer.transferTag,
        ...unnumbered,
      });
      this.#host.emit(response, 'take', answer.text.length, [answer.text]);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#session.counters.rejects += 1;
      this.#host.reject(error.code === 'text-tag' ? REJECT.invalidPduField : REJECT.protocolError, header);
    }
  }

  // --- task management ----------------------------------------------------------------------------------------------------

  #takeTaskManagement(bhs: Buffer): void {
    if (isImmediate(bhs) && this.#session.managementExhausted) {
      this.#reject(REJECT.tooManyImmediateCommands);
      return;
    }
    const request = PDU.taskManagementRequest.bhs.decode(Buffer.from(bhs));
    this.#inOrder(bhs, () => {
      this.#session.counters.taskManagement += 1;
      this.#host.background('task management', async () => await this.#manage(request));
    });
  }
  async #manage(request: TaskManagementRequest): Promise<void> {
    const session = this.#session;
    const act = async (): Promise<void> => {
      const code = await session.manage(
        request.immediate,
        async () => await manageTasks(session, this.#host.clock, request),
      );
      this.#answerManagement(request, code);
    };
    // What means more than one task holds back those behind it until it is answered: units tell tasks apart by nexus only.
    await (request.function === TASK_FUNCTION.abortTask ? act() : session.fence(act));
  }
  #answerManagement(request: TaskManagementRequest, code: TaskResponse): void {
    this.#host.emit(managementResponse(request, code), 'take', 0, []);
    const cold = request.function === TASK_FUNCTION.targetColdReset;
    if (cold && code === TASK_RESPONSE.functionComplete) this.#host.coldReset();
  }

  // --- logout -------------------------------------------------------------------------------------------------------------

  #takeLogout(bhs: Buffer): void {
    const header = Buffer.from(bhs);
    this.#inOrder(bhs, () => this.#logout(header));
  }
  #logout(header: Buffer): void {
    const request = PDU.logoutRequest.bhs.decode(header);
    const { reason, cid } = request;
    const known = Object.values(LOGOUT_REASON).some((one) => one === reason);
    if (!known || (this.#session.isDiscovery && reason !== LOGOUT_REASON.closeSession)) {
      this.#session.counters.rejects += 1;
      this.#host.reject(REJECT.invalidPduField, header);
      return;
    }
    if (reason === LOGOUT_REASON.removeForRecovery) {
      this.#answerLogout(request.initiatorTaskTag, LOGOUT_RESPONSE.recoveryNotSupported); // level 2 only
    } else if (reason === LOGOUT_REASON.closeConnection && !this.#session.hasConnection(cid)) {
      this.#answerLogout(request.initiatorTaskTag, LOGOUT_RESPONSE.cidNotFound);
    } else {
      this.#leaving = true;
      this.#host.background('logout', async () => {
        await this.#session.close(this.#host);
        this.#answerLogout(request.initiatorTaskTag, LOGOUT_RESPONSE.closed);
        this.#host.finish();
      });
    }
  }
  #answerLogout(tag: number, response: number): void {
    const header = PDU.logoutResponse.bhs.encode({
      opcode: OPCODE.logoutResponse,
      final: true,
      response,
      initiatorTaskTag: tag,
      time2Wait: 0,
      time2Retain: 0,
      ...unnumbered,
    });
    this.#host.emit(header, 'take', 0, []);
  }
}

/** A request other than text and logout. The answer to a ping of ours is none. */
function asksMoreThanDiscovery(bhs: Buffer): boolean {
  const opcode = opcodeOf(bhs);
  if (opcode === OPCODE.nopOut) return initiatorTaskTagOf(bhs) !== noTag;
  return opcode === OPCODE.scsiCommand || opcode === OPCODE.taskManagementRequest;
}

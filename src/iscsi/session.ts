/**
 * Session: one I_T nexus as iSCSI has it: command window, tasks by Initiator Task Tag, the connections that carry it
 * (RFC 7143 4.2.2, 4.3). Recovery level 0 with one connection today; everything that would differ per connection is kept
 * by Connection, so that more can join.
 *
 * Invariants: P1 (CommandWindow). P2 every admitted command ends in exactly one Outcome. Only the session changes its
 * window and its task list.
 */
import { CanceledError } from '#errors';
import type { Logger } from '#env';
import { commandWindowLow, commandWindowMax, immediateCommandsMax, slabBlocksLow } from '#limits';
import { CheckCondition, encodeFixed, SENSE, STATUS, type Nexus, type Outcome, type Sense } from '#scsi';
import { isBefore, type Slab, type SlabPool } from '#wire';
import { CommandWindow } from './command-window.js';
import { GatherMemory } from './gather.js';
import type { KeyValues } from './keys.table.js';
import { noTag } from './pdu.table.js';
import { nexusOf, type TargetNode } from './target-node.js';
import type { Transfer, TransferOwner } from './transfer.js';

/** What the session needs of a connection that carries it. */
export interface SessionLink {
  readonly cid: number;
  /** Tells the initiator that the session is about to go, then closes. */
  requestLogout(withinSeconds: number): void;
  drop(reason: string): void;
}

export interface SessionCounters {
  commands: number;
  bytesIn: number;
  bytesOut: number;
  rejects: number;
  taskManagement: number;
  /** Commands refused with TASK SET FULL because memory was short. */
  refusedFull: number;
}

export interface SessionOptions {
  readonly id: number;
  readonly tsih: number;
  readonly isid: Buffer;
  readonly groupTag: number;
  readonly initiatorName: string;
  readonly initiatorAddress: string;
  readonly user: string | undefined;
  readonly target: TargetNode | undefined;
  readonly keys: KeyValues;
  readonly cmdSN: number;
  readonly pool: SlabPool;
  readonly openedAtMs: number;
  readonly log: Logger;
  readonly ended: (session: Session) => void;
}

export class Session implements TransferOwner {
  readonly id: number;
  readonly tsih: number;
  readonly isid: Buffer;
  readonly groupTag: number;
  readonly initiatorName: string;
  readonly initiatorAddress: string;
  readonly user: string | undefined;
  readonly target: TargetNode | undefined;
  readonly keys: KeyValues;
  readonly nexus: Nexus;
  readonly memory: GatherMemory;
  readonly window: CommandWindow;
  readonly openedAtMs: number;
  readonly counters: SessionCounters = {
    commands: 0,
    bytesIn: 0,
    bytesOut: 0,
    rejects: 0,
    taskManagement: 0,
    refusedFull: 0,
  };
  readonly #pool: SlabPool;
  readonly #log: Logger;
  readonly #tasks = new Map<number, Transfer>();
  readonly #begun = new Set<Transfer>();
  #fences = 0;
  readonly #fenced: Transfer[] = [];
  readonly #connections = new Map<number, SessionLink>();
  readonly #ended: (session: Session) => void;
  #immediates = 0;
  #managing = 0;
  #gapAt = 0;
  #gapTicks = 0;
  #transferTag = 0;
  #closing: Promise<void> | undefined;
  /** Commands refused for want of memory that have not been answered yet, and the StatSN of the last that has been. */
  readonly #refused = new Set<Transfer>();
  #refusedStatSN: number | undefined;

  constructor(options: SessionOptions) {
    const { target, groupTag, initiatorName, isid } = options;
    this.id = options.id;
    this.tsih = options.tsih;
    this.isid = isid;
    this.groupTag = groupTag;
    this.initiatorName = initiatorName;
    this.initiatorAddress = options.initiatorAddress;
    this.user = options.user;
    this.target = target;
    this.keys = options.keys;
    this.openedAtMs = options.openedAtMs;
    this.nexus = nexusOf(target?.name ?? '', groupTag, initiatorName, isid);
    this.#pool = options.pool;
    this.memory = new GatherMemory(options.pool);
    this.window = new CommandWindow(commandWindowMax, options.cmdSN);
    this.#log = options.log;
    this.#ended = options.ended;
    const initiator = { name: initiatorName, address: options.initiatorAddress };
    target?.device.attach(this.nexus, (lun) => target.access.sees(initiator, lun));
  }

  get isDiscovery(): boolean {
    return this.target === undefined;
  }
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  // --- connections ----------------------------------------------------------------------------------------------------

  get connections(): readonly SessionLink[] {
    return [...this.#connections.values()];
  }
  get connectionCount(): number {
    return this.#connections.size;
  }
  hasConnection(cid: number): boolean {
    return this.#connections.has(cid);
  }
  /** A connection with the same CID was the old one of this: connection reinstatement (6.3.4). */
  join(connection: SessionLink): void {
    const old = this.#connections.get(connection.cid);
    this.#connections.set(connection.cid, connection);
    old?.drop('connection reinstatement');
  }
  /** The connection is gone. At recovery level 0 its tasks end with it, and the session with its last connection. */
  async leave(connection: SessionLink): Promise<void> {
    if (this.#connections.get(connection.cid) !== connection) {
      await this.fence(async () => await this.#abortAll()); // replaced: the tasks of the old connection end, the session goes on
      return;
    }
    this.#connections.delete(connection.cid);
    if (this.#connections.size === 0) await this.close();
  }

  /**
   * Ends the session: tasks aborted, nexus lost (SAM-5 6.3.4), connections dropped but for `last`, which has something to
   * say yet. Resolves when nothing is left.
   */
  async close(last?: SessionLink): Promise<void> {
    if (last !== undefined) this.#connections.delete(last.cid);
    this.#closing ??= this.#close();
    await this.#closing;
  }
  async #close(): Promise<void> {
    this.window.close();
    const { target } = this;
    for (const transfer of this.#tasks.values()) transfer.cancel();
    try {
      if (target !== undefined) await target.device.detach(this.nexus);
    } finally {
      // Whatever a unit does: a session that does not end would keep its initiator out.
      for (const transfer of this.#tasks.values()) transfer.abandon();
      const connections = this.connections;
      this.#connections.clear();
      for (const connection of connections) connection.drop('session closed');
      this.#ended(this);
    }
  }
  async #abortAll(): Promise<void> {
    const tasks = [...this.#tasks.values()];
    for (const task of tasks) task.cancel();
    for (const lun of this.target?.device.lunsOf(this.nexus) ?? []) {
      await this.target?.device.units.get(lun)?.abortTaskSet(this.nexus);
    }
    for (const task of tasks) task.abandon();
  }

  // --- commands -------------------------------------------------------------------------------------------------------

  get tasks(): ReadonlyMap<number, Transfer> {
    return this.#tasks;
  }
  landing(transfer: Transfer, bytes: number): Slab | undefined {
    return this.target?.device.landing(transfer, bytes);
  }
  nextTransferTag(): number {
    this.#transferTag = (this.#transferTag + 1) % noTag;
    return this.#transferTag;
  }
  /** Too many immediate commands at once? */
  get immediatesExhausted(): boolean {
    return this.#immediates >= immediateCommandsMax;
  }
  /** Counts a tick in which the next command is missing and others, with their memory, wait behind it; how many in a row. */
  gapTicks(): number {
    const { expCmdSN, hasGap } = this.window;
    this.#gapTicks = hasGap && expCmdSN === this.#gapAt ? this.#gapTicks + 1 : 0;
    this.#gapAt = expCmdSN;
    return this.#gapTicks;
  }
  /** MaxCmdSN as far as commands and memory allow (P3). */
  advanceWindow(): void {
    const low = this.#pool.freeBytes < slabBlocksLow * this.#pool.blockBytes;
    this.window.advance(low ? commandWindowLow : commandWindowMax);
  }

  /**
   * Whether a command must be refused because one before it was and the initiator has not seen that yet: it may be the
   * next record of a tape, which must not overtake the one refused.
   */
  followsRefusal(expStatSN: number): boolean {
    if (this.#refused.size > 0) return true;
    if (this.#refusedStatSN === undefined) return false;
    if (!isBefore(this.#refusedStatSN, expStatSN)) return true;
    this.#refusedStatSN = undefined;
    return false;
  }
  noteRefusal(transfer: Transfer): void {
    this.counters.refusedFull += 1;
    this.#refused.add(transfer);
  }
  noteRefusalSent(statSN: number): void {
    this.#refusedStatSN = statSN;
  }

  /** The command is here, though its turn may not have come. */
  register(transfer: Transfer): void {
    this.#tasks.set(transfer.tag, transfer);
  }
  /**
   * Commands behind a task management function wait until `work` has ended: it means the tasks before it, and units tell
   * tasks apart by nexus only.
   */
  async fence<T>(work: () => Promise<T>): Promise<T> {
    this.#fences += 1;
    try {
      return await work();
    } finally {
      this.#fences -= 1;
      if (this.#fences === 0) this.#runFenced();
    }
  }
  #runFenced(): void {
    for (const transfer of this.#fenced.splice(0)) {
      if (this.#tasks.get(transfer.tag) === transfer) this.#run(transfer); // else aborted in the meantime
    }
  }
  begin(transfer: Transfer): void {
    this.counters.commands += 1;
    if (this.#tasks.get(transfer.tag) !== transfer) return; // aborted before its turn
    this.#begun.add(transfer);
    if (transfer.immediate) this.#immediates += 1;
    else this.window.began();
    // Those that a fence holds have their places, so that they are at most a window and the immediate ones.
    if (this.#fences > 0) this.#fenced.push(transfer);
    else this.#run(transfer);
  }
  /** Performs a task management function, which may have to wait for tasks: it takes a place of the window, or its own. */
  async manage<T>(immediate: boolean, work: () => Promise<T>): Promise<T> {
    if (immediate) this.#managing += 1;
    else this.window.began();
    try {
      return await work();
    } finally {
      if (immediate) this.#managing -= 1;
      else this.window.ended();
    }
  }
  /** Too many immediate task management functions at once? They have places of their own, to abort immediate commands. */
  get managementExhausted(): boolean {
    return this.#managing >= immediateCommandsMax;
  }
  #run(transfer: Transfer): void {
    const { target } = this;
    if (target === undefined || transfer.refusal !== undefined || transfer.failed) {
      transfer.finish(this.#transportOutcome(transfer));
      return;
    }
    transfer.start();
    if (transfer.refusal !== undefined) {
      transfer.finish(this.#transportOutcome(transfer));
      return;
    }
    try {
      const outcome = target.device.execute(transfer);
      if (outcome instanceof Promise) void this.#finishAfter(outcome, transfer);
      else this.#finish(transfer, outcome);
    } catch (error) {
      this.#finishFailed(transfer, error);
    }
  }
  async #finishAfter(outcome: Promise<Outcome>, transfer: Transfer): Promise<void> {
    try {
      this.#finish(transfer, await outcome);
    } catch (error) {
      this.#finishFailed(transfer, error);
    }
  }
  #finish(transfer: Transfer, outcome: Outcome): void {
    transfer.finish(transfer.failed ? this.#transportOutcome(transfer) : outcome);
  }
  #finishFailed(transfer: Transfer, error: unknown): void {
    if (error instanceof CanceledError) {
      this.#finish(transfer, { status: undefined });
      return;
    }
    this.#log.error('A command ended without outcome', { error: String((error as Error).stack) });
    transfer.finish(this.#checkCondition(transfer, SENSE.internalTargetFailure));
  }
  /** How a command ends that the transport does not let through. */
  #transportOutcome(transfer: Transfer): Outcome {
    if (transfer.failure !== undefined) return this.#checkCondition(transfer, transfer.failure);
    return { status: transfer.refusal ?? STATUS.busy };
  }
  #checkCondition(transfer: Transfer, sense: Sense): Outcome {
    const unit = this.target?.device.unitAt(this.nexus, transfer.lun);
    const condition = new CheckCondition(sense);
    return unit?.checkCondition(condition) ?? { status: STATUS.checkCondition, sense: encodeFixed(sense) };
  }
  ended(transfer: Transfer): void {
    if (this.#tasks.get(transfer.tag) === transfer) this.#tasks.delete(transfer.tag);
    this.#refused.delete(transfer);
    if (!this.#begun.delete(transfer)) return;
    if (transfer.immediate) this.#immediates -= 1;
    else this.window.ended();
  }
}

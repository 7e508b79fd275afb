/**
 * LogicalUnit: gate, execute, outcome. The only catcher of CheckCondition.
 *
 * Invariants: P2 every task ends in exactly one Outcome. P4 CHECK CONDITION if and only if there is sense data; a unit
 * attention is reported once per nexus and cause.
 */
import { CanceledError } from '../errors.js';
import type { Logger } from '#env';
import type { Slab } from '#wire';
import type { BoundCommand, CommandSet } from './command-set.js';
import { gate } from './gates.js';
import type { Nexus, TargetPort } from './nexus.js';
import type { Reservations } from './reservation.js';
import { CheckCondition, encodeDescriptor, encodeFixed, ReservationConflict, type Sense } from './sense.js';
import { SENSE } from './sense.table.js';
import { STATUS, type Outcome, type Task } from './task.js';
import { TaskSet } from './task-set.js';
import { UnitAttentions } from './unit-attention.js';

const aborted: Outcome = { status: undefined };
const good: Outcome = { status: STATUS.good };
const taskAborted: Outcome = { status: STATUS.taskAborted };

export type Reset = 'power-on' | 'target' | 'logical-unit' | 'nexus-loss';

export abstract class LogicalUnit {
  readonly attentions = new UnitAttentions();
  readonly #tasks = new TaskSet();
  readonly #nexuses = new Map<string, Nexus>();
  /** Outcomes of canceled tasks whose initiators wait for one; the others end silently. */
  readonly #toldOnCancel = new WeakMap<Task, Outcome>();
  #targetPorts: readonly TargetPort[] = [];

  /** What this unit can do. */
  abstract readonly commands: CommandSet<never>;
  abstract readonly reservations: Reservations;
  protected abstract readonly log: Logger;
  /** D_SENSE of the Control mode page: sense data in descriptor format. */
  abstract readonly descriptorSense: boolean;
  /** TAS of the Control mode page: tasks aborted by another nexus end with TASK ABORTED instead of silently. */
  abstract readonly taskAbortedStatus: boolean;

  /** Throws CheckCondition when a command that needs a medium cannot have it. */
  checkReady(_task: Task): void {
    return;
  }
  /** Throws CheckCondition when the medium may not be written. */
  checkWritable(_task: Task): void {
    return;
  }
  /** A failure of an earlier command that was acknowledged before it was done; reported once (P5). */
  protected takeDeferredError(_task: Task): CheckCondition | undefined {
    return undefined;
  }
  /** The device's part of a reset: back to saved mode values and the like. */
  protected onReset(_kind: Reset): void {
    return;
  }
  /** The nexus is gone: what it alone held (PREVENT, element reservations) goes with it. */
  protected onNexusLoss(_nexus: Nexus): void {
    return;
  }

  // --- nexuses --------------------------------------------------------------------------------------------------

  get nexuses(): readonly Nexus[] {
    return [...this.#nexuses.values()];
  }
  /**
   * A session now reaches this unit. A new nexus is told of the power on or reset that it has not seen: by 29h/00h, the one
   * that every initiator knows (libiscsi's tools give up at 29h/01h).
   */
  attach(nexus: Nexus): void {
    this.#nexuses.set(nexus.id, nexus);
    this.attentions.attach(nexus.id, [SENSE.powerOnOrReset]);
  }
  /**
   * The session is gone (I_T nexus loss, SAM-5 6.3.4), or it no longer reaches the unit: then somebody waits for its tasks,
   * and `told` is what they end with.
   */
  async detach(nexus: Nexus, told?: Outcome): Promise<void> {
    const its = (task: Task): boolean => task.nexus.id === nexus.id;
    if (told !== undefined)
      for (const task of this.#tasks.tasks.filter(its)) this.#toldOnCancel.set(task, told);
    await this.#tasks.cancel(its);
    this.#nexuses.delete(nexus.id);
    this.attentions.detach(nexus.id);
    this.reservations.nexusLost(nexus);
    this.onNexusLoss(nexus);
  }
  /** The ports of the target that the unit belongs to; TargetDevice keeps it up to date. */
  setTargetPorts(ports: readonly TargetPort[]): void {
    this.#targetPorts = ports;
  }
  /** Ports of the target, those that nexuses use included; ascending by identifier. */
  get targetPorts(): readonly TargetPort[] {
    const ports = new Map(this.#targetPorts.map((port) => [port.relativeTargetPort, port]));
    for (const { targetPort, relativeTargetPort } of this.nexuses) {
      if (!ports.has(relativeTargetPort)) ports.set(relativeTargetPort, { targetPort, relativeTargetPort });
    }
    return [...ports.values()].toSorted((a, b) => a.relativeTargetPort - b.relativeTargetPort);
  }
  /** Tells every nexus, or all but the one that caused it. */
  raise(condition: Sense, except?: Nexus): void {
    this.attentions.raise(condition, except?.id);
  }

  // --- tasks ----------------------------------------------------------------------------------------------------

  /**
   * Memory where the unit would have the command's data, all of it, before it executes: empty when there is none now, but what comes
   * behind it takes it into account; undefined: wherever the transport likes. The transport releases it when the command has
   * ended, and the unit everything that it received.
   */
  landing(_task: Task, _bytes: number): Slab | undefined {
    return undefined;
  }
  /** At once, unless the task has to wait for its turn, for its data or for the machine. */
  execute(task: Task): Outcome | Promise<Outcome> {
    const byte1 = task.cdb[1] ?? 0;
    const bound = (this.commands as CommandSet<LogicalUnit>).find(task.cdb[0] ?? 0, byte1);
    const concurrent = bound?.row.concurrent === true || bound === undefined;
    const wait = this.#tasks.enter(task, concurrent);
    return wait === undefined ? this.#perform(task, bound) : this.#performAfter(wait, task, bound);
  }
  async #performAfter(
    wait: Promise<void>,
    task: Task,
    bound: BoundCommand<LogicalUnit> | undefined,
  ): Promise<Outcome> {
    await wait;
    return task.canceled ? this.#ended(task, aborted) : await this.#perform(task, bound);
  }
  #perform(task: Task, bound: BoundCommand<LogicalUnit> | undefined): Outcome | Promise<Outcome> {
    let running: Promise<void> | undefined;
    try {
      const passed = gate(this, task, bound, () => this.takeDeferredError(task));
      running = passed.run(this, task, passed.cdb);
    } catch (error) {
      return this.#ended(task, this.#outcomeOf(task, error));
    }
    return running === undefined
      ? this.#ended(task, task.canceled ? aborted : good)
      : this.#performed(running, task);
  }
  async #performed(running: Promise<void>, task: Task): Promise<Outcome> {
    let outcome: Outcome;
    try {
      await running;
      outcome = task.canceled ? aborted : good;
    } catch (error) {
      outcome = this.#outcomeOf(task, error);
    }
    return this.#ended(task, outcome);
  }
  #ended(task: Task, outcome: Outcome): Outcome {
    this.#tasks.leave(task);
    return outcome === aborted ? (this.#toldOnCancel.get(task) ?? aborted) : outcome;
  }
  #outcomeOf(task: Task, error: unknown): Outcome {
    if (task.canceled || error instanceof CanceledError) return aborted;
    if (error instanceof ReservationConflict) return { status: STATUS.reservationConflict };
    if (error instanceof CheckCondition) return this.checkCondition(error);
    this.log.error('A command failed unexpectedly', {
      cdb: task.cdb.toString('hex'),
      error: String((error as Error).stack),
    });
    return this.checkCondition(new CheckCondition(SENSE.internalTargetFailure));
  }
  checkCondition({ sense, extras }: CheckCondition): Outcome {
    const encode = this.descriptorSense ? encodeDescriptor : encodeFixed;
    return { status: STATUS.checkCondition, sense: encode(sense, extras) };
  }

  // --- task management (SAM-5 7) ----------------------------------------------------------------------------------

  /** True when the task was there. Resolves when it has ended (P7). */
  async abortTask(nexus: Nexus, tag: number): Promise<boolean> {
    return (await this.#tasks.cancel((task) => task.nexus.id === nexus.id && task.tag === tag)) > 0;
  }
  async abortTaskSet(nexus: Nexus): Promise<void> {
    await this.#tasks.cancel((task) => task.nexus.id === nexus.id);
  }
  /** All tasks of all nexuses; the others learn it (SAM-5 7.4). */
  async clearTaskSet(nexus: Nexus): Promise<void> {
    await this.#abort(() => true, nexus, 'told');
  }
  /** The tasks of the nexuses whose ids are given, but not `exceptTask` itself: PREEMPT AND ABORT. */
  async abortTasksOf(nexusIds: ReadonlySet<string>, exceptTask: Task): Promise<void> {
    await this.#abort((task) => nexusIds.has(task.nexus.id) && task !== exceptTask, exceptTask.nexus, 'told');
  }
  /** LOGICAL UNIT RESET and what implies it. Every nexus is told, the one that asked too (SAM-5 6.3.3). */
  async reset(kind: Reset, requester?: Nexus): Promise<void> {
    await this.#abort(() => true, requester, 'reset');
    this.reservations.reset();
    this.onReset(kind);
    this.raise(resetAttention[kind]);
  }
  /**
   * Ends tasks because `by` wants it. Tasks of other nexuses end with TASK ABORTED when TAS = 1; when TAS = 0 they end
   * silently, and a unit attention tells those nexuses, unless that of the reset does (SAM-5 5.6).
   */
  async #abort(
    affected: (task: Task) => boolean,
    by: Nexus | undefined,
    how: 'told' | 'reset',
  ): Promise<void> {
    const foreign = this.#tasks.tasks.filter(
      (task) => affected(task) && by !== undefined && task.nexus.id !== by.id,
    );
    if (this.taskAbortedStatus) for (const task of foreign) this.#toldOnCancel.set(task, taskAborted);
    await this.#tasks.cancel(affected);
    if (this.taskAbortedStatus || how === 'reset') return;
    for (const id of new Set(foreign.map((task) => task.nexus.id))) {
      this.attentions.raiseFor(id, SENSE.commandsClearedByAnotherInitiator);
    }
  }
}

const resetAttention: Readonly<Record<Reset, Sense>> = {
  'power-on': SENSE.powerOnOrReset,
  target: SENSE.scsiBusResetOccurred,
  'logical-unit': SENSE.busDeviceResetFunctionOccurred,
  'nexus-loss': SENSE.itNexusLossOccurred,
};

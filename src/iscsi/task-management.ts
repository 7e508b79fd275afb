/**
 * Task management: functions of RFC 7143 11.5 mapped to the units' calls, with the waiting that 4.2.3.3 asks for, so that
 * a response means that the affected tasks are over (P7).
 */
import type { Clock } from '#env';
import { abortDataWaitMs } from '#limits';
import type { LogicalUnit } from '#scsi';
import { inWindow, isBefore } from '#wire';
import { unnumbered } from './own-headers.js';
import { OPCODE } from './pdu.js';
import { PDU, TASK_FUNCTION, TASK_RESPONSE, type FieldsOf, type TaskResponse } from './pdu.table.js';
import type { Session } from './session.js';
import type { Transfer } from './transfer.js';

export type TaskManagementRequest = FieldsOf<'taskManagementRequest'>;

/** Performs the function; resolves with the response code when nothing of the affected tasks is left. */
export async function manageTasks(
  session: Session,
  clock: Clock,
  request: TaskManagementRequest,
): Promise<TaskResponse> {
  const lun = Buffer.from(request.lun);
  const device = session.target?.device;
  if (device === undefined) return TASK_RESPONSE.functionRejected;
  switch (request.function) {
    case TASK_FUNCTION.abortTask:
      return await abortTask(session, clock, request, device.unitAt(session.nexus, lun));
    case TASK_FUNCTION.abortTaskSet:
      return await onUnit(session, clock, lun, async (unit) => await unit.abortTaskSet(session.nexus));
    case TASK_FUNCTION.clearTaskSet:
      return await onUnit(session, clock, lun, async (unit) => await unit.clearTaskSet(session.nexus));
    case TASK_FUNCTION.logicalUnitReset:
      return await onUnit(
        session,
        clock,
        lun,
        async (unit) => await unit.reset('logical-unit', session.nexus),
      );
    case TASK_FUNCTION.targetWarmReset:
    case TASK_FUNCTION.targetColdReset:
      // It means units of others too; who may not see them may not disturb them.
      if (!device.seesAll(session.nexus)) return TASK_RESPONSE.authorizationFailed;
      // 4.2.3.3: no waiting for commands of other sessions; the units tell them by unit attention.
      await abort(
        clock,
        [...session.tasks.values()],
        async () => await device.reset('target', session.nexus),
      );
      return TASK_RESPONSE.functionComplete;
    case TASK_FUNCTION.taskReassign:
      return TASK_RESPONSE.reassignmentNotSupported; // recovery level 2 only (11.6.1)
    default:
      return TASK_RESPONSE.functionNotSupported; // CLEAR ACA too: NORMACA is 0, so there is no ACA to clear
  }
}

/** The header of the answer (11.6). */
export const managementResponse = ({ initiatorTaskTag }: TaskManagementRequest, code: TaskResponse): Buffer =>
  PDU.taskManagementResponse.bhs.encode({
    opcode: OPCODE.taskManagementResponse,
    final: true,
    response: code,
    initiatorTaskTag,
    ...unnumbered,
  });

async function onUnit(
  session: Session,
  clock: Clock,
  lun: Buffer,
  act: (unit: LogicalUnit) => Promise<void>,
): Promise<TaskResponse> {
  const unit = session.target?.device.unitAt(session.nexus, lun);
  if (unit === undefined) return TASK_RESPONSE.lunDoesNotExist;
  const affected = [...session.tasks.values()].filter((task) => task.lun.equals(lun));
  await abort(clock, affected, async () => await act(unit));
  return TASK_RESPONSE.functionComplete;
}

/** 11.5.1: a task that is here, one that is still to come by its RefCmdSN, or none. */
async function abortTask(
  session: Session,
  clock: Clock,
  request: TaskManagementRequest,
  unit: LogicalUnit | undefined,
): Promise<TaskResponse> {
  const tag = request.referencedTaskTag;
  const task = session.tasks.get(tag);
  if (task !== undefined) {
    if (!task.lun.equals(request.lun)) return TASK_RESPONSE.taskDoesNotExist;
    await abort(clock, [task], async () => await unit?.abortTask(session.nexus, tag));
    return TASK_RESPONSE.functionComplete;
  }
  const { window } = session;
  const { refCmdSN, cmdSN } = request;
  const toCome = inWindow(refCmdSN, window.expCmdSN, window.maxCmdSN) && isBefore(refCmdSN, cmdSN);
  return toCome && window.plug(refCmdSN) ? TASK_RESPONSE.functionComplete : TASK_RESPONSE.taskDoesNotExist;
}

/** Waits for data under way, has the unit end the tasks, and makes sure that none of them says anything more (P7). */
async function abort(clock: Clock, tasks: readonly Transfer[], act: () => Promise<unknown>): Promise<void> {
  await quiesce(clock, tasks);
  await act();
  for (const task of tasks) task.abandon();
}

/** Stops asking the tasks' initiator for data and waits for what is under way, up to a limit. */
async function quiesce(clock: Clock, tasks: readonly Transfer[]): Promise<void> {
  const silent = Promise.all(tasks.map(async (task) => await task.quiesce()));
  if (!tasks.some((task) => task.awaitsData)) return;
  let timer: { cancel(): void } | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = clock.after(abortDataWaitMs, resolve);
  });
  await Promise.race([silent, limit]);
  timer?.cancel();
}

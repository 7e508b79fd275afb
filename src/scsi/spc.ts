/** The commands of all device types, bound: rows of spc.table.ts with what does them. */
import { bind, type BoundCommand, type Handler } from './command-set.js';
import { readBuffer, receiveDiagnosticResults, sendDiagnostic, writeBuffer } from './diagnostics.js';
import { inquiry } from './inquiry.js';
import { formatLun } from './lun.js';
import { reportOperationCodes, reportTaskManagementFunctions } from './operation-codes.js';
import { logSelect, logSense, modeSelect, modeSense } from './page-commands.js';
import { answer, invalidCdbField } from './parameter-data.js';
import type { PrimaryUnit } from './primary-unit.js';
import {
  clear,
  preempt,
  readFullStatus,
  readKeys,
  readReservation,
  register,
  registerAndMove,
  release10,
  release6,
  reportCapabilities,
  reserve10,
  reserve6,
  reserveOrRelease,
} from './reservation-commands.js';
import { encodeDescriptor, encodeFixed } from './sense.js';
import { SENSE } from './sense.table.js';
import { spcTable } from './spc.table.js';
import {
  reportIdentifyingInformation,
  reportTargetPortGroups,
  reportTimestamp,
  setIdentifyingInformation,
  setTimestamp,
} from './unit-information.js';

/** GOOD: the gates have refused it already when the unit is not ready. */
const testUnitReady: Handler<PrimaryUnit, unknown> = async () => await Promise.resolve();

/** Takes the pending unit attention, or says how the unit is; GOOD status either way (SPC-5 6.38). */
const requestSense: Handler<
  PrimaryUnit,
  { readonly descriptorFormat: boolean; readonly allocationLength: number }
> = async (unit, task, cdb) => {
  const encode = cdb.descriptorFormat ? encodeDescriptor : encodeFixed;
  const attention = unit.attentions.take(task.nexus.id);
  if (attention !== undefined) {
    await answer(task, encode(attention), cdb.allocationLength);
    return;
  }
  const now = unit.senseNow(task);
  const data = now === undefined ? encode(SENSE.noAdditionalSense) : encode(now.sense, now.extras);
  await answer(task, data, cdb.allocationLength);
};

/** TargetDevice answers REPORT LUNS, which is about the target; who reaches the unit by another way sees it as LUN 0. */
const reportLuns: Handler<
  PrimaryUnit,
  { readonly selectReport: number; readonly allocationLength: number }
> = async (_unit, task, cdb) => {
  if (cdb.selectReport > 2) throw invalidCdbField(2);
  if (cdb.allocationLength < 16) throw invalidCdbField(6);
  const luns = cdb.selectReport === 1 ? [] : [formatLun(0)];
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 * luns.length, 0);
  await answer(task, Buffer.concat([header, ...luns]), cdb.allocationLength);
};

/** For `new CommandSet([...spcCommands, ...bind(ownTable, ownHandlers)])`. */
export const spcCommands: readonly BoundCommand<PrimaryUnit>[] = bind<PrimaryUnit, typeof spcTable>(
  spcTable,
  {
    TEST_UNIT_READY: testUnitReady,
    REQUEST_SENSE: requestSense,
    INQUIRY: inquiry,
    REPORT_LUNS: reportLuns,
    MODE_SELECT_6: modeSelect(false),
    MODE_SELECT_10: modeSelect(true),
    MODE_SENSE_6: modeSense(false),
    MODE_SENSE_10: modeSense(true),
    LOG_SELECT: logSelect,
    LOG_SENSE: logSense,
    RESERVE_6: reserve6,
    RELEASE_6: release6,
    RESERVE_10: reserve10,
    RELEASE_10: release10,
    READ_KEYS: readKeys,
    READ_RESERVATION: readReservation,
    REPORT_CAPABILITIES: reportCapabilities,
    READ_FULL_STATUS: readFullStatus,
    REGISTER: register(false),
    RESERVE: reserveOrRelease('reserve'),
    RELEASE: reserveOrRelease('release'),
    CLEAR: clear,
    PREEMPT: preempt(false),
    PREEMPT_AND_ABORT: preempt(true),
    REGISTER_AND_IGNORE_EXISTING_KEY: register(true),
    REGISTER_AND_MOVE: registerAndMove,
    REPORT_IDENTIFYING_INFORMATION: reportIdentifyingInformation,
    SET_IDENTIFYING_INFORMATION: setIdentifyingInformation,
    REPORT_TARGET_PORT_GROUPS: reportTargetPortGroups,
    REPORT_SUPPORTED_OPERATION_CODES: reportOperationCodes,
    REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS: reportTaskManagementFunctions,
    REPORT_TIMESTAMP: reportTimestamp,
    SET_TIMESTAMP: setTimestamp,
    RECEIVE_DIAGNOSTIC_RESULTS: receiveDiagnosticResults,
    SEND_DIAGNOSTIC: sendDiagnostic,
    WRITE_BUFFER: writeBuffer,
    READ_BUFFER: readBuffer,
  },
);

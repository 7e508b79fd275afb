/**
 * The checks before a handler, all from the row of the command. The order is SAM-5's: a reservation conflict hides a unit
 * attention, a unit attention hides what the command itself would say.
 */
import type { BoundCommand } from './command-set.js';
import { cdbLength } from './command.js';
import type { LogicalUnit } from './logical-unit.js';
import { CheckCondition } from './sense.js';
import { SENSE } from './sense.table.js';
import type { Task } from './task.js';

export interface Passed {
  readonly row: BoundCommand<LogicalUnit>['row'];
  readonly run: BoundCommand<LogicalUnit>['run'];
  readonly cdb: unknown;
}

/** What to run, or a refusal. Throws CheckCondition. */
export function gate(
  unit: LogicalUnit,
  task: Task,
  bound: BoundCommand<LogicalUnit> | undefined,
): Passed | 'reservation-conflict' {
  if (bound === undefined) throw unknownCommand(unit, task);
  const { row, run } = bound;
  const cdb = row.cdb.decode(fullCdb(task.cdb, row.length));
  if (unit.reservations.conflicts(task.nexus, row, cdb)) return 'reservation-conflict';
  checkUnitAttention(unit, task, row.passesUnitAttention === true);
  checkFields(row, task.cdb);
  if (row.needsMedium === true) unit.checkReady(task);
  if (row.writesMedium === true) unit.checkWritable(task);
  return { row, run, cdb };
}

function unknownCommand(unit: LogicalUnit, task: Task): CheckCondition {
  const opcode = task.cdb[0] ?? 0;
  if (!unit.commands.has(opcode)) return new CheckCondition(SENSE.invalidCommandOperationCode);
  return new CheckCondition(SENSE.invalidFieldInCdb, { field: { in: 'cdb', byte: 1, bit: 4 } });
}

/** Transports pad or cut CDBs to 16 bytes; a row reads its own length. */
const fullCdb = (cdb: Buffer, length: number): Buffer =>
  cdb.length >= length ? cdb : Buffer.concat([cdb, Buffer.alloc(length - cdb.length)]);

function checkUnitAttention(unit: LogicalUnit, task: Task, passes: boolean): void {
  if (passes) return;
  const condition = unit.attentions.take(task.nexus.id);
  if (condition !== undefined) throw new CheckCondition(condition);
}

const nacaBit = 0x04;

function checkFields(row: Passed['row'], cdb: Buffer): void {
  const control = cdb[(cdbLength(row.opcode) ?? row.length) - 1] ?? 0;
  if ((control & nacaBit) !== 0) {
    throw new CheckCondition(SENSE.invalidFieldInCdb, { field: { in: 'cdb', byte: row.length - 1, bit: 2 } });
  }
  const stray = row.cdb.reservedBitSet(cdb.subarray(0, row.length));
  if (stray !== undefined)
    throw new CheckCondition(SENSE.invalidFieldInCdb, { field: { in: 'cdb', ...stray } });
}

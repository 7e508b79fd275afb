/**
 * The checks before a handler, all from the row of the command, in the order of SAM-5 5.3.3: a unit attention for a reset
 * hides all else, a reservation conflict hides what the unit or the command would say, other unit attentions and errors of
 * earlier commands hide what this command would say.
 */
import type { BoundCommand } from './command-set.js';
import { cdbLength, type Command } from './command.js';
import type { LogicalUnit } from './logical-unit.js';
import { parseLun } from './lun.js';
import { CheckCondition, ReservationConflict } from './sense.js';
import { SENSE } from './sense.table.js';
import type { Task } from './task.js';

export interface Passed {
  readonly row: BoundCommand<LogicalUnit>['row'];
  readonly run: BoundCommand<LogicalUnit>['run'];
  readonly cdb: unknown;
}

/** What to run. Throws CheckCondition or ReservationConflict. `deferred` gives the failure of an earlier command. */
export function gate(
  unit: LogicalUnit,
  task: Task,
  bound: BoundCommand<LogicalUnit> | undefined,
  deferred: () => CheckCondition | undefined,
): Passed {
  if (task.attribute === 'aca') throw new CheckCondition(SENSE.invalidMessageError); // never an ACA: NormACA = 0
  if (bound === undefined) {
    reportUnitAttention(unit, task, 'any');
    throw unknownCommand(unit, task);
  }
  const { row, run } = bound;
  const passes = row.passesUnitAttention === true;
  if (!passes) reportUnitAttention(unit, task, 'reset');
  const cdb = row.cdb.decode(fullCdb(task.cdb, row.length));
  if (unit.reservations.conflicts(task.nexus, row, cdb)) throw new ReservationConflict();
  if (!passes) {
    reportUnitAttention(unit, task, 'any');
    const failure = deferred();
    if (failure !== undefined) throw failure;
  }
  checkFields(row, task);
  if (row.needsMedium === true) unit.checkReady(task);
  if (row.writesMedium === true) unit.checkWritable(task);
  return { row, run, cdb };
}

function unknownCommand(unit: LogicalUnit, task: Task): CheckCondition {
  const opcode = task.cdb[0] ?? 0;
  if (!unit.commands.has(opcode)) return new CheckCondition(SENSE.invalidCommandOperationCode);
  return new CheckCondition(SENSE.invalidFieldInCdb, { field: { in: 'cdb', byte: 1, bit: 4 } });
}

/** The fields of a CDB that is answered outside a unit. Throws CheckCondition for bits that mean nothing. */
export function checkedCdb<V>(row: Command<V>, task: Task): V {
  checkFields(row, task);
  return row.cdb.decode(fullCdb(task.cdb, row.length));
}

/** Transports pad or cut CDBs to 16 bytes; a row reads its own length. */
const fullCdb = (cdb: Buffer, length: number): Buffer =>
  cdb.length >= length ? cdb : Buffer.concat([cdb, Buffer.alloc(length - cdb.length)]);

/** Power on, reset and I_T nexus loss are all additional sense code 29h. */
const resetAsc = 0x29;

function reportUnitAttention(unit: LogicalUnit, task: Task, which: 'reset' | 'any'): void {
  if (which === 'reset' && unit.attentions.pending(task.nexus.id)?.asc !== resetAsc) return;
  const condition = unit.attentions.take(task.nexus.id);
  if (condition !== undefined) throw new CheckCondition(condition);
}

const nacaBit = 0x04;

const lunBits = 0xe0;

/**
 * SCSI-2 had the LUN in byte 1, and some initiators (the changer driver of Linux among them) still put it there, beside the
 * true one: where a command has nothing else in those bits, the right number is let through.
 */
function withoutLun(cdb: Buffer, lun: Buffer, mask: Uint8Array): Buffer {
  const sent = (cdb[1] ?? 0) & lunBits;
  if (sent === 0 || ((mask[1] ?? 0) & lunBits) !== 0 || sent >> 5 !== ((parseLun(lun) ?? 0) & 7)) return cdb;
  const clean = Buffer.from(cdb);
  clean[1] = (cdb[1] ?? 0) & ~lunBits;
  return clean;
}

function checkFields(row: Command, { cdb, lun }: Task): void {
  const control = cdb[(cdbLength(row.opcode) ?? row.length) - 1] ?? 0;
  if ((control & nacaBit) !== 0) {
    throw new CheckCondition(SENSE.invalidFieldInCdb, { field: { in: 'cdb', byte: row.length - 1, bit: 2 } });
  }
  const stray = row.cdb.reservedBitSet(withoutLun(cdb, lun, row.cdb.mask));
  if (stray !== undefined)
    throw new CheckCondition(SENSE.invalidFieldInCdb, { field: { in: 'cdb', ...stray } });
}

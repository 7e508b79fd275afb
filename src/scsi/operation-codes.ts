/** REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS: made from the rows (SPC-5 6.34, 6.35). */
import { record, flag, u16, u32, u8 } from '#wire';
import { cdbUsage, type Command } from './command.js';
import type { CommandSet, Handler } from './command-set.js';
import { answer, invalidCdbField } from './parameter-data.js';
import type { PrimaryUnit } from './primary-unit.js';

interface ReportOperationCodes {
  readonly returnTimeouts: boolean;
  readonly reportingOptions: number;
  readonly requestedOpcode: number;
  readonly requestedAction: number;
  readonly allocationLength: number;
}

const commandDescriptor = record(8, {
  opcode: u8(0),
  serviceAction: u16(2),
  timeoutsPresent: flag(5, 1),
  serviceActionValid: flag(5, 0),
  cdbLength: u16(6),
});
const timeoutsDescriptor = record(12, {
  descriptorLength: u16(0),
  commandSpecific: u8(3),
  nominalSeconds: u32(4),
  recommendedSeconds: u32(8),
});

/** REPORTING OPTIONS. */
const options = { all: 0, opcode: 1, opcodeAndAction: 2, either: 3 } as const;

export const reportOperationCodes: Handler<PrimaryUnit, ReportOperationCodes> = async (unit, task, cdb) => {
  const data =
    cdb.reportingOptions === options.all
      ? allCommands(unit, cdb.returnTimeouts)
      : oneCommand(unit, cdb.returnTimeouts, asked(unit, cdb));
  await answer(task, data, cdb.allocationLength);
};

const commandsOf = (unit: PrimaryUnit): CommandSet<never> => unit.commands;

function allCommands(unit: PrimaryUnit, withTimeouts: boolean): Buffer {
  const rows = commandsOf(unit).rows.toSorted((a, b) => orderOf(a) - orderOf(b));
  const descriptors = rows.flatMap((row) => {
    const descriptor = commandDescriptor.encode({
      opcode: row.opcode,
      serviceAction: row.serviceAction ?? 0,
      timeoutsPresent: withTimeouts,
      serviceActionValid: row.serviceAction !== undefined,
      cdbLength: row.length,
    });
    return withTimeouts ? [descriptor, timeouts(unit, row)] : [descriptor];
  });
  const list = Buffer.concat([Buffer.alloc(4), ...descriptors]);
  list.writeUInt32BE(list.length - 4, 0);
  return list;
}
const orderOf = (row: Command): number => row.opcode * 0x100 + (row.serviceAction ?? 0);

/** The row that a CDB asks for; undefined: not supported. Throws CheckCondition when the options do not fit the opcode. */
function asked(unit: PrimaryUnit, cdb: ReportOperationCodes): Command | undefined {
  const set = commandsOf(unit);
  const { requestedOpcode: opcode, requestedAction: action, reportingOptions } = cdb;
  const withActions = set.hasActions(opcode);
  switch (reportingOptions) {
    case options.opcode:
      if (withActions) throw invalidCdbField(2, 2);
      return set.findAction(opcode, undefined)?.row;
    case options.opcodeAndAction:
      // SPC-5 6.34: an opcode without service actions must not be asked for with one; an unknown one is not supported.
      if (!withActions && set.has(opcode)) throw invalidCdbField(2, 2);
      return set.findAction(opcode, action)?.row;
    case options.either:
      if (withActions) return set.findAction(opcode, action)?.row;
      return action === 0 ? set.findAction(opcode, undefined)?.row : undefined;
    default:
      throw invalidCdbField(2, 2);
  }
}

const notSupported = 0b001;
const supported = 0b011;

function oneCommand(unit: PrimaryUnit, withTimeouts: boolean, row: Command | undefined): Buffer {
  if (row === undefined) return Buffer.from([0, notSupported, 0, 0]);
  const usage = cdbUsage(row);
  const header = Buffer.from([0, (withTimeouts ? 0x80 : 0) | supported, 0, usage.length]);
  return Buffer.concat(withTimeouts ? [header, usage, timeouts(unit, row)] : [header, usage]);
}

const timeouts = (unit: PrimaryUnit, row: Command): Buffer =>
  timeoutsDescriptor.encode({
    descriptorLength: timeoutsDescriptor.length - 2,
    commandSpecific: 0,
    ...unit.timeoutsOf(row),
  });

const taskManagementFunctions = record(16, {
  abortTask: flag(0, 7),
  abortTaskSet: flag(0, 6),
  clearAca: flag(0, 5),
  clearTaskSet: flag(0, 4),
  logicalUnitReset: flag(0, 3),
  queryTask: flag(0, 2),
  targetReset: flag(0, 1),
  queryAsynchronousEvent: flag(1, 2),
  queryTaskSet: flag(1, 1),
  nexusReset: flag(1, 0),
  additionalLength: u8(3),
});

/** What RFC 7143 11.5.1 lets an initiator ask for and our sessions do; CLEAR ACA has nothing to clear. */
const ours = {
  abortTask: true,
  abortTaskSet: true,
  clearAca: false,
  clearTaskSet: true,
  logicalUnitReset: true,
  queryTask: false,
  targetReset: true,
  queryAsynchronousEvent: false,
  queryTaskSet: false,
  nexusReset: false,
};

export const reportTaskManagementFunctions: Handler<
  PrimaryUnit,
  { readonly extended: boolean; readonly allocationLength: number }
> = async (_unit, task, cdb) => {
  if (cdb.allocationLength < 4) throw invalidCdbField(6); // SPC-5 6.35: four at least
  const data = taskManagementFunctions.encode({ ...ours, additionalLength: cdb.extended ? 12 : 0 });
  await answer(task, cdb.extended ? data : data.subarray(0, 4), cdb.allocationLength);
};

/** SEND DIAGNOSTIC, RECEIVE DIAGNOSTIC RESULTS, WRITE BUFFER and READ BUFFER (SPC-5 6.20, 6.26, 6.41, 6.50 and 7.2). */
import type { Handler } from './command-set.js';
import {
  answer,
  invalidCdbField,
  invalidParameter,
  listLengthError,
  receiveParameters,
} from './parameter-data.js';
import type { PrimaryUnit, SelfTest } from './primary-unit.js';
import { CheckCondition } from './sense.js';
import { SENSE } from './sense.table.js';

// --- diagnostics ---------------------------------------------------------------------------------------------------

interface SendDiagnosticCdb {
  readonly selfTestCode: number;
  readonly pageFormat: boolean;
  readonly selfTest: boolean;
  readonly parameterListLength: number;
}

/** SELF-TEST CODE (SPC-5 6.41). Background tests are as short as the others here: they are over when the answer comes. */
const selfTests: readonly (SelfTest | 'none' | 'abort' | undefined)[] = [
  'none',
  'short',
  'extended',
  undefined,
  'abort',
  'short',
  'extended',
  undefined,
];
const foreground = 0b100;

/** Supported Diagnostic Pages (SPC-5 7.2), the one page we have. */
const supportedDiagnosticPages = Buffer.from([0x00, 0x00, 0x00, 0x01, 0x00]);

export const sendDiagnostic: Handler<PrimaryUnit, SendDiagnosticCdb> = async (unit, task, cdb) => {
  const asked = selfTests[cdb.selfTestCode];
  if (asked === undefined || (cdb.selfTest && asked !== 'none')) throw invalidCdbField(1, 7);
  const tests = cdb.selfTest || asked !== 'none';
  if (tests && cdb.parameterListLength > 0) throw invalidCdbField(3);
  if (tests) {
    if (asked === 'abort') throw invalidCdbField(1, 7); // no background self-test is ever running
    const passed = await unit.selfTest(asked === 'none' ? 'default' : asked, cdb.selfTestCode);
    // SPC-5 6.41: a background self-test ends with GOOD; its failure is read from the log page.
    const reported = asked === 'none' || (cdb.selfTestCode & foreground) !== 0;
    if (!passed && reported) throw new CheckCondition(SENSE.logicalUnitFailedSelfTest);
    return;
  }
  checkDiagnosticPage(await receiveParameters(task, cdb.parameterListLength));
};

function checkDiagnosticPage(list: Buffer): void {
  if (list.length === 0) return;
  if (list.length < 4) throw listLengthError();
  if (list[0] !== 0) throw invalidParameter(0);
  if (list[1] !== 0) throw invalidParameter(1);
  if (list.readUInt16BE(2) !== 0) throw invalidParameter(2);
  if (list.length > 4) throw listLengthError();
}

interface ReceiveDiagnosticCdb {
  readonly pageCodeValid: boolean;
  readonly pageCode: number;
  readonly allocationLength: number;
}
export const receiveDiagnosticResults: Handler<PrimaryUnit, ReceiveDiagnosticCdb> = async (
  _unit,
  task,
  cdb,
) => {
  if (cdb.pageCode !== 0) throw invalidCdbField(2);
  await answer(task, supportedDiagnosticPages, cdb.allocationLength);
};

// --- buffers -------------------------------------------------------------------------------------------------------

/** MODE of both commands (SPC-5 6.20 and 6.50). */
const mode = { data: 0x02, descriptor: 0x03, echo: 0x0a, echoDescriptor: 0x0b } as const;

interface WriteBufferCdb {
  readonly modeSpecific: number;
  readonly mode: number;
  readonly bufferId: number;
  readonly bufferOffset: number;
  readonly parameterListLength: number;
}
export const writeBuffer: Handler<PrimaryUnit, WriteBufferCdb> = async (unit, task, cdb) => {
  const { bufferOffset, parameterListLength } = cdb;
  if (cdb.modeSpecific !== 0) throw invalidCdbField(1, 7);
  if (cdb.bufferId !== 0) throw invalidCdbField(2);
  switch (cdb.mode) {
    case mode.data: {
      if (bufferOffset > unit.buffers.dataCapacity) throw invalidCdbField(3);
      if (bufferOffset + parameterListLength > unit.buffers.dataCapacity) throw invalidCdbField(6);
      const bytes = await receiveParameters(task, parameterListLength);
      bytes.copy(unit.buffers.data, bufferOffset);
      return;
    }
    case mode.echo: {
      if (bufferOffset !== 0) throw invalidCdbField(3);
      if (parameterListLength > unit.buffers.echoCapacity) throw invalidCdbField(6);
      unit.buffers.setEcho(task.nexus.id, await receiveParameters(task, parameterListLength));
      return;
    }
    default:
      throw invalidCdbField(1, 4);
  }
};

interface ReadBufferCdb {
  readonly modeSpecific: number;
  readonly mode: number;
  readonly bufferId: number;
  readonly bufferOffset: number;
  readonly allocationLength: number;
}
export const readBuffer: Handler<PrimaryUnit, ReadBufferCdb> = async (unit, task, cdb) => {
  if (cdb.modeSpecific !== 0) throw invalidCdbField(1, 7);
  await answer(task, bufferData(unit, task.nexus.id, cdb), cdb.allocationLength);
};

function bufferData(unit: PrimaryUnit, nexusId: string, cdb: ReadBufferCdb): Buffer {
  const { dataCapacity, echoCapacity } = unit.buffers;
  switch (cdb.mode) {
    case mode.data:
      if (cdb.bufferId !== 0) throw invalidCdbField(2);
      if (cdb.bufferOffset > dataCapacity) throw invalidCdbField(3);
      return unit.buffers.data.subarray(cdb.bufferOffset);
    case mode.descriptor: {
      // SPC-5 6.20: a buffer that is not there has a descriptor of zeros. OFFSET BOUNDARY 0: any byte.
      const descriptor = Buffer.alloc(4);
      if (cdb.bufferId === 0) descriptor.writeUIntBE(dataCapacity, 1, 3);
      return descriptor;
    }
    case mode.echo: {
      const echo = unit.buffers.echo(nexusId);
      if (echo === undefined) throw new CheckCondition(SENSE.commandSequenceError);
      return echo;
    }
    case mode.echoDescriptor: {
      const descriptor = Buffer.alloc(4);
      descriptor.writeUInt16BE(echoCapacity, 2); // EBOS = 0: each nexus has its own
      return descriptor;
    }
    default:
      throw invalidCdbField(1, 4);
  }
}

/** Timestamp, identifying information, target port groups (SPC-5 6.31, 6.36, 6.37, 6.42, 6.45). */
import { identifyingInformationBytesMax, identifyingTextBytesMax } from '../limits.js';
import type { Handler } from './command-set.js';
import { targetPortGroup } from './inquiry.js';
import {
  answer,
  invalidCdbField,
  invalidParameter,
  listLengthError,
  receiveParameters,
} from './parameter-data.js';
import type { PrimaryUnit } from './primary-unit.js';
import { CONTROL_EXTENSION } from './spc-pages.table.js';
import { SENSE } from './sense.table.js';

// --- timestamp -----------------------------------------------------------------------------------------------------

export const reportTimestamp: Handler<PrimaryUnit, { readonly allocationLength: number }> = async (
  unit,
  task,
  cdb,
) => {
  const data = Buffer.alloc(12);
  data.writeUInt16BE(data.length - 2, 0);
  data[2] = unit.timestamp.origin;
  data.writeUIntBE(unit.timestamp.nowMs, 4, 6);
  await answer(task, data, cdb.allocationLength);
};

export const setTimestamp: Handler<PrimaryUnit, { readonly parameterListLength: number }> = async (
  unit,
  task,
  cdb,
) => {
  if (cdb.parameterListLength === 0) return;
  if (cdb.parameterListLength < 12) throw listLengthError();
  const list = await receiveParameters(task, cdb.parameterListLength);
  const { timestampChangeableOutside, scsiPrecedence } = unit.modePages.find(CONTROL_EXTENSION) ?? {
    timestampChangeableOutside: false,
    scsiPrecedence: true,
  };
  // SPC-5 7.5.12: our clock goes before the command when it may set the timestamp and SCSIP says so.
  if (timestampChangeableOutside && !scsiPrecedence) return;
  unit.timestamp.set(list.readUIntBE(4, 6));
  unit.raise(SENSE.timestampChanged, task.nexus);
};

// --- identifying information ---------------------------------------------------------------------------------------

/** INFORMATION TYPE: what the peripheral device or its logical unit is called by its owner (SPC-5 6.31). */
const informationTypes = {
  0b0000000: { name: 'identifying-information', bytesMax: identifyingInformationBytesMax },
  0b0000010: { name: 'identifying-text', bytesMax: identifyingTextBytesMax },
} as const;
const supportedTypes = 0b1111111;

interface ReportIdentifyingCdb {
  readonly informationType: number;
  readonly allocationLength: number;
}
export const reportIdentifyingInformation: Handler<PrimaryUnit, ReportIdentifyingCdb> = async (
  unit,
  task,
  cdb,
) => {
  const kind = kindOf(cdb.informationType);
  const body =
    kind === undefined ? typesList() : ((await unit.persistence.load(kind.name)) ?? Buffer.alloc(0));
  const header = Buffer.alloc(4);
  header.writeUInt16BE(body.length, 2);
  await answer(task, Buffer.concat([header, body]), cdb.allocationLength);
};
/** Four bytes a type: its code and the longest it may be (SPC-5 6.31). */
function typesList(): Buffer {
  return Buffer.concat(
    Object.entries(informationTypes).map(([type, { bytesMax }]) => {
      const descriptor = Buffer.alloc(4);
      descriptor[0] = Number(type) << 1;
      descriptor.writeUInt16BE(bytesMax, 2);
      return descriptor;
    }),
  );
}
/** Undefined: the list of types is asked for. Throws CheckCondition. */
function kindOf(type: number): { readonly name: string; readonly bytesMax: number } | undefined {
  if (type === supportedTypes) return undefined;
  const kind = (informationTypes as Readonly<Record<number, { name: string; bytesMax: number }>>)[type];
  if (kind === undefined) throw invalidCdbField(10, 7);
  return kind;
}

interface SetIdentifyingCdb {
  readonly informationType: number;
  readonly parameterListLength: number;
}
export const setIdentifyingInformation: Handler<PrimaryUnit, SetIdentifyingCdb> = async (unit, task, cdb) => {
  const kind = kindOf(cdb.informationType);
  if (kind === undefined) throw invalidCdbField(10, 7);
  if (cdb.parameterListLength > kind.bytesMax) throw invalidCdbField(6);
  const list = await receiveParameters(task, cdb.parameterListLength);
  // Text ends with a null (SPC-5 6.42).
  if (kind.name === 'identifying-text' && list.length > 0 && list.at(-1) !== 0)
    throw invalidParameter(list.length - 1);
  await unit.persistence.save(kind.name, list);
  unit.raise(SENSE.deviceIdentifierChanged, task.nexus);
};

// --- target port groups --------------------------------------------------------------------------------------------

interface PortGroupsCdb {
  readonly parameterDataFormat: number;
  readonly allocationLength: number;
}
export const reportTargetPortGroups: Handler<PrimaryUnit, PortGroupsCdb> = async (unit, task, cdb) => {
  if (cdb.parameterDataFormat > 1) throw invalidCdbField(1, 7);
  const ports = unit.targetPorts;
  const group = Buffer.alloc(8);
  group[0] = 0x00; // active/optimized, not preferred before another: there is no other
  group[1] = 0x01; // AO_SUP
  group.writeUInt16BE(targetPortGroup, 2);
  group[7] = Math.min(0xff, ports.length);
  const descriptors = ports.slice(0, 0xff).map(({ relativeTargetPort }) => {
    const descriptor = Buffer.alloc(4);
    descriptor.writeUInt16BE(relativeTargetPort, 2);
    return descriptor;
  });
  // Extended header: format type 001b, implicit transitions take no time (SPC-5 6.36).
  const header = cdb.parameterDataFormat === 1 ? Buffer.from([0, 0, 0, 0, 0x10, 0, 0, 0]) : Buffer.alloc(4);
  const data = Buffer.concat([header, group, ...descriptors]);
  data.writeUInt32BE(data.length - 4, 0);
  await answer(task, data, cdb.allocationLength);
};

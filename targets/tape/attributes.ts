/** READ ATTRIBUTE and WRITE ATTRIBUTE onto the medium auxiliary memory (SPC-5 6.18, 6.49 and 7.4). */
import {
  answer,
  CheckCondition,
  invalidCdbField,
  invalidParameter,
  listLengthError,
  receiveParameters,
  SENSE,
  type Task,
} from '#scsi';
import { type Attribute, type AttributeChange, type AttributeFormat, ATTRIBUTES, type Mam } from '#vtl';
import { bits, flag, record, u16, u32 } from '#wire';
import type { TapeUnit } from './tape-unit.js';

const FORMATS: readonly AttributeFormat[] = ['binary', 'ascii', 'text'];
/** ATTRIBUTE IDENTIFIER, READ ONLY and FORMAT, ATTRIBUTE LENGTH (SPC-5 7.4.1). */
const attributeHeader = record(5, {
  id: u16(0),
  readOnly: flag(2, 7),
  format: bits(2, 1, 0),
  length: u16(3),
});
const listHeader = record(4, { length: u32(0) });

export interface AttributeCdb {
  readonly logicalVolume: number;
  readonly partition: number;
}
export interface ReadAttributeCdb extends AttributeCdb {
  readonly firstAttribute: number;
  readonly allocationLength: number;
}

/** The MAM and the partition that the CDB means. One logical volume, number 0, is what a cartridge holds. */
function mamOf(unit: TapeUnit, { logicalVolume, partition }: AttributeCdb): Mam {
  const { mam } = unit.drive;
  if (mam === undefined) throw new CheckCondition(SENSE.mediumNotPresent);
  if (logicalVolume !== 0) throw invalidCdbField(5);
  if (partition >= mam.partitions) throw invalidCdbField(7);
  return mam;
}

/** All attributes from the first one on. That must exist, unless it is 0: then whatever is lowest begins. */
export function attributesFrom(all: readonly Attribute[], first: number): readonly Attribute[] {
  if (first !== 0 && !all.some(({ id }) => id === first)) throw invalidCdbField(8);
  return all.filter(({ id }) => id >= first);
}

export async function readValues(unit: TapeUnit, task: Task, cdb: ReadAttributeCdb): Promise<void> {
  const attributes = attributesFrom(mamOf(unit, cdb).attributes(cdb.partition), cdb.firstAttribute);
  await answerList(task, Buffer.concat(attributes.map(encodeAttribute)), cdb.allocationLength);
}
export const encodeAttribute = ({ id, readOnly, format, value }: Attribute): Buffer =>
  Buffer.concat([
    attributeHeader.encode({ id, readOnly, format: FORMATS.indexOf(format), length: value.length }),
    value,
  ]);

/** Lists are whole: FIRST ATTRIBUTE IDENTIFIER is for values. */
export async function readList(unit: TapeUnit, task: Task, cdb: ReadAttributeCdb): Promise<void> {
  const attributes = mamOf(unit, cdb).attributes(cdb.partition);
  await answerList(task, idList(attributes), cdb.allocationLength);
}
/** What could be there, with a value or not. */
export async function readSupported(unit: TapeUnit, task: Task, cdb: ReadAttributeCdb): Promise<void> {
  mamOf(unit, cdb);
  await answerList(task, idList(ATTRIBUTES), cdb.allocationLength);
}

export const idList = (attributes: readonly { readonly id: number }[]): Buffer => {
  const list = Buffer.alloc(2 * attributes.length);
  for (const [index, { id }] of attributes.entries()) list.writeUInt16BE(id, 2 * index);
  return list;
};
export async function answerList(task: Task, body: Buffer, allocationLength: number): Promise<void> {
  await answer(task, Buffer.concat([listHeader.encode({ length: body.length }), body]), allocationLength);
}

/** Available data, first number, how many (SPC-5 6.18). */
export async function readVolumes(unit: TapeUnit, task: Task, cdb: ReadAttributeCdb): Promise<void> {
  mamOf(unit, cdb);
  await answer(task, Buffer.from([0, 2, 0, 1]), cdb.allocationLength);
}
export async function readPartitions(unit: TapeUnit, task: Task, cdb: ReadAttributeCdb): Promise<void> {
  const { partitions } = mamOf(unit, { ...cdb, partition: 0 });
  await answer(task, Buffer.from([0, 2, 0, partitions]), cdb.allocationLength);
}

export async function writeAttributes(
  unit: TapeUnit,
  task: Task,
  cdb: AttributeCdb & { readonly parameterListLength: number },
): Promise<void> {
  mamOf(unit, cdb);
  const list = await receiveParameters(task, cdb.parameterListLength);
  if (list.length === 0) return;
  await unit.drive.writeAttributes(cdb.partition, parseAttributes(list));
}

/** PARAMETER DATA LENGTH and attributes in ascending order (SPC-5 6.49). */
function parseAttributes(list: Buffer): AttributeChange[] {
  if (list.length < listHeader.length) throw listLengthError();
  if (listHeader.decode(list).length + listHeader.length !== list.length) throw listLengthError();
  const changes: AttributeChange[] = [];
  let last = -1;
  for (let at = listHeader.length; at < list.length;) {
    if (at + attributeHeader.length > list.length) throw listLengthError();
    const { id, format, length } = attributeHeader.decode(list.subarray(at));
    const name = FORMATS[format];
    if (name === undefined) throw invalidParameter(at + 2);
    if (id <= last) throw invalidParameter(at);
    const begin = at + attributeHeader.length;
    if (begin + length > list.length) throw listLengthError();
    changes.push({ id, format: name, value: Buffer.from(list.subarray(begin, begin + length)) });
    last = id;
    at = begin + length;
  }
  return changes;
}

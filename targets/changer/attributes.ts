/** READ ATTRIBUTE of the cartridge in an element (SMC-3 6.10): what the library's reader of the memory chip sees. */
import { answer, CheckCondition, type Handler, invalidCdbField, SENSE } from '#scsi';
import { type Attribute, ATTRIBUTES } from '#vtl';
import { answerList, attributesFrom, encodeAttribute, idList } from '../tape/attributes.js';
import type { ChangerUnit } from './changer-unit.js';
import { ELEMENT_TYPE } from './element-status.js';
import { faulted } from './faults.table.js';

interface ReadAttributeCdb {
  readonly elementAddress: number;
  readonly elementTypeCode: number;
  readonly logicalVolume: number;
  readonly partition: number;
  readonly firstAttribute: number;
  readonly allocationLength: number;
}
type Of = Handler<ChangerUnit, ReadAttributeCdb>;

/** By partition. Throws. */
async function partitionsOf(
  unit: ChangerUnit,
  cdb: ReadAttributeCdb,
): Promise<readonly (readonly Attribute[])[]> {
  const ref = unit.addresses.refOf(cdb.elementAddress);
  if (ref === undefined)
    throw new CheckCondition(SENSE.invalidElementAddress, { field: { in: 'cdb', byte: 2 } });
  if (cdb.elementTypeCode !== 0 && cdb.elementTypeCode !== ELEMENT_TYPE[ref.kind])
    throw invalidCdbField(4, 3);
  if (cdb.logicalVolume !== 0) throw invalidCdbField(5);
  return await faulted(async () => await unit.library.readAttributes(ref));
}
async function attributesOf(unit: ChangerUnit, cdb: ReadAttributeCdb): Promise<readonly Attribute[]> {
  const attributes = (await partitionsOf(unit, cdb))[cdb.partition];
  if (attributes === undefined) throw invalidCdbField(7);
  return attributes;
}

export const readValues: Of = async (unit, task, cdb) => {
  const attributes = attributesFrom(await attributesOf(unit, cdb), cdb.firstAttribute);
  await answerList(task, Buffer.concat(attributes.map(encodeAttribute)), cdb.allocationLength);
};
export const readList: Of = async (unit, task, cdb) => {
  await answerList(task, idList(await attributesOf(unit, cdb)), cdb.allocationLength);
};
export const readSupported: Of = async (unit, task, cdb) => {
  await attributesOf(unit, cdb);
  await answerList(task, idList(ATTRIBUTES), cdb.allocationLength);
};
/** Available data, first number, how many. */
export const readVolumes: Of = async (unit, task, cdb) => {
  await partitionsOf(unit, cdb);
  await answer(task, Buffer.from([0, 2, 0, 1]), cdb.allocationLength);
};
export const readPartitions: Of = async (unit, task, cdb) => {
  const partitions = await partitionsOf(unit, cdb);
  await answer(task, Buffer.from([0, 2, 0, partitions.length]), cdb.allocationLength);
};

/** What a LUN without a unit answers (SPC-5 6.7.2 and 6.38, SAM-5 5.13). */
import { ownedSlab } from '#wire';
import { type CheckCondition, encodeDescriptor, encodeFixed } from './sense.js';
import { SENSE } from './sense.table.js';
import { STATUS, type Outcome, type Task } from './task.js';

const INQUIRY = 0x12;
const REQUEST_SENSE = 0x03;

/** INQUIRY says that nothing can be there, REQUEST SENSE says why; all else is refused, or refused with `refusal`. */
export async function absentUnitOutcome(task: Task, refusal?: CheckCondition): Promise<Outcome> {
  const notSupported = SENSE.logicalUnitNotSupported;
  if (refusal !== undefined)
    return { status: STATUS.checkCondition, sense: encodeFixed(refusal.sense, refusal.extras) };
  const evpdOrDescriptor = ((task.cdb[1] ?? 0) & 1) !== 0;
  if (task.cdb[0] === INQUIRY && !evpdOrDescriptor) {
    const data = Buffer.alloc(36);
    data[0] = 0x7f; // peripheral qualifier 011b, device type unknown
    data[2] = 0x07;
    data[3] = 0x02;
    data[4] = data.length - 5;
    data.fill(0x20, 8);
    return await answer(task, data, task.cdb.readUInt16BE(3));
  }
  if (task.cdb[0] === REQUEST_SENSE) {
    const encode = evpdOrDescriptor ? encodeDescriptor : encodeFixed;
    return await answer(task, encode(notSupported), task.cdb[4] ?? 0);
  }
  return { status: STATUS.checkCondition, sense: encodeFixed(notSupported) };
}

async function answer(task: Task, data: Buffer, allocationLength: number): Promise<Outcome> {
  await task.send(ownedSlab(data.subarray(0, allocationLength)));
  return { status: task.canceled ? undefined : STATUS.good };
}

/** Parameter data of a command: what a handler answers, and parameter lists it takes in (SPC-5 4.2.5.6 and 4.2.5.5). */
import { copyOf, ownedSlab } from '#wire';
import { parameterListBytesMax } from '../limits.js';
import { CheckCondition, type FieldPointer } from './sense.js';
import { SENSE } from './sense.table.js';
import type { Task } from './task.js';

/** Sends `data`, cut to the allocation length: truncation is not an error (SPC-5 4.2.5.6). */
export async function answer(task: Task, data: Buffer, allocationLength = data.length): Promise<void> {
  const part = data.subarray(0, allocationLength);
  if (part.length > 0) await task.send(ownedSlab(part));
}

/**
 * The parameter list of `length` bytes, in memory of its own. Throws CheckCondition when it is more than we take, or when
 * the initiator has less of it than its CDB says: a list cut short is never interpreted.
 */
export async function receiveParameters(task: Task, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  if (length > parameterListBytesMax) throw new CheckCondition(SENSE.parameterListLengthError);
  const slab = await task.receive(length);
  const list = copyOf(slab);
  slab.release();
  if (list.length < length) throw new CheckCondition(SENSE.parameterListLengthError);
  return list;
}

/** INVALID FIELD IN CDB at this byte, and bit where the field is part of one. */
export const invalidCdbField = (byte: number, bit?: number): CheckCondition =>
  new CheckCondition(SENSE.invalidFieldInCdb, { field: pointer('cdb', byte, bit) });

/** INVALID FIELD IN PARAMETER LIST at this byte of the list. */
export const invalidParameter = (byte: number, bit?: number): CheckCondition =>
  new CheckCondition(SENSE.invalidFieldInParameterList, { field: pointer('parameters', byte, bit) });

export const listLengthError = (): CheckCondition => new CheckCondition(SENSE.parameterListLengthError);

const pointer = (where: FieldPointer['in'], byte: number, bit: number | undefined): FieldPointer =>
  bit === undefined ? { in: where, byte } : { in: where, byte, bit };

/** Motion and places: REWIND, SPACE, LOCATE, READ POSITION, LOAD UNLOAD, PREVENT ALLOW MEDIUM REMOVAL (SSC-4 clauses 6 and 7). */
import { answer, CheckCondition, invalidCdbField, SENSE, type Task } from '#scsi';
import type { Destination, SpaceUnit } from '#vtl';
import { flag, record, u16, u24, u32, u64, u8 } from '#wire';
import { atEnd } from './reading.js';
import type { TapeUnit } from './tape-unit.js';

// --- SPACE ------------------------------------------------------------------------------------------------------------

const spaceUnits: Readonly<Record<number, SpaceUnit>> = {
  0: 'blocks',
  1: 'filemarks',
  2: 'sequential-filemarks',
  3: 'eod',
};

/** `count` is signed. The residue is told as a number without sign: |count| less what was passed. */
export async function space(unit: TapeUnit, code: number, count: number): Promise<void> {
  const what = spaceUnits[code];
  if (what === undefined) throw invalidCdbField(1, 3); // 4 and 5 were setmarks
  if (what !== 'eod' && count === 0) return;
  const { moved, stoppedBy } = await unit.drive.space(what, count);
  if (stoppedBy !== undefined) throw atEnd(stoppedBy, Math.abs(count) - moved);
}

/** COUNT of SPACE(6): 24 bits in two's complement. */
export const signed24 = (count: number): number => (count << 8) >> 8;
/** COUNT of SPACE(16). No partition has more than 2^53 objects, so what is larger goes as far as there is anything. */
export const signed64 = (count: bigint): number => safe(BigInt.asIntN(64, count));

const safeMax = BigInt(Number.MAX_SAFE_INTEGER);
/** A number of 64 bits, brought to where numbers are exact. */
export function safe(value: bigint): number {
  if (value > safeMax) return Number.MAX_SAFE_INTEGER;
  return value < -safeMax ? -Number.MAX_SAFE_INTEGER : Number(value);
}

// --- LOCATE -----------------------------------------------------------------------------------------------------------

const destinationType = { object: 0, file: 1, endOfData: 3 } as const;

export interface Locate16 {
  readonly destinationType: number;
  readonly changePartition: boolean;
  readonly partition: number;
  readonly logicalIdentifier: bigint;
}

export function destinationOf({ destinationType: type, logicalIdentifier }: Locate16): Destination {
  switch (type) {
    case destinationType.object:
      return { object: safe(logicalIdentifier) };
    case destinationType.file:
      return { file: safe(logicalIdentifier) };
    case destinationType.endOfData:
      return { eod: true };
    default:
      throw invalidCdbField(1, 4);
  }
}

/** `partitionByte` is where the CDB has the partition. */
export async function locate(
  unit: TapeUnit,
  to: Destination,
  partition: number | undefined,
  partitionByte: number,
): Promise<void> {
  if (partition !== undefined && partition >= unit.drive.partitions.length)
    throw invalidCdbField(partitionByte);
  await unit.drive.locate(partition === undefined ? to : { ...to, partition });
}

/** Explicit address commands name their place: go there unless the drive stands there (SSC-4 clause 5). */
export async function standAt(unit: TapeUnit, partition: number, logicalObject: bigint): Promise<void> {
  if (partition >= unit.drive.partitions.length) throw invalidCdbField(3);
  const object = safe(logicalObject);
  const now = unit.drive.position;
  if (now.partition === partition && now.object === object) return;
  await unit.drive.locate({ partition, object });
}

// --- READ POSITION ----------------------------------------------------------------------------------------------------

const shortForm = record(20, {
  bop: flag(0, 7),
  eop: flag(0, 6),
  objectCountUnknown: flag(0, 5),
  byteCountUnknown: flag(0, 4),
  locationUnknown: flag(0, 2),
  error: flag(0, 1),
  beyondProgrammableWarning: flag(0, 0),
  partition: u8(1),
  first: u32(4),
  last: u32(8),
  objectsInBuffer: u24(13),
  bytesInBuffer: u32(16),
});
const longForm = record(32, {
  bop: flag(0, 7),
  eop: flag(0, 6),
  marksUnknown: flag(0, 3),
  locationUnknown: flag(0, 2),
  beyondProgrammableWarning: flag(0, 0),
  partition: u32(4),
  object: u64(8),
  file: u64(16),
});
const extendedForm = record(32, {
  bop: flag(0, 7),
  eop: flag(0, 6),
  objectCountUnknown: flag(0, 5),
  byteCountUnknown: flag(0, 4),
  locationUnknown: flag(0, 2),
  error: flag(0, 1),
  beyondProgrammableWarning: flag(0, 0),
  partition: u8(1),
  additionalLength: u16(2),
  objectsInBuffer: u24(5),
  first: u64(8),
  last: u64(16),
  bytesInBuffer: u64(24),
});

/** What the drive accepted is where the next object goes, so first and last place are one and the buffer counts none. */
export async function readPositionShort(unit: TapeUnit, task: Task): Promise<void> {
  const { partition, object, bop, earlyWarning, programmableEarlyWarning } = unit.drive.position;
  const fits = object <= 0xffff_ffff; // else PERR: the place does not fit the form (SSC-4 7.7.2)
  const place = fits ? object : 0xffff_ffff;
  const data = shortForm.encode({
    bop,
    eop: earlyWarning,
    objectCountUnknown: false,
    byteCountUnknown: false,
    locationUnknown: false,
    error: !fits,
    beyondProgrammableWarning: programmableEarlyWarning,
    partition,
    first: place,
    last: place,
    objectsInBuffer: 0,
    bytesInBuffer: 0,
  });
  await answer(task, data);
}

export async function readPositionLong(unit: TapeUnit, task: Task): Promise<void> {
  const { partition, object, file, bop, earlyWarning, programmableEarlyWarning } = unit.drive.position;
  const data = longForm.encode({
    bop,
    eop: earlyWarning,
    marksUnknown: false,
    locationUnknown: false,
    beyondProgrammableWarning: programmableEarlyWarning,
    partition,
    object: BigInt(object),
    file: BigInt(file),
  });
  await answer(task, data);
}

export async function readPositionExtended(
  unit: TapeUnit,
  task: Task,
  allocationLength: number,
): Promise<void> {
  const { partition, object, bop, earlyWarning, programmableEarlyWarning } = unit.drive.position;
  const data = extendedForm.encode({
    bop,
    eop: earlyWarning,
    objectCountUnknown: false,
    byteCountUnknown: false,
    locationUnknown: false,
    error: false,
    beyondProgrammableWarning: programmableEarlyWarning,
    partition,
    additionalLength: extendedForm.length - 4,
    objectsInBuffer: 0,
    first: BigInt(object),
    last: BigInt(object),
    bytesInBuffer: 0n,
  });
  await answer(task, data, allocationLength);
}

// --- LOAD UNLOAD, PREVENT ALLOW -------------------------------------------------------------------------------------------

export interface LoadUnload {
  readonly hold: boolean;
  readonly endOfTape: boolean;
  readonly load: boolean;
}

/**
 * RETEN asks for a tension that our tape never loses. HOLD keeps the medium in the bay unthreaded, where only LOAD brings it
 * back; without HOLD an unloaded medium counts as gone for TEST UNIT READY, as LTO drives have it.
 */
export async function loadUnload(
  unit: TapeUnit,
  task: Task,
  { hold, endOfTape, load }: LoadUnload,
): Promise<void> {
  if (load && endOfTape) throw invalidCdbField(4, 2);
  const { drive } = unit;
  if (drive.state === 'empty') throw new CheckCondition(SENSE.mediumNotPresent);
  if (load && !hold) {
    await drive.load();
    unit.checkReady(task);
    return;
  }
  // LOAD with HOLD brings a medium that is on its way in to the hold position: unthreaded, in the bay (SSC-4 7.3).
  try {
    if (drive.state !== 'unloaded') await drive.unload();
  } finally {
    if (drive.state === 'unloaded') unit.setHeld(hold);
  }
}

export function preventAllow(unit: TapeUnit, task: Task, prevent: number): void {
  if (prevent > 1) throw invalidCdbField(4, 1); // 2 and 3 are obsolete
  unit.prevent(task.nexus, prevent === 1);
}

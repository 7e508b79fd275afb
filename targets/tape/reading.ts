/**
 * READ, READ REVERSE and VERIFY (SSC-4 5.3 to 5.5 and 6.4, 6.5, 6.7): fixed and variable blocks, incorrect lengths, residues.
 *
 * Blocks go out one by one as the drive gives them; a CDB's length allocates nothing (P3). INFORMATION is the number of
 * bytes (variable) or blocks (fixed) asked for less what was read, the block of a wrong length not counted.
 */
import { CanceledError } from '#errors';
import { CheckCondition, invalidCdbField, SENSE, type Task } from '#scsi';
import type { Slab } from '#wire';
import { DEVICE_CONFIGURATION } from './mode-pages.table.js';
import { extraBytes, type Method, protect, protectionOf } from './protection.js';
import { translated } from './faults.js';
import { cut, Gatherer, reversed, sameBytes, tail } from './slabs.js';
import type { TapeUnit } from './tape-unit.js';

export interface Transfer {
  readonly fixed: boolean;
  readonly transferLength: number;
}
export interface ReadTransfer extends Transfer {
  readonly sili: boolean;
}
export interface ReverseTransfer extends ReadTransfer {
  readonly byteOrder: boolean;
}

type End = 'filemark' | 'eod' | 'bop';
type Found = { readonly kind: 'record'; readonly record: Slab } | { readonly kind: End };
/** The next object, and how its block goes to the initiator. */
interface Direction {
  readonly next: () => Promise<Found>;
  readonly part: (block: Slab, length: number) => Promise<Slab>;
}

// --- READ, READ REVERSE -------------------------------------------------------------------------------------------

export async function read(unit: TapeUnit, task: Task, cdb: ReadTransfer): Promise<void> {
  const method = protectionOf(unit).read;
  await readWith(unit, task, cdb, method, {
    next: async () => await unit.drive.readRecord(),
    part: async (block, length) => await Promise.resolve(cut(block, length)),
  });
}

/** BYTORD = 0 sends the bytes of each block last byte first; 1 as a forward read would (SSC-4 5.4). */
export async function readReverse(unit: TapeUnit, task: Task, cdb: ReverseTransfer): Promise<void> {
  const method = protectionOf(unit).read;
  await readWith(unit, task, cdb, method, {
    next: async () => await unit.drive.readReverse(),
    part: async (block, length) =>
      cdb.byteOrder ? tail(block, length) : await reversed(unit.pool, tail(block, length)),
  });
}

async function readWith(
  unit: TapeUnit,
  task: Task,
  cdb: ReadTransfer,
  method: Method,
  direction: Direction,
): Promise<void> {
  checkTransfer(unit, cdb);
  if (cdb.fixed && cdb.sili) throw invalidCdbField(1, 1);
  if (cdb.transferLength === 0) return;
  unit.useEncryption(task.nexus);
  if (cdb.fixed) await readFixed(unit, task, cdb.transferLength, method, direction);
  else await readVariable(unit, task, cdb, method, direction);
  const { reportEarlyWarning } = unit.modePages.value(DEVICE_CONFIGURATION);
  if (reportEarlyWarning && unit.drive.position.earlyWarning) {
    throw new CheckCondition(SENSE.endOfPartitionDetected, { eom: true, information: 0 });
  }
}

async function readVariable(
  unit: TapeUnit,
  task: Task,
  cdb: ReadTransfer,
  method: Method,
  { next, part }: Direction,
): Promise<void> {
  const wanted = cdb.transferLength;
  const found = await objectFrom(next, wanted);
  if (found.kind !== 'record') throw atEnd(found.kind, wanted);
  const block = protect(found.record, method);
  const residue = wanted - block.length;
  await task.send(await part(block, Math.min(wanted, block.length)));
  // SILI = 1: only overlength, and only in fixed-block mode, is reported (SSC-4 6.4).
  const incorrect = cdb.sili ? residue < 0 && unit.blockLength !== 0 : residue !== 0;
  if (incorrect) throw new CheckCondition(SENSE.noAdditionalSense, { ili: true, information: residue });
}

async function readFixed(
  unit: TapeUnit,
  task: Task,
  count: number,
  method: Method,
  { next, part }: Direction,
): Promise<void> {
  const gatherer = new Gatherer(unit.pool, async (slab) => await task.send(slab));
  try {
    for (let left = count; left > 0; left--) {
      const block = await nextFixed(unit, method, next, left).catch(async (error: unknown) => {
        await gatherer.flush(); // what was read before goes out with the refusal
        throw error;
      });
      await gatherer.add(await part(block, block.length));
    }
    await gatherer.flush();
  } finally {
    gatherer.discard();
  }
}

/** The next block of the fixed length; throws what ends the command. */
async function nextFixed(
  unit: TapeUnit,
  method: Method,
  next: Direction['next'],
  left: number,
): Promise<Slab> {
  const found = await objectFrom(next, left);
  if (found.kind !== 'record') throw atEnd(found.kind, left);
  if (found.record.length + extraBytes(method) !== unit.blockLength) {
    found.record.release();
    throw new CheckCondition(SENSE.noAdditionalSense, { ili: true, information: left });
  }
  return protect(found.record, method);
}

async function objectFrom(next: Direction['next'], residue: number): Promise<Found> {
  try {
    return await next();
  } catch (error) {
    throw translated(error, residue);
  }
}

/** Filemark: NO SENSE and FM. End of data: BLANK CHECK. Beginning: NO SENSE and EOM. The residue with each. */
export function atEnd(kind: End, residue: number): CheckCondition {
  switch (kind) {
    case 'filemark':
      return new CheckCondition(SENSE.filemarkDetected, { filemark: true, information: residue });
    case 'eod':
      return new CheckCondition(SENSE.endOfData, { information: residue });
    case 'bop':
      return new CheckCondition(SENSE.beginningOfPartitionDetected, { eom: true, information: residue });
  }
}

/** FIXED needs a block length in the mode parameters (SSC-4 6.4). */
export function checkTransfer(unit: TapeUnit, { fixed }: Transfer): void {
  if (fixed && unit.blockLength === 0) throw invalidCdbField(1, 0);
}

// --- VERIFY ---------------------------------------------------------------------------------------------------------

export interface Verification {
  readonly verifyToEnd: boolean;
  readonly verifyByFilemarks: boolean;
  readonly byteCompare: boolean;
  readonly fixed: boolean;
  readonly verificationLength: number;
}

/** The checksums of the store verify each record as it is read; byte compare adds the initiator's data. */
export async function verify(unit: TapeUnit, task: Task, cdb: Verification): Promise<void> {
  const length = cdb.verificationLength;
  if (cdb.byteCompare && (cdb.verifyToEnd || cdb.verifyByFilemarks)) throw invalidCdbField(1, 1);
  if (cdb.verifyToEnd && cdb.verifyByFilemarks) throw invalidCdbField(1, 5);
  unit.useEncryption(task.nexus);
  if (cdb.verifyToEnd) return await verifyFilemarks(unit, task, Number.POSITIVE_INFINITY);
  if (cdb.verifyByFilemarks) return await verifyFilemarks(unit, task, length);
  checkTransfer(unit, { fixed: cdb.fixed, transferLength: length });
  if (length === 0) return;
  const blockBytes = cdb.fixed ? unit.blockLength : length;
  const count = cdb.fixed ? length : 1;
  for (let left = count; left > 0; left--) {
    await verifyBlock(unit, task, cdb, blockBytes, left);
    await breathe(unit, task, left);
  }
}
/** Objects after which others get a turn of the processor; a command can name a whole tape. */
const breathAfter = 1024;

/** For work that neither sends nor receives: aborts are heard here. Throws CanceledError. */
async function breathe(unit: TapeUnit, task: Task, done: number): Promise<void> {
  if (task.canceled) throw new CanceledError();
  if (done % breathAfter === 0) await unit.env.clock.sleep(0);
}

async function verifyBlock(
  unit: TapeUnit,
  task: Task,
  { fixed, byteCompare }: Verification,
  blockBytes: number,
  left: number,
): Promise<void> {
  const residue = fixed ? left : blockBytes;
  const found = await objectFrom(async () => await unit.drive.readRecord(), residue);
  if (found.kind !== 'record') throw atEnd(found.kind, residue);
  const { record } = found;
  try {
    const sent = byteCompare ? await task.receive(blockBytes) : undefined;
    const equal = sent === undefined || record.length !== blockBytes || sameBytes(sent, record);
    sent?.release();
    if (!equal) throw new CheckCondition(SENSE.miscompareDuringVerify, { information: residue });
    if (record.length !== blockBytes) {
      const information = fixed ? left : blockBytes - record.length;
      throw new CheckCondition(SENSE.noAdditionalSense, { ili: true, information });
    }
  } finally {
    record.release();
  }
}

/** Verifies up to and over `count` filemarks; without end: up to the end of data, which is no error then (VTE). */
async function verifyFilemarks(unit: TapeUnit, task: Task, count: number): Promise<void> {
  let done = 0;
  for (let left = count; left > 0;) {
    await breathe(unit, task, ++done);
    const found = await objectFrom(async () => await unit.drive.readRecord(), left);
    if (found.kind === 'record') found.record.release();
    else if (found.kind === 'filemark') left -= 1;
    else if (left === Number.POSITIVE_INFINITY) return;
    else throw atEnd(found.kind, left);
  }
}

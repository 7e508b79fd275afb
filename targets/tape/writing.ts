/**
 * WRITE and WRITE FILEMARKS (SSC-4 5.6, 5.7, 6.8, 6.9): fixed and variable blocks, buffering, early warning, end of partition.
 *
 * A block is handed to the drive when all of it is here. Early warning is reported with everything written and a residue of
 * zero; at the end of the partition the residue is what was not written.
 */
import { CanceledError } from '#errors';
import { CheckCondition, invalidCdbField, SENSE, type Task } from '#scsi';
import { DriveError, type WriteResult } from '#vtl';
import type { Slab } from '#wire';
import { WRITE_16, WRITE_6 } from './commands.table.js';
import { translated } from './faults.js';
import { DEVICE_CONFIGURATION } from './mode-pages.table.js';
import { extraBytes, type Method, protectionOf, unprotect } from './protection.js';
import { checkTransfer, type Transfer } from './reading.js';
import { parts } from './slabs.js';
import type { TapeUnit } from './tape-unit.js';

export function write(unit: TapeUnit, task: Task, cdb: Transfer): Promise<void> | undefined {
  checkTransfer(unit, cdb);
  if (cdb.transferLength === 0) return undefined;
  const blockBytes = cdb.fixed ? unit.blockLength : cdb.transferLength;
  const count = cdb.fixed ? cdb.transferLength : 1;
  const method = protectionOf(unit).write;
  if (blockBytes <= extraBytes(method)) throw invalidCdbField(2); // no block is left when its protection is taken off
  // Less data than the CDB says would end in a short block on the medium, which nobody asked for.
  if (task.expectedOut < count * blockBytes) throw invalidCdbField(2);
  unit.useEncryption(task.nexus);
  const wasEarly = unit.drive.inEarlyWarning;
  if (count > 1) return writeBlocks(unit, task, { count, blockBytes, fixed: cdb.fixed, method, wasEarly });
  const slab = task.receive(blockBytes);
  const residue = cdb.fixed ? 1 : blockBytes;
  if (slab instanceof Promise) return writeSoon(unit, slab, blockBytes, method, residue, wasEarly);
  const result = writeBlock(unit, slab, blockBytes, method, residue);
  return result instanceof Promise ? settleAfter(unit, result, wasEarly) : settle(unit, result, wasEarly);
}
/** The only block of a command, when it is here. */
async function writeSoon(
  unit: TapeUnit,
  slab: Promise<Slab>,
  blockBytes: number,
  method: Method,
  residue: number,
  wasEarly: boolean,
): Promise<void> {
  const result = writeBlock(unit, await slab, blockBytes, method, residue);
  await settle(unit, result instanceof Promise ? await result : result, wasEarly);
}
/** Takes the block over, of which all must be here. Throws, or rejects with, CheckCondition. */
function writeBlock(
  unit: TapeUnit,
  block: Slab,
  blockBytes: number,
  method: Method,
  residue: number,
): WriteResult | Promise<WriteResult> {
  checkIsWhole(block, blockBytes, residue);
  try {
    const result = unit.drive.writeRecord(unprotect(block, method, residue));
    return result instanceof Promise ? translatedLater(result, residue) : result;
  } catch (error) {
    throw translated(error, residue);
  }
}
function checkIsWhole(slab: Slab, bytes: number, residue: number): void {
  if (slab.length >= bytes) return;
  slab.release();
  throw new CheckCondition(SENSE.dataPhaseError, { information: residue });
}
async function translatedLater(result: Promise<WriteResult>, residue: number): Promise<WriteResult> {
  try {
    return await result;
  } catch (error) {
    throw translated(error, residue);
  }
}

/** Blocks that are written as they come, where the drive wants them; what will be refused has no place among them. */
export function landing(unit: TapeUnit, { cdb, nexus }: Task, bytes: number): Slab | undefined {
  const row = unit.commands.find(cdb[0] ?? 0, cdb[1] ?? 0)?.row;
  const isPlain = (row === WRITE_6 || row === WRITE_16) && protectionOf(unit).write === 'none';
  if (!isPlain || unit.reservations.conflicts(nexus, row, undefined)) return undefined;
  return unit.drive.landing(bytes);
}

interface Blocks {
  readonly count: number;
  readonly blockBytes: number;
  readonly fixed: boolean;
  readonly method: Method;
  readonly wasEarly: boolean;
}

/** As many at once as fit a block of the pool. */
async function writeBlocks(unit: TapeUnit, task: Task, blocks: Blocks): Promise<void> {
  const { count, blockBytes, fixed, wasEarly } = blocks;
  const blocksAtOnce = Math.max(1, Math.floor(unit.pool.blockBytes / blockBytes));
  let result: WriteResult = { earlyWarning: false, programmableEarlyWarning: false };
  for (let left = count; left > 0;) {
    const now = Math.min(left, blocksAtOnce);
    const slab = await task.receive(now * blockBytes);
    checkIsWhole(slab, now * blockBytes, fixed ? left : blockBytes);
    const written = await writeParts(unit, parts(slab, blockBytes), blocks, left);
    result = both(result, written);
    left -= now;
  }
  await settle(unit, result, wasEarly);
}

/** Writes each part; on a failure those not handed over are released here. */
async function writeParts(
  unit: TapeUnit,
  list: readonly Slab[],
  { blockBytes, fixed, method }: Blocks,
  left: number,
): Promise<WriteResult> {
  let result: WriteResult = { earlyWarning: false, programmableEarlyWarning: false };
  for (const [index, part] of list.entries()) {
    const residue = fixed ? left - index : blockBytes;
    try {
      result = both(result, await writeBlock(unit, part, blockBytes, method, residue));
    } catch (error) {
      for (const other of list.slice(index + 1)) other.release();
      throw error;
    }
  }
  return result;
}

const both = (a: WriteResult, b: WriteResult): WriteResult => ({
  earlyWarning: a.earlyWarning || b.earlyWarning,
  programmableEarlyWarning: a.programmableEarlyWarning || b.programmableEarlyWarning,
});

/** After a write: what is not buffered becomes durable, then the warnings (SSC-4 4.2, early warning). */
function settle(unit: TapeUnit, result: WriteResult, wasEarly: boolean): Promise<void> | undefined {
  const entered = result.earlyWarning && !wasEarly;
  const { synchronizeAtEarlyWarning } = unit.modePages.setting(DEVICE_CONFIGURATION);
  if (unit.bufferedMode === 0 || (entered && synchronizeAtEarlyWarning))
    return unit.drive.synchronize().then(() => warn(result));
  warn(result);
  return undefined;
}
async function settleAfter(unit: TapeUnit, result: Promise<WriteResult>, wasEarly: boolean): Promise<void> {
  await settle(unit, await result, wasEarly);
}
function warn(result: WriteResult): void {
  if (result.earlyWarning) {
    throw new CheckCondition(SENSE.endOfPartitionDetected, { eom: true, information: 0 });
  }
  if (result.programmableEarlyWarning) {
    throw new CheckCondition(SENSE.programmableEarlyWarningDetected, { eom: true, information: 0 });
  }
}

const filemarksAtOnce = 4096;

export interface Filemarks {
  readonly immediate: boolean;
  readonly filemarkCount: number;
}

/** A count of zero writes nothing: with IMMED = 0 it is the command that makes everything before it durable. */
export async function writeFilemarks(
  unit: TapeUnit,
  task: Task,
  { immediate, filemarkCount }: Filemarks,
): Promise<void> {
  if (filemarkCount === 0) {
    if (!immediate) await unit.drive.synchronize();
    return;
  }
  unit.checkWritable(task);
  const before = unit.drive.inEarlyWarning;
  let result: WriteResult = { earlyWarning: false, programmableEarlyWarning: false };
  // A CDB may ask for 16 million: in pieces, so that it can be aborted and shutting down does not wait for it.
  for (let left = filemarkCount; left > 0; left -= filemarksAtOnce) {
    if (task.canceled) throw new CanceledError();
    const count = Math.min(left, filemarksAtOnce);
    try {
      result = both(result, await unit.drive.writeFilemarks(count, { immediate: true }));
    } catch (error) {
      const unwritten = error instanceof DriveError ? error.facts['residue'] : undefined;
      throw translated(error, typeof unwritten === 'number' ? left - count + unwritten : left);
    }
  }
  if (!immediate) await unit.drive.synchronize();
  await settle(unit, result, before);
}

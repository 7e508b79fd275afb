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

export async function write(unit: TapeUnit, task: Task, cdb: Transfer): Promise<void> {
  checkTransfer(unit, cdb);
  if (cdb.transferLength === 0) return;
  const blockBytes = cdb.fixed ? unit.blockLength : cdb.transferLength;
  const count = cdb.fixed ? cdb.transferLength : 1;
  const method = protectionOf(unit).write;
  if (blockBytes <= extraBytes(method)) throw invalidCdbField(2); // no block is left when its protection is taken off
  // Less data than the CDB says would end in a short block on the medium, which nobody asked for.
  if (task.expectedOut < count * blockBytes) throw invalidCdbField(2);
  unit.useEncryption(task.nexus);
  const before = unit.drive.position.earlyWarning;
  const result = await writeBlocks(unit, task, { count, blockBytes, fixed: cdb.fixed, method });
  await settle(unit, result, before);
}

/** Blocks that are written as they come, where the drive wants them. */
export function landing(unit: TapeUnit, { cdb }: Task, bytes: number): Slab | undefined {
  const row = unit.commands.find(cdb[0] ?? 0, cdb[1] ?? 0)?.row;
  const isPlain = (row === WRITE_6 || row === WRITE_16) && protectionOf(unit).write === 'none';
  return isPlain ? unit.drive.landing(bytes) : undefined;
}

interface Blocks {
  readonly count: number;
  readonly blockBytes: number;
  readonly fixed: boolean;
  readonly method: Method;
}

async function writeBlocks(unit: TapeUnit, task: Task, blocks: Blocks): Promise<WriteResult> {
  const { count, blockBytes, fixed } = blocks;
  const blocksAtOnce = Math.max(1, Math.floor(unit.pool.blockBytes / blockBytes));
  let result: WriteResult = { earlyWarning: false, programmableEarlyWarning: false };
  for (let left = count; left > 0;) {
    const now = Math.min(left, blocksAtOnce);
    const slab = await task.receive(now * blockBytes);
    if (slab.length < now * blockBytes) {
      slab.release();
      throw new CheckCondition(SENSE.dataPhaseError, { information: fixed ? left : blockBytes });
    }
    const written = await writeParts(unit, parts(slab, blockBytes), blocks, left);
    result = both(result, written);
    left -= now;
  }
  return result;
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
      result = both(result, await unit.drive.writeRecord(unprotect(part, method, residue)));
    } catch (error) {
      for (const other of list.slice(index + 1)) other.release();
      throw translated(error, residue);
    }
  }
  return result;
}

const both = (a: WriteResult, b: WriteResult): WriteResult => ({
  earlyWarning: a.earlyWarning || b.earlyWarning,
  programmableEarlyWarning: a.programmableEarlyWarning || b.programmableEarlyWarning,
});

/** After a write: what is not buffered becomes durable, then the warnings (SSC-4 4.2, early warning). */
async function settle(unit: TapeUnit, result: WriteResult, wasEarly: boolean): Promise<void> {
  const { synchronizeAtEarlyWarning } = unit.modePages.value(DEVICE_CONFIGURATION);
  const entered = result.earlyWarning && !wasEarly;
  if (unit.bufferedMode === 0 || (entered && synchronizeAtEarlyWarning)) await unit.drive.synchronize();
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
  const before = unit.drive.position.earlyWarning;
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

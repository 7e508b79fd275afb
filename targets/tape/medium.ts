/** The medium as a whole: ERASE, FORMAT MEDIUM, SET CAPACITY, ALLOW OVERWRITE, and what is asked about it (SSC-4 clause 7). */
import { recordBytesMax } from '#limits';
import { answer, CheckCondition, invalidCdbField, SENSE, type Task } from '#scsi';
import { record, u16, u24, u64, u8 } from '#wire';
import { densityReport, mediumTypeReport } from './density.js';
import { DEVICE_CONFIGURATION_EXTENSION, MEDIUM_PARTITION } from './mode-pages.table.js';
import { safe } from './motion.js';
import { partitionCapacities } from './partitions.js';
import type { TapeUnit } from './tape-unit.js';

/** SHORT ERASE MODE 01h makes a short erase do nothing; else it ends the data here, as a long one does (SSC-4 8.3.8). */
export async function erase(unit: TapeUnit, long: boolean): Promise<void> {
  const mode = unit.modePages.find(DEVICE_CONFIGURATION_EXTENSION)?.shortEraseMode ?? 2;
  if (!long && mode === 1) return;
  await unit.drive.erase(long);
}

const formats = { default: 0, partition: 1, defaultThenPartition: 2 } as const;

/** FORMAT 0: one partition; 1 and 2: as the Medium Partition mode page has it (SSC-4 7.2). */
export async function formatMedium(
  unit: TapeUnit,
  cdb: { readonly format: number; readonly transferLength: number },
): Promise<void> {
  if (cdb.format > formats.defaultThenPartition) throw invalidCdbField(2, 3);
  if (cdb.transferLength !== 0) throw invalidCdbField(3);
  const { partition, object } = unit.drive.position;
  if (partition !== 0 || object !== 0) throw new CheckCondition(SENSE.positionPastBeginningOfMedium);
  const capacityBytes = unit.drive.availableBytes;
  const asked = cdb.format === formats.default ? undefined : unit.modePages.value(MEDIUM_PARTITION);
  const capacities = partitionCapacities(capacityBytes, asked);
  if (capacities === undefined) throw new CheckCondition(SENSE.formatCommandFailed);
  await unit.drive.format(capacities);
  unit.showPartitions();
}

export async function setCapacity(unit: TapeUnit, proportion: number): Promise<void> {
  await unit.drive.setCapacity(proportion);
  unit.showPartitions();
}

const allow = { no: 0, currentPosition: 1, format: 2 } as const;

export function allowOverwrite(
  unit: TapeUnit,
  cdb: { readonly allowOverwrite: number; readonly partition: number; readonly logicalObject: bigint },
): void {
  const { drive } = unit;
  if (!drive.appendOnly) throw new CheckCondition(SENSE.illegalWhenNotAppendOnly);
  switch (cdb.allowOverwrite) {
    case allow.no:
      drive.allowOverwrite('no');
      return;
    case allow.currentPosition: {
      const object = safe(cdb.logicalObject);
      const now = drive.position;
      if (now.partition !== cdb.partition || now.object !== object) {
        drive.allowOverwrite('no');
        throw new CheckCondition(SENSE.sequentialPositioningError);
      }
      drive.allowOverwrite({ partition: cdb.partition, object });
      return;
    }
    case allow.format:
      drive.allowOverwrite('format');
      return;
    default:
      throw invalidCdbField(2, 3);
  }
}

const blockLimits = record(6, { granularity: u8(0), largest: u24(1), smallest: u16(4) });
const objectLimit = record(20, { largest: u64(12) });

export async function readBlockLimits(task: Task, maximumLogicalObject: boolean): Promise<void> {
  const data = maximumLogicalObject
    ? objectLimit.encode({ largest: BigInt(Number.MAX_SAFE_INTEGER) })
    : blockLimits.encode({ granularity: 0, largest: recordBytesMax, smallest: 1 });
  await answer(task, data);
}

export async function reportDensitySupport(
  unit: TapeUnit,
  task: Task,
  cdb: { readonly mediumType: boolean; readonly media: boolean; readonly allocationLength: number },
): Promise<void> {
  if (cdb.media) unit.checkReady(task);
  const mounted = cdb.media ? unit.drive.cartridge : undefined;
  const report = cdb.mediumType ? mediumTypeReport : densityReport;
  await answer(task, report(unit.personality, mounted), cdb.allocationLength);
}

/** MEDIA SERIAL NUMBER LENGTH, then the number, padded to a multiple of four bytes. */
export async function readMediaSerialNumber(
  unit: TapeUnit,
  task: Task,
  allocationLength: number,
): Promise<void> {
  const serialNumber = 0x0401;
  const text = unit.drive.mam?.attribute(serialNumber, 0)?.value.toString('latin1').trimEnd() ?? '';
  const bytes = Buffer.alloc(Math.ceil(text.length / 4) * 4);
  bytes.write(text, 'latin1');
  const header = Buffer.alloc(4);
  header.writeUInt32BE(bytes.length);
  await answer(task, Buffer.concat([header, bytes]), allocationLength);
}

/**
 * Log pages of tape drives (SSC-4 8.2, SPC-5 7.3; IBM and HP LTO SCSI references for pages 30h to 37h). Counters are those of
 * the drive and of the volume; what our machine cannot have (retries, corrected errors, heat) is a constant of its row.
 */
import { type CounterParameter, logPage, type LogPage, type LogParameter } from '#scsi';
import type { PartitionView, Traffic } from '#vtl';
import { deviceStatus } from './device-status.js';
import type { DrivePersonality } from './personality.js';
import { tapeAlertFlags } from './tape-alert.js';
import type { TapeUnit } from './tape-unit.js';

type Parameter = LogParameter<TapeUnit>;
type Total = (unit: TapeUnit) => number;

const MB = 1e6;
const megabytes = (bytes: number): number => Math.floor(bytes / MB);

/** A counter that LOG SELECT may begin anew. */
const counted = (
  page: number,
  code: number,
  name: string,
  length: number,
  total: Total,
): CounterParameter<TapeUnit> => ({
  kind: 'counter',
  code,
  name,
  length,
  value: (unit) => unit.counterBases.since(`${page}/${code}`, total(unit)),
  reset: (unit) => unit.counterBases.reset(`${page}/${code}`, total(unit)),
});
/** A number that is what it is. */
const number = (
  code: number,
  name: string,
  length: number,
  value: (unit: TapeUnit) => number | bigint,
): Parameter => ({
  kind: 'binary',
  code,
  name,
  length,
  value,
});
const constant = (code: number, name: string, length: number, value = 0): Parameter =>
  number(code, name, length, () => value);
const text = (code: number, name: string, value: (unit: TapeUnit) => string, length?: number): Parameter => ({
  kind: 'ascii',
  code,
  name,
  value,
  ...(length === undefined ? {} : { length }),
});
const bytes = (code: number, name: string, value: (unit: TapeUnit) => Buffer): Parameter => ({
  kind: 'binary',
  code,
  name,
  value,
});

const drive =
  (name: keyof Traffic): Total =>
  (unit) =>
    unit.drive.counters[name];
const load =
  (name: keyof Traffic): Total =>
  (unit) =>
    unit.drive.counters.sinceLoad[name];
const life =
  (name: keyof Traffic): Total =>
  (unit) =>
    unit.drive.volumeStatistics?.life[name] ?? 0;
const lastLoad =
  (name: keyof Traffic): Total =>
  (unit) =>
    unit.drive.volumeStatistics?.lastLoad[name] ?? 0;
const volumeLoads: Total = (unit) => unit.drive.volumeStatistics?.loads ?? 0;
const none: Total = () => 0;

/** Data sets are what LTO writes to tape: about 2.5 MB each in the generations that we make. */
const dataSetBytes = 2_500_000;
const dataSets =
  (total: Total): Total =>
  (unit) =>
    Math.ceil(total(unit) / dataSetBytes);

// --- errors ---------------------------------------------------------------------------------------------------------------

function errorCounters(page: number, processed: Total, uncorrected: Total): Parameter[] {
  return [
    counted(page, 0x0000, 'Errors corrected without substantial delay', 4, none),
    counted(page, 0x0001, 'Errors corrected with possible delays', 4, none),
    counted(page, 0x0002, 'Total rewrites or rereads', 4, none),
    counted(page, 0x0003, 'Total errors corrected', 4, none),
    counted(page, 0x0004, 'Total times correction algorithm processed', 4, none),
    counted(page, 0x0005, 'Total bytes processed', 8, processed),
    counted(page, 0x0006, 'Total uncorrected errors', 4, uncorrected),
  ];
}
const WRITE_ERRORS = logPage<TapeUnit>({
  page: 0x02,
  name: 'Write Error Counters',
  spec: 'SPC-5 7.3',
  parameters: errorCounters(0x02, drive('mediumBytesWritten'), drive('uncorrectedWriteErrors')),
});
const READ_ERRORS = logPage<TapeUnit>({
  page: 0x03,
  name: 'Read Error Counters',
  spec: 'SPC-5 7.3',
  parameters: errorCounters(0x03, drive('mediumBytesRead'), drive('uncorrectedReadErrors')),
});
const NON_MEDIUM_ERRORS = logPage<TapeUnit>({
  page: 0x06,
  name: 'Non-Medium Errors',
  spec: 'SPC-5 7.3',
  parameters: [
    counted(0x06, 0x0000, 'Non-medium error count', 4, (unit) => unit.drive.counters.loadFailures),
  ],
});

// --- the drive ------------------------------------------------------------------------------------------------------------

const cleaningRequired = (unit: TapeUnit): boolean =>
  unit.tapeAlerts.isActive(0x14) || unit.tapeAlerts.isActive(0x15);
const noPartition: PartitionView = {
  capacityBytes: 0,
  usedBytes: 0,
  remainingBytes: 0,
  objects: 0,
  filemarks: 0,
};
const currentPartition = (unit: TapeUnit): PartitionView =>
  unit.drive.partitions[unit.drive.position.partition] ?? noPartition;
/** Before the place, as near as whole objects tell. */
const usedBeforePlace: Total = (unit) => {
  const { objects, usedBytes } = currentPartition(unit);
  return objects === 0 ? 0 : Math.floor((usedBytes * unit.drive.position.object) / objects);
};

const SEQUENTIAL_ACCESS = logPage<TapeUnit>({
  page: 0x0c,
  name: 'Sequential-Access Device',
  spec: 'SSC-4 8.2',
  parameters: [
    counted(
      0x0c,
      0x0000,
      'Data bytes received from application clients by WRITE',
      8,
      drive('hostBytesWritten'),
    ),
    counted(0x0c, 0x0001, 'Data bytes written to the medium by WRITE', 8, drive('mediumBytesWritten')),
    counted(0x0c, 0x0002, 'Data bytes read from the medium by READ', 8, drive('mediumBytesRead')),
    counted(0x0c, 0x0003, 'Data bytes transferred to application clients by READ', 8, drive('hostBytesRead')),
    number(0x0004, 'Native capacity from BOP to EOD', 8, (unit) =>
      megabytes(currentPartition(unit).usedBytes),
    ),
    number(0x0005, 'Native capacity from BOP to early warning', 8, (unit) =>
      megabytes(currentPartition(unit).capacityBytes),
    ),
    number(0x0006, 'Minimum native capacity from early warning to end of partition', 8, () => 4),
    number(0x0007, 'Native capacity from BOP to the current position', 8, (unit) =>
      megabytes(usedBeforePlace(unit)),
    ),
    number(0x0008, 'Maximum native capacity in the object buffer', 8, () => 256),
    number(0x0100, 'Cleaning requested', 4, (unit) => (cleaningRequired(unit) ? 1 : 0)),
    number(0x8000, 'Megabytes processed since the last cleaning', 4, (unit) =>
      megabytes(unit.drive.counters.bytesSinceCleaning),
    ),
  ],
});

/** A drive at rest in a cool room. */
const celsius = 32;
const TEMPERATURE = logPage<TapeUnit>({
  page: 0x0d,
  name: 'Temperature',
  spec: 'SPC-5 7.3',
  parameters: [constant(0x0000, 'Temperature', 2, celsius), constant(0x0001, 'Reference temperature', 2, 60)],
});

const SELF_TESTS = logPage<TapeUnit>({
  page: 0x10,
  name: 'Self-Test Results',
  spec: 'SPC-5 7.3',
  parameters: (unit) =>
    Array.from({ length: 20 }, (_, index) =>
      bytes(index + 1, `Self-test ${index + 1}`, () => selfTestResult(unit, index)),
    ),
});
function selfTestResult(unit: TapeUnit, index: number): Buffer {
  const result = unit.selfTests[index];
  const value = Buffer.alloc(16);
  if (result === undefined) return value;
  const failedSegment = result.passed ? 0 : 7;
  value[0] = (result.code << 5) | failedSegment;
  value[1] = 1;
  value.writeUInt16BE(powerOnHours(unit), 2);
  value.fill(0xff, 4, 12); // no address of a failure
  return value;
}

const DEVICE_STATUS = logPage<TapeUnit>({
  page: 0x11,
  name: 'DT Device Status',
  spec: 'SSC-4 8.2, ADC-3 6.1',
  parameters: [
    bytes(0x0000, 'Very high frequency data', deviceStatus),
    constant(0x0001, 'Very high frequency polling delay', 2, 100),
  ],
});

const TAPE_ALERT_RESPONSE = logPage<TapeUnit>({
  page: 0x12,
  name: 'TapeAlert Response',
  spec: 'SSC-4 8.2, ADC-3 6.1',
  parameters: [number(0x0000, 'Flags, 01h most significant', 8, (unit) => unit.tapeAlerts.bits)],
});

const hourMs = 3_600_000;
const powerOnHours: Total = (unit) =>
  Math.min(0xffff, Math.floor((unit.env.clock.monotonicMs() - unit.startedMs) / hourMs));

const DEVICE_STATISTICS = logPage<TapeUnit>({
  page: 0x14,
  name: 'Device Statistics',
  spec: 'SSC-4 8.2',
  parameters: [
    number(0x0000, 'Lifetime volume loads', 4, (unit) => unit.drive.counters.loads),
    number(0x0001, 'Lifetime cleaning operations', 4, (unit) => unit.drive.counters.cleanings),
    number(0x0002, 'Lifetime power on hours', 4, powerOnHours),
    constant(0x0003, 'Lifetime medium motion hours', 4),
    number(0x0004, 'Lifetime metres of tape processed', 4, (unit) => metresProcessed(unit)),
    constant(0x0005, 'Medium motion hours when incompatible volume was last loaded', 4),
    constant(0x0006, 'Power on hours when the last temperature condition occurred', 4),
    constant(0x0007, 'Power on hours when the last power consumption condition occurred', 4),
    constant(0x0008, 'Medium motion hours since the last successful cleaning', 4),
    constant(0x0009, 'Medium motion hours since the second to last successful cleaning', 4),
    constant(0x000a, 'Medium motion hours since the third to last successful cleaning', 4),
    constant(0x000b, 'Power on hours when the last operator initiated forced reset or eject occurred', 4),
    constant(0x000c, 'Lifetime power cycles', 4, 1),
    counted(0x14, 0x000d, 'Volume loads since last parameter reset', 4, (unit) => unit.drive.counters.loads),
    number(0x000e, 'Hard write errors', 4, drive('uncorrectedWriteErrors')),
    number(0x000f, 'Hard read errors', 4, drive('uncorrectedReadErrors')),
    text(0x0040, "Drive manufacturer's serial number", (unit) => unit.identity.serial),
    text(0x0041, 'Drive serial number', (unit) => unit.identity.serial),
    number(0x0080, 'Medium removal prevented', 1, (unit) => (unit.drive.removalPrevented ? 1 : 0)),
    constant(0x0081, 'Maximum recommended mechanism temperature exceeded', 1),
  ],
});
/** Tape that passed the head, at the data density of an LTO-8 cartridge: 12 TB on 960 m in 208 wraps. */
const bytesOfMetre = 12e12 / (960 * 208);
const metresProcessed: Total = ({ drive: { counters } }) =>
  Math.floor((counters.mediumBytesRead + counters.mediumBytesWritten) / bytesOfMetre);

/** Filled when a tape operation fails in a way worth a diagnosis; ours fail in the store, whose log has it. */
const TAPE_DIAGNOSTIC_DATA = logPage<TapeUnit>({
  page: 0x16,
  name: 'Tape Diagnostic Data',
  spec: 'SSC-4 8.2',
  parameters: [],
});

// --- the volume -----------------------------------------------------------------------------------------------------------

const ratio =
  (host: Total, medium: Total): Total =>
  (unit) =>
    medium(unit) === 0 ? 0 : Math.min(0xffff, Math.round((100 * host(unit)) / medium(unit)));

/** VOLUME STATISTICS PARTITION RECORD: length after this byte, reserved, partition, value (SSC-4 8.2). */
function perPartition(values: readonly (number | bigint)[], length: 4 | 8): Buffer {
  return Buffer.concat(
    values.map((value, partition) => {
      const entry = Buffer.alloc(4 + length);
      entry[0] = entry.length - 1;
      entry.writeUInt16BE(partition, 2);
      if (length === 4) entry.writeUInt32BE(Math.min(0xffff_ffff, Number(value)), 4);
      else entry.writeBigUInt64BE(BigInt(value), 4);
      return entry;
    }),
  );
}
const partitionMegabytes =
  (what: 'capacityBytes' | 'usedBytes' | 'remainingBytes') =>
  (unit: TapeUnit): Buffer =>
    perPartition(
      unit.drive.partitions.map((partition) => megabytes(partition[what])),
      4,
    );
const nowhere = 0xffff_ffff_ffff_ffffn;
const partitionAttribute =
  (id: number) =>
  (unit: TapeUnit): Buffer =>
    perPartition(
      unit.drive.partitions.map(
        (_, partition) => unit.drive.mam?.attribute(id, partition)?.value.readBigUInt64BE() ?? nowhere,
      ),
      8,
    );
const attributeText = (id: number) => (unit: TapeUnit) =>
  unit.drive.mam?.attribute(id, 0)?.value.toString('latin1').trimEnd() ?? '';
const loaded = (unit: TapeUnit): boolean => unit.drive.state === 'ready';
const sum = (unit: TapeUnit, what: 'capacityBytes' | 'usedBytes'): number =>
  unit.drive.partitions.reduce((total, partition) => total + partition[what], 0);

const VOLUME_STATISTICS = logPage<TapeUnit>({
  page: 0x17,
  name: 'Volume Statistics',
  spec: 'SSC-4 8.2',
  parameters: [
    number(0x0000, 'Page valid', 1, (unit) => (loaded(unit) ? 1 : 0)),
    number(0x0001, 'Thread count', 8, volumeLoads),
    number(0x0002, 'Total data sets written', 8, dataSets(life('mediumBytesWritten'))),
    constant(0x0003, 'Total write retries', 4),
    number(0x0004, 'Total unrecovered write errors', 4, life('uncorrectedWriteErrors')),
    constant(0x0005, 'Total suspended writes', 4),
    constant(0x0006, 'Total fatal suspended writes', 4),
    number(0x0007, 'Total data sets read', 8, dataSets(life('mediumBytesRead'))),
    constant(0x0008, 'Total read retries', 4),
    number(0x0009, 'Total unrecovered read errors', 4, life('uncorrectedReadErrors')),
    constant(0x000a, 'Total suspended reads', 4),
    constant(0x000b, 'Total fatal suspended reads', 4),
    number(0x000c, 'Last mount unrecovered write errors', 4, lastLoad('uncorrectedWriteErrors')),
    number(0x000d, 'Last mount unrecovered read errors', 4, lastLoad('uncorrectedReadErrors')),
    number(0x000e, 'Last mount megabytes written', 4, (unit) =>
      megabytes(lastLoad('mediumBytesWritten')(unit)),
    ),
    number(0x000f, 'Last mount megabytes read', 4, (unit) => megabytes(lastLoad('mediumBytesRead')(unit))),
    number(0x0010, 'Lifetime megabytes written', 8, (unit) => megabytes(life('mediumBytesWritten')(unit))),
    number(0x0011, 'Lifetime megabytes read', 8, (unit) => megabytes(life('mediumBytesRead')(unit))),
    number(
      0x0012,
      'Last load write compression ratio',
      2,
      ratio(lastLoad('hostBytesWritten'), lastLoad('mediumBytesWritten')),
    ),
    number(
      0x0013,
      'Last load read compression ratio',
      2,
      ratio(lastLoad('hostBytesRead'), lastLoad('mediumBytesRead')),
    ),
    constant(0x0014, 'Medium mount time', 6),
    constant(0x0015, 'Medium ready time', 6),
    number(0x0016, 'Total native capacity', 4, (unit) => megabytes(sum(unit, 'capacityBytes'))),
    number(0x0017, 'Total used native capacity', 4, (unit) => megabytes(sum(unit, 'usedBytes'))),
    text(0x0040, 'Volume serial number', attributeText(0x0401), 32),
    text(0x0041, 'Tape lot identifier', () => '', 8),
    text(0x0042, 'Volume barcode', (unit) => unit.drive.cartridge?.barcode ?? '', 32),
    text(0x0043, 'Volume manufacturer', attributeText(0x0400), 8),
    text(0x0044, 'Volume license code', () => '', 4),
    text(
      0x0045,
      'Volume personality',
      (unit) => `Ultrium-${unit.drive.cartridge?.medium.generation ?? ''}`,
      9,
    ),
    number(0x0080, 'Write protect', 1, (unit) =>
      ['write-protected', 'read-only-generation'].includes(unit.drive.writable) ? 1 : 0,
    ),
    number(0x0081, 'WORM', 1, (unit) => (unit.drive.cartridge?.worm === true ? 1 : 0)),
    constant(0x0082, 'Maximum recommended tape path temperature exceeded', 1),
    number(
      0x0101,
      'Beginning of medium passes',
      4,
      (unit) => unit.drive.volumeStatistics?.beginningPasses ?? 0,
    ),
    number(0x0102, 'Middle of medium passes', 4, (unit) => unit.drive.volumeStatistics?.beginningPasses ?? 0),
    bytes(0x0200, 'Logical position of first encrypted logical object', partitionAttribute(0x0224)),
    bytes(
      0x0201,
      'Logical position of first unencrypted object after the first encrypted one',
      partitionAttribute(0x0225),
    ),
    bytes(0x0202, 'Native capacity of partitions', partitionMegabytes('capacityBytes')),
    bytes(0x0203, 'Used native capacity of partitions', partitionMegabytes('usedBytes')),
    bytes(0x0204, 'Remaining native capacity of partitions', partitionMegabytes('remainingBytes')),
  ],
});

const POWER_CONDITIONS = logPage<TapeUnit>({
  page: 0x1a,
  name: 'Power Condition Transitions',
  spec: 'SPC-5 7.3',
  parameters: [
    constant(0x0001, 'Transitions to active', 4, 1),
    constant(0x0002, 'Transitions to idle_a', 4),
    constant(0x0008, 'Transitions to standby_z', 4),
  ],
});

/** Megabytes and the bytes over them (SSC-4 8.2; HP and IBM page 32h is the same list). */
function compression(): Parameter[] {
  const pair = (code: number, name: string, total: Total): Parameter[] => [
    number(code, `Megabytes ${name}`, 4, (unit) => megabytes(total(unit))),
    number(code + 1, `Bytes ${name}`, 4, (unit) => total(unit) % MB),
  ];
  return [
    number(0x0000, 'Read compression ratio', 2, ratio(load('hostBytesRead'), load('mediumBytesRead'))),
    number(0x0001, 'Write compression ratio', 2, ratio(load('hostBytesWritten'), load('mediumBytesWritten'))),
    ...pair(0x0002, 'transferred to the application client', load('hostBytesRead')),
    ...pair(0x0004, 'read from the medium', load('mediumBytesRead')),
    ...pair(0x0006, 'transferred from the application client', load('hostBytesWritten')),
    ...pair(0x0008, 'written to the medium', load('mediumBytesWritten')),
  ];
}
const DATA_COMPRESSION = logPage<TapeUnit>({
  page: 0x1b,
  name: 'Data Compression',
  spec: 'SSC-4 8.2',
  parameters: [
    ...compression(),
    number(0x0100, 'Data compression enabled', 1, (unit) => (unit.compressionEnabled ? 1 : 0)),
  ],
});

const TAPE_ALERT = logPage<TapeUnit>({
  page: 0x2e,
  name: 'TapeAlert',
  spec: 'SSC-4 8.2 and annex A',
  parameters: Array.from({ length: tapeAlertFlags }, (_, index) =>
    number(index + 1, `Flag ${index + 1}`, 1, (unit) => (unit.tapeAlerts.isActive(index + 1) ? 1 : 0)),
  ),
  read: (unit) => unit.tapeAlertsTold(),
});

// --- pages of the makers ----------------------------------------------------------------------------------------------------

const TAPE_USAGE = logPage<TapeUnit>({
  page: 0x30,
  name: 'Tape Usage',
  spec: 'IBM and HP LTO SCSI references, log page 30h',
  parameters: [
    number(0x0001, 'Thread count', 4, volumeLoads),
    number(0x0002, 'Total data sets written', 8, dataSets(life('mediumBytesWritten'))),
    constant(0x0003, 'Total write retries', 4),
    number(0x0004, 'Total unrecovered write errors', 2, life('uncorrectedWriteErrors')),
    constant(0x0005, 'Total suspended writes', 2),
    constant(0x0006, 'Total fatal suspended writes', 2),
    number(0x0007, 'Total data sets read', 8, dataSets(life('mediumBytesRead'))),
    constant(0x0008, 'Total read retries', 4),
    number(0x0009, 'Total unrecovered read errors', 2, life('uncorrectedReadErrors')),
    constant(0x000a, 'Total suspended reads', 2),
    constant(0x000b, 'Total fatal suspended reads', 2),
  ],
});

/** In units of 2^20 bytes; the alternate partition is partition 1. */
const mebibytes = (bytesCount: number | undefined): number => Math.floor((bytesCount ?? 0) / 2 ** 20);
const TAPE_CAPACITY = logPage<TapeUnit>({
  page: 0x31,
  name: 'Tape Capacity',
  spec: 'IBM and HP LTO SCSI references, log page 31h',
  parameters: [
    number(0x0001, 'Main partition remaining capacity', 4, (unit) =>
      mebibytes(unit.drive.partitions[0]?.remainingBytes),
    ),
    number(0x0002, 'Alternate partition remaining capacity', 4, (unit) =>
      mebibytes(unit.drive.partitions[1]?.remainingBytes),
    ),
    number(0x0003, 'Main partition maximum capacity', 4, (unit) =>
      mebibytes(unit.drive.partitions[0]?.capacityBytes),
    ),
    number(0x0004, 'Alternate partition maximum capacity', 4, (unit) =>
      mebibytes(unit.drive.partitions[1]?.capacityBytes),
    ),
  ],
});
const COMPRESSION_OF_MAKERS = logPage<TapeUnit>({
  page: 0x32,
  name: 'Data Compression of makers',
  spec: 'IBM and HP LTO SCSI references, log page 32h',
  parameters: compression(),
});
/** Ratings of drive and medium, 0 to 100 with 0 unknown; ours do not age. LTFS reads the second as cartridge condition. */
const PERFORMANCE = logPage<TapeUnit>({
  page: 0x37,
  name: 'Performance Characteristics',
  spec: 'IBM LTO SCSI reference, log page 37h',
  parameters: [constant(0x0000, 'Drive efficiency', 1), constant(0x0001, 'Media efficiency', 1)],
});

const COMMON: readonly LogPage<TapeUnit>[] = [
  WRITE_ERRORS,
  READ_ERRORS,
  NON_MEDIUM_ERRORS,
  SEQUENTIAL_ACCESS,
  TEMPERATURE,
  SELF_TESTS,
  DEVICE_STATUS,
  TAPE_ALERT_RESPONSE,
  DEVICE_STATISTICS,
  TAPE_DIAGNOSTIC_DATA,
  VOLUME_STATISTICS,
  POWER_CONDITIONS,
  DATA_COMPRESSION,
  TAPE_ALERT,
  TAPE_CAPACITY,
];
const OF_MAKERS: Readonly<Record<string, LogPage<TapeUnit>>> = {
  '30': TAPE_USAGE,
  '32': COMPRESSION_OF_MAKERS,
  '37': PERFORMANCE,
};

export function tapeLogPages({ vendorLogPages }: DrivePersonality): readonly LogPage<TapeUnit>[] {
  const own = vendorLogPages.flatMap((code) => OF_MAKERS[code] ?? []);
  return [...COMMON, ...own];
}

/** The commands of the tape table bound to what does them, for each personality. */
import {
  bind,
  type BoundCommand,
  CheckCondition,
  CommandSet,
  type Handler,
  type Handlers,
  invalidCdbField,
  SENSE,
  spcCommands,
} from '#scsi';
import {
  readList,
  readPartitions,
  readSupported,
  readValues,
  readVolumes,
  writeAttributes,
} from './attributes.js';
import { tapeTable } from './commands.table.js';
import { securityProtocolIn, securityProtocolOut } from './encryption.js';
import { translated } from './faults.js';
import {
  allowOverwrite,
  erase,
  formatMedium,
  readBlockLimits,
  readMediaSerialNumber,
  reportDensitySupport,
  setCapacity,
} from './medium.js';
import { DEVICE_CONFIGURATION } from './mode-pages.table.js';
import {
  destinationOf,
  loadUnload,
  locate,
  preventAllow,
  readPositionExtended,
  readPositionLong,
  readPositionShort,
  signed24,
  signed64,
  space,
  standAt,
} from './motion.js';
import type { DrivePersonality } from './personality.js';
import { read, readReverse, verify } from './reading.js';
import type { TapeUnit } from './tape-unit.js';
import { write, writeFilemarks } from './writing.js';

interface Place {
  readonly partition: number;
  readonly logicalObject: bigint;
}

/** Explicit address commands go to their place first. */
const explicit =
  <V>(then: Handler<TapeUnit, V>): Handler<TapeUnit, V & Place> =>
  async (unit, task, cdb) => {
    await standAt(unit, cdb.partition, cdb.logicalObject);
    await then(unit, task, cdb);
  };

const handlers: Handlers<TapeUnit, typeof tapeTable> = {
  READ_6: read,
  READ_16: explicit(read),
  READ_REVERSE_6: readReverse,
  READ_REVERSE_16: explicit(readReverse),
  WRITE_6: write,
  WRITE_16: explicit(write),
  VERIFY_6: verify,
  VERIFY_16: explicit(verify),
  WRITE_FILEMARKS_6: writeFilemarks,
  WRITE_FILEMARKS_16: explicit(writeFilemarks),
  REWIND: async (unit) => await unit.drive.rewind(),
  SPACE_6: async (unit, _task, cdb) => await space(unit, cdb.code, signed24(cdb.count)),
  SPACE_16: async (unit, _task, cdb) => {
    if (cdb.parameterListLength !== 0) throw invalidCdbField(12);
    await space(unit, cdb.code, signed64(cdb.count));
  },
  LOCATE_10: async (unit, _task, cdb) =>
    await locate(unit, { object: cdb.logicalObject }, cdb.changePartition ? cdb.partition : undefined, 8),
  LOCATE_16: async (unit, _task, cdb) =>
    await locate(unit, destinationOf(cdb), cdb.changePartition ? cdb.partition : undefined, 3),
  READ_POSITION_SHORT: readPositionShort,
  READ_POSITION_VENDOR: readPositionShort,
  READ_POSITION_LONG: readPositionLong,
  READ_POSITION_EXTENDED: async (unit, task, cdb) =>
    await readPositionExtended(unit, task, cdb.allocationLength),
  LOAD_UNLOAD: loadUnload,
  PREVENT_ALLOW_MEDIUM_REMOVAL: async (unit, task, cdb) => {
    await Promise.resolve();
    preventAllow(unit, task, cdb.prevent);
  },
  ERASE_6: async (unit, _task, cdb) => await erase(unit, cdb.long),
  ERASE_16: explicit(async (unit, _task, cdb) => await erase(unit, cdb.long)),
  FORMAT_MEDIUM: async (unit, _task, cdb) => await formatMedium(unit, cdb),
  SET_CAPACITY: async (unit, _task, cdb) => await setCapacity(unit, cdb.capacityProportion),
  ALLOW_OVERWRITE: async (unit, _task, cdb) => {
    await Promise.resolve();
    allowOverwrite(unit, cdb);
  },
  READ_BLOCK_LIMITS: async (_unit, task, cdb) => await readBlockLimits(task, cdb.maximumLogicalObject),
  REPORT_DENSITY_SUPPORT: reportDensitySupport,
  READ_MEDIA_SERIAL_NUMBER: async (unit, task, cdb) =>
    await readMediaSerialNumber(unit, task, cdb.allocationLength),
  READ_ATTRIBUTE_VALUES: readValues,
  READ_ATTRIBUTE_LIST: readList,
  READ_ATTRIBUTE_VOLUMES: readVolumes,
  READ_ATTRIBUTE_PARTITIONS: readPartitions,
  READ_ATTRIBUTE_SUPPORTED: readSupported,
  WRITE_ATTRIBUTE: writeAttributes,
  SECURITY_PROTOCOL_IN: securityProtocolIn,
  SECURITY_PROTOCOL_OUT: securityProtocolOut,
};

/** Commands that belong to one block address mode only (SSC-4 5.1 and 6.1). */
const EXPLICIT = new Set([
  'READ_16',
  'READ_REVERSE_16',
  'WRITE_16',
  'VERIFY_16',
  'WRITE_FILEMARKS_16',
  'ERASE_16',
]);
const IMPLICIT = new Set([
  'READ_6',
  'READ_REVERSE_6',
  'WRITE_6',
  'VERIFY_6',
  'WRITE_FILEMARKS_6',
  'ERASE_6',
  'SPACE_6',
  'LOCATE_10',
]);

/**
 * With BAML = 1 the block address mode is fixed by BAM and commands of the other are refused (SSC-4 8.3.3). With BAML = 0 a
 * command of the other mode changes the mode; we let it do so at any place.
 */
function checkAddressMode(unit: TapeUnit, name: string): void {
  const { blockAddressModeLock, blockAddressMode } = unit.modePages.setting(DEVICE_CONFIGURATION);
  if (!blockAddressModeLock) return;
  if (blockAddressMode && IMPLICIT.has(name)) throw new CheckCondition(SENSE.illegalInExplicitAddressMode);
  if (!blockAddressMode && EXPLICIT.has(name)) throw new CheckCondition(SENSE.illegalInImplicitAddressMode);
}

/** Every handler behind the address mode check and in front of the fault table. */
function guarded(bound: BoundCommand<TapeUnit>, name: string): BoundCommand<TapeUnit> {
  return {
    row: bound.row,
    run: (unit, task, cdb) => {
      checkAddressMode(unit, name);
      try {
        return bound.run(unit, task, cdb)?.catch(throwTranslated);
      } catch (error) {
        throw translated(error);
      }
    },
  };
}
function throwTranslated(error: unknown): never {
  throw translated(error);
}

const names = Object.keys(tapeTable);
const tapeCommands: readonly BoundCommand<TapeUnit>[] = bind(tapeTable, handlers).map((bound, index) =>
  guarded(bound, names[index] ?? ''),
);

/** What drives before the command existed do not have. */
export function tapeCommandsOf({ appendOnly, encryption }: DrivePersonality): CommandSet<TapeUnit> {
  const absent = [
    ...(appendOnly ? [] : [tapeTable.ALLOW_OVERWRITE.name]),
    ...(encryption ? [] : [tapeTable.SECURITY_PROTOCOL_IN.name, tapeTable.SECURITY_PROTOCOL_OUT.name]),
  ];
  return new CommandSet<TapeUnit>([
    ...(spcCommands as readonly BoundCommand<TapeUnit>[]),
    ...tapeCommands,
  ]).without(absent);
}

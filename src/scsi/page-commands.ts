/** MODE SENSE, MODE SELECT, LOG SENSE and LOG SELECT over the pages of a unit (SPC-5 6.8, 6.9, 6.12 to 6.15). */
import type { Handler } from './command-set.js';
import { LOG_CONTROL } from './log-page.js';
import type { LogPages } from './log-pages.js';
import { PAGE_CONTROL } from './mode-pages.js';
import { answer, invalidCdbField, receiveParameters } from './parameter-data.js';
import type { PrimaryUnit } from './primary-unit.js';
import { SENSE } from './sense.table.js';

interface PageCdb {
  readonly pageControl: number;
  readonly pageCode: number;
  readonly subpageCode: number;
}

export const modeSense =
  (
    long: boolean,
  ): Handler<PrimaryUnit, PageCdb & { disableBlockDescriptors: boolean; allocationLength: number }> =>
  async (unit, task, cdb) => {
    const data = unit.modePages.sense({
      long,
      pageControl: PAGE_CONTROL[cdb.pageControl] ?? 'current',
      page: cdb.pageCode,
      subpage: cdb.subpageCode,
      disableBlockDescriptors: cdb.disableBlockDescriptors,
    });
    await answer(task, data, cdb.allocationLength);
  };

interface ModeSelectCdb {
  readonly pageFormat: boolean;
  readonly revertToDefaults: boolean;
  readonly savePages: boolean;
  readonly parameterListLength: number;
}
export const modeSelect =
  (long: boolean): Handler<PrimaryUnit, ModeSelectCdb> =>
  async (unit, task, { savePages, revertToDefaults, parameterListLength }) => {
    // PF = 0 leaves what follows the block descriptors to the vendor (SPC-5 6.12): ours is the same as with PF = 1.
    const list = await receiveParameters(task, parameterListLength);
    const changed = await unit.modePages.select(list, { long, savePages, revertToDefaults });
    if (changed) unit.raise(SENSE.modeParametersChanged, task.nexus);
  };

const logPagesOf = (unit: PrimaryUnit): LogPages<PrimaryUnit> =>
  unit.logPages as unknown as LogPages<PrimaryUnit>; // the unit made them for its own class

interface LogSenseCdb extends PageCdb {
  readonly saveParameters: boolean;
  readonly parameterPointer: number;
  readonly allocationLength: number;
}
export const logSense: Handler<PrimaryUnit, LogSenseCdb> = async (unit, task, cdb) => {
  if (cdb.saveParameters) throw invalidCdbField(1, 0); // log parameters are not saved by command: every page has DS = 1
  const data = logPagesOf(unit).sense(unit, {
    control: LOG_CONTROL[cdb.pageControl] ?? 'cumulative',
    page: cdb.pageCode,
    subpage: cdb.subpageCode,
    parameterPointer: cdb.parameterPointer,
  });
  await answer(task, data, cdb.allocationLength);
};

interface LogSelectCdb extends PageCdb {
  readonly parameterCodeReset: boolean;
  readonly saveParameters: boolean;
  readonly parameterListLength: number;
}
export const logSelect: Handler<PrimaryUnit, LogSelectCdb> = async (unit, task, cdb) => {
  if (cdb.saveParameters) throw invalidCdbField(1, 0);
  const list = await receiveParameters(task, cdb.parameterListLength);
  const changed = logPagesOf(unit).select(unit, list, {
    control: LOG_CONTROL[cdb.pageControl] ?? 'cumulative',
    reset: cdb.parameterCodeReset,
    page: cdb.pageCode,
    subpage: cdb.subpageCode,
  });
  if (changed) unit.raise(SENSE.logParametersChanged, task.nexus);
};

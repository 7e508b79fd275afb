/** The commands of media changers, bound: rows of commands.table.ts with what does them. */
import type { Handlers } from '#scsi';
import type { ChangerUnit } from './changer-unit.js';
import type { smcTable } from './commands.table.js';
import { readList, readPartitions, readSupported, readValues, readVolumes } from './attributes.js';
import { readElementStatus, requestVolumeElementAddress, sendVolumeTag } from './inventory.js';
import { exchange, initialize, initializeRange, move, openClose, position, preventAllow } from './motion.js';
import { release, reserve } from './reservations.js';

export const changerHandlers: Handlers<ChangerUnit, typeof smcTable> = {
  INITIALIZE_ELEMENT_STATUS: initialize,
  RESERVE_6: reserve('RESERVE(6)'),
  RELEASE_6: release('RELEASE(6)'),
  OPEN_CLOSE_IMPORT_EXPORT_ELEMENT: openClose,
  PREVENT_ALLOW_MEDIUM_REMOVAL: preventAllow,
  POSITION_TO_ELEMENT: position,
  INITIALIZE_ELEMENT_STATUS_WITH_RANGE: initializeRange,
  RESERVE_10: reserve('RESERVE(10)'),
  RELEASE_10: release('RELEASE(10)'),
  READ_ATTRIBUTE_VALUES: readValues,
  READ_ATTRIBUTE_LIST: readList,
  READ_ATTRIBUTE_VOLUMES: readVolumes,
  READ_ATTRIBUTE_PARTITIONS: readPartitions,
  READ_ATTRIBUTE_SUPPORTED: readSupported,
  MOVE_MEDIUM: move,
  EXCHANGE_MEDIUM: exchange,
  REQUEST_VOLUME_ELEMENT_ADDRESS: requestVolumeElementAddress,
  SEND_VOLUME_TAG: sendVolumeTag,
  READ_ELEMENT_STATUS: readElementStatus,
  INITIALIZE_ELEMENT_STATUS_WITH_RANGE_VENDOR: initializeRange,
};

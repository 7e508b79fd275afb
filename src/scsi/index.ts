/** Face of device-independent SCSI. */
export type { Command, CommandSpec, UnderReservation } from './command.js';
export { cdbLength, cdbUsage, command } from './command.js';
export type { BoundCommand, CommandTable, Handler, Handlers } from './command-set.js';
export { bind, CommandSet } from './command-set.js';
export type { Reset } from './logical-unit.js';
export { LogicalUnit } from './logical-unit.js';
export { formatLun, parseLun } from './lun.js';
export type { Nexus } from './nexus.js';
export type { Persistence } from './persistence.js';
export { Reservations } from './reservation.js';
export type { FieldPointer, Sense, SenseExtras, SenseKey } from './sense.js';
export { CheckCondition, encodeDescriptor, encodeFixed, sense, SENSE_KEY } from './sense.js';
export { SENSE } from './sense.table.js';
export { TargetDevice } from './target-device.js';
export type { Outcome, Task, TaskAttribute } from './task.js';
export { STATUS } from './task.js';

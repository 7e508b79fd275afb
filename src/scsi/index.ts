/** Face of device-independent SCSI. */
export type { Command, CommandSpec, CommandTimeouts, UnderReservation } from './command.js';
export { cdbLength, cdbUsage, command } from './command.js';
export type { BoundCommand, CommandTable, Handler, Handlers } from './command-set.js';
export { bind, CommandSet } from './command-set.js';
export type { ExplainedCdb, ExplainedSense } from './explain.js';
export { explainCdb, explainSense } from './explain.js';
export { spcVpdPages } from './inquiry.js';
export type { Reset } from './logical-unit.js';
export { LogicalUnit } from './logical-unit.js';
export type {
  AsciiParameter,
  BinaryParameter,
  CounterParameter,
  LogControl,
  LogPage,
  LogParameter,
} from './log-page.js';
export { logPage } from './log-page.js';
export { LogPages } from './log-pages.js';
export { formatLun, parseLun } from './lun.js';
export type { ModePage, ModePageSpec } from './mode-page.js';
export { modePage } from './mode-page.js';
export type { ModeHeader, ModePageOptions, ModePageUse, PageControl, SentModeHeader } from './mode-pages.js';
export { ModePages, plainModeHeader, usePage } from './mode-pages.js';
export type { Nexus, TargetPort } from './nexus.js';
export {
  answer,
  invalidCdbField,
  invalidParameter,
  listLengthError,
  receiveParameters,
} from './parameter-data.js';
export type { Persistence } from './persistence.js';
export type { PrimaryUnitOptions, SelfTest, SelfTestResult, UnitIdentity } from './primary-unit.js';
export { PrimaryUnit } from './primary-unit.js';
export { Reservations } from './reservation.js';
export { encodeTransportId, parseTransportId } from './transport-id.js';
export type { FieldPointer, Sense, SenseExtras, SenseKey } from './sense.js';
export {
  CheckCondition,
  encodeDescriptor,
  encodeFixed,
  ReservationConflict,
  sense,
  SENSE_KEY,
} from './sense.js';
export { SENSE } from './sense.table.js';
export { spcCommands } from './spc.js';
export { spcTable } from './spc.table.js';
export {
  CONTROL,
  CONTROL_EXTENSION,
  DISCONNECT_RECONNECT,
  INFORMATIONAL_EXCEPTIONS,
  POWER_CONDITION,
  PROTOCOL_SPECIFIC_PORT,
} from './spc-pages.table.js';
export { TargetDevice } from './target-device.js';
export type { Outcome, Task, TaskAttribute } from './task.js';
export { STATUS } from './task.js';
export type { Designator, InquiryData, VpdPage } from './vpd-page.js';
export {
  encodeDesignator,
  naaDesignator,
  nameDesignator,
  portGroupDesignator,
  relativePortDesignator,
  t10Designator,
  vpdPage,
  VpdPages,
} from './vpd-page.js';

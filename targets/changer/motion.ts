/** MOVE MEDIUM, EXCHANGE MEDIUM, POSITION TO ELEMENT, OPEN/CLOSE, INITIALIZE ELEMENT STATUS, PREVENT (SMC-3 clause 6). */
import { CheckCondition, type Handler, invalidCdbField, ReservationConflict, SENSE, type Task } from '#scsi';
import type { ElementRef } from '#vtl';
import type { ChangerUnit } from './changer-unit.js';
import { faulted } from './faults.table.js';
import { ALERT } from './tape-alert.table.js';

type Of<V> = Handler<ChangerUnit, V>;

const invalidAddress = (byte: number): CheckCondition =>
  new CheckCondition(SENSE.invalidElementAddress, { field: { in: 'cdb', byte } });

/** The element at the address that the CDB has at `byte`. Throws; so it does when another nexus has reserved it. */
function elementAt(unit: ChangerUnit, task: Task, address: number, byte: number): ElementRef {
  const ref = unit.addresses.refOf(address);
  if (ref === undefined) throw invalidAddress(byte);
  if (unit.elementReservations.blocks(task.nexus.id, address)) throw new ReservationConflict();
  return ref;
}
/** The robot by its address; zero is whichever is best (SMC-3 6.6). */
function checkTransport(unit: ChangerUnit, address: number): void {
  if (address !== 0 && unit.addresses.refOf(address)?.kind !== 'robot') throw invalidAddress(2);
}

export const move: Of<{
  readonly transportElementAddress: number;
  readonly sourceAddress: number;
  readonly destinationAddress: number;
  readonly invert: boolean;
}> = async (unit, task, cdb) => {
  checkTransport(unit, cdb.transportElementAddress);
  if (cdb.invert) throw invalidCdbField(10, 0); // mode page 1Eh: it does not rotate
  const from = elementAt(unit, task, cdb.sourceAddress, 4);
  const to = elementAt(unit, task, cdb.destinationAddress, 6);
  await moving(unit, async () => await unit.library.move(from, to));
};

export const exchange: Of<{
  readonly transportElementAddress: number;
  readonly sourceAddress: number;
  readonly firstDestinationAddress: number;
  readonly secondDestinationAddress: number;
  readonly invertFirst: boolean;
  readonly invertSecond: boolean;
}> = async (unit, task, cdb) => {
  checkTransport(unit, cdb.transportElementAddress);
  if (cdb.invertFirst) throw invalidCdbField(10, 1);
  if (cdb.invertSecond) throw invalidCdbField(10, 0);
  const source = elementAt(unit, task, cdb.sourceAddress, 4);
  const first = elementAt(unit, task, cdb.firstDestinationAddress, 6);
  const second = elementAt(unit, task, cdb.secondDestinationAddress, 8);
  await moving(unit, async () => await unit.library.exchange(source, first, second));
};

async function moving(unit: ChangerUnit, work: () => Promise<void>): Promise<void> {
  try {
    await faulted(work);
  } catch (error) {
    if (error instanceof CheckCondition && error.sense === SENSE.mediaLoadOrEjectFailed) {
      unit.statistics.failures += 1;
      unit.alerts.add(ALERT.loadRetry);
    }
    throw error;
  }
}

export const position: Of<{
  readonly transportElementAddress: number;
  readonly destinationAddress: number;
  readonly invert: boolean;
}> = async (unit, task, cdb) => {
  checkTransport(unit, cdb.transportElementAddress);
  if (cdb.invert) throw invalidCdbField(8, 0);
  const at = elementAt(unit, task, cdb.destinationAddress, 4);
  await faulted(async () => await unit.library.position(at));
};

const openAction = 0;
const closeAction = 1;

export const openClose: Of<{ readonly elementAddress: number; readonly actionCode: number }> = async (
  unit,
  task,
  { elementAddress, actionCode },
) => {
  if (actionCode !== openAction && actionCode !== closeAction) throw invalidCdbField(4, 4);
  const { kind, index } = elementAt(unit, task, elementAddress, 2);
  if (kind !== 'mail') throw invalidAddress(2);
  if (actionCode === closeAction) {
    await faulted(async () => await unit.library.closeDoor(index));
    if (!unit.library.elementsOf('mail').some(({ doorOpen }) => doorOpen === true))
      unit.alerts.delete(ALERT.mailslot);
    return;
  }
  await faulted(async () => await unit.library.openDoor(index));
  unit.statistics.doorOpens += 1;
  unit.alerts.add(ALERT.mailslot);
};

/** The inventory is always true: the scan finds what is known, after the motions that were asked for before it. */
export const initialize: Of<unknown> = async (unit) => {
  await unit.library.settled();
  unit.statistics.scanned(unit.library.elements().filter(({ cartridge }) => cartridge !== undefined).length);
};
export const initializeRange: Of<{
  readonly range: boolean;
  readonly startingElementAddress: number;
  readonly numberOfElements: number;
}> = async (unit, task, cdb) => {
  if (cdb.range && unit.addresses.refOf(cdb.startingElementAddress) === undefined) throw invalidAddress(2);
  await initialize(unit, task, cdb);
};

const preventRemoval = 0b01;

export const preventAllow: Of<{ readonly prevent: number }> = async (unit, task, { prevent }) => {
  // SPC-5 6.14: the values with bit 1 are obsolete.
  if (prevent > preventRemoval) throw invalidCdbField(4, 1);
  unit.prevent(task.nexus, prevent === preventRemoval);
  await Promise.resolve();
};

/** RESERVE and RELEASE with ELEMENT = 1 (SMC-2 6.11 to 6.15); with ELEMENT = 0 they are those of all device types. */
import {
  CheckCondition,
  type Handler,
  listLengthError,
  receiveParameters,
  ReservationConflict,
  SENSE,
  spcCommands,
} from '#scsi';
import { record, u16 } from '#wire';
import type { ChangerUnit } from './changer-unit.js';
import type { ReservedRange } from './element-reservations.js';

type Of<V> = Handler<ChangerUnit, V>;
type CommonName = 'RESERVE(6)' | 'RELEASE(6)' | 'RESERVE(10)' | 'RELEASE(10)';

const ELEMENT_LIST_DESCRIPTOR = record(6, { numberOfElements: u16(2), elementAddress: u16(4) });

/** The command of all device types. */
async function wholeUnit(name: CommonName, ...[unit, task]: Parameters<Of<unknown>>): Promise<void> {
  const common = spcCommands.find(({ row }) => row.name === name);
  await common?.run(unit, task, common.row.cdb.decode(task.cdb));
}

interface ReserveCdb {
  readonly element: boolean;
  readonly reservationIdentification: number;
  readonly parameterListLength: number;
}
export const reserve =
  (name: CommonName): Of<ReserveCdb> =>
  async (unit, task, cdb) => {
    const { elementReservations } = unit;
    if (!cdb.element) {
      if (elementReservations.blocksUnit(task.nexus.id)) throw new ReservationConflict();
      await wholeUnit(name, unit, task, cdb);
      return;
    }
    const list = await receiveParameters(task, cdb.parameterListLength);
    const ranges = readElementList(unit, list);
    unit.reservations.checkReservable(task.nexus);
    const outcome = elementReservations.reserve(task.nexus.id, cdb.reservationIdentification, ranges);
    if (outcome === 'taken') throw new ReservationConflict();
    if (outcome === 'too-many') throw new CheckCondition(SENSE.insufficientReservationResources);
  };

interface ReleaseCdb {
  readonly element: boolean;
  readonly reservationIdentification: number;
}
export const release =
  (name: CommonName): Of<ReleaseCdb> =>
  async (unit, task, cdb) => {
    if (cdb.element) {
      unit.elementReservations.release(task.nexus.id, cdb.reservationIdentification);
      return;
    }
    unit.elementReservations.releaseAll(task.nexus.id);
    await wholeUnit(name, unit, task, cdb);
  };

/** SMC-2 6.14.2: zero elements are all from the address on. */
function readElementList(unit: ChangerUnit, list: Buffer): ReservedRange[] {
  const { length } = ELEMENT_LIST_DESCRIPTOR;
  if (list.length % length !== 0) throw listLengthError();
  return Array.from({ length: list.length / length }, (_, index) => {
    const { numberOfElements, elementAddress } = ELEMENT_LIST_DESCRIPTOR.decode(
      list.subarray(index * length),
    );
    const end = numberOfElements === 0 ? 0x1_0000 : elementAddress + numberOfElements;
    const last = numberOfElements === 0 ? elementAddress : end - 1;
    const wrong = [elementAddress, last].findIndex((address) => unit.addresses.refOf(address) === undefined);
    if (wrong >= 0)
      throw new CheckCondition(SENSE.invalidElementAddress, {
        field: { in: 'parameters', byte: index * length + (wrong === 0 ? 4 : 2) },
      });
    return { first: elementAddress, end };
  });
}

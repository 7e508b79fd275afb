/** RESERVE, RELEASE, PERSISTENT RESERVE IN and OUT: from CDB and parameter list to Reservations and back (SPC-5 6.16, 6.17). */
import { bits, flag, record, u16, u32, u64 } from '#wire';
import type { Handler } from './command-set.js';
import type { Nexus } from './nexus.js';
import {
  answer,
  invalidCdbField,
  invalidParameter,
  listLengthError,
  receiveParameters,
} from './parameter-data.js';
import {
  isHolder,
  type Decision,
  type PortPair,
  type ReservationState,
  type ReserveOut,
  samePair,
} from './persistent-reservation.js';
import type { PrimaryUnit } from './primary-unit.js';
import { pairOf } from './reservation.js';
import type { Task } from './task.js';
import { encodeTransportId, parseTransportId } from './transport-id.js';

// --- RESERVE and RELEASE -------------------------------------------------------------------------------------------

export const reserve6: Handler<PrimaryUnit, unknown> = async (unit, task) => {
  await unit.reservations.reserve(task.nexus);
};
export const release6: Handler<PrimaryUnit, unknown> = async (unit, task) => {
  unit.reservations.release(task.nexus);
  return await Promise.resolve();
};
interface LongCdb {
  readonly parameterListLength: number;
}
/** Third parties are refused with their bits, so the parameter list has nothing to say (SPC-2 7.21.3). */
export const reserve10: Handler<PrimaryUnit, LongCdb> = async (unit, task, cdb) => {
  if (cdb.parameterListLength !== 0) throw invalidCdbField(7);
  await reserve6(unit, task, cdb);
};
export const release10: Handler<PrimaryUnit, LongCdb> = async (unit, task, cdb) => {
  if (cdb.parameterListLength !== 0) throw invalidCdbField(7);
  await release6(unit, task, cdb);
};

// --- PERSISTENT RESERVE IN -----------------------------------------------------------------------------------------

interface ReserveInCdb {
  readonly allocationLength: number;
}
const reserveIn =
  (data: (state: ReservationState) => Buffer): Handler<PrimaryUnit, ReserveInCdb> =>
  async (unit, task, cdb) => {
    unit.reservations.checkPersistentAllowed();
    await answer(task, data(unit.reservations.state), cdb.allocationLength);
  };

/** PRGENERATION and ADDITIONAL LENGTH before what the service action shows. */
function listed(state: ReservationState, items: readonly Buffer[]): Buffer {
  const list = Buffer.concat([Buffer.alloc(8), ...items]);
  list.writeUInt32BE(state.generation, 0);
  list.writeUInt32BE(list.length - 8, 4);
  return list;
}

export const readKeys = reserveIn((state) =>
  listed(
    state,
    state.registrations.map(({ key }) => keyBytes(key)),
  ),
);
function keyBytes(key: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(key);
  return bytes;
}

const reservationDescriptor = record(16, { key: u64(0), scope: bits(13, 7, 4), type: bits(13, 3, 0) });
export const readReservation = reserveIn((state) => {
  const { reservation, registrations } = state;
  if (reservation === undefined) return listed(state, []);
  const { holder, type } = reservation;
  // All registrants hold it: no one key to name, so zero (SPC-5 6.16.3).
  const key = holder === undefined ? 0n : (registrations.find((one) => samePair(one, holder))?.key ?? 0n);
  return listed(state, [reservationDescriptor.encode({ key, scope: 0, type })]);
});

const capabilities = record(8, {
  length: u16(0),
  replaceLostReservation: flag(2, 7),
  compatibleHandling: flag(2, 4),
  specifyInitiatorPorts: flag(2, 3),
  allTargetPorts: flag(2, 2),
  persistCapable: flag(2, 0),
  typeMaskValid: flag(3, 7),
  allowCommands: bits(3, 6, 4),
  persistActive: flag(3, 0),
  writeExclusiveAllRegistrants: flag(4, 7),
  exclusiveAccessRegistrantsOnly: flag(4, 6),
  writeExclusiveRegistrantsOnly: flag(4, 5),
  exclusiveAccess: flag(4, 3),
  writeExclusive: flag(4, 1),
  exclusiveAccessAllRegistrants: flag(5, 0),
});
/** TEST UNIT READY passes all types; MODE SENSE and its like pass write exclusive ones (the rows with `read`). */
const allowCommands = 0b011;
export const reportCapabilities = reserveIn((state) =>
  capabilities.encode({
    length: capabilities.length,
    replaceLostReservation: false,
    compatibleHandling: true,
    specifyInitiatorPorts: true,
    allTargetPorts: true,
    persistCapable: true,
    typeMaskValid: true,
    allowCommands,
    persistActive: state.persists,
    writeExclusiveAllRegistrants: true,
    exclusiveAccessRegistrantsOnly: true,
    writeExclusiveRegistrantsOnly: true,
    exclusiveAccess: true,
    writeExclusive: true,
    exclusiveAccessAllRegistrants: true,
  }),
);

const fullStatusDescriptor = record(24, {
  key: u64(0),
  allTargetPorts: flag(12, 1),
  holder: flag(12, 0),
  scope: bits(13, 7, 4),
  type: bits(13, 3, 0),
  relativeTargetPort: u16(18),
  additionalLength: u32(20),
});
export const readFullStatus = reserveIn((state) =>
  listed(
    state,
    state.registrations.map((one) => {
      const transportId = encodeTransportId(one.initiatorPort);
      const holder = isHolder(state, one);
      const descriptor = fullStatusDescriptor.encode({
        key: one.key,
        allTargetPorts: false, // ALL_TG_PT made a registration for each port: each is listed
        holder,
        scope: 0,
        type: holder ? (state.reservation?.type ?? 0) : 0,
        relativeTargetPort: one.relativeTargetPort,
        additionalLength: transportId.length,
      });
      return Buffer.concat([descriptor, transportId]);
    }),
  ),
);

// --- PERSISTENT RESERVE OUT ----------------------------------------------------------------------------------------

interface ReserveOutCdb {
  readonly scope: number;
  readonly type: number;
  readonly parameterListLength: number;
}
type ReserveOutHandler = Handler<PrimaryUnit, ReserveOutCdb>;

const basicList = record(24, {
  key: u64(0),
  serviceKey: u64(8),
  specifyInitiatorPorts: flag(20, 3),
  allTargetPorts: flag(20, 2),
  persists: flag(20, 0),
});
type BasicList = ReturnType<typeof basicList.decode>;

/** The basic list; whatever follows its 24 bytes is left to who asks for it. */
async function receiveBasic(
  task: Task,
  { parameterListLength }: ReserveOutCdb,
  extended: boolean,
): Promise<Buffer> {
  if (parameterListLength < basicList.length) throw listLengthError();
  const list = await receiveParameters(task, parameterListLength);
  const specifies = basicList.decode(list).specifyInitiatorPorts;
  if (specifies && !extended) throw invalidParameter(20, 3);
  if (!specifies && list.length !== basicList.length) throw listLengthError();
  return list;
}

export const register = (ignoreExistingKey: boolean): ReserveOutHandler => {
  return async (unit, task, cdb) => {
    unit.reservations.checkPersistentAllowed();
    const list = await receiveBasic(task, cdb, !ignoreExistingKey);
    const basic = basicList.decode(list);
    const from = pairOf(task.nexus);
    const targetPorts = targetPortsFor(unit, task.nexus, basic);
    const others = basic.specifyInitiatorPorts ? specifiedPorts(unit, list, targetPorts) : undefined;
    await perform(unit, {
      action: 'register',
      from,
      key: basic.key,
      serviceKey: basic.serviceKey,
      ignoreExistingKey,
      persists: basic.persists,
      otherTargetPorts: targetPorts.map((relativeTargetPort) => ({ ...from, relativeTargetPort })),
      otherInitiatorPorts: others,
    });
  };
};
/** Relative identifiers of the target ports that a registration is for: ours, or with ALL_TG_PT all. */
function targetPortsFor(unit: PrimaryUnit, nexus: Nexus, basic: BasicList): number[] {
  const all = unit.targetPorts.map((port) => port.relativeTargetPort);
  return basic.allTargetPorts ? [...new Set([nexus.relativeTargetPort, ...all])] : [nexus.relativeTargetPort];
}
/** SPEC_I_PT: the TransportIDs after the basic list. Throws CheckCondition unless all of them are whole and known. */
function specifiedPorts(unit: PrimaryUnit, list: Buffer, targetPorts: readonly number[]): PortPair[] {
  const lengthAt = basicList.length;
  const startAt = lengthAt + 4;
  if (list.length < startAt) throw listLengthError();
  if (startAt + list.readUInt32BE(lengthAt) !== list.length) throw invalidParameter(lengthAt);
  const pairs: PortPair[] = [];
  for (let at = startAt; at < list.length;) {
    const id = parseTransportId(list, at);
    for (const relativeTargetPort of targetPorts) {
      const ports = id.initiatorPort === undefined ? portsOf(unit, id.initiatorName) : [id.initiatorPort];
      if (ports.length === 0) throw invalidParameter(at);
      pairs.push(...ports.map((initiatorPort) => ({ initiatorPort, relativeTargetPort })));
    }
    at += id.length;
  }
  return pairs;
}
/** The ports that we know of an initiator: those logged in. */
const portsOf = (unit: PrimaryUnit, initiatorName: string): string[] => [
  ...new Set(
    unit.nexuses
      .filter((nexus) => nexus.initiatorName.toLowerCase() === initiatorName)
      .map((nexus) => nexus.initiatorPort.toLowerCase()),
  ),
];

export const reserveOrRelease = (action: 'reserve' | 'release'): ReserveOutHandler => {
  return async (unit, task, cdb) => {
    unit.reservations.checkPersistentAllowed();
    const { key } = basicList.decode(await receiveBasic(task, cdb, false));
    await perform(unit, { action, from: pairOf(task.nexus), key, scope: cdb.scope, type: cdb.type });
  };
};

export const clear: ReserveOutHandler = async (unit, task, cdb) => {
  unit.reservations.checkPersistentAllowed();
  const { key } = basicList.decode(await receiveBasic(task, cdb, false));
  await perform(unit, { action: 'clear', from: pairOf(task.nexus), key });
};

export const preempt = (abort: boolean): ReserveOutHandler => {
  return async (unit, task, cdb) => {
    unit.reservations.checkPersistentAllowed();
    const { key, serviceKey } = basicList.decode(await receiveBasic(task, cdb, false));
    const { scope, type } = cdb;
    const request = { action: 'preempt', from: pairOf(task.nexus), key, serviceKey, scope, type } as const;
    const { preempted } = await perform(unit, request);
    if (!abort) return;
    const nexuses = unit.nexuses.filter((nexus) => preempted.some((pair) => samePair(pair, pairOf(nexus))));
    await unit.abortTasksOf(new Set(nexuses.map((nexus) => nexus.id)), task);
    for (const nexus of nexuses) unit.preempted(nexus);
  };
};

const moveList = record(24, {
  key: u64(0),
  serviceKey: u64(8),
  unregister: flag(17, 1),
  persists: flag(17, 0),
  relativeTargetPort: u16(18),
  transportIdLength: u32(20),
});
export const registerAndMove: ReserveOutHandler = async (unit, task, cdb) => {
  unit.reservations.checkPersistentAllowed();
  if (cdb.parameterListLength < moveList.length) throw listLengthError();
  const list = await receiveParameters(task, cdb.parameterListLength);
  const move = moveList.decode(list);
  if (moveList.length + move.transportIdLength !== list.length) throw invalidParameter(20);
  if (!unit.targetPorts.some((port) => port.relativeTargetPort === move.relativeTargetPort))
    throw invalidParameter(18);
  const id = parseTransportId(list, moveList.length);
  if (id.length !== move.transportIdLength) throw invalidParameter(20);
  const [initiatorPort, another] =
    id.initiatorPort === undefined ? portsOf(unit, id.initiatorName) : [id.initiatorPort];
  // One port gets the reservation: a name alone must mean exactly one.
  if (initiatorPort === undefined || another !== undefined) throw invalidParameter(moveList.length);
  await perform(unit, {
    action: 'move',
    from: pairOf(task.nexus),
    key: move.key,
    serviceKey: move.serviceKey,
    persists: move.persists,
    unregister: move.unregister,
    to: { initiatorPort, relativeTargetPort: move.relativeTargetPort },
  });
};

async function perform(unit: PrimaryUnit, request: ReserveOut): Promise<Decision> {
  return await unit.reservations.perform(request, ({ told }) => {
    for (const { nexus: pair, condition } of told) {
      // Registered nexuses that are away learn it by the unit attention that their next login brings.
      const known = unit.nexuses.find((nexus) => samePair(pairOf(nexus), pair));
      if (known !== undefined) unit.attentions.raiseFor(known.id, condition);
    }
  });
}

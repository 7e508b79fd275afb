/**
 * Persistent reservations as a pure machine (SPC-5 5.14): what a PERSISTENT RESERVE OUT makes of a state. Nothing here waits,
 * saves or tells: `decide` answers the next state and who must be told what.
 *
 * Invariants: the holder of a reservation is registered; a reservation of an all registrants type has every registrant as
 * holder; two registrations never have the same I_T nexus.
 */
import { registrationsMax } from '../limits.js';
import { CheckCondition, ReservationConflict, type Sense } from './sense.js';
import { SENSE } from './sense.table.js';
import { invalidCdbField, invalidParameter } from './parameter-data.js';

/** An I_T nexus by its ports, whether in use or not: what registrations belong to. */
export interface PortPair {
  /** Initiator port name in lower case. */
  readonly initiatorPort: string;
  readonly relativeTargetPort: number;
}
export interface Registration extends PortPair {
  readonly key: bigint;
}
/** TYPE (SPC-5 6.16.3.4). */
export const RESERVATION_TYPE = {
  writeExclusive: 1,
  exclusiveAccess: 3,
  writeExclusiveRegistrantsOnly: 5,
  exclusiveAccessRegistrantsOnly: 6,
  writeExclusiveAllRegistrants: 7,
  exclusiveAccessAllRegistrants: 8,
} as const;
export type ReservationType = (typeof RESERVATION_TYPE)[keyof typeof RESERVATION_TYPE];

export interface Reservation {
  readonly type: ReservationType;
  /** Undefined when every registrant holds it. */
  readonly holder: PortPair | undefined;
}
export interface ReservationState {
  readonly registrations: readonly Registration[];
  readonly reservation: Reservation | undefined;
  /** PRGENERATION: 32 bits, from 0 at power on. */
  readonly generation: number;
  /** APTPL of the last registration: the state outlives the process. */
  readonly persists: boolean;
}
export const noReservations: ReservationState = {
  registrations: [],
  reservation: undefined,
  generation: 0,
  persists: false,
};

interface Common {
  readonly from: PortPair;
  /** RESERVATION KEY. */
  readonly key: bigint;
}
interface WithScope extends Common {
  readonly scope: number;
  readonly type: number;
}
export type ReserveOut =
  | (Common & {
      readonly action: 'register';
      readonly ignoreExistingKey: boolean;
      readonly serviceKey: bigint;
      readonly persists: boolean;
      /** ALL_TG_PT: the same initiator port at the target's other ports. */
      readonly otherTargetPorts: readonly PortPair[];
      /** SPEC_I_PT: other initiator ports that get the same registration; undefined when the bit is zero. */
      readonly otherInitiatorPorts: readonly PortPair[] | undefined;
    })
  | (WithScope & { readonly action: 'reserve' | 'release' })
  | (Common & { readonly action: 'clear' })
  | (WithScope & { readonly action: 'preempt'; readonly serviceKey: bigint })
  | (Common & {
      readonly action: 'move';
      readonly serviceKey: bigint;
      readonly persists: boolean;
      readonly unregister: boolean;
      readonly to: PortPair;
    });

export interface Decision {
  readonly next: ReservationState;
  /** Unit attentions, in the order in which they are established. */
  readonly told: readonly { readonly nexus: PortPair; readonly condition: Sense }[];
  /** Nexuses that lost registration or reservation to a PREEMPT. */
  readonly preempted: readonly PortPair[];
}

export const samePair = (a: PortPair, b: PortPair): boolean =>
  a.initiatorPort === b.initiatorPort && a.relativeTargetPort === b.relativeTargetPort;

export const registrationOf = (state: ReservationState, nexus: PortPair): Registration | undefined =>
  state.registrations.find((one) => samePair(one, nexus));

export function isHolder(state: ReservationState, nexus: PortPair): boolean {
  const { reservation } = state;
  if (reservation === undefined || registrationOf(state, nexus) === undefined) return false;
  return reservation.holder === undefined || samePair(reservation.holder, nexus);
}
export const isRegistrantsType = (type: ReservationType): boolean => type >= 5;
const isRegistrantsOnlyType = (type: ReservationType): boolean => type === 5 || type === 6;
const isAllRegistrantsType = (type: ReservationType): boolean => type >= 7;
export const isWriteExclusive = (type: ReservationType): boolean => type === 1 || type === 5 || type === 7;

/** The next state. Throws ReservationConflict or CheckCondition, and then nothing has changed. */
export function decide(state: ReservationState, request: ReserveOut): Decision {
  if (request.action === 'register') return register(state, request);
  const own = registrationOf(state, request.from);
  if (own === undefined || own.key !== request.key) throw new ReservationConflict();
  switch (request.action) {
    case 'reserve':
      return reserve(state, request);
    case 'release':
      return release(state, request);
    case 'clear':
      return clear(state, request.from);
    case 'preempt':
      return preempt(state, request);
    case 'move':
      return move(state, request);
  }
}

type Of<Action extends ReserveOut['action']> = Extract<ReserveOut, { readonly action: Action }>;

const unchanged = (state: ReservationState): Decision => ({ next: state, told: [], preempted: [] });
const nextGeneration = (state: ReservationState): number => (state.generation + 1) >>> 0;

/** Everyone in `nexuses` but `except` is told. */
const tell = (nexuses: readonly PortPair[], condition: Sense, except: PortPair): Decision['told'] =>
  nexuses.filter((nexus) => !samePair(nexus, except)).map((nexus) => ({ nexus, condition }));

// --- REGISTER, REGISTER AND IGNORE EXISTING KEY (SPC-5 5.14.7, 5.14.11.2.3) ---------------------------------------------

function register(state: ReservationState, request: Of<'register'>): Decision {
  const { from, key, serviceKey, ignoreExistingKey } = request;
  const own = registrationOf(state, from);
  if (!ignoreExistingKey && (own?.key ?? 0n) !== key) throw new ReservationConflict();
  if (own !== undefined && request.otherInitiatorPorts !== undefined) throw invalidParameter(20, 3);
  const elsewhere = request.otherTargetPorts.filter((nexus) => !samePair(nexus, from));
  for (const nexus of elsewhere) {
    const there = registrationOf(state, nexus);
    if (!ignoreExistingKey && there !== undefined && there.key !== key) throw new ReservationConflict();
  }
  const nexuses = [from, ...elsewhere];
  if (serviceKey === 0n) {
    const leaving = nexuses.filter((nexus) => registrationOf(state, nexus) !== undefined);
    return leaving.length === 0 ? unchanged(state) : unregister(state, leaving, request.persists, from);
  }
  // A port of SPEC_I_PT that is registered already keeps its key: the list only adds.
  const invited = (request.otherInitiatorPorts ?? []).filter(
    (nexus) => registrationOf(state, nexus) === undefined,
  );
  const registrations = withKeys(state.registrations, [...nexuses, ...invited], serviceKey);
  if (registrations.length > registrationsMax)
    throw new CheckCondition(SENSE.insufficientRegistrationResources);
  const next = { ...state, registrations, generation: nextGeneration(state), persists: request.persists };
  return { next, told: [], preempted: [] };
}

function withKeys(
  all: readonly Registration[],
  nexuses: readonly PortPair[],
  key: bigint,
): readonly Registration[] {
  const result = [...all];
  for (const { initiatorPort, relativeTargetPort } of nexuses) {
    const registration = { initiatorPort, relativeTargetPort, key };
    const at = result.findIndex((one) => samePair(one, registration));
    if (at < 0) result.push(registration);
    else result[at] = registration;
  }
  return result;
}

function unregister(
  state: ReservationState,
  leaving: readonly PortPair[],
  persists: boolean,
  from: PortPair,
): Decision {
  const registrations = without(state, leaving);
  const reservation = stillHeld(state, registrations);
  const lost = state.reservation !== undefined && reservation === undefined;
  const told = lost && isRegistrantsOnlyType(state.reservation.type);
  return {
    next: { registrations, reservation, generation: nextGeneration(state), persists },
    told: told ? tell(registrations, SENSE.reservationsReleased, from) : [],
    preempted: [],
  };
}

const without = (state: ReservationState, leaving: readonly PortPair[]): readonly Registration[] =>
  state.registrations.filter((one) => !leaving.some((nexus) => samePair(nexus, one)));

/** The reservation once only these are registered: gone with its holder, or with the last registrant. */
function stillHeld(state: ReservationState, registrations: readonly Registration[]): Reservation | undefined {
  const { reservation } = state;
  if (reservation === undefined || registrations.length === 0) return undefined;
  const { holder } = reservation;
  const held = holder === undefined || registrations.some((one) => samePair(one, holder));
  return held ? reservation : undefined;
}

// --- RESERVE, RELEASE, CLEAR (SPC-5 5.14.9, 5.14.11.2.2, 5.14.11.2.6) ---------------------------------------------------

function checkedType(request: WithScope): ReservationType {
  if (request.scope !== 0) throw invalidCdbField(2, 7); // LU_SCOPE is the only one
  const type = Object.values(RESERVATION_TYPE).find((one) => one === request.type);
  if (type === undefined) throw invalidCdbField(2, 3);
  return type;
}

function reserve(state: ReservationState, request: Of<'reserve' | 'release'>): Decision {
  const type = checkedType(request);
  if (state.reservation === undefined) {
    const holder = isAllRegistrantsType(type) ? undefined : request.from;
    return { ...unchanged(state), next: { ...state, reservation: { type, holder } } };
  }
  if (!isHolder(state, request.from) || state.reservation.type !== type) throw new ReservationConflict();
  return unchanged(state);
}

function release(state: ReservationState, request: Of<'reserve' | 'release'>): Decision {
  const { reservation } = state;
  if (reservation === undefined || !isHolder(state, request.from)) return unchanged(state);
  if (request.scope !== 0 || request.type !== reservation.type) {
    throw new CheckCondition(SENSE.invalidReleaseOfPersistentReservation);
  }
  const told = isRegistrantsType(reservation.type)
    ? tell(state.registrations, SENSE.reservationsReleased, request.from)
    : [];
  return { next: { ...state, reservation: undefined }, told, preempted: [] };
}

function clear(state: ReservationState, from: PortPair): Decision {
  return {
    next: { ...state, registrations: [], reservation: undefined, generation: nextGeneration(state) },
    told: tell(state.registrations, SENSE.reservationsPreempted, from),
    preempted: [],
  };
}

// --- PREEMPT, PREEMPT AND ABORT (SPC-5 5.14.11.2.4, 5.14.11.2.5) ----------------------------------------------------------

function preempt(state: ReservationState, request: Of<'preempt'>): Decision {
  const { reservation } = state;
  const { from, serviceKey } = request;
  const all = reservation !== undefined && reservation.holder === undefined;
  if (serviceKey === 0n && !all) throw invalidParameter(8);
  const matching = state.registrations.filter((one) => one.key === serviceKey);
  if (serviceKey !== 0n && matching.length === 0) throw new ReservationConflict();

  const { holder } = reservation ?? {};
  const takesReservation = all
    ? serviceKey === 0n
    : matching.some((one) => holder !== undefined && samePair(one, holder));
  if (!takesReservation) {
    // Registrations only; one's own too when it has that key. SCOPE and TYPE are ignored.
    const registrations = without(state, matching);
    const left = stillHeld(state, registrations);
    const next = { ...state, registrations, reservation: left, generation: nextGeneration(state) };
    return { next, told: tell(matching, SENSE.registrationsPreempted, from), preempted: matching };
  }
  const type = checkedType(request);
  const victims = (serviceKey === 0n ? state.registrations : matching).filter((one) => !samePair(one, from));
  const registrations = without(state, victims);
  const changed = reservation?.type !== type;
  return {
    next: {
      ...state,
      registrations,
      reservation: { type, holder: isAllRegistrantsType(type) ? undefined : from },
      generation: nextGeneration(state),
    },
    told: [
      ...tell(victims, SENSE.registrationsPreempted, from),
      ...(changed ? tell(registrations, SENSE.reservationsReleased, from) : []),
    ],
    preempted: victims,
  };
}

// --- REGISTER AND MOVE (SPC-5 5.14.8) ---------------------------------------------------------------------------------

function move(state: ReservationState, request: Of<'move'>): Decision {
  const { reservation } = state;
  if (reservation === undefined) throw invalidCdbField(1, 4);
  if (reservation.holder === undefined || !isHolder(state, request.from)) throw new ReservationConflict();
  if (request.serviceKey === 0n) throw invalidParameter(8);
  if (request.to.initiatorPort === request.from.initiatorPort) throw invalidParameter(24);
  const moved = withKeys(state.registrations, [request.to], request.serviceKey);
  const registrations = request.unregister ? moved.filter((one) => !samePair(one, request.from)) : moved;
  if (registrations.length > registrationsMax)
    throw new CheckCondition(SENSE.insufficientRegistrationResources);
  const { initiatorPort, relativeTargetPort } = request.to;
  return {
    next: {
      registrations,
      reservation: { type: reservation.type, holder: { initiatorPort, relativeTargetPort } },
      generation: nextGeneration(state),
      persists: request.persists,
    },
    told: [],
    preempted: [],
  };
}

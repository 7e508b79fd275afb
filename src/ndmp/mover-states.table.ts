/**
 * The states of a mover, what may be asked in which, and which follows which (spec4 3.6; N1). Pure data: a model of the mover
 * can be held against it.
 */
import type { MoverState } from './types.js';
import type { NdmpVersion } from './xdr.js';

const everywhere = ['idle', 'listen', 'active', 'paused', 'halted'] as const;

/** A request, and the states that take it; in all others it is ILLEGAL_STATE. */
export const MOVER_REQUESTS = {
  getState: everywhere,
  listen: ['idle'],
  connect: ['idle'],
  setRecordSize: ['idle', 'paused'],
  setWindow: ['idle', 'listen', 'paused'],
  continue: ['paused'],
  read: ['active'],
  abort: ['listen', 'active', 'paused'],
  close: ['listen', 'active', 'paused', 'halted'],
  stop: ['halted'],
} as const satisfies Readonly<Record<string, readonly MoverState[]>>;
export type MoverRequest = keyof typeof MOVER_REQUESTS;

/** Version 4 sets the window before LISTEN, versions 2 and 3 after it. */
const inVersion4: Readonly<Partial<Record<MoverRequest, readonly MoverState[]>>> = {
  setWindow: ['idle', 'paused'],
};

export function mayAsk(request: MoverRequest, state: MoverState, version: NdmpVersion): boolean {
  const states: readonly MoverState[] =
    (version === 4 ? inVersion4[request] : undefined) ?? MOVER_REQUESTS[request];
  return states.includes(state);
}

/** N1: the only ways from one state to another. */
export const MOVER_NEXT = {
  idle: ['listen', 'active'],
  listen: ['active', 'halted'],
  active: ['paused', 'halted'],
  paused: ['active', 'halted'],
  halted: ['idle'],
} as const satisfies Readonly<Record<MoverState, readonly MoverState[]>>;

export function mayFollow(from: MoverState, to: MoverState): boolean {
  const next: readonly MoverState[] = MOVER_NEXT[from];
  return next.includes(to);
}

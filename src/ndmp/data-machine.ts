/**
 * The states of DATA (spec4 3.5.1), and which request may come in which. Nobody else changes them.
 *
 * Invariants: N4 the halt reason is `na` except in HALTED; N5 the operation is `noaction` except in ACTIVE and HALTED.
 */
import { strict as assert } from 'node:assert';
import { NdmpError } from './errors.table.js';
import type { DataHaltReason, DataOperation, DataState } from './types.js';
import type { NdmpVersion } from './xdr.js';

const MOVES = {
  idle: ['listen', 'connected'],
  listen: ['connected', 'halted'],
  connected: ['active', 'halted', 'idle'],
  active: ['halted'],
  halted: ['idle'],
} as const satisfies Readonly<Record<DataState, readonly DataState[]>>;

export type DataRequest = 'listen' | 'connect' | 'start' | 'abort' | 'stop';

/** Version 2 has neither LISTEN nor CONNECT: a START names the mover, and connects. */
const GATES: Readonly<Record<DataRequest, (version: NdmpVersion) => readonly DataState[]>> = {
  listen: () => ['idle'],
  connect: () => ['idle'],
  start: (version) => (version === 2 ? ['idle'] : ['connected']),
  abort: () => ['listen', 'connected', 'active'],
  stop: () => ['halted'],
};

export class DataMachine {
  #state: DataState = 'idle';
  #operation: DataOperation = 'noaction';
  #haltReason: DataHaltReason = 'na';

  get state(): DataState {
    return this.#state;
  }
  get operation(): DataOperation {
    return this.#operation;
  }
  get haltReason(): DataHaltReason {
    return this.#haltReason;
  }

  /** Throws NdmpError 'illegal-state' when the request may not come now. */
  check(request: DataRequest, version: NdmpVersion): void {
    if (GATES[request](version).includes(this.#state)) return;
    throw new NdmpError('illegal-state', `DATA is ${this.#state}`, { state: this.#state, request });
  }
  listen(): void {
    this.#enter('listen');
  }
  connected(): void {
    this.#enter('connected');
  }
  start(operation: Exclude<DataOperation, 'noaction'>): void {
    this.#enter('active');
    this.#operation = operation;
  }
  halt(reason: Exclude<DataHaltReason, 'na'>): void {
    this.#enter('halted');
    this.#haltReason = reason;
  }
  /** DATA_STOP; or version 2 could not start what it had connected for. */
  idle(): void {
    this.#enter('idle');
    this.#operation = 'noaction';
    this.#haltReason = 'na';
  }
  #enter(next: DataState): void {
    const moves: readonly DataState[] = MOVES[this.#state];
    assert(moves.includes(next), `DATA does not go from ${this.#state} to ${next}`);
    this.#state = next;
  }
}

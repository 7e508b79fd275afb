/** ndmjob's conformance tests: the phases of each, and the steps that a phase has when all of it is reached. */
export interface PhaseRow {
  readonly test: 'test-tape' | 'test-mover' | 'test-data';
  readonly phase: string;
  /** In versions 2, 3 and 4; 0 where there is none. */
  readonly steps: readonly [v2: number, v3: number, v4: number];
  /** Comes after a fault of ndmjob itself that ends its run, unless it is mended. */
  readonly isBehindFault?: boolean;
  /** Faults of ndmjob itself that no server can help and no shim mends. */
  readonly excused?: readonly string[];
}

/** It compares signed with unsigned bytes, and gives up the second half of the phase when they differ. */
const signedCompare = ['FAILED: Failed compare'];

export const PHASES: readonly PhaseRow[] = [
  { test: 'test-tape', phase: 'T-OC', steps: [8, 8, 8] },
  { test: 'test-tape', phase: 'T-BGS', steps: [4, 4, 4] },
  { test: 'test-tape', phase: 'T-BW', steps: [13, 13, 13], isBehindFault: true },
  { test: 'test-tape', phase: 'T-BR', steps: [20, 20, 20], isBehindFault: true },
  { test: 'test-tape', phase: 'T-BWR', steps: [23, 23, 23], isBehindFault: true, excused: signedCompare },
  { test: 'test-tape', phase: 'T-WRITE', steps: [11, 11, 11], isBehindFault: true },
  { test: 'test-tape', phase: 'T-READ', steps: [20, 20, 20], isBehindFault: true },
  { test: 'test-tape', phase: 'T-MTIO', steps: [11, 11, 11], isBehindFault: true },
  { test: 'test-mover', phase: 'M-IDLE', steps: [7, 7, 7] },
  { test: 'test-mover', phase: 'M-LISTEN', steps: [3, 3, 3] },
  { test: 'test-mover', phase: 'M-LISTEN/bogus-args', steps: [2, 2, 2] },
  { test: 'test-mover', phase: 'M-LISTEN/not-open', steps: [8, 8, 8] },
  { test: 'test-mover', phase: 'M-LISTEN/tape-ro', steps: [30, 30, 30] },
  { test: 'test-mover', phase: 'M-LISTEN/tape-rw', steps: [50, 50, 50] },
  { test: 'test-data', phase: 'D-IDLE', steps: [3, 3, 3] },
  { test: 'test-data', phase: 'D-LISTEN', steps: [0, 19, 19] },
  { test: 'test-data', phase: 'D-LISTEN/bogus-args', steps: [0, 1, 1] },
];

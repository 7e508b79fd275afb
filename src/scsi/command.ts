/**
 * command(): one row of a command set. Decode, reserved-bit check, gates, CDB usage data of REPORT SUPPORTED OPERATION
 * CODES, docs and fuzz input all follow from the row; no command has facts in two places.
 */
import { record, u8, type Fields, type RecordCodec, type ValueOf } from '#wire';

/**
 * What other registrants' persistent reservations make of the command (SPC-5 5.14.1 and the tables of SSC and SMC):
 * `allowed` always; `read`: allowed under Write Exclusive; `conflict`: refused under any.
 */
export type UnderReservation = 'allowed' | 'read' | 'conflict';

/** COMMAND TIMEOUTS DESCRIPTOR of REPORT SUPPORTED OPERATION CODES, in seconds. */
export interface CommandTimeouts {
  readonly nominalSeconds: number;
  readonly recommendedSeconds: number;
}

export interface CommandSpec<F extends Fields> {
  readonly name: string;
  readonly opcode: number;
  readonly serviceAction?: number;
  readonly length: 6 | 10 | 12 | 16;
  /** Standard and section. */
  readonly spec: string;
  /** Without OPERATION CODE, CONTROL and, if `serviceAction` is given, SERVICE ACTION. */
  readonly fields: F;
  readonly data: 'none' | 'in' | 'out';
  readonly reservation: UnderReservation | ((cdb: ValueOf<F>) => UnderReservation);
  /** Refused to others under RESERVE(6) and (10) too, although allowed beside persistent reservations (SPC-2 table 10). */
  readonly conflictsWithReserve?: boolean;
  /** Runs although a unit attention is pending, and leaves it pending. */
  readonly passesUnitAttention?: boolean;
  /** Refused with NOT READY when no medium is ready. */
  readonly needsMedium?: boolean;
  /** Changes the medium: refused when that is write-protected. */
  readonly writesMedium?: boolean;
  /**
   * Runs beside other tasks of the unit instead of in the queue: for commands that look and touch nothing, and for those of
   * reservations, which must get through when the unit is stuck and take turns of their own.
   */
  readonly concurrent?: boolean;
  /** A second and a minute when absent. */
  readonly timeouts?: CommandTimeouts;
}

export interface Command<V = unknown> extends Omit<CommandSpec<Fields>, 'fields' | 'reservation'> {
  readonly cdb: RecordCodec<V>;
  reservation(cdb: V): UnderReservation;
}

type Decoded<F extends Fields> = ValueOf<F> & { readonly opcode: number; readonly control: number };

export function command<const F extends Fields>(spec: CommandSpec<F>): Command<Decoded<F>> {
  const { reservation } = spec;
  const action: Fields =
    spec.serviceAction === undefined
      ? {}
      : { serviceAction: { kind: 'uint', byte: 1, span: 1, high: 4, low: 0 } };
  const fields = { opcode: u8(0), ...action, ...spec.fields, control: u8(spec.length - 1) };
  return {
    ...spec,
    cdb: record(spec.length, fields) as unknown as RecordCodec<Decoded<F>>,
    reservation: typeof reservation === 'function' ? reservation : () => reservation,
  };
}

/** CDB USAGE DATA (SPC-5 6.34.3): opcode and service action literal, other fields as the mask of bits we evaluate. */
export function cdbUsage(row: Command): Buffer {
  const usage = Buffer.from(row.cdb.mask);
  usage[0] = row.opcode;
  if (row.serviceAction !== undefined) usage[1] = ((usage[1] ?? 0) & 0xe0) | row.serviceAction;
  usage[row.length - 1] = 0x04; // CONTROL: of it we evaluate NACA only, to refuse it
  return usage;
}

const lengthOfGroup = [6, 10, 10, undefined, 16, 12, undefined, undefined] as const;
/** The length that the group code announces (SPC-5 4.2.5.1); undefined for variable-length and vendor groups. */
export function cdbLength(opcode: number): number | undefined {
  return lengthOfGroup[opcode >> 5];
}

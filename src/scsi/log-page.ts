/**
 * logPage(): one row per log page, its parameters read from live values (SPC-5 7.3).
 *
 * A unit's values are its own: a row names where they come from, so a page never shows what nobody counted.
 */
import { strict as assert } from 'node:assert';

/** What a page may ask about its parameters; `Unit` is whose page it is. */
interface ParameterBase<Unit> {
  readonly code: number;
  readonly name: string;
  /** What LOG SELECT with PCR = 1 does to it; absent: it is not counted and stays. */
  readonly reset?: (unit: Unit) => void;
  /** What a value from LOG SELECT would do; undefined: it is not acceptable. Absent: LOG SELECT may not set it. */
  readonly select?: (unit: Unit, value: Buffer) => (() => void) | undefined;
}
/** A bounded data counter, big-endian; stops at its largest value. */
export interface CounterParameter<Unit> extends ParameterBase<Unit> {
  readonly kind: 'counter';
  /** Bytes, 1 … 8. */
  readonly length: number;
  readonly value: (unit: Unit) => number | bigint;
  /** Where LOG SENSE with PC = threshold values says that the counter is compared; absent: it is not. */
  readonly threshold?: (unit: Unit) => number | bigint;
}
/** Text, left-justified and padded with blanks to `length` bytes, or as long as it is. */
export interface AsciiParameter<Unit> extends ParameterBase<Unit> {
  readonly kind: 'ascii';
  readonly length?: number;
  readonly value: (unit: Unit) => string;
}
/** Anything else: a number of `length` bytes, or bytes as they are. */
export interface BinaryParameter<Unit> extends ParameterBase<Unit> {
  readonly kind: 'binary';
  readonly length?: number;
  readonly value: (unit: Unit) => number | bigint | Buffer;
}
export type LogParameter<Unit> = CounterParameter<Unit> | AsciiParameter<Unit> | BinaryParameter<Unit>;

export interface LogPage<Unit> {
  readonly page: number;
  /** 0 when absent. */
  readonly subpage?: number;
  readonly name: string;
  /** Standard and section. */
  readonly spec: string;
  /** In ascending order of code; or made for the state of the unit (one per partition, per element, …). */
  readonly parameters: readonly LogParameter<Unit>[] | ((unit: Unit) => readonly LogParameter<Unit>[]);
  /** The unit has the page now. Always, when absent. */
  readonly present?: (unit: Unit) => boolean;
  /** LOG SENSE has shown the page: some flags are cleared by reading. */
  readonly read?: (unit: Unit) => void;
}

/** Names the type of a row; checks what can be checked when the table loads. */
export function logPage<Unit>(row: LogPage<Unit>): LogPage<Unit> {
  assert(
    row.page > 0 && row.page < 0x3f && (row.subpage ?? 0) < 0xff,
    `${row.name}: 00h and FFh are lists of pages`,
  );
  if (typeof row.parameters !== 'function') {
    let last = -1;
    for (const { code, name } of row.parameters) {
      assert(code > last && code <= 0xffff, `${row.name}: ${name} is out of order`);
      last = code;
    }
  }
  return row;
}

/** PC of LOG SENSE (SPC-5 6.9). */
export const LOG_CONTROL = ['threshold', 'cumulative', 'default-threshold', 'default-cumulative'] as const;
export type LogControl = (typeof LOG_CONTROL)[number];

/** FORMAT AND LINKING (SPC-5 7.3.2.2). */
const format = { counter: 0b00, ascii: 0b01, binary: 0b11 } as const;

/** One log parameter: header of four bytes and value. */
export function encodeLogParameter<Unit>(
  parameter: LogParameter<Unit>,
  unit: Unit,
  control: LogControl,
): Buffer {
  const value = valueOf(parameter, unit, control);
  assert(value.length <= 0xff, `log parameter ${parameter.name} fits its length byte`);
  const header = Buffer.alloc(4);
  header.writeUInt16BE(parameter.code, 0);
  // DU = 0: the counter moves; TSD = 0: nothing is saved by the target itself (the page says so by DS).
  header[2] = format[parameter.kind];
  header[3] = value.length;
  return Buffer.concat([header, value]);
}

function valueOf<Unit>(parameter: LogParameter<Unit>, unit: Unit, control: LogControl): Buffer {
  switch (parameter.kind) {
    case 'counter': {
      const { length } = parameter;
      if (control === 'cumulative') return bigEndian(parameter.value(unit), length);
      if (control === 'default-cumulative') return Buffer.alloc(length);
      const { threshold } = parameter;
      return threshold === undefined ? Buffer.alloc(length, 0xff) : bigEndian(threshold(unit), length);
    }
    case 'ascii': {
      const text = parameter.value(unit);
      return Buffer.from(text.padEnd(parameter.length ?? 0).slice(0, parameter.length), 'latin1');
    }
    case 'binary': {
      const value = parameter.value(unit);
      if (Buffer.isBuffer(value)) return value;
      assert(parameter.length !== undefined, `log parameter ${parameter.name} says how long its number is`);
      return bigEndian(value, parameter.length);
    }
  }
}

/** A number of `length` bytes; the largest that fits when it does not (SPC-5 7.3.2.2: counters do not wrap). */
function bigEndian(value: number | bigint, length: number): Buffer {
  const max = (1n << BigInt(8 * length)) - 1n;
  const whole = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
  const fitting = whole > max ? max : BigInt.asUintN(8 * length, whole);
  return Buffer.from(fitting.toString(16).padStart(2 * length, '0'), 'hex');
}

/** LogPages: the log pages of one kind of unit (SPC-5 6.8, 6.9 and 7.3): LOG SENSE bodies and LOG SELECT lists. */
import { encodeLogParameter, type LogControl, type LogPage, type LogParameter } from './log-page.js';
import { invalidCdbField, invalidParameter, listLengthError } from './parameter-data.js';

export interface LogSense {
  readonly control: LogControl;
  readonly page: number;
  readonly subpage: number;
  readonly parameterPointer: number;
}
export interface LogSelect {
  readonly control: LogControl;
  /** PCR: counters back to zero, without a list. */
  readonly reset: boolean;
  readonly page: number;
  readonly subpage: number;
}

const supportedPages = 0x00;
const allSubpages = 0xff;
const spfBit = 0x40;
const dsBit = 0x80;

export class LogPages<Unit> {
  readonly #rows: readonly LogPage<Unit>[];

  constructor(rows: readonly LogPage<Unit>[]) {
    this.#rows = rows.toSorted((a, b) => orderOf(a) - orderOf(b));
  }

  rowsOf(unit: Unit): readonly LogPage<Unit>[] {
    return this.#rows.filter((row) => row.present?.(unit) ?? true);
  }
  /** The same without some pages: what a personality does not have. */
  without(codes: readonly number[]): LogPages<Unit> {
    return new LogPages(this.#rows.filter((row) => !codes.includes(orderOf(row))));
  }

  /** The log page. Throws CheckCondition. */
  sense(unit: Unit, request: LogSense): Buffer {
    const list = this.#listOfPages(unit, request);
    if (list !== undefined) {
      if (request.parameterPointer !== 0) throw invalidCdbField(5); // lists have no parameters
      return list;
    }
    const row = this.#find(unit, request.page, request.subpage);
    const parameters = parametersOf(row, unit).toSorted((a, b) => a.code - b.code);
    const wanted = parameters.filter((parameter) => parameter.code >= request.parameterPointer);
    if (wanted.length === 0 && request.parameterPointer !== 0) throw invalidCdbField(5);
    const body = wanted.map((parameter) => encodeLogParameter(parameter, unit, request.control));
    const page = assemble(row.page, row.subpage ?? 0, dsBit, Buffer.concat(body));
    row.read?.(unit);
    return page;
  }

  #find(unit: Unit, page: number, subpage: number): LogPage<Unit> {
    const rows = this.rowsOf(unit).filter((row) => row.page === page);
    if (rows.length === 0) throw invalidCdbField(2, 5);
    const row = rows.find((one) => (one.subpage ?? 0) === subpage);
    if (row === undefined) throw invalidCdbField(3);
    return row;
  }

  /** Supported Log Pages, Supported Log Pages and Subpages, Supported Subpages (SPC-5 7.3). */
  #listOfPages(unit: Unit, { page, subpage }: LogSense): Buffer | undefined {
    const codes = this.#codes(unit);
    if (page === supportedPages && subpage === 0) {
      const pages = new Set(codes.map(([code]) => code));
      return assemble(page, 0, 0, Buffer.from([...pages]));
    }
    if (page === supportedPages && subpage === allSubpages)
      return assemble(page, subpage, 0, Buffer.from(codes.flat()));
    if (subpage !== allSubpages) return undefined;
    const here = codes.filter(([code]) => code === page);
    if (here.length === 0) throw invalidCdbField(2, 5);
    if (!here.some(([, sub]) => sub === allSubpages)) throw invalidCdbField(3);
    return assemble(page, subpage, 0, Buffer.from(here.flat()));
  }
  /** Every page and subpage, the lists too, ascending. */
  #codes(unit: Unit): readonly (readonly [number, number])[] {
    const codes: [number, number][] = [
      [supportedPages, 0],
      [supportedPages, allSubpages],
    ];
    const rows = this.rowsOf(unit);
    for (const [index, row] of rows.entries()) {
      codes.push([row.page, row.subpage ?? 0]);
      const last = rows[index + 1]?.page !== row.page;
      if (last && rows.some((one) => one.page === row.page && (one.subpage ?? 0) > 0)) {
        codes.push([row.page, allSubpages]);
      }
    }
    return codes;
  }

  // --- LOG SELECT -----------------------------------------------------------------------------------------------

  /** True when something has changed, so that other nexuses must be told. Throws CheckCondition before any change. */
  select(unit: Unit, list: Buffer, how: LogSelect): boolean {
    if (how.reset || list.length === 0) {
      if (list.length > 0) throw invalidCdbField(1, 1);
      const rows = this.#selected(unit, how);
      // Without PCR, only PC = default cumulative values touches counters (SPC-5 6.8); thresholds never change here.
      if (!how.reset && how.control !== 'default-cumulative') return false;
      const counters = rows
        .flatMap((row) => parametersOf(row, unit))
        .filter(({ reset }) => reset !== undefined);
      for (const { reset } of counters) reset?.(unit);
      return counters.length > 0;
    }
    if (how.page !== 0) throw invalidCdbField(2, 5); // the list itself names its pages
    if (how.subpage !== 0) throw invalidCdbField(3);
    const planned = this.#plan(unit, list);
    for (const apply of planned) apply();
    return planned.length > 0;
  }

  /** The pages that a CDB without a list means: 00h all of them, and FFh all subpages. */
  #selected(unit: Unit, { page, subpage }: LogSelect): readonly LogPage<Unit>[] {
    if (page === 0 && (subpage === 0 || subpage === allSubpages)) {
      return this.rowsOf(unit).filter((row) => subpage === allSubpages || (row.subpage ?? 0) === 0);
    }
    if (subpage !== allSubpages) return [this.#find(unit, page, subpage)];
    const rows = this.rowsOf(unit).filter((row) => row.page === page);
    if (rows.length === 0) throw invalidCdbField(2, 5);
    return rows;
  }

  #plan(unit: Unit, list: Buffer): (() => void)[] {
    const planned: (() => void)[] = [];
    for (let at = 0; at < list.length;) {
      if (at + 4 > list.length) throw listLengthError();
      const first = list.readUInt8(at);
      const subpage = (first & spfBit) === 0 ? 0 : list.readUInt8(at + 1);
      const row = this.rowsOf(unit).find(
        (one) => one.page === (first & 0x3f) && (one.subpage ?? 0) === subpage,
      );
      if (row === undefined) throw invalidParameter(at, 5);
      const end = at + 4 + list.readUInt16BE(at + 2);
      if (end > list.length) throw listLengthError();
      planned.push(...planPage(unit, row, list, at + 4, end));
      at = end;
    }
    return planned;
  }
}

function planPage<Unit>(
  unit: Unit,
  row: LogPage<Unit>,
  list: Buffer,
  from: number,
  end: number,
): (() => void)[] {
  const planned: (() => void)[] = [];
  const parameters = parametersOf(row, unit);
  for (let at = from; at < end;) {
    if (at + 4 > end) throw listLengthError();
    const code = list.readUInt16BE(at);
    const parameter = parameters.find((one) => one.code === code);
    if (parameter?.select === undefined) throw invalidParameter(at);
    const valueEnd = at + 4 + list.readUInt8(at + 3);
    if (valueEnd > end) throw listLengthError();
    const apply = parameter.select(unit, list.subarray(at + 4, valueEnd));
    if (apply === undefined) throw invalidParameter(at + 4);
    planned.push(apply);
    at = valueEnd;
  }
  return planned;
}

const orderOf = (row: { page: number; subpage?: number }): number => row.page * 0x100 + (row.subpage ?? 0);

const parametersOf = <Unit>(row: LogPage<Unit>, unit: Unit): readonly LogParameter<Unit>[] =>
  typeof row.parameters === 'function' ? row.parameters(unit) : row.parameters;

function assemble(page: number, subpage: number, flags: number, body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header[0] = flags | (subpage === 0 ? 0 : spfBit) | page;
  header[1] = subpage;
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** Results as people read them: tables, things, text. */
import { type Column, formatSize, type View } from '#admin';

/** Lines for standard output, with a line end each; empty when there is nothing to show. */
export function render(view: View, result: unknown): string {
  switch (view.as) {
    case 'text':
      return `${String(result)}\n`;
    case 'thing':
      return renderThing(without(result, view.hide ?? []));
    case 'table':
      return renderTable(view.columns, result as readonly Readonly<Record<string, unknown>>[]);
  }
}

/** Names come from the network: what would steer a terminal is shown as a question mark. */
const harmless = (text: string): string => text.replaceAll(/\p{Cc}/gu, '?');

function cell(value: unknown, show?: Column['show']): string {
  if (value === undefined || value === null || value === '') return '-';
  if (show === 'size' && typeof value === 'number') return formatSize(value);
  if (show === 'percent' && typeof value === 'number') return `${value}%`;
  if (show === 'state' && isStated(value)) return stated(value);
  if (typeof value === 'boolean') return value ? 'yes' : show === 'yes' ? '-' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map((one) => cell(one)).join(', ');
  if (typeof value === 'object') return inline(value as Row);
  return harmless(`${value as string | number}`); // what JSON has left
}

/** "paused (eom)". */
const stated = ({ state, reason }: { readonly state: string; readonly reason?: unknown }): string =>
  typeof reason === 'string' ? `${harmless(state)} (${harmless(reason)})` : harmless(state);
const isStated = (value: unknown): value is { readonly state: string; readonly reason?: unknown } =>
  typeof value === 'object' && value !== null && typeof (value as Row)['state'] === 'string';

/** "partition 0, object 17, bop": what is false is left out. */
const inline = (thing: Row): string =>
  Object.entries(thing)
    .filter(([, value]) => value !== false && value !== null)
    .map(([name, value]) => (value === true ? spaced(name) : `${labelOf(name)} ${cell(value, showOf(name))}`))
    .join(', ');

function renderTable(columns: readonly Column[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => columns.map(({ name, show }) => cell(row[name], show)));
  const all = [columns.map(({ title }) => title), ...cells];
  const widths = columns.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  const isNumber = columns.map(
    ({ name, show }) => show === 'size' || rows.every((row) => typeof row[name] === 'number'),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, at) =>
        isNumber[at] === true ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return all.map((row) => `${line(row)}\n`).join('');
}

const sizes = new Set(['size', 'used', 'capacity', 'free', 'bytes']);

const without = (result: unknown, hidden: readonly string[]): unknown =>
  typeof result === 'object' && result !== null
    ? Object.fromEntries(Object.entries(result).filter(([name]) => !hidden.includes(name)))
    : result;

/** A line for each property; a list of things as a table below its name. */
function renderThing(result: unknown): string {
  if (typeof result !== 'object' || result === null) return '';
  const properties = Object.entries<unknown>(result as Readonly<Record<string, unknown>>);
  const width = Math.max(0, ...properties.map(([name]) => labelOf(name).length)) + 1;
  return properties
    .map(([name, value]) => {
      if (isList(value)) return `${labelOf(name)}:\n${indented(renderList(value))}`;
      if (isBlock(value)) return `${labelOf(name)}:\n${indented(renderThing(value))}`;
      return `${`${labelOf(name)}:`.padEnd(width)} ${cell(value, showOf(name))}\n`;
    })
    .join('');
}
const showOf = (name: string): 'size' | undefined =>
  sizes.has(name) || /[a-z]Bytes$/.test(name) ? 'size' : undefined;
/** The unit is seen. */
const labelOf = (name: string): string => spaced(name.replace(/(?<=[a-z])Bytes$/, ''));
/** As a table, or, when the things hold lists themselves, one after another. */
const renderList = (rows: readonly Row[]): string =>
  rows.some((row) => Object.values(row).some(isList))
    ? rows.map(renderThing).join('\n')
    : renderTable(columnsOf(rows), rows);
type Row = Readonly<Record<string, unknown>>;
const isList = (value: unknown): value is readonly Row[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'object');
/** Too much for one line. */
const isBlock = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 7;
const columnsOf = (rows: readonly Row[]): Column[] =>
  [...new Set(rows.flatMap((row) => Object.keys(row)))].map((name) => ({
    name,
    title: labelOf(name).toUpperCase(),
    ...(showOf(name) === undefined ? {} : { show: 'size' as const }),
  }));
const indented = (lines: string): string => lines.replaceAll(/^(?=.)/gm, '  ');
/** "elementAddress" as "element address"; names of RFC 7143, such as DataPDUInOrder, stay as they are. */
const spaced = (name: string): string =>
  /^[a-z\d]+([A-Z][a-z\d]+)*$/.test(name)
    ? name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    : name;

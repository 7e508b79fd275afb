/** Results as people read them: tables, things, text. */
import { type Column, formatSize, type View } from '#admin';

/** Lines for standard output, with a line end each; empty when there is nothing to show. */
export function render(view: View, result: unknown): string {
  switch (view.as) {
    case 'text':
      return `${String(result)}\n`;
    case 'thing':
      return renderThing(result);
    case 'table':
      return renderTable(view.columns, result as readonly Readonly<Record<string, unknown>>[]);
  }
}

/** Names come from the network: what would steer a terminal is shown as a question mark. */
const harmless = (text: string): string => text.replaceAll(/\p{Cc}/gu, '?');

function cell(value: unknown, show?: Column['show']): string {
  if (value === undefined || value === null || value === '') return '-';
  if (show === 'size' && typeof value === 'number') return formatSize(value);
  if (typeof value === 'boolean') return value ? 'yes' : show === 'yes' ? '-' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map((one) => cell(one)).join(', ');
  if (typeof value === 'object')
    return Object.entries(value)
      .map(([name, one]) => `${name} ${cell(one)}`)
      .join(' ');
  return harmless(`${value as string | number}`); // what JSON has left
}

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

const sizes = new Set(['size', 'used', 'capacity', 'free']);

function renderThing(result: unknown): string {
  if (typeof result !== 'object' || result === null) return '';
  const lines = Object.entries(result).flatMap(([name, value]) =>
    thingLines(spaced(name), value, sizes.has(name)),
  );
  const width = Math.max(0, ...lines.map(([name]) => name.length));
  return lines
    .map(([name, value]) => `${`${name}${name === '' ? ' ' : ':'}`.padEnd(width + 1)} ${value}\n`)
    .join('');
}
/** A list of things takes one line each. */
function thingLines(name: string, value: unknown, isSize: boolean): [string, string][] {
  if (Array.isArray(value) && value.some((one) => typeof one === 'object')) {
    return value.map((one, at) => [at === 0 ? name : '', cell(one)]);
  }
  return [[name, cell(value, isSize ? 'size' : undefined)]];
}
const spaced = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

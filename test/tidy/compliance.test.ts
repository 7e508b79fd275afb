/** COMPLIANCE.md: each row names code that exists and a test that exists, or says that it is not kept. */
import test from 'ava';
import { files, product, read, tests } from './sources.js';

/** Rows of tables whose last two columns are code and test. */
interface Row {
  readonly page: string;
  readonly line: number;
  readonly code: string;
  readonly test: string;
}
const rows: readonly Row[] = files
  .filter((path) => path.endsWith('COMPLIANCE.md'))
  .flatMap((page) =>
    read(page)
      .split('\n')
      .flatMap((line, index) => {
        const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
        const isRow = line.startsWith('|') && cells.length >= 6 && !/^[-: ]*$/.test(cells[1] ?? '');
        const [code, shown] = [cells.at(-3), cells.at(-2)];
        return isRow && code !== undefined && shown !== undefined && !/^(code|symbol|kept by)$/i.test(code)
          ? [{ page, line: index + 1, code, test: shown }]
          : [];
      }),
  );
const productText = product.map(({ text }) => text).join('\n');
const testText = tests.map(({ path, text }) => `${path}\n${text}`).join('\n');

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
/** A file of the layer, or a name in the code: `Session.admit` is there when `admit` is. */
const exists = (name: string): boolean =>
  product.some(({ path }) => path.endsWith(`/${name}`)) ||
  name
    .replace(/\(\)$/, '')
    .split('.')
    .every((part) =>
      new RegExp(`(?<![\\w$])#?${part.replaceAll(/[^\w$]/g, '.')}(?![\\w$])`).test(productText),
    );

test('every symbol that a compliance row names exists', (t) => {
  const lost = rows.flatMap(({ page, line, code }) =>
    quoted(code)
      .filter((name) => !exists(name))
      .map((name) => `${page}:${line}: ${name}`),
  );
  t.deepEqual(lost, []);
});

test('every test that a compliance row names exists', (t) => {
  const lost = rows.flatMap(({ page, line, test: shown }) =>
    quoted(shown)
      .filter((name) => !testText.includes(name.replaceAll("'", "\\'")) && !testText.includes(name))
      .map((name) => `${page}:${line}: ${name}`),
  );
  t.deepEqual(lost, []);
});

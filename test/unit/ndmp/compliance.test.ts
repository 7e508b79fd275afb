/** COMPLIANCE.md has every message and error of the tables, and names code and tests that are there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { MESSAGES, ndmpStatuses } from '#ndmp';
import { top } from '#support';

const page = readFileSync(join(top, 'src/ndmp/COMPLIANCE.md'), 'utf8');
/** Cells of the rows of all tables, heads and rulers left out. */
const rows = page.split('\n').flatMap((line) => {
  const cells = line.split('|').map((cell) => cell.trim());
  const isHead = /^(message|error|source|-+)$/.test(cells[1] ?? '');
  return line.startsWith('|') && !isHead ? [cells.slice(1, -1)] : [];
});
const messages = Object.values(MESSAGES);
const isMessage = ([name]: readonly string[]): boolean => messages.some(({ title }) => title === name);

test('every message of every version has a row', (t) => {
  const told = rows.filter(isMessage).map(([name, versions]) => `${name} ${versions}`);
  const there = messages.map(({ title, versions }) => `${title} ${versions.join(' ')}`);
  t.deepEqual(told.toSorted(), there.toSorted());
});
test('every error has a row', (t) => {
  const named = (status: string): string => status.toUpperCase().replaceAll('-', '_');
  const told = rows.filter((cells) => cells.length === 3).map(([name]) => name);
  t.deepEqual(told, ndmpStatuses.map(named));
});

const proven = rows.filter((cells) => cells.length === 5 || cells.length === 4);

test('what is kept is kept by something that is there', (t) => {
  t.true(proven.length > messages.length);
  for (const cells of proven) {
    const kept = cells.at(-2) ?? '';
    const [, file = '', symbol = ''] = /^`([a-z-]+(?:\.table)?\.ts)` `(\S+)`$/.exec(kept) ?? [];
    t.not(file, '', kept);
    const text = readFileSync(join(top, 'src/ndmp', file), 'utf8');
    t.true(text.includes(symbol), `${cells[0]}: ${symbol} in ${file}`);
  }
});
test('what is kept is shown by a test that is there', (t) => {
  const plain = (text: string): string => text.replaceAll(/\s+/g, ' ');
  for (const cells of proven) {
    const [, file = '', words = ''] = /^`([a-z/.-]+)` (.+)$/.exec(cells.at(-1) ?? '') ?? [];
    const path = join(top, file.includes('/') ? `test/${file}.ts` : `test/unit/ndmp/${file}.test.ts`);
    t.true(words !== '' && existsSync(path), `${cells[0]}: ${cells.at(-1)}`);
    t.true(plain(readFileSync(path, 'utf8')).includes(words), `${cells[0]}: ${words} in ${file}`);
  }
});

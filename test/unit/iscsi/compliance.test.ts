/** COMPLIANCE.md names symbols and tests; this holds it to that. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { top } from '#support';

const page = readFileSync(join(top, 'src/iscsi/COMPLIANCE.md'), 'utf8');
const rows = page.split('\n').flatMap((line) => {
  const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
  return /^\| [0-9Aa]/.test(line)
    ? [{ section: cells[1] ?? '', kept: cells[3] ?? '', shown: cells[4] ?? '' }]
    : [];
});
const folders = ['test/conformance/scripted', 'test/unit/iscsi'];
function testsNamed(name: string): string {
  if (name.includes('/')) return readFileSync(join(top, 'test', `${name}.ts`), 'utf8');
  return folders
    .filter((folder) => readdirSync(join(top, folder)).includes(`${name}.test.ts`))
    .map((folder) => readFileSync(join(top, folder, `${name}.test.ts`), 'utf8'))
    .join('\n');
}

test('every requirement has a symbol that is there', (t) => {
  t.true(rows.length > 90);
  for (const { section, kept } of rows) {
    const [, file = '', symbol = ''] = /^`([a-z-]+(?:\.table)?\.ts)` `(\S+)`$/.exec(kept) ?? [];
    t.not(file, '', `${section}: ${kept}`);
    t.true(
      readFileSync(join(top, 'src/iscsi', file), 'utf8').includes(symbol),
      `${section}: ${symbol} in ${file}`,
    );
  }
});
test('every requirement has a test that is there', (t) => {
  const plain = (text: string): string => text.replaceAll(/\s+/g, ' ');
  for (const { section, shown } of rows) {
    const [, file = '', words = ''] = /^`([a-z/.-]+)` (.+)$/.exec(shown) ?? [];
    t.true(words !== '' && plain(testsNamed(file)).includes(words), `${section}: ${shown}`);
  }
});

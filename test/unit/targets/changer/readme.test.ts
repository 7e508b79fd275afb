import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { top } from '#support';
import { libraryPersonalities, smcTable } from '#targets';

const readme = readFileSync(join(top, 'targets/changer/README.md'), 'utf8');
const hex = (value: number, digits: number): string =>
  `${value.toString(16).toUpperCase().padStart(digits, '0')}h`;
const rows = readme
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
      .join('|'),
  );

test('the chapter has every command of the table', (t) => {
  for (const { opcode, name, spec } of Object.values(smcTable))
    t.true(rows.includes(`${hex(opcode, 2)}|${name}|${spec}`), name);
});

test('the chapter has every personality, with its addresses', (t) => {
  for (const { name, bases } of libraryPersonalities.values()) {
    const addresses = [bases.robot, bases.drive, bases.mail, bases.slot].map((base) => hex(base, 4));
    t.true(rows.includes([name, ...addresses].join('|')), name);
  }
});

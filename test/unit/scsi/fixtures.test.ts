/** Bytes written by hand against what the tables make of them, both ways. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  type Command,
  encodeDescriptor,
  encodeFixed,
  explainSense,
  SENSE,
  type SenseExtras,
  spcTable,
} from '#scsi';
import { ask, attached, PlainUnit, top } from '#support';
import { parseHex } from '#wire';

const load = <T>(path: string): T => JSON.parse(readFileSync(join(top, path), 'utf8')) as T;

interface CdbFixture {
  readonly valid: readonly { row: string; hex: string; value: Record<string, unknown> }[];
  readonly broken: readonly { say: string; row: string; hex: string; error: { byte: number; bit: number } }[];
}
const rows: Readonly<Record<string, Command>> = spcTable;
const cdbs = load<CdbFixture>('fixtures/cdb/spc.json');

for (const { row: key, hex, value } of cdbs.valid) {
  test(`CDB ${key} ${hex}`, (t) => {
    const row = rows[key];
    if (row === undefined) return t.fail('no such row');
    const bytes = parseHex(hex);
    t.is(bytes.length, row.length);
    const decoded = row.cdb.decode(bytes) as Record<string, unknown>;
    for (const [name, got] of Object.entries(decoded)) {
      if (name !== 'opcode') t.is(got, value[name] ?? (typeof got === 'boolean' ? false : 0), name);
    }
    t.deepEqual(
      Object.keys(value).filter((name) => !(name in decoded)),
      [],
    );
    t.is(row.cdb.encode(decoded).toString('hex'), hex);
    t.is(row.cdb.reservedBitSet(bytes), undefined);
  });
}
for (const { say, row, hex, error } of cdbs.broken) {
  test(`CDB refused: ${say}`, (t) => t.deepEqual(rows[row]?.cdb.reservedBitSet(parseHex(hex)), error));
}

interface SenseFixture {
  readonly cases: readonly {
    say: string;
    sense: keyof typeof SENSE;
    extras: SenseExtras;
    fixed: string;
    descriptor: string;
  }[];
}
for (const { say, sense, extras, ...forms } of load<SenseFixture>('fixtures/sense/sense.json').cases) {
  for (const [form, encode] of [
    ['fixed', encodeFixed],
    ['descriptor', encodeDescriptor],
  ] as const) {
    test(`sense, ${form} format: ${say}`, (t) => {
      const bytes = parseHex(forms[form]);
      const row = SENSE[sense];
      t.is(encode(row, extras).toString('hex'), bytes.toString('hex'));
      const explained = explainSense(bytes);
      t.is(explained?.name, row.name);
      t.is(explained?.key, row.key);
      t.is(explained?.deferred, extras.deferred ?? false);
      t.is(explained?.information, extras.information === undefined ? undefined : BigInt(extras.information));
      t.is(explained?.filemark, extras.filemark ?? false);
      t.is(explained?.eom, extras.eom ?? false);
      t.deepEqual(explained?.field, extras.field);
      t.is(explained?.progress, extras.progress);
    });
  }
}

interface PageFixture {
  readonly cases: readonly { say: string; cdb: string; data: string }[];
}
for (const { say, cdb, data } of load<PageFixture>('fixtures/pages/plain-unit.json').cases) {
  test(`page: ${say}`, async (t) => {
    const unit = new PlainUnit();
    const answer = await ask(unit, attached(unit), cdb);
    t.is(answer.why, '');
    t.is(answer.data.toString('hex'), parseHex(data).toString('hex'));
  });
}

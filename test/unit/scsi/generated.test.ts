/** Whatever a host sends to a plain unit: an answer, sense data that explains itself, and a unit that still serves. */
import test from 'ava';
import fc from 'fast-check';
import { CONTROL, CONTROL_EXTENSION, explainCdb, explainSense, spcTable, STATUS } from '#scsi';
import { ask, attached, cdbArbitrary, commandArbitrary, MemoryPersistence, PlainUnit } from '#support';

const rows = Object.values(spcTable);
const options = {
  rows,
  modePages: [CONTROL, CONTROL_EXTENSION] as never,
  logPages: [
    [0x0c, 0],
    [0x0c, 2],
  ] as const,
};

test('encode is the inverse of decode for every row', (t) => {
  for (const row of rows) {
    fc.assert(
      fc.property(cdbArbitrary(row), (cdb) => {
        if (row.cdb.reservedBitSet(cdb) !== undefined) throw new Error('a generated CDB sets a reserved bit');
        return (row.cdb as { encode(value: unknown): Buffer }).encode(row.cdb.decode(cdb)).equals(cdb);
      }),
      { seed: 1, numRuns: 30 },
    );
  }
  t.pass();
});

test('generated commands get an answer, never an internal failure', async (t) => {
  const unit = new PlainUnit(new MemoryPersistence());
  const nexuses = [attached(unit, 'one'), attached(unit, 'two')];
  const commands = fc.sample(commandArbitrary(options), { seed: 0x5eed, numRuns: 6000 });
  const ended = new Map<number | undefined, number>();
  const refused = new Set<string>();
  for (const [index, { name, cdb, out }] of commands.entries()) {
    const nexus = nexuses[index % 2] ?? attached(unit, 'one');
    const { status, sense, why, data } = await ask(unit, nexus, cdb, out);
    ended.set(status, (ended.get(status) ?? 0) + 1);
    const explained = sense === undefined ? undefined : explainSense(sense);
    if (sense !== undefined && explained?.name === undefined) t.fail(`${name}: ${why} is in no table`);
    if (why === '4 44 00') t.fail(`${name} ${cdb.toString('hex')} ${out.toString('hex')} broke the unit`);
    if (status === STATUS.checkCondition && data.length > 0) t.fail(`${name}: data before it was refused`);
    if (explained?.field !== undefined) refused.add(explained.field.in);
  }
  const known: readonly (number | undefined)[] = [
    STATUS.good,
    STATUS.checkCondition,
    STATUS.reservationConflict,
  ];
  t.true([...ended.keys()].every((status) => known.includes(status)) && ended.size === known.length);
  t.true((ended.get(STATUS.good) ?? 0) > 500, 'much of it is understood');
  t.true(refused.has('cdb') && refused.has('parameters'));
  t.is((await ask(unit, attached(unit, 'three'), '120000002400')).status, STATUS.good);
});

test('any bytes can be explained, or not', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      explainSense(Buffer.from(bytes));
      explainCdb(Buffer.from(bytes), [spcTable]);
    }),
    { seed: 2, numRuns: 2000 },
  );
  t.pass();
});

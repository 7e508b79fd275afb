import test from 'ava';
import { FakeTask, senseText, TapeBench, viewSense } from '#support';

/** Every command of the table with fields of chance and data of chance: an answer each time, no internal failure, no lost memory. */

/** Numbers of a seed: a failing run can be run again. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
type Dice = ReturnType<typeof dice>;

/** Mostly small numbers: large ones are refused early and test little. */
function fieldValue(throwDice: Dice, bits: number): number {
  const kind = throwDice(10);
  if (kind < 5) return throwDice(Math.min(4, 2 ** bits));
  if (kind < 8) return throwDice(Math.min(1000, 2 ** bits));
  return kind < 9 ? 2 ** bits - 1 : throwDice(2 ** bits);
}

const seeds = [1, 2];
for (const seed of seeds) {
  test(`CDBs of chance, seed ${seed}`, async (t) => {
    const throwDice = dice(seed);
    const bench = await TapeBench.make({ cartridge: { sizeBytes: 1e6 } });
    const ended = new Map<string, Set<string>>();
    for (let round = 0; round < 12; round++) {
      await bench.drive.load();
      for (const row of bench.unit.commands.rows) {
        const cdb = Buffer.alloc(16);
        cdb.writeUInt8(row.opcode, 0);
        for (const field of Object.values(row.cdb.fields)) {
          if (field.byte === 0 || field.byte === row.length - 1) continue;
          if (field.kind === 'uint' && field.span === 1) {
            const bits = field.high - field.low + 1;
            cdb[field.byte] = (cdb[field.byte] ?? 0) | (fieldValue(throwDice, bits) << field.low);
          } else if (field.kind === 'flag') {
            cdb[field.byte] = (cdb[field.byte] ?? 0) | (throwDice(4) === 0 ? 1 << field.low : 0);
          } else {
            const last = Math.min(3, field.span);
            cdb.writeUIntBE(fieldValue(throwDice, 8 * last), field.byte + field.span - last, last);
          }
        }
        if (row.serviceAction !== undefined) cdb[1] = ((cdb[1] ?? 0) & 0xe0) | row.serviceAction;
        if (throwDice(20) === 0) cdb[1 + throwDice(15)] = throwDice(256);
        await run(bench, cdb, throwDice, ended.get(row.name) ?? ended.set(row.name, new Set()).get(row.name));
      }
    }
    t.is(ended.size, bench.unit.commands.rows.length, 'every row was executed');
    t.is(bench.pool.freeBytes, bench.pool.blocksMax * bench.pool.blockBytes, 'all memory is back');
    bench.calm(bench.nexus);
    await bench.unit.reset('logical-unit');
    bench.calm(bench.nexus);
    await bench.drive.load();
    await bench.good('03 00 00 00 12 00');
  });
}

async function run(
  bench: TapeBench,
  cdb: Buffer,
  throwDice: Dice,
  ends: Set<string> | undefined,
): Promise<void> {
  const out = Buffer.from(Array.from({ length: throwDice(600) }, () => throwDice(256)));
  const task = new FakeTask({
    cdb,
    nexus: bench.nexus,
    out,
    expectedOut: throwDice(5) === 0 ? throwDice(2000) : out.length,
  });
  const outcome = await bench.unit.execute(task);
  const sense = outcome.sense === undefined ? undefined : viewSense(outcome.sense);
  const told = `${cdb.toString('hex')} ${senseText(sense)}`;
  if ((sense === undefined) === (outcome.status === 2)) throw new Error(`P4: ${told}`);
  if (sense?.key === 4) throw new Error(`internal failure: ${told}`);
  if (task.slabsOut !== 0) throw new Error(`slabs are not released: ${told}`);
  ends?.add(senseText(sense));
  bench.calm(bench.nexus);
}

test('a task that is canceled while it waits for data ends without status and without loss', async (t) => {
  const bench = await TapeBench.make();
  for (const cdb of ['0a 00 0003e8 00', '8d 00 0000 00 00 00 00 0000 000003e8 00 00', '15 10 00 00 ff 00']) {
    const bytes = Buffer.from(cdb.replaceAll(' ', ''), 'hex');
    const task = new FakeTask({ cdb: bytes, nexus: bench.nexus, out: Buffer.alloc(1000) });
    const ending = bench.unit.execute(task);
    task.cancel();
    const outcome = await ending;
    t.is(outcome.status, undefined);
  }
  t.is((await bench.where()).object, 0);
  t.is(bench.pool.freeBytes, bench.pool.blocksMax * bench.pool.blockBytes);
});

test('VERIFY of a whole tape can be aborted, and lets others work meanwhile', async (t) => {
  const bench = await TapeBench.make();
  const blocks = 5000;
  await bench.setBlockLength(10);
  await bench.good(`0a 01 ${blocks.toString(16).padStart(6, '0')} 00`, { out: Buffer.alloc(10 * blocks) });
  for (const cdb of ['13 20 000000 00', '13 01 001388 00']) {
    await bench.rewind();
    const task = new FakeTask({ cdb: Buffer.from(cdb.replaceAll(' ', ''), 'hex'), nexus: bench.nexus });
    const ending = bench.unit.execute(task);
    await new Promise<void>((resolve) => setImmediate(resolve));
    task.cancel();
    t.is((await ending).status, undefined, cdb);
    const { object } = await bench.where();
    t.true(object > 0 && object < blocks, `${object}`);
  }
});

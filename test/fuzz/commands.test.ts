/** CDBs and parameter lists of chance at a changer, a drive with a tape and an empty drive. */
import test from 'ava';
import fc from 'fast-check';
import { CONTROL, CONTROL_EXTENSION, INFORMATIONAL_EXCEPTIONS, type Nexus, STATUS } from '#scsi';
import { commandArbitrary, fakeNexus, FakeTask, whyOf } from '#support';
import { heapBytes } from './heap.js';
import { realStack, type Stack } from './stack.js';

const inputs = 130_000;
const batch = 5000;
const growthBytesMax = 16 * 1024 * 1024;
/** Drive 3 and the tape in it belong to the good client. */
const goodLun = 4;
const fuzzedLuns = [0, 1, 1, 2];

/** Runs one command and says what is wrong with how it ended. */
async function run(
  stack: Stack,
  nexus: Nexus,
  lun: number,
  cdb: Buffer,
  out: Buffer,
  expectedIn: number,
): Promise<{
  readonly status: number | undefined;
  readonly data: Buffer;
  readonly problem: string | undefined;
}> {
  const task = new FakeTask({ cdb, nexus, lun, out, expectedIn });
  const { status, sense } = await stack.device.execute(task);
  const why = whyOf(sense);
  const known: readonly (number | undefined)[] = Object.values(STATUS);
  let problem: string | undefined;
  if (!known.includes(status)) problem = `status ${status}`;
  else if ((status === STATUS.checkCondition) !== (sense !== undefined))
    problem = `status ${status}, sense ${why}`;
  else if (why.startsWith('4 44')) problem = 'internal failure';
  else if (task.slabsOut !== 0) problem = `${task.slabsOut} slabs not released`;
  return { status, data: task.data, problem };
}

async function mustBeGood(
  stack: Stack,
  nexus: Nexus,
  lun: number,
  cdb: readonly number[],
  out?: Buffer,
): Promise<Buffer> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const { status, data } = await run(stack, nexus, lun, Buffer.from(cdb), out ?? Buffer.alloc(0), 65_536);
    if (status === STATUS.good) return data;
    if (status !== STATUS.checkCondition) break;
  }
  throw new Error(`The good client is not served: ${Buffer.from(cdb).toString('hex')} on LUN ${lun}`);
}
async function serveGoodClient(stack: Stack, good: Nexus, round: number): Promise<void> {
  const record = Buffer.alloc(5000, round);
  const length = [record.length >> 16, (record.length >> 8) & 0xff, record.length & 0xff];
  await mustBeGood(stack, good, goodLun, [0x01, 0, 0, 0, 0, 0]);
  await mustBeGood(stack, good, goodLun, [0x0a, 0, ...length, 0] as number[], record);
  await mustBeGood(stack, good, goodLun, [0x01, 0, 0, 0, 0, 0]);
  const back = await mustBeGood(stack, good, goodLun, [0x08, 0, ...length, 0] as number[]);
  if (!back.equals(record)) throw new Error('The good client reads other bytes');
  for (const lun of [0, 1, 2]) await mustBeGood(stack, good, lun, [0x12, 0, 0, 0, 96, 0]);
}

test(`${inputs} commands of chance: answers, no failures, no growth, and a good client is served`, async (t) => {
  t.timeout(280_000);
  const seed = 0x5eed;
  const stack = await realStack(seed);
  const good = fakeNexus('good');
  const bad = [fakeNexus('bad'), fakeNexus('worse')];
  for (const nexus of [good, ...bad]) stack.device.attach(nexus);
  await mustBeGood(stack, good, goodLun, [0x1e, 0, 0, 0, 1, 0]); // nobody takes its tape away
  const modePages = [CONTROL, CONTROL_EXTENSION, INFORMATIONAL_EXCEPTIONS] as never;
  const generators = fuzzedLuns.map((lun) => {
    const rows = stack.device.units.get(lun)?.commands.rows ?? [];
    return commandArbitrary({ rows, modePages });
  });
  let before = 0;
  const statuses = new Map<number | undefined, number>();
  for (let done = 0, round = 0; done < inputs; done += batch, round++) {
    const at = round % fuzzedLuns.length;
    const lun = fuzzedLuns[at] ?? 0;
    const generator = generators[at];
    if (generator === undefined) return t.fail();
    const commands = fc.sample(generator, { seed: seed + round, numRuns: batch });
    for (const [index, { name, cdb, out }] of commands.entries()) {
      const nexus = bad[index % bad.length] ?? good;
      const { status, problem } = await run(stack, nexus, lun, cdb, out, index % 7 === 0 ? 100 : 1_000_000);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (problem !== undefined)
        t.fail(`LUN ${lun}: ${name} ${cdb.toString('hex')} ${out.toString('hex')}: ${problem}`);
    }
    t.deepEqual(stack.complaints, []);
    for (const nexus of bad) {
      await stack.device.detach(nexus);
      stack.device.attach(nexus);
    }
    stack.clock.pass(60_000);
    await serveGoodClient(stack, good, round);
    if (done === 4 * batch) before = heapBytes();
  }
  t.true((statuses.get(STATUS.good) ?? 0) > inputs / 20, 'many are understood');
  const growth = heapBytes() - before;
  t.true(growth < growthBytesMax, `the heap grew by ${growth} bytes`);
  await stack.close();
});

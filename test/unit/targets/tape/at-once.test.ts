/** A command for which nothing has to be waited for is done when it is delivered. */
import test from 'ava';
import { realEnv } from '#env';
import { type Outcome, STATUS } from '#scsi';
import { FileGroup } from '#store';
import { FakeTask, type FakeTaskOptions, TapeBench } from '#support';
import { SimDisk } from '../../../support/sim-disk.js';
import { SimRandom } from '../../../sim/sim-random.js';

const MiB = 1024 * 1024;

/** A unit with a tape on which a record is: file, room and turn are there. */
async function warm(): Promise<TapeBench> {
  const disk = new SimDisk({ dice: new SimRandom(1), capacityBytes: 256 * MiB }).begin();
  const options = { folder: 'group', reserveBytes: 0, memoryBytes: 24 * MiB };
  const group = await FileGroup.open({ env: { ...realEnv(), disk }, ...options });
  const bench = await TapeBench.make({ cartridge: { group } });
  await bench.good('15 10 00 00 04 00', { out: Buffer.from([0, 0, 0x10, 0]) }); // buffered
  await bench.write(Buffer.alloc(1000));
  return bench;
}
function deliver(
  bench: TapeBench,
  out: Buffer,
  more: Partial<FakeTaskOptions> = {},
): [Outcome | Promise<Outcome>, FakeTask] {
  const cdb = Buffer.from([0x0a, 0, 0, out.length >> 8, out.length & 0xff, 0]);
  const task = new FakeTask({ cdb, nexus: bench.nexus, out, isHere: true, ...more });
  return [bench.unit.execute(task), task];
}

test('a WRITE whose data is here', async (t) => {
  const bench = await warm();
  for (let written = 1; written <= 3; written++) {
    const [outcome, task] = deliver(bench, Buffer.alloc(500, written));
    t.deepEqual(outcome, { status: STATUS.good });
    t.is(task.slabsOut, 0);
    t.is(bench.drive.position.object, 1 + written);
  }
  await bench.rewind();
  t.is((await bench.read(1000)).data.length, 1000);
  for (let written = 1; written <= 3; written++)
    t.deepEqual((await bench.read(500)).data, Buffer.alloc(500, written));
});

test('behind one whose data is still to come it waits, and stays behind it', async (t) => {
  const bench = await warm();
  const [late] = deliver(bench, Buffer.alloc(500, 1), { isHere: false });
  const [here] = deliver(bench, Buffer.alloc(500, 2));
  t.true(late instanceof Promise && here instanceof Promise);
  t.is(bench.drive.position.object, 1);
  t.deepEqual(await Promise.all([late, here]), [{ status: STATUS.good }, { status: STATUS.good }]);
  await bench.good('11 00 fffffe 00'); // two back
  t.deepEqual((await bench.read(500)).data, Buffer.alloc(500, 1));
  t.deepEqual((await bench.read(500)).data, Buffer.alloc(500, 2));
});

test('what is refused is refused at once, and the next goes on', async (t) => {
  const bench = await warm();
  const [short, task] = deliver(bench, Buffer.alloc(500), { out: Buffer.alloc(100), expectedOut: 500 });
  t.false(short instanceof Promise);
  t.is((short as Outcome).status, STATUS.checkCondition);
  t.is(task.slabsOut, 0);
  const [tooShort] = deliver(bench, Buffer.alloc(500), { expectedOut: 100 });
  t.is((tooShort as Outcome).status, STATUS.checkCondition);
  t.is(bench.drive.position.object, 1);
  t.deepEqual(deliver(bench, Buffer.alloc(500))[0], { status: STATUS.good });
  t.is(bench.drive.position.object, 2);
});

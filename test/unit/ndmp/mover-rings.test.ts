/** A mover over drives whose store has memory for records on their way: the real stack, without a socket. */
import test from 'ava';
import type { PostOf } from '#ndmp';
import { ndmpSecret, NdmpStack, ndmpUser } from '../../fuzz/ndmp-stack.js';
import { settle } from '../../fuzz/stack.js';
import { Filer, readTape } from '../../sim/ndmp-stage.js';
import { allOnes, image } from './mover-world.js';

const recordBytes = 60_000;
const imageBytes = 6_500_000;

/** Landings of the drive that are out, and how many with memory there have been. */
function watchLandings(ndmp: NdmpStack): { out: number; given: number } {
  const seen = { out: 0, given: 0 };
  for (const { drives } of ndmp.stack.installation.libraries) {
    for (const { drive } of drives.values()) {
      const real = drive.landing.bind(drive);
      drive.landing = (bytes) => {
        const slab = real(bytes);
        if (slab === undefined) return undefined;
        seen.out += 1;
        if (slab.length > 0) seen.given += 1;
        const { length, slices } = slab;
        const release = (): void => {
          seen.out -= 1;
          slab.release();
        };
        return { length, slices, release };
      };
    }
  }
  return seen;
}

test('what lands in the rings of two tapes is the image, and who waits for a tape holds no ring', async (t) => {
  const ndmp = await NdmpStack.open(1, undefined, 'dedup');
  const landings = watchLandings(ndmp);
  const dma = ndmp.connect(4);
  await dma.login({ user: ndmpUser, secret: ndmpSecret });
  await dma.must('tapeOpen', { device: ndmp.tapes[0] ?? '', mode: 'read-write' });
  await dma.must('moverSetRecordSize', { len: recordBytes });
  await dma.must('moverSetWindow', { offset: 0n, length: allOnes });
  const { dataConnectionAddr } = await dma.must('moverListen', { mode: 'read', addrType: 'tcp' });
  const [at] = dataConnectionAddr.type === 'tcp' ? dataConnectionAddr.endpoints : [];
  const filer = new Filer(await ndmp.net.connect(at ?? { host: '', port: 0 }));
  const whole = image(0, imageBytes);
  const pouring = (async () => {
    for (let from = 0, bytes = 100; from < whole.length; from += bytes, bytes = (bytes * 7) % 300_007)
      await filer.write(whole.subarray(from, from + bytes));
    filer.end();
  })();
  const { seekPosition }: PostOf<'notifyMoverPaused'> = await dma.nextPost('notifyMoverPaused');
  await settle(20);
  t.is(landings.out, 0);
  const given = landings.given;
  t.true(given > 10);
  await dma.must('tapeClose', {});
  await dma.must('tapeOpen', { device: ndmp.tapes[1] ?? '', mode: 'read-write' });
  await dma.must('moverSetWindow', { offset: seekPosition, length: allOnes - seekPosition });
  await dma.must('moverContinue', {});
  await pouring;
  t.is((await dma.nextPost('notifyMoverHalted')).reason, 'connect-closed');
  t.true(landings.given > given + 5);
  t.is(landings.out, 0);
  dma.close();
  await dma.closed;
  const tapes = await Promise.all(ndmp.tapes.slice(0, 2).map(async (tape) => await readTape(ndmp, tape)));
  const records = tapes.flat().filter((object) => object !== 'mark');
  t.true(Buffer.concat(records).subarray(0, whole.length).equals(whole));
  t.is(records.length, Math.ceil(whole.length / recordBytes));
  await ndmp.calm();
  t.deepEqual(ndmp.leftovers(), []);
  await ndmp.close();
});

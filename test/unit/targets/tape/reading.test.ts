import test from 'ava';
import { senseText, TapeBench } from '#support';

/** Expectations: SSC-4 6.4 and 5.3, and what Linux st computes from sense data (drivers/scsi/st.c, read_tape). */

test('variable: a block of the length asked for is GOOD', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000);
  await bench.rewind();
  const { sense, data } = await bench.read(1000);
  t.is(senseText(sense), 'good');
  t.deepEqual(data, Buffer.alloc(1000, 1));
});

/** NDMP's messages: what bodies and record marks of chance do to the codec. */
import test from 'ava';
import { heapBytes } from './heap.js';
import { runBodies, runStreams } from './xdr.fuzz.js';

for (const seed of [1, 2, 3, 4]) {
  test(`NDMP: 25 000 bodies from seed ${seed} are read, or refused as they should be`, (t) => {
    const { inputs, taken } = runBodies(seed, 25_000);
    t.is(inputs, 25_000);
    t.true(taken > 5000, `${taken} were read`);
    t.true(taken < 20_000, `${taken} were read`);
  });
}
test('NDMP: 5 000 streams with marks that lie come out as messages, or end', (t) => {
  const { messages, lost } = runStreams(5, 5000);
  t.true(messages > 5000);
  t.true(lost > 100);
});
test('NDMP: reading leaves nothing behind', (t) => {
  runBodies(6, 5000);
  const before = heapBytes();
  runBodies(7, 20_000);
  runStreams(7, 2000);
  t.true(heapBytes() - before < 8 * 1024 * 1024);
});

/** Where the data of which commands is wanted. */
import test from 'ava';
import { FakeTask, TapeBench } from '#support';
import { ownedSlab, parseHex } from '#wire';

test('blocks that will be written as they come have a place where they are kept, and nothing else has', async (t) => {
  const bench = await TapeBench.make();
  const place = ownedSlab(Buffer.alloc(4096));
  bench.drive.landing = () => place;
  const other = bench.attach('two');
  const isWanted = (cdb: string, nexus = bench.nexus): boolean =>
    bench.unit.landing(new FakeTask({ cdb: parseHex(cdb), nexus }), 4096) === place;
  const [write6, write16] = ['0a 00 001000 00', '8a 00 00 00 00000000 00000000 001000 00 00'] as const;
  t.true(isWanted(write6) && isWanted(write16) && isWanted(write6, other));
  t.false(isWanted('15 10 00 00 0c 00'));
  await bench.good('16 00 00 00 00 00'); // RESERVE(6)
  t.true(isWanted(write6));
  t.false(isWanted(write6, other), 'it will be refused');
});

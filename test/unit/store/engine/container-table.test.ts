/** The table of containers against a map, through changes and through its bytes. */
import test, { type ExecutionContext } from 'ava';
import { ByteReader, ByteWriter } from '../../../../src/store/engine/bytes.js';
import { KIND } from '../../../../src/store/engine/container.format.js';
import { type ContainerFact, ContainerTable } from '../../../../src/store/engine/container-table.js';
import { SimRandom } from '../../../sim/sim-random.js';

const dice = new SimRandom(7);
const below = (end: number): number => dice.integer(end);

function randomFact(id: number, generation: number): ContainerFact {
  const kind = below(10) === 0 ? KIND.meta : KIND.data;
  const place = { pack: 1 + below(40), offset: 4096 * below(16_000), bytes: 4096 * (1 + below(1024)) };
  const chunks = 1 + below(1024);
  const ordinals = chunks + below(1025 - chunks);
  return {
    id,
    generation,
    kind,
    place,
    ordinals,
    chunks,
    rawBytes: 1 + below(4_194_304),
    fast: below(2) === 0,
  };
}
function check(t: ExecutionContext, table: ContainerTable, model: Map<number, ContainerFact>): void {
  const ids = [...model.keys()].toSorted((a, b) => a - b);
  t.deepEqual([...table.ids()], ids);
  t.deepEqual(
    [...table.ids(2000)],
    ids.filter((id) => id >= 2000),
  );
  for (const fact of model.values()) t.deepEqual(table.get(fact.id), fact);
  const data = [...model.values()].filter(({ kind }) => kind === KIND.data);
  const bytesOf = (facts: readonly ContainerFact[]): number =>
    facts.reduce((sum, { place }) => sum + place.bytes, 0);
  t.is(table.count, model.size);
  t.is(
    table.rawBytes,
    data.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
  );
  t.is(table.dataBytes, bytesOf(data));
  t.is(table.metaBytes, bytesOf([...model.values()]) - bytesOf(data));
  for (const [pack, { liveBytes, containers }] of table.packs) {
    const there = [...model.values()].filter(({ place }) => place.pack === pack);
    t.deepEqual([liveBytes, containers], [bytesOf(there), there.length]);
  }
}
function again(table: ContainerTable): ContainerTable {
  const writer = new ByteWriter();
  table.encode(writer);
  const reader = new ByteReader(writer.finish(), 'The table');
  const read = ContainerTable.decode(reader);
  if (!reader.ended) throw new Error('It has more bytes than it reads');
  return read;
}

test('containers that come, move and go: the same as in a map, before and behind its bytes', (t) => {
  const table = new ContainerTable();
  const model = new Map<number, ContainerFact>();
  for (let step = 0; step < 6000; step++) {
    const id = 1 + below(5000);
    if (below(3) === 0) {
      table.remove(id);
      model.delete(id);
    } else {
      const fact = randomFact(id, (model.get(id)?.generation ?? 0) + 1);
      table.set(fact);
      model.set(id, fact);
    }
  }
  check(t, table, model);
  const read = again(table);
  check(t, read, model);
  t.is(read.last, table.last);
  const packsOf = ({ packs }: ContainerTable): unknown[] => [...packs].toSorted(([a], [b]) => a - b);
  t.deepEqual(packsOf(read), packsOf(table));
});

test('pages without containers take no memory and no bytes', (t) => {
  const table = new ContainerTable();
  for (let id = 1; id <= 20_000; id++) table.set(randomFact(id, 0));
  const full = table.memoryBytes;
  for (let id = 1; id <= 19_000; id++) table.remove(id);
  t.true(table.memoryBytes <= full / 10);
  t.is(table.last, 20_000);
  t.is(again(table).last, 20_000);
  t.is(again(table).count, 1000);
});

test('bytes that do not add up are damage', (t) => {
  const damaged = (write: (to: ByteWriter) => void): void => {
    const writer = new ByteWriter();
    write(writer);
    t.throws(() => ContainerTable.decode(new ByteReader(writer.finish(), 'The table')), { code: 'corrupt' });
  };
  const row = Buffer.alloc(24, 1);
  damaged((to) => to.u32(10).u32(1).u32(10).u32(2).raw(row).raw(row).u32(0)); // more than the highest number
  damaged((to) => to.u32(5000).u32(1).u32(1023).u32(2).raw(row).raw(row).u32(0)); // over the end of a page
  damaged((to) => to.u32(10).u32(2).u32(1).u32(1).raw(row).u32(2).u32(1).raw(row).u32(0)); // one page twice
  damaged((to) => to.u32(10).u32(1).u32(0).u32(1).raw(row).u32(0)); // number 0
  damaged((to) => to.u32(10).u32(1).u32(1).u32(2).raw(row)); // ends early
});

/** What a head says is compared with what it was made of, all of it (S5). */
import test from 'ava';
import { bigintOf } from '#wire';
import {
  decodeHead,
  encodeHead,
  type HeadFields,
  headBytesOf,
  isDirectoryOf,
  KIND,
} from '../../../../src/store/engine/container.format.js';
import { CODEC } from '../../../../src/store/engine/kernels.js';
import { RegionTable } from '../../../../src/store/engine/region-table.js';

type Row = Parameters<RegionTable['add']>;
const rows: readonly Row[] = [
  [CODEC.lz4, false, 2, 0, 900, 5000, 0xffff_ffff, 0],
  [CODEC.none, true, 1, 960, 3000, 3000, 7, 0x8000_0001],
];
function tableOf(all: readonly Row[]): RegionTable {
  const table = new RegionTable();
  for (const row of all) table.add(...row);
  return table;
}
const name = { group: 5n, place: { pack: 1, offset: 0, bytes: 65_536 } };
const fields: HeadFields = {
  id: 7,
  generation: 3,
  kind: KIND.data,
  salt: Buffer.alloc(16, 9),
  regions: tableOf(rows),
  regionsOffset: 4096,
  count: 3,
  ordinals: Uint16Array.of(0, 4, 6, 99),
  lengths: Uint32Array.of(2000, 3000, 3000, 99),
  fingerprintsOffset: 16_384,
  fingerprintsChecksum: 2n ** 63n + 1n,
};

test('a head says what it was made of, and nothing that differs from it anywhere', (t) => {
  const head = Buffer.alloc(headBytesOf(2, 3), 0xee);
  encodeHead(name, fields, head);
  const directory = decodeHead(name, 7, head);
  if (directory === undefined) return t.fail('it decodes');
  t.true(isDirectoryOf(directory, fields));
  t.deepEqual(directory.regions[1], {
    codec: CODEC.none,
    dense: true,
    chunks: 1,
    offset: 4096 + 960,
    storedBytes: 3000,
    rawBytes: 3000,
    checksum: bigintOf(7, 0x8000_0001),
  });
  const others: Partial<HeadFields>[] = [
    { id: 8 },
    { generation: 4 },
    { kind: KIND.meta },
    { salt: Buffer.alloc(16, 8) },
    { regionsOffset: 8192 },
    { count: 2 },
    { ordinals: Uint16Array.of(0, 4, 7) },
    { lengths: Uint32Array.of(2000, 3000, 3001) },
    { fingerprintsOffset: 8192 },
    { fingerprintsChecksum: 2n ** 63n },
    { regions: tableOf(rows.slice(0, 1)) },
  ];
  for (const other of others)
    t.false(isDirectoryOf(directory, { ...fields, ...other }), Object.keys(other)[0]);
  for (let word = 0; word < 8; word++) {
    const changed = rows.map((row, index) =>
      index === 0
        ? row
        : row.map((value, at) => (at !== word ? value : at === 1 ? false : Number(value) + 1)),
    ) as unknown as Row[];
    t.false(isDirectoryOf(directory, { ...fields, regions: tableOf(changed) }), `word ${word} of a region`);
  }
  return undefined;
});

test('64 bits out of halves, whatever their sign', (t) => {
  t.is(bigintOf(1, 0), 1n);
  t.is(bigintOf(0, 1), 1n << 32n);
  t.is(bigintOf(-1, -2), 0xffff_fffe_ffff_ffffn);
  t.is(bigintOf(0xffff_ffff, 0x8000_0000), 0x8000_0000_ffff_ffffn);
});

import test from 'ava';
import { decodeCommit, encodeCommit } from '../../../src/store/commit-record.js';

const commit = {
  sequence: 41,
  streams: new Map([
    ['data-0', 2 ** 40 + 5],
    ['marks-0', 8],
  ]),
  label: Buffer.from('what the owner says'),
};

test('a record comes back as it was', (t) => {
  const found = decodeCommit('vol1', 1, encodeCommit('vol1', 1, commit));
  t.deepEqual(found, commit);
});

test('no flipped bit goes unseen', (t) => {
  const bytes = encodeCommit('vol1', 1, commit);
  t.is(bytes.length % 512, 0);
  const used = 48 + (1 + 6 + 8) + (1 + 7 + 8) + commit.label.length;
  for (let bit = 0; bit < used * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit % 8)), bit >> 3);
    if (decodeCommit('vol1', 1, damaged) !== undefined) t.fail(`bit ${bit}`);
  }
  t.pass();
});

test('a record in the wrong slot or of another volume is none', (t) => {
  const bytes = encodeCommit('vol1', 1, commit);
  t.is(decodeCommit('vol1', 0, bytes), undefined);
  t.is(decodeCommit('vol2', 1, bytes), undefined);
  t.is(decodeCommit('vol1', 1, bytes.subarray(0, 60)), undefined);
  t.is(decodeCommit('vol1', 1, Buffer.alloc(512)), undefined);
});

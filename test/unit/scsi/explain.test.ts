/** Words for people. */
import test from 'ava';
import { explainCdb, explainSense, spcTable } from '#scsi';
import { parseHex } from '#wire';

test('a CDB in words', (t) => {
  const explained = explainCdb(parseHex('12 01 83 02 00 00'), [spcTable]);
  t.deepEqual(explained?.lines, [
    'INQUIRY (SPC-5 6.7)',
    'Vital product data: true',
    'Page code: 131 (0x83)',
    'Allocation length: 512 (0x200)',
    'Control: 0',
  ]);
  t.is(
    explainCdb(parseHex('5f 05 05 00 00 00 00 00 18 00'), [spcTable])?.lines[0],
    'PERSISTENT RESERVE OUT, PREEMPT AND ABORT (SPC-5 6.17)',
  );
  const odd = explainCdb(parseHex('00 20 00 00 00 00 00 01'), [spcTable])?.lines;
  t.deepEqual(odd?.slice(-2), [
    'A reserved bit is set: byte 1, bit 5',
    'Bytes after the 6 of the CDB are not zero',
  ]);
  t.is(explainCdb(parseHex('ec 00 00 00 00 00'), [spcTable]), undefined);
  t.is(
    explainCdb(parseHex('5f 1f 00 00 00 00 00 00 00 00'), [spcTable]),
    undefined,
    'no such service action',
  );
  t.is(explainCdb(parseHex('12 01'), [spcTable]), undefined);
});
test('sense data in words', (t) => {
  t.deepEqual(explainSense(parseHex('f000c5fffffffe0a000000002400 00cd0002'))?.lines, [
    'Sense data, fixed format',
    'Sense key: ILLEGAL REQUEST (05h)',
    'Additional sense: INVALID FIELD IN CDB (24h/00h)',
    'Information: -2',
    'Stream: FILEMARK, EOM',
    'Field: byte 2, bit 5 of the CDB',
  ]);
  t.deepEqual(explainSense(parseHex('7302fefe00000008 0206 0000 8040 0000'))?.lines, [
    'Deferred sense data, descriptor format',
    'Sense key: NOT READY (02h)',
    'Additional sense: not one of ours (FEh/FEh)',
    'Progress: 25.0 %',
  ]);
  for (const none of ['', '70', '0000000000000000', '7000050000', '72'])
    t.is(explainSense(parseHex(none)), undefined);
  t.is(
    explainSense(parseHex('7205240000000020 0206'))?.field,
    undefined,
    'a descriptor that is cut says nothing',
  );
});

/** Messages in words. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { explainMessage, framed, XdrError } from '#ndmp';
import { top } from '#support';

const explain = (hex: string, version: 2 | 3 | 4 = 4): readonly string[] =>
  explainMessage(Buffer.from(hex.replaceAll(' ', ''), 'hex'), version);

test('a request, with its mark or without', (t) => {
  const message = '00000003 00000000 00000000 00000a05 00000000 00000000 0000000000000200 ffffffffffffffff';
  const lines = [
    'MOVER_SET_WINDOW (0xa05), request, NDMP version 4',
    'sequence: 3',
    'time: 1970-01-01T00:00:00.000Z',
    'offset: 512',
    'length: 18446744073709551615',
  ];
  t.deepEqual(explain(message), lines);
  t.deepEqual(explain(`80000028 ${message}`), lines);
});
test('a reply, its error and the structures in it', (t) => {
  t.deepEqual(
    explain(
      '00000004 00000000 00000001 00000a01 00000003 00000000 00000000 00000001 00000001 7f000001 00000050 00000000',
    ).slice(3),
    [
      'reply to: 3',
      'error: no-err',
      'dataConnectionAddr:',
      '  type: tcp',
      '  endpoints:',
      '    0:',
      '      host: 127.0.0.1',
      '      port: 80',
      '      env: none',
    ],
  );
  t.deepEqual(explain('00000004 00000000 00000001 00000300 00000003 00000004').slice(3), [
    'reply to: 3',
    'error of the message: not-authorized',
  ]);
  t.is(explain('00000004 00000000 00000000 0000f00d 00000000 00000000')[0]?.slice(0, 15), 'unknown message');
});
test('text of a peer does not move the cursor', (t) => {
  const lines = explain('00000001 00000000 00000000 00000200 00000000 00000000 00000004 611b5b32');
  t.is(lines.at(-1), 'device: a?[2');
});
test('what is no message is refused', (t) => {
  t.throws(() => explain('00000001'), { instanceOf: XdrError });
  t.throws(() => explain('00000001 00000000 00000007 00000200 00000000 00000000'), { instanceOf: XdrError });
});
test('every recorded message can be told', (t) => {
  for (const version of [2, 3, 4] as const) {
    const file = readFileSync(join(top, 'fixtures/ndmp', `recorded-v${version}.txt`), 'utf8');
    for (const line of file.split('\n').filter((one) => one !== '')) {
      const message = Buffer.from(line.split(' ')[2] ?? '', 'hex');
      t.deepEqual(
        explainMessage(Buffer.concat(framed([message])), version),
        explainMessage(message, version),
      );
    }
  }
});

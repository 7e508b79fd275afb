import test from 'ava';
import fc from 'fast-check';
import { ProtocolError } from '#errors';
import { formatText, KEYS, parseText } from '#iscsi';
import { defaultKeyValues } from '../../../src/iscsi/keys.table.js';
import { Negotiator, parseNumber, TextSequence } from '../../../src/iscsi/text.js';

const name = fc.stringMatching(/^[A-Z][A-Za-z0-9.\-+@_]{0,62}$/);
const value = fc.stringMatching(/^[ -~]{0,200}$/);

test('text: parse undoes format', (t) => {
  fc.assert(
    fc.property(fc.array(fc.record({ key: name, value }), { maxLength: 50 }), (pairs) => {
      t.deepEqual(parseText(formatText(pairs)), pairs);
    }),
  );
});
test('text: any bytes are text or a ProtocolError, nothing else', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      try {
        parseText(Buffer.from(bytes));
      } catch (error) {
        t.true(error instanceof ProtocolError);
      }
    }),
  );
  t.pass();
});
test('text: a value may hold equals signs, and empty parts count for nothing', (t) => {
  t.deepEqual(parseText(Buffer.from('\0A=b=c\0\0B=\0')), [
    { key: 'A', value: 'b=c' },
    { key: 'B', value: '' },
  ]);
});
for (const [what, text] of [
  ['a key of 64 bytes', `${'K'.repeat(64)}=x\0`],
  ['a value of 256 bytes', `Key=${'v'.repeat(256)}\0`],
  ['no equals sign', 'Key\0'],
  ['no key', '=value\0'],
  ['blanks in a key', 'A key=1\0'],
  ['129 keys', 'A=1\0'.repeat(129)],
  ['a challenge beyond 8192 bytes', `CHAP_C=${'0'.repeat(8193)}\0`],
] as const) {
  test(`text: ${what} is refused`, (t) => {
    t.throws(() => parseText(Buffer.from(text)), { instanceOf: ProtocolError, code: 'text' });
  });
}
test('text: a key of 63 bytes and a value of 255 are taken', (t) => {
  t.is(parseText(Buffer.from(`${'K'.repeat(63)}=${'v'.repeat(255)}\0`)).length, 1);
});
test('a text sequence is put together from parts, and has an end', (t) => {
  const sequence = new TextSequence();
  const part = Buffer.from('A=');
  sequence.add(part);
  part.fill(0xdb);
  sequence.add(Buffer.from('1\0'));
  t.is(sequence.take().toString(), 'A=1\0');
  t.is(sequence.take().length, 0);
  const full = Buffer.alloc(60_000);
  sequence.add(full);
  t.throws(() => sequence.add(full), { code: 'text' });
});
test('numbers are decimal or hexadecimal, and nothing else', (t) => {
  t.deepEqual(
    ['0', '17', '0x11', '0XfF', '4294967295', '', '-1', '1.5', '017', '0x', '1e3', ' 1', '99999999999'].map(
      parseNumber,
    ),
    [0, 17, 17, 255, 4294967295, ...Array.from({ length: 8 }, () => undefined)],
  );
});

/** What is answered to one key in the operational stage of a leading login. */
const answer = (key: string, offer: string, leading = true): string | undefined =>
  new Negotiator(leading).answer([{ key, value: offer }], 'operational')[0]?.value;

const cases: readonly (readonly [string, string, string | undefined])[] = [
  ['HeaderDigest', 'CRC32C,None', 'CRC32C'],
  ['HeaderDigest', 'None,CRC32C', 'None'],
  ['HeaderDigest', 'X-foo,CRC32C', 'CRC32C'],
  ['DataDigest', 'X-foo', 'Reject'],
  ['MaxConnections', '8', '1'],
  ['MaxConnections', '0', 'Reject'],
  ['MaxConnections', '65536', 'Reject'],
  ['InitialR2T', 'Yes', 'Yes'],
  ['InitialR2T', 'No', 'No'],
  ['InitialR2T', 'yes', 'Reject'],
  ['ImmediateData', 'Yes', 'Yes'],
  ['ImmediateData', 'No', 'No'],
  ['MaxBurstLength', '1048576', '1048576'],
  ['MaxBurstLength', '16777215', '16777215'],
  ['MaxBurstLength', '16777216', 'Reject'],
  ['MaxBurstLength', '511', 'Reject'],
  ['MaxBurstLength', '0x40000', '262144'],
  ['FirstBurstLength', '262144', '262144'],
  ['FirstBurstLength', '1048576', '262144'],
  ['DefaultTime2Wait', '2', '2'],
  ['DefaultTime2Retain', '20', '0'],
  ['MaxOutstandingR2T', '1', '1'],
  ['MaxOutstandingR2T', '16', '8'],
  ['DataPDUInOrder', 'Yes', 'Yes'],
  ['DataPDUInOrder', 'No', 'No'],
  ['DataSequenceInOrder', 'No', 'No'],
  ['ErrorRecoveryLevel', '2', '0'],
  ['ErrorRecoveryLevel', '3', 'Reject'],
  ['TaskReporting', 'FastAbort,ResponseFence,RFC3720', 'ResponseFence'],
  ['TaskReporting', 'RFC3720', 'RFC3720'],
  ['iSCSIProtocolLevel', '2', '1'],
  ['IFMarker', 'Yes', 'No'],
  ['OFMarker', 'No', 'No'],
  ['IFMarkInt', '2048~8192', 'Reject'],
  ['OFMarkInt', '2048', 'Reject'],
  ['X-com.example.key', 'whatever', 'NotUnderstood'],
  ['Nonsense', 'Yes', 'NotUnderstood'],
  ['TargetPortalGroupTag', '1', 'Reject'],
  ['SendTargets', 'All', 'Reject'],
  ['AuthMethod', 'None', 'Reject'],
  ['InitiatorAlias', 'me', undefined],
  ['MaxRecvDataSegmentLength', '65536', undefined],
];
for (const [key, offer, expected] of cases) {
  test(`negotiation: ${key}=${offer} is answered ${expected ?? 'by nothing'}`, (t) => {
    t.is(answer(key, offer), expected);
  });
}
test('negotiation: what is agreed is in force; what is rejected leaves the default', (t) => {
  const negotiator = new Negotiator(true);
  negotiator.answer(
    parseText(Buffer.from('MaxBurstLength=1048576\0InitialR2T=maybe\0MaxRecvDataSegmentLength=4096\0')),
    'operational',
  );
  t.is(negotiator.values.MaxBurstLength, 1048576);
  t.is(negotiator.values.InitialR2T, true);
  t.is(negotiator.values.MaxRecvDataSegmentLength, 4096);
});
test('negotiation: FirstBurstLength never exceeds MaxBurstLength, wherever it stands', (t) => {
  const negotiator = new Negotiator(true);
  const answers = negotiator.answer(
    parseText(Buffer.from('FirstBurstLength=262144\0MaxBurstLength=4096\0')),
    'operational',
  );
  t.deepEqual(
    answers.map((pair) => pair.value),
    ['4096', '4096'],
  );
});
test('negotiation: FirstBurstLength is irrelevant without unsolicited data', (t) => {
  const negotiator = new Negotiator(true);
  const text = Buffer.from('FirstBurstLength=65536\0InitialR2T=Yes\0ImmediateData=No\0');
  t.deepEqual(negotiator.answer(parseText(text), 'operational').at(-1), {
    key: 'FirstBurstLength',
    value: 'Irrelevant',
  });
});
test('negotiation: a second connection cannot change the session', (t) => {
  t.is(answer('MaxBurstLength', '65536', false), 'Reject');
  t.is(answer('HeaderDigest', 'CRC32C', false), 'CRC32C');
});
test('negotiation: keys that mean nothing to a discovery session are irrelevant', (t) => {
  const negotiator = new Negotiator(true, { ...defaultKeyValues(), SessionType: 'Discovery' });
  for (const [key, row] of Object.entries(KEYS)) {
    if (!row.normalOnly) continue;
    t.is(negotiator.answer([{ key, value: '1' }], 'operational')[0]?.value, 'Irrelevant', key);
  }
});
test('negotiation: a key twice in a login ends it, also across PDUs', (t) => {
  const negotiator = new Negotiator(true);
  negotiator.answer([{ key: 'MaxBurstLength', value: '512' }], 'operational');
  t.throws(() => negotiator.answer([{ key: 'MaxBurstLength', value: '512' }], 'operational'), {
    code: 'renegotiated',
  });
});
test('negotiation: a declaration out of range ends the login', (t) => {
  t.throws(() => answer('MaxRecvDataSegmentLength', '511'), { code: 'bad-declaration' });
});
test('negotiation: operational keys are rejected in the security stage', (t) => {
  t.is(
    new Negotiator(true).answer([{ key: 'MaxBurstLength', value: '512' }], 'security')[0]?.value,
    'Reject',
  );
});
test('negotiation: after login only what may change then is taken', (t) => {
  const negotiator = new Negotiator(false);
  const declare = [{ key: 'MaxRecvDataSegmentLength', value: '4096' }];
  t.deepEqual(negotiator.answer(declare, 'full-feature'), []);
  t.deepEqual(negotiator.answer(declare, 'full-feature'), [], 'again, as often as it likes');
  t.is(negotiator.values.MaxRecvDataSegmentLength, 4096);
  t.is(negotiator.answer([{ key: 'HeaderDigest', value: 'CRC32C' }], 'full-feature')[0]?.value, 'Reject');
});
test('every key of the table has a section of RFC 7143, and a default in force', (t) => {
  const values = defaultKeyValues();
  for (const [key, row] of Object.entries(KEYS)) {
    t.regex(row.section, /^1[23]\.\d+$/, key);
    t.is(values[key as keyof typeof KEYS], row.default);
  }
});

import { createHash } from 'node:crypto';
import test from 'ava';
import { realEnv } from '#env';
import { CHAP_ALGORITHMS, type ChapCredentials, chapResponse } from '#iscsi';
import { Chap, parseBinary } from '../../../src/iscsi/chap.js';

const { random } = realEnv();
const secret = Buffer.from('a secret of some length');
const ours = { user: 'target', secret: Buffer.from('another secret entirely') };
const credentials: ChapCredentials = {
  secretOf: (user) => (user === 'user' ? secret : undefined),
  mutual: ours,
};

interface Challenge {
  readonly identifier: number;
  readonly challenge: Buffer;
  readonly algorithm: string;
}
function begin(chap: Chap, offer = '5'): Challenge {
  const answer = new Map(chap.answer(new Map([['CHAP_A', offer]])).map(({ key, value }) => [key, value]));
  return {
    identifier: Number(answer.get('CHAP_I')),
    challenge: Buffer.from((answer.get('CHAP_C') ?? '').slice(2), 'hex'),
    algorithm: answer.get('CHAP_A') ?? '',
  };
}
const hex = (bytes: Buffer): string => `0x${bytes.toString('hex')}`;
const response = ({ identifier, challenge }: Challenge, hash = 'md5', with_ = secret): string =>
  hex(chapResponse(hash, identifier, with_, challenge));

for (const [number, { hash, bytes, name }] of Object.entries(CHAP_ALGORITHMS)) {
  test(`${name} (${number}): the right response passes, both ways`, (t) => {
    const chap = new Chap(random, credentials);
    const challenge = begin(chap, number);
    t.is(challenge.algorithm, number);
    t.is(challenge.challenge.length, bytes, 'a challenge as long as the digest');
    const mine = Buffer.from('challenge of the initiator');
    const answers = chap.answer(
      new Map([
        ['CHAP_N', 'user'],
        ['CHAP_R', response(challenge, hash)],
        ['CHAP_I', '77'],
        ['CHAP_C', hex(mine)],
      ]),
    );
    t.true(chap.passed);
    t.is(chap.user, 'user');
    const proof = createHash(hash)
      .update(Buffer.from([77]))
      .update(ours.secret)
      .update(mine)
      .digest();
    t.deepEqual(answers, [
      { key: 'CHAP_N', value: 'target' },
      { key: 'CHAP_R', value: hex(proof) },
    ]);
  });
}
test('the first algorithm of the initiator that we know is taken', (t) => {
  t.is(begin(new Chap(random, credentials), '99,7,5').algorithm, '7');
  t.is(begin(new Chap(random, credentials), '5,7').algorithm, '5');
});
test('challenges and identifiers differ from login to login', (t) => {
  const seen = new Set(
    Array.from({ length: 50 }, () => begin(new Chap(random, credentials)).challenge.toString('hex')),
  );
  t.is(seen.size, 50);
});
test('one way: no proof of ours is given unasked', (t) => {
  const chap = new Chap(random, credentials);
  const challenge = begin(chap);
  t.deepEqual(
    chap.answer(
      new Map([
        ['CHAP_N', 'user'],
        ['CHAP_R', response(challenge)],
      ]),
    ),
    [],
  );
  t.true(chap.passed);
});
test('a response in base64 is as good', (t) => {
  const chap = new Chap(random, credentials);
  const { identifier, challenge } = begin(chap);
  const bytes = chapResponse('md5', identifier, secret, challenge);
  chap.answer(
    new Map([
      ['CHAP_N', 'user'],
      ['CHAP_R', `0b${bytes.toString('base64')}`],
    ]),
  );
  t.true(chap.passed);
});

type Keys = Record<string, string>;
const refused: readonly (readonly [string, (challenge: Challenge) => Keys, Partial<ChapCredentials>?])[] = [
  [
    'a wrong secret',
    (c) => ({ CHAP_N: 'user', CHAP_R: response(c, 'md5', Buffer.from('wrong secret 123')) }),
  ],
  ['an unknown user', (c) => ({ CHAP_N: 'nobody', CHAP_R: response(c) })],
  ['no user', (c) => ({ CHAP_R: response(c) })],
  ['no response', () => ({ CHAP_N: 'user' })],
  ['nothing at all', () => ({})],
  ['a response that is too short', (c) => ({ CHAP_N: 'user', CHAP_R: response(c).slice(0, -2) })],
  ['a response that is too long', (c) => ({ CHAP_N: 'user', CHAP_R: `${response(c)}00` })],
  ['a response of another algorithm', (c) => ({ CHAP_N: 'user', CHAP_R: response(c, 'sha1') })],
  ['an empty response', () => ({ CHAP_N: 'user', CHAP_R: '0x' })],
  ['a response that is no number', () => ({ CHAP_N: 'user', CHAP_R: 'zzz' })],
  ['a key of an earlier step', (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_A: '5' })],
  [
    'our own challenge',
    (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_I: '1', CHAP_C: hex(c.challenge) }),
  ],
  ['a challenge without identifier', (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_C: '0x00' })],
  ['an identifier without challenge', (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_I: '1' })],
  [
    'an identifier beyond a byte',
    (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_I: '256', CHAP_C: '0x00' }),
  ],
  ['an empty challenge', (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_I: '1', CHAP_C: '0x' })],
  [
    'a challenge of 1025 bytes',
    (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_I: '1', CHAP_C: `0x${'ab'.repeat(1025)}` }),
  ],
  [
    'a challenge when we have no secret',
    (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_I: '1', CHAP_C: '0x1234' }),
    { secretOf: () => secret },
  ],
  [
    'the same secret both ways',
    (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_I: '1', CHAP_C: '0x1234' }),
    { secretOf: () => secret, mutual: { user: 'target', secret } },
  ],
  [
    'a secret of 11 bytes',
    (c) => ({ CHAP_N: 'user', CHAP_R: response(c, 'md5', Buffer.from('elevenbytes')) }),
    { secretOf: () => Buffer.from('elevenbytes') },
  ],
  [
    'a secret of ours of 11 bytes',
    (c) => ({ CHAP_N: 'user', CHAP_R: response(c), CHAP_I: '1', CHAP_C: '0x1234' }),
    { secretOf: () => secret, mutual: { user: 'target', secret: Buffer.from('elevenbytes') } },
  ],
];
for (const [what, keys, special] of refused) {
  test(`refused, for good: ${what}`, (t) => {
    const chap = new Chap(
      random,
      special === undefined ? credentials : { secretOf: () => undefined, ...special },
    );
    const challenge = begin(chap);
    t.throws(() => chap.answer(new Map(Object.entries(keys(challenge)))), { code: 'authentication' });
    t.false(chap.passed);
    t.is(chap.user, undefined);
    const right = new Map([
      ['CHAP_N', 'user'],
      ['CHAP_R', response(challenge)],
    ]);
    t.throws(() => chap.answer(right), { code: 'authentication' }, 'a second try on the same challenge');
    t.false(chap.passed);
  });
}
for (const [what, keys] of [
  ['no algorithm we know', { CHAP_A: '4,9' }],
  ['no algorithm', {}],
  ['an algorithm that is inherited by every object', { CHAP_A: 'constructor' }],
  ['a response before the challenge', { CHAP_N: 'user', CHAP_R: '0x00' }],
  ['more than the algorithm', { CHAP_A: '5', CHAP_N: 'user' }],
] as const) {
  test(`refused at the start: ${what}`, (t) => {
    const chap = new Chap(random, credentials);
    t.throws(() => chap.answer(new Map(Object.entries(keys))), { code: 'authentication' });
    t.false(chap.passed);
  });
}

test('binary values: hexadecimal and base64, with their lengths checked first', (t) => {
  const parse = (text: string, max = 4): string | undefined => parseBinary(text, max)?.toString('hex');
  t.is(parse('0x01020304'), '01020304');
  t.is(parse('0X0A0b'), '0a0b');
  t.is(parse('0x123'), '0123');
  t.is(parse('0bAQIDBA=='), '01020304');
  t.is(parse('0BAQID'), '010203');
  for (const bad of [
    '',
    '0x',
    '0b',
    '01',
    '0xzz',
    '0x0102030405',
    '0bAQIDBAU=',
    '0bAQI',
    '0bA=QI',
    '0b====',
    '0x 1',
    'AQID',
  ]) {
    t.is(parse(bad), undefined, bad);
  }
  t.is(parse(`0x${'0'.repeat(9000)}`, 10_000), undefined);
});

/** RFC 7143 12.1: authentication cannot be avoided. */
import test from 'ava';
import { chapResponse, LOGIN_STATUS, type Pair, STAGE } from '#iscsi';
import {
  iscsiTarget,
  initiatorName,
  pairs,
  toFullFeature,
  toOperational,
  inSecurity,
  refused,
  who,
} from '#support';

const secret = Buffer.from('the secret of the user');
const ours = { user: 'target', secret: Buffer.from('the secret of the target') };
const withChap = {
  access: {
    chap: () => ({ secretOf: (user: string) => (user === 'user' ? secret : undefined), mutual: ours }),
  },
};
const valueIn = (keys: readonly Pair[], key: string): string =>
  keys.find((pair) => pair.key === key)?.value ?? '';
const challengeIn = (keys: readonly Pair[]): Buffer => Buffer.from(valueIn(keys, 'CHAP_C').slice(2), 'hex');

test('12.1.3: CHAP both ways, then operational', async (t) => {
  const { connect, server } = await iscsiTarget(t, withChap);
  const initiator = await connect();
  const method = await initiator.loginStep(inSecurity, [
    ...who,
    { key: 'AuthMethod', value: 'KRB5,CHAP,None' },
  ]);
  t.deepEqual(method.pairs[0], { key: 'AuthMethod', value: 'CHAP' });
  const challenge = await initiator.loginStep(inSecurity, pairs({ CHAP_A: '7,5' }));
  t.deepEqual(challenge.pairs[0], { key: 'CHAP_A', value: '7' });
  const mine = Buffer.from('a challenge of mine');
  const response = chapResponse(
    'sha256',
    Number(valueIn(challenge.pairs, 'CHAP_I')),
    secret,
    challengeIn(challenge.pairs),
  );
  const proof = await initiator.loginStep(
    toOperational,
    pairs({
      CHAP_N: 'user',
      CHAP_R: `0x${response.toString('hex')}`,
      CHAP_I: '5',
      CHAP_C: `0x${mine.toString('hex')}`,
    }),
  );
  t.true(proof.fields.transit);
  t.deepEqual(
    proof.pairs,
    pairs({ CHAP_N: 'target', CHAP_R: `0x${chapResponse('sha256', 5, ours.secret, mine).toString('hex')}` }),
  );
  t.true((await initiator.loginStep(toFullFeature)).fields.transit);
  t.is(server.sessions()[0]?.user, 'user');
});
test('12.1.3: while CHAP is under way a transition is answered "not yet"', async (t) => {
  const { connect } = await iscsiTarget(t, withChap);
  const initiator = await connect();
  const method = await initiator.loginStep(toOperational, [...who, { key: 'AuthMethod', value: 'CHAP' }]);
  t.false(method.fields.transit);
  const challenge = await initiator.loginStep(toOperational, pairs({ CHAP_A: '5' }));
  t.false(challenge.fields.transit);
});
for (const [what, fields, keys] of [
  ['to begin with operational negotiation', toFullFeature, []],
  ['to leave security without a word', toOperational, []],
  ['to jump to full feature', { ...toOperational, nextStage: STAGE.fullFeature }, []],
  ['to offer None alone', toOperational, [{ key: 'AuthMethod', value: 'None' }]],
  ['to offer what nobody has', toOperational, [{ key: 'AuthMethod', value: 'KRB5,SRP' }]],
  ['CHAP keys before the method', inSecurity, [{ key: 'CHAP_A', value: '5' }]],
] as const) {
  test(`authentication cannot be avoided: ${what}`, async (t) => {
    const { connect } = await iscsiTarget(t, withChap);
    await refused(t, await connect(), LOGIN_STATUS.authenticationFailure, fields, [...who, ...keys]);
  });
}
test('authentication cannot be avoided: a wrong response, then the stage is asked to end', async (t) => {
  const { connect, server } = await iscsiTarget(t, withChap);
  const initiator = await connect();
  await initiator.loginStep(inSecurity, [...who, { key: 'AuthMethod', value: 'CHAP' }]);
  await initiator.loginStep(inSecurity, pairs({ CHAP_A: '5' }));
  const keys = pairs({ CHAP_N: 'user', CHAP_R: `0x${'00'.repeat(16)}` });
  await refused(t, initiator, LOGIN_STATUS.authenticationFailure, toOperational, keys);
  t.deepEqual(server.sessions(), []);
});
test('authentication cannot be avoided: AuthMethod twice', async (t) => {
  const { connect } = await iscsiTarget(t, withChap);
  const initiator = await connect();
  await initiator.loginStep(inSecurity, [...who, { key: 'AuthMethod', value: 'CHAP' }]);
  await refused(t, initiator, LOGIN_STATUS.initiatorError, toOperational, pairs({ AuthMethod: 'CHAP' }));
});
test('discovery has a policy of its own', async (t) => {
  const discovery = { admits: () => true, chap: () => ({ secretOf: () => secret }) };
  const { connect } = await iscsiTarget(t, { discovery });
  const keys = pairs({ InitiatorName: initiatorName, SessionType: 'Discovery' });
  await refused(t, await connect(), LOGIN_STATUS.authenticationFailure, toFullFeature, keys);
  const closedTo = await iscsiTarget(t, { discovery: { admits: () => false, chap: () => undefined } });
  await refused(t, await closedTo.connect(), LOGIN_STATUS.authorizationFailure, toFullFeature, keys);
});

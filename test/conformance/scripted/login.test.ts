/** RFC 7143 chapters 6 and 12, 11.12, 11.13: the login phase against a scripted initiator. */
import test, { type ExecutionContext } from 'ava';
import { chapResponse, formatText, LOGIN_STATUS, type Pair, STAGE } from '#iscsi';
import { defaultIsid, type Initiator, iscsiTarget, type Received, targetName } from '#support';

const initiatorName = 'iqn.2026-01.test:initiator';
const who: readonly Pair[] = [
  { key: 'InitiatorName', value: initiatorName },
  { key: 'TargetName', value: targetName },
];
const pairs = (keys: Readonly<Record<string, string>>): Pair[] =>
  Object.entries(keys).map(([key, value]) => ({ key, value }));
const toFullFeature = { transit: true, currentStage: STAGE.operational, nextStage: STAGE.fullFeature };
const toOperational = { transit: true, currentStage: STAGE.security, nextStage: STAGE.operational };
const inSecurity = { currentStage: STAGE.security };

const statusOf = ({ fields }: Received<'loginResponse'>): number =>
  fields.statusClass * 256 + fields.statusDetail;

/** The login is refused with this status, and the connection closed behind it. */
async function refused(
  t: ExecutionContext,
  initiator: Initiator,
  status: number,
  fields: Parameters<Initiator['loginStep']>[0],
  keys: readonly Pair[] | Buffer,
): Promise<Received<'loginResponse'>> {
  const response = await initiator.loginStep(fields, keys);
  t.is(statusOf(response).toString(16), status.toString(16));
  t.false(response.fields.transit);
  await initiator.closed;
  return response;
}

test('6.3: straight to full feature; portal group and alias are declared', async (t) => {
  const { connect, server } = await iscsiTarget(t, { alias: 'Tapes' });
  const initiator = await connect();
  initiator.cmdSN = 77;
  const response = await initiator.loginStep(toFullFeature, [...who, ...pairs({ MaxBurstLength: '65536' })]);
  t.is(statusOf(response), LOGIN_STATUS.success);
  t.true(response.fields.transit);
  t.deepEqual(response.pairs, [
    { key: 'MaxBurstLength', value: '65536' },
    { key: 'TargetPortalGroupTag', value: '1' },
    { key: 'TargetAlias', value: 'Tapes' },
    { key: 'MaxRecvDataSegmentLength', value: '262144' },
  ]);
  t.not(response.fields.tsih, 0);
  t.is(response.fields.expCmdSN, 77);
  t.true(response.fields.maxCmdSN - response.fields.expCmdSN + 1 >= 64, 'a window of at least 64');
  t.deepEqual(Buffer.from(response.fields.isid), defaultIsid);
  const [session] = server.sessions();
  t.is(session?.initiatorName, initiatorName);
  t.is(session?.keys['MaxBurstLength'], 65536);
});
test('6.3.2: security first, then operational, then full feature; TSIH only in the last answer', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  const first = await initiator.loginStep(toOperational, [...who, { key: 'AuthMethod', value: 'CHAP,None' }]);
  t.true(first.fields.transit);
  t.is(first.fields.tsih, 0);
  t.deepEqual(first.pairs[0], { key: 'AuthMethod', value: 'None' });
  const second = await initiator.loginStep(
    { currentStage: STAGE.operational },
    pairs({ HeaderDigest: 'None' }),
  );
  t.false(second.fields.transit);
  t.deepEqual(second.pairs, pairs({ HeaderDigest: 'None', MaxRecvDataSegmentLength: '262144' }));
  const third = await initiator.loginStep(toFullFeature);
  t.true(third.fields.transit);
  t.is(third.fields.nextStage, STAGE.fullFeature);
  t.not(third.fields.tsih, 0);
});
test('6.3.2: from security to full feature at once', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  const response = await initiator.loginStep({ ...toOperational, nextStage: STAGE.fullFeature }, [
    ...who,
    { key: 'AuthMethod', value: 'None' },
  ]);
  t.true(response.fields.transit);
  t.is(response.fields.nextStage, STAGE.fullFeature);
});
test('6.2: text in parts (C bit): a key may be cut anywhere, and each part is answered by nothing', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  const text = formatText([...who, ...pairs({ MaxBurstLength: '131072', ImmediateData: 'No' })]);
  for (const [from, to] of [
    [0, 7],
    [7, 40],
    [40, 40],
  ] as const) {
    const part = await initiator.loginStep(
      { continues: true, currentStage: STAGE.operational },
      text.subarray(from, to),
    );
    t.is(statusOf(part), 0);
    t.is(part.data.length, 0);
    t.false(part.fields.continues);
    t.false(part.fields.transit);
  }
  const last = await initiator.loginStep(toFullFeature, text.subarray(40));
  t.true(last.fields.transit);
  t.deepEqual(last.pairs.slice(0, 2), pairs({ MaxBurstLength: '131072', ImmediateData: 'No' }));
});
test('6.2: an answer that does not fit comes in parts, fetched by empty requests', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  const unknown = Array.from({ length: 120 }, (_, index) => ({
    key: `X-${String(index).padStart(61, 'k')}`,
    value: '1',
  }));
  const head = formatText([...who, ...unknown.slice(0, 60)]);
  await initiator.loginStep({ continues: true, currentStage: STAGE.operational }, head);
  const first = await initiator.loginStep(toFullFeature, unknown.slice(60));
  t.true(first.fields.continues);
  t.false(first.fields.transit, 'no transition in the middle of a text');
  t.is(first.data.length, 8192);
  const second = await initiator.loginStep(toFullFeature);
  t.false(second.fields.continues);
  t.true(second.fields.transit);
  const whole = Buffer.concat([first.data, second.data]).toString();
  t.is(whole.match(/=NotUnderstood\0/g)?.length, 120);
});
test('11.12.4: T and C together are refused', async (t) => {
  const { connect } = await iscsiTarget(t);
  await refused(t, await connect(), LOGIN_STATUS.initiatorError, { ...toFullFeature, continues: true }, who);
});
for (const [what, fields] of [
  ['backwards', { transit: true, currentStage: STAGE.operational, nextStage: STAGE.security }],
  ['to itself', { transit: true, currentStage: STAGE.operational, nextStage: STAGE.operational }],
  ['to the reserved stage', { transit: true, currentStage: STAGE.operational, nextStage: 2 }],
  ['from the reserved stage', { currentStage: 2 }],
  ['from full feature', { currentStage: STAGE.fullFeature }],
] as const) {
  test(`11.12.3: a transition ${what} is refused`, async (t) => {
    const { connect } = await iscsiTarget(t);
    await refused(t, await connect(), LOGIN_STATUS.initiatorError, fields, who);
  });
}
test('11.12.5: a version that we do not speak is refused', async (t) => {
  const { connect } = await iscsiTarget(t);
  const fields = { ...toFullFeature, versionMin: 1, versionMax: 2 };
  await refused(t, await connect(), LOGIN_STATUS.unsupportedVersion, fields, who);
});
test('11.12.4: a range of versions with ours in it is accepted; version 0 is active', async (t) => {
  const { connect } = await iscsiTarget(t);
  const response = await (await connect()).loginStep({ ...toFullFeature, versionMax: 3 }, who);
  t.is(statusOf(response), 0);
  t.is(response.fields.versionActive, 0);
});
for (const [what, keys, status] of [
  ['no InitiatorName', { TargetName: targetName }, LOGIN_STATUS.missingParameter],
  ['an empty InitiatorName', { InitiatorName: '', TargetName: targetName }, LOGIN_STATUS.missingParameter],
  ['no TargetName', { InitiatorName: initiatorName }, LOGIN_STATUS.missingParameter],
  [
    'a target that is not there',
    { InitiatorName: initiatorName, TargetName: 'iqn.2026-01.test:none' },
    LOGIN_STATUS.notFound,
  ],
  [
    'an unknown SessionType',
    { InitiatorName: initiatorName, SessionType: 'Odd' },
    LOGIN_STATUS.sessionTypeNotSupported,
  ],
  [
    'a name of 224 bytes',
    { InitiatorName: `iqn.2026-01.test:${'x'.repeat(207)}`, TargetName: targetName },
    LOGIN_STATUS.initiatorError,
  ],
] as const) {
  test(`11.13.5: ${what} is refused`, async (t) => {
    const { connect } = await iscsiTarget(t);
    await refused(t, await connect(), status, toFullFeature, pairs(keys));
  });
}
test('RFC 3722: names are the same in any case', async (t) => {
  const { connect, server } = await iscsiTarget(t);
  const keys = { InitiatorName: initiatorName.toUpperCase(), TargetName: targetName.toUpperCase() };
  t.is(statusOf(await (await connect()).loginStep(toFullFeature, pairs(keys))), 0);
  t.is(server.sessions()[0]?.initiatorName, initiatorName);
});
test('an initiator that is not admitted is refused, by name and by address', async (t) => {
  const asked: unknown[] = [];
  const admits = (who_: unknown): boolean => {
    asked.push(who_);
    return false;
  };
  const { connect } = await iscsiTarget(t, { access: { admits } });
  await refused(t, await connect(), LOGIN_STATUS.authorizationFailure, toFullFeature, who);
  t.deepEqual(asked, [{ name: initiatorName, address: '127.0.0.1' }]);
});
for (const permanent of [true, false]) {
  test(`11.13.5: a target that has moved ${permanent ? 'for good' : 'for now'} says where to`, async (t) => {
    const access = { redirect: () => ({ address: '192.0.2.7:3260,1', permanent }) };
    const { connect } = await iscsiTarget(t, { access });
    const status = permanent ? LOGIN_STATUS.targetMovedPermanently : LOGIN_STATUS.targetMovedTemporarily;
    const response = await refused(t, await connect(), status, toFullFeature, who);
    t.is(response.data.toString(), 'TargetAddress=192.0.2.7:3260,1\0');
  });
}
test('6.3: any PDU but a Login Request as the first closes the connection without an answer', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  initiator.send('nopOut', { immediate: true, final: true });
  await initiator.closed;
  t.deepEqual(initiator.log, []);
});
test('6.3: another PDU in the middle of a login ends it', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  await initiator.loginStep({ currentStage: STAGE.operational }, who);
  initiator.send('nopOut', { immediate: true, final: true });
  t.is(statusOf(await initiator.expect('loginResponse')), LOGIN_STATUS.invalidDuringLogin);
  await initiator.closed;
});
test('11.12: a login that changes its identity on the way is refused', async (t) => {
  const { connect } = await iscsiTarget(t);
  for (const change of [
    { isid: Buffer.from('00023d000099', 'hex') },
    { cid: 9 },
    { tsih: 9 },
    { initiatorTaskTag: 9 },
  ]) {
    const initiator = await connect();
    await initiator.loginStep({ currentStage: STAGE.operational }, who);
    await refused(t, initiator, LOGIN_STATUS.initiatorError, { ...toFullFeature, ...change }, []);
  }
});
test('6.3: a key sent twice ends the login', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  await initiator.loginStep({ currentStage: STAGE.operational }, [
    ...who,
    ...pairs({ MaxBurstLength: '65536' }),
  ]);
  await refused(t, initiator, LOGIN_STATUS.initiatorError, toFullFeature, pairs({ MaxBurstLength: '65536' }));
});
for (const [what, text] of [
  ['a key of 64 bytes (CVE-2013-2850)', `${'K'.repeat(64)}=1\0`],
  ['129 keys (CVE-2026-63887)', 'K=\0'.repeat(129)],
  ['a value of 256 bytes', `Key=${'v'.repeat(256)}\0`],
  ['no text at all', '\x01\x02\x03'],
] as const) {
  test(`6.1: ${what} ends the login`, async (t) => {
    const { connect } = await iscsiTarget(t);
    const data = Buffer.concat([formatText(who), Buffer.from(text)]);
    await refused(t, await connect(), LOGIN_STATUS.initiatorError, toFullFeature, data);
  });
}
test('many keys over many requests end the login too', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  const some = (turn: number): Pair[] =>
    Array.from({ length: 60 }, (_, index) => ({ key: `X-${turn}-${index}`, value: '' }));
  await initiator.loginStep({ currentStage: STAGE.operational }, who);
  await initiator.loginStep({ currentStage: STAGE.operational }, some(1));
  await initiator.loginStep({ currentStage: STAGE.operational }, some(2));
  await refused(t, initiator, LOGIN_STATUS.initiatorError, { currentStage: STAGE.operational }, some(3));
});
test('a text without end is cut off, and so are endless rounds', async (t) => {
  const { connect } = await iscsiTarget(t);
  const long = await connect();
  for (let part = 0; part < 8; part++) {
    await long.loginStep({ continues: true, currentStage: STAGE.operational }, Buffer.alloc(8192, 0x41));
  }
  await refused(
    t,
    long,
    LOGIN_STATUS.initiatorError,
    { continues: true, currentStage: STAGE.operational },
    Buffer.from('A'),
  );
  const rounds = await connect();
  for (let round = 0; round < 32; round++)
    await rounds.loginStep({ currentStage: STAGE.operational }, round === 0 ? who : []);
  await refused(t, rounds, LOGIN_STATUS.initiatorError, toFullFeature, []);
});
test('a data segment of more than 8192 bytes in login closes the connection', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  initiator.send('loginRequest', { immediate: true }, { data: Buffer.alloc(8196) });
  await initiator.closed;
  t.deepEqual(initiator.log, []);
});
test('a login has a time limit, from the first byte to the last', async (t) => {
  const { connect, clock } = await iscsiTarget(t);
  const initiator = await connect();
  await initiator.loginStep({ currentStage: STAGE.operational }, who);
  clock.pass(14_000);
  await initiator.loginStep({ currentStage: STAGE.operational });
  clock.pass(1_000);
  await initiator.closed;
  t.pass();
});
test('bytes right behind the last Login Request wait for the session (CVE-2022-50350)', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  const login = initiator.encode(
    'loginRequest',
    { immediate: true, ...toFullFeature, isid: defaultIsid, cmdSN: 1 },
    { data: formatText(who) },
  );
  const nop = initiator.encode('nopOut', {
    final: true,
    initiatorTaskTag: 5,
    targetTransferTag: 0xffff_ffff,
    cmdSN: 1,
  });
  initiator.sendRaw(Buffer.concat([login, nop]));
  t.is(statusOf(await initiator.expect('loginResponse')), 0);
  t.is((await initiator.expect('nopIn')).fields.initiatorTaskTag, 5);
});

// --- sessions -------------------------------------------------------------------------------------------------------------

test('6.3.5: the same initiator port again replaces its session', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const old = await login();
  const fresh = await login();
  await old.closed;
  t.not(fresh.tsih, old.tsih);
  t.is(server.sessions().length, 1);
  const inquiry = await fresh.command([0x12, 0, 0, 0, 36, 0], { in: 36 });
  t.is(inquiry.status, 0);
});
test('6.3.1: another ISID or another initiator is another session', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const first = await login();
  await login({ isid: Buffer.from('00023d000002', 'hex') });
  await login({ name: 'iqn.2026-01.test:other' });
  t.is(server.sessions().length, 3);
  t.is(new Set(server.sessions().map(({ tsih }) => tsih)).size, 3);
  t.false(first.isClosed);
});
test('6.3.1: a TSIH without its session is refused', async (t) => {
  const { connect, login } = await iscsiTarget(t);
  const { tsih } = await login();
  const wrong = [
    { tsih: tsih + 1, isid: defaultIsid },
    { tsih, isid: Buffer.from('00023d000002', 'hex') },
  ];
  for (const fields of wrong) {
    await refused(t, await connect(), LOGIN_STATUS.sessionDoesNotExist, { ...toFullFeature, ...fields }, who);
  }
});
test('6.3.1: a further connection is one too many', async (t) => {
  const { connect, login } = await iscsiTarget(t);
  const first = await login();
  const fields = { ...toFullFeature, tsih: first.tsih, cid: 1 };
  await refused(t, await connect(), LOGIN_STATUS.tooManyConnections, fields, who);
  t.is((await first.command([0, 0, 0, 0, 0, 0])).status, 2, 'the session goes on: its unit attention comes');
});
test('6.3.4: the same CID again replaces the connection, and the session goes on', async (t) => {
  const { connect, login, server, disk } = await iscsiTarget(t);
  const old = await login();
  await old.command([0, 0, 0, 0, 0, 0]);
  disk.stop();
  old.startCommand([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], { in: 512 });
  await old.command([0x12, 0, 0, 0, 36, 0], { in: 36 });
  const fresh = await connect();
  fresh.cmdSN = old.cmdSN;
  const fields = await fresh.login({ target: targetName, tsih: old.tsih });
  await old.closed;
  t.is(fields.tsih, old.tsih);
  t.is(fields.expCmdSN, old.cmdSN);
  disk.go();
  t.is((await fresh.command([0, 0, 0, 0, 0, 0])).status, 0, 'no unit attention: the nexus was not lost');
  t.is(server.sessions().length, 1);
});
test('6.3.4: a further connection may not negotiate what belongs to the session', async (t) => {
  const { connect, login } = await iscsiTarget(t);
  const old = await login({ keys: { MaxBurstLength: '65536' } });
  const fresh = await connect();
  const response = await fresh.loginStep({ ...toFullFeature, tsih: old.tsih }, [
    ...who,
    ...pairs({ MaxBurstLength: '131072', HeaderDigest: 'CRC32C' }),
  ]);
  t.deepEqual(response.pairs.slice(0, 2), pairs({ MaxBurstLength: 'Reject', HeaderDigest: 'CRC32C' }));
});
test('4.3: a discovery session has no further connections', async (t) => {
  const { connect } = await iscsiTarget(t);
  const keys = pairs({ InitiatorName: initiatorName, SessionType: 'Discovery' });
  await refused(t, await connect(), LOGIN_STATUS.sessionDoesNotExist, { ...toFullFeature, tsih: 1 }, keys);
});
test('a target that goes away during a login is gone', async (t) => {
  const { connect, server } = await iscsiTarget(t);
  const initiator = await connect();
  await initiator.loginStep({ currentStage: STAGE.operational }, who);
  await server.removeTarget(targetName);
  await refused(t, initiator, LOGIN_STATUS.targetRemoved, toFullFeature, []);
});

// --- authentication ---------------------------------------------------------------------------------------------------------

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

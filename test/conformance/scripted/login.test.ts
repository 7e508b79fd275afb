/** RFC 7143 6.1 … 6.3, 11.12, 11.13: the login phase. */
import test from 'ava';
import { formatText, LOGIN_STATUS, type Pair, STAGE } from '#iscsi';
import {
  defaultIsid,
  iscsiTarget,
  targetName,
  initiatorName,
  who,
  pairs,
  toFullFeature,
  toOperational,
  statusOf,
  refused,
} from '#support';

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
    'an InitiatorName that is too long in small letters',
    { InitiatorName: `iqn.2026-01.test:${'İ'.repeat(100)}`, TargetName: targetName },
    LOGIN_STATUS.initiatorError,
  ],
  [
    'a line end in InitiatorName',
    { InitiatorName: 'iqn.2026-01.test:a\nb', TargetName: targetName },
    LOGIN_STATUS.initiatorError,
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

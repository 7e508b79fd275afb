/** Who may in, and how: challenges, secrets, attempts, and what is offered to whom. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { ndmpLoginAttemptsMax } from '../../../src/limits.js';
import { md5Digest } from '#ndmp';
import { NdmpBench, type NdmpClient, ndmpDigest, ndmpSecret, ndmpUser } from '#support';

/** Greeted, and no more. */
async function stranger(bench: NdmpBench): Promise<NdmpClient> {
  const client = await bench.connect();
  await client.nextPost('notifyConnectionStatus');
  return client;
}
async function challenge(client: NdmpClient): Promise<Buffer> {
  const { serverAttr } = await client.must('configGetAuthAttr', { authType: 'md5' });
  return serverAttr.type === 'md5' ? Buffer.from(serverAttr.challenge) : Buffer.alloc(0);
}
const byMd5 = async (client: NdmpClient, authId: string, authDigest: Buffer): Promise<string> =>
  await client.errorOf('connectClientAuth', { authData: { type: 'md5', authId, authDigest } });

test('the digest is that of other implementations', (t) => {
  const text = Buffer.alloc(128);
  const bytes = Buffer.from(Array.from({ length: 64 }, (_, index) => index));
  text.write('secret', 0);
  bytes.copy(text, 58);
  text.write('secret', 122);
  t.deepEqual(md5Digest(Buffer.from('secret'), bytes), createHash('md5').update(text).digest());
  const long = 'a secret that is longer than the thirty-two bytes that count';
  t.deepEqual(md5Digest(Buffer.from(long), bytes), md5Digest(Buffer.from(long.slice(0, 32)), bytes));
  t.deepEqual(md5Digest(Buffer.from(long), bytes), ndmpDigest(long, bytes));
});

test('a challenge is new each time, and good for one attempt', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await stranger(bench);
  const first = await challenge(client);
  const second = await challenge(client);
  t.is(first.length, 64);
  t.notDeepEqual(first, second);
  t.is(await byMd5(client, ndmpUser, ndmpDigest(ndmpSecret, first)), 'not-authorized');
  t.is(await byMd5(client, ndmpUser, ndmpDigest(ndmpSecret, second)), 'not-authorized', 'it was used up');
  const third = await challenge(client);
  t.is(await byMd5(client, ndmpUser, ndmpDigest(ndmpSecret, third)), 'no-err');
});

test('wrong user, wrong secret, no challenge: all the same', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await stranger(bench);
  t.is(await byMd5(client, ndmpUser, ndmpDigest(ndmpSecret, Buffer.alloc(64))), 'not-authorized');
  t.is(await byMd5(client, 'nobody', ndmpDigest(ndmpSecret, await challenge(client))), 'not-authorized');
  t.is(await byMd5(client, ndmpUser, ndmpDigest('wrong', await challenge(client))), 'not-authorized');
  t.is(await client.errorOf('tapeGetState', {}), 'header 4');
});

test('attempts are counted', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await stranger(bench);
  for (let i = 1; i <= ndmpLoginAttemptsMax; i++) {
    t.is(await byMd5(client, ndmpUser, ndmpDigest('wrong', await challenge(client))), 'not-authorized');
  }
  await client.closed;
});

test('a password in clear text is taken where nobody can listen, or where it is allowed', async (t) => {
  const authData = { type: 'text', authId: ndmpUser, authPassword: ndmpSecret } as const;
  const far = await stranger(await NdmpBench.make(t));
  t.is(await far.errorOf('connectClientAuth', { authData }), 'not-authorized');
  t.is(await far.errorOf('configGetAuthAttr', { authType: 'text' }), 'illegal-args');
  t.deepEqual((await far.must('configGetServerInfo', {})).authTypes, ['md5']);

  const near = await stranger(await NdmpBench.make(t, { from: '::ffff:127.0.0.1' }));
  t.deepEqual((await near.must('configGetServerInfo', {})).authTypes, ['text', 'md5']);
  t.like(await near.must('configGetAuthAttr', { authType: 'text' }), { serverAttr: { type: 'text' } });
  const wrong = { ...authData, authPassword: `${ndmpSecret} ` };
  t.is(await near.errorOf('connectClientAuth', { authData: wrong }), 'not-authorized');
  t.is(await near.errorOf('connectClientAuth', { authData }), 'no-err');
});

test('nobody comes in with nothing, and no other kind is known', async (t) => {
  const bench = await NdmpBench.make(t, { from: '127.0.0.1' });
  const client = await stranger(bench);
  t.is(await client.errorOf('connectClientAuth', { authData: { type: 'none' } }), 'not-authorized');
  t.is(
    await client.errorOf('connectClientAuth', { authData: { type: 'unknown', number: 9 } }),
    'illegal-args',
  );
  t.is(await client.errorOf('configGetAuthAttr', { authType: 'none' }), 'illegal-args');
  t.is(await client.errorOf('configGetAuthAttr', { authType: { unknown: 9 } }), 'illegal-args');
  t.is(await client.errorOf('connectServerAuth', { clientAttr: { type: 'none' } }), 'not-supported');
  t.is(await client.errorOf('tapeGetState', {}), 'header 4');
});

test('who we are is told to anybody; version 2 has the kinds of authentication there', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login(2);
  t.deepEqual(await client.must('configGetHostInfo', {}), {
    hostname: 'silo.example',
    osType: 'Linux',
    osVers: '6.1',
    hostid: '0a0b0c0d',
    authTypes: ['md5'],
  });
  t.deepEqual((await client.must('configGetConnectionType', {})).addrTypes, ['local', 'tcp']);
});

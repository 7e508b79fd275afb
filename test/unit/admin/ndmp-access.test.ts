/** Who may log in by NDMP, and how. */
import test from 'ava';
import type { NdmpArrival } from '#ndmp';
import { type NdmpSettings, NdmpUsers } from '../../../src/admin/ndmp-access.js';

const far: NdmpArrival = { peer: { host: '192.0.2.7', port: 700 }, isPrivate: false };
const farByTls: NdmpArrival = { ...far, isPrivate: true };
const here: NdmpArrival = { peer: { host: '::ffff:127.0.0.1', port: 700 }, isPrivate: true };

function users(settings: Partial<NdmpSettings> = {}): NdmpUsers {
  const made = new NdmpUsers();
  const row = { name: 'backup', secret: Buffer.from('a secret'), enabled: true, createdMs: 0 };
  made.refresh([row, { ...row, name: 'gone', enabled: false }], {
    textAuthentication: 'secure',
    anonymous: 'never',
    versionMax: 4,
    streamAddresses: [],
    streamPorts: 'any',
    ...settings,
  });
  return made;
}
const ways = (settings: Partial<NdmpSettings>, arrival: NdmpArrival): string[] =>
  (['none', 'text', 'md5'] as const).filter((type) => users(settings).allows(type, arrival));

test('by default passwords in plain text are taken where nobody can read them, and nobody is let in without one', (t) => {
  t.deepEqual(ways({}, far), ['md5']);
  t.deepEqual(ways({}, farByTls), ['text', 'md5']);
  t.deepEqual(ways({}, here), ['text', 'md5']);
});
test('plain text everywhere, or nowhere', (t) => {
  t.deepEqual(ways({ textAuthentication: 'always' }, far), ['text', 'md5']);
  t.deepEqual(ways({ textAuthentication: 'never' }, farByTls), ['md5']);
  t.deepEqual(ways({ textAuthentication: 'never' }, here), ['md5']);
});
test('without a user only from this machine, and TLS does not make somebody be here', (t) => {
  t.deepEqual(ways({ anonymous: 'loopback' }, here), ['none', 'text', 'md5']);
  t.deepEqual(ways({ anonymous: 'loopback' }, farByTls), ['text', 'md5']);
});
test('a user that is locked out is as one that is not there', (t) => {
  t.is(users().secretOf('backup')?.toString(), 'a secret');
  t.is(users().secretOf('gone'), undefined);
  t.is(users().secretOf('Backup'), undefined);
  t.is(users().secretOf('__proto__'), undefined);
});

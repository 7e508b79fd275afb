/** What an operator does to NDMP: each verb, what is left of it after a restart, and what is refused. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { realEnv, selfSigned } from '#env';
import { ndmpSession } from '#support';
import { ndmpAdmin } from './ndmp-bench.js';

test('users are made, changed and forgotten; their passwords are never shown', async (t) => {
  const admin = await ndmpAdmin(t);
  const secret = 'not to be seen';
  t.like(await admin.do('ndmp.user.create', { name: 'backup', secret }), { name: 'backup', enabled: true });
  t.is(admin.site.access.secretOf('backup')?.toString(), secret);
  t.regex(
    await admin.refused('conflict', 'ndmp.user.create', { name: 'backup', secret }),
    /ndmp user set backup/,
  );
  t.regex(await admin.refused('usage', 'ndmp.user.create', { name: 'other' }), /--secret-file FILE/);
  await admin.refused('usage', 'ndmp.user.create', { name: 'other', secret: '' });
  await admin.refused('usage', 'ndmp.user.create', { name: 'other', secret: 'x'.repeat(256) });

  await admin.do('ndmp.user.set', { name: 'backup', disable: true });
  t.is(admin.site.access.secretOf('backup'), undefined);
  await admin.do('ndmp.user.set', { name: 'backup', enable: true, secret: 'another' });
  t.is((await admin.again()).world.access.secretOf('backup')?.toString(), 'another');
  await admin.refused('usage', 'ndmp.user.set', { name: 'backup' });
  await admin.refused('usage', 'ndmp.user.set', { name: 'backup', enable: true, disable: true });

  admin.server.open = [ndmpSession(4), ndmpSession(9, { user: 'other' })];
  const seen = JSON.stringify([await admin.do('ndmp.user.list'), await admin.do('ndmp.show')]);
  t.false(seen.includes('another') || seen.includes(Buffer.from('another').toString('base64')));
  t.deepEqual(
    (await admin.do<{ sessions: number }[]>('ndmp.user.list')).map(({ sessions }) => sessions),
    [1],
  );
  t.deepEqual(await admin.said('ndmp.user.delete', { name: 'backup' }), [
    'Deleted NDMP user backup',
    'Session 4 of backup goes on: end it with `tapesilo ndmp session drop 4`',
  ]);
  t.is(admin.site.access.secretOf('backup'), undefined);
  await admin.refused('not-found', 'ndmp.user.delete', { name: 'backup' });
});

test('short passwords are taken, with a word about them; so are those of which MD5 sees a part', async (t) => {
  const admin = await ndmpAdmin(t);
  const notes = async (secret: string): Promise<string> =>
    (await admin.said('ndmp.user.create', { name: `user${secret.length}`, secret })).join('\n');
  t.regex(await notes('ndmp'), /of 4 bytes can be guessed/);
  t.is(await notes('x'.repeat(32)), 'Made NDMP user user32');
  t.regex(await notes('x'.repeat(33)), /first 32 bytes only/);
});

test('settings hold for the next login, and after a restart', async (t) => {
  const admin = await ndmpAdmin(t);
  const far = { peer: { host: '192.0.2.7', port: 1 }, isPrivate: false };
  t.false(admin.site.access.allows('text', far));
  await admin.refused('usage', 'ndmp.set');
  await admin.refused('usage', 'ndmp.set', { versionMax: 5 });
  await admin.refused('usage', 'ndmp.set', { textAuthentication: 'sometimes' });
  t.regex((await admin.said('ndmp.set', { textAuthentication: 'always' })).join(), /plain text can be read/);
  await admin.do('ndmp.set', { versionMax: 3 });
  t.true(admin.site.access.allows('text', far));
  const { access } = (await admin.again()).world;
  t.true(access.allows('text', far));
  t.is(access.versionMax, 3);
});

test('image streams are awaited at own addresses that are named, which then may be connected to as well', async (t) => {
  const admin = await ndmpAdmin(t);
  t.like(await admin.do('ndmp.show'), { streamAddresses: 'session' });
  const streamAddresses = '192.0.2.1,2001:db8::1';
  t.like(await admin.do('ndmp.set', { streamAddresses }), { streamAddresses: ['192.0.2.1', '2001:db8::1'] });
  const { world } = await admin.again();
  t.deepEqual(world.streamHosts(), ['192.0.2.1', '2001:db8::1']);
  t.true(world.mayAlsoReach('192.0.2.1'));
  t.false(world.mayAlsoReach('192.0.2.2'));
  t.false(world.isRestricted());
  await admin.refused('usage', 'ndmp.set', { streamAddresses: '192.0.2.1,1.2.3' });
  await admin.refused('usage', 'ndmp.set', { streamAddresses: 'tapes.example.com' });
  t.like(await admin.do('ndmp.set', { streamPorts: '30100-30199' }), { streamPorts: '30100-30199' });
  t.deepEqual((await admin.again()).world.streamPorts(), { first: 30_100, last: 30_199 });
  for (const streamPorts of ['30100', '30199-30100', '1-30000', '60000-70000', '10000-20000'])
    await admin.refused('usage', 'ndmp.set', { streamPorts });
  t.like(await admin.do('ndmp.set', { streamPorts: 'any' }), { streamPorts: 'any' });
  await admin.do('ndmp.set', { streamAddresses: 'session' });
  t.deepEqual(admin.site.streamHosts(), []);
});

test('roots are folders with names; they are found by either', async (t) => {
  const admin = await ndmpAdmin(t);
  t.deepEqual(await admin.do('ndmp.root.add', { path: '/usr//share/' }), {
    name: 'share',
    path: '/usr/share',
    access: 'read-write',
    state: 'there',
  });
  t.like(await admin.do('ndmp.root.add', { path: '/nowhere/share', readOnly: true }), { name: 'share-2', state: 'missing' }); // prettier-ignore
  t.like(await admin.do('ndmp.root.add', { path: '/srv/-=-', name: 'odd' }), { name: 'odd' });
  await admin.refused('conflict', 'ndmp.root.add', { path: '/usr/share' });
  await admin.refused('conflict', 'ndmp.root.add', { path: '/usr/lib', name: 'odd' });
  await admin.refused('usage', 'ndmp.root.add', { path: 'relative' });
  t.deepEqual(
    admin.site.roots().map(({ path, readOnly }) => [path, readOnly]),
    [
      ['/nowhere/share', true],
      ['/srv/-=-', false],
      ['/usr/share', false],
    ],
  );
  await admin.do('ndmp.root.set', { root: 'share', readOnly: true });
  await admin.do('ndmp.root.set', { root: '/nowhere/share/', writable: true });
  await admin.refused('usage', 'ndmp.root.set', { root: 'share' });
  await admin.do('ndmp.root.remove', { root: 'odd' });
  const { world } = await admin.again();
  t.deepEqual(
    world.roots().map(({ name, readOnly }) => [name, readOnly]),
    [
      ['share-2', false],
      ['share', true],
    ],
  );
  await admin.do('ndmp.root.remove', { root: '/usr/share' });
  await admin.refused('not-found', 'ndmp.root.remove', { root: '/usr/share' });
});

test("nobody is given what is the daemon's own, and a root around it says that it is passed over", async (t) => {
  const admin = await ndmpAdmin(t);
  await admin.refused('conflict', 'ndmp.root.add', { path: admin.home });
  await admin.refused('conflict', 'ndmp.root.add', { path: join(admin.home, 'store', '..', 'groups') });
  t.true(admin.site.ownFolders().includes(admin.home));
  const said = await admin.said('ndmp.root.add', { path: '/' });
  t.is(said[1], `Jobs pass over what the daemon itself keeps there: ${admin.home}`);
  // Beside it is not within it.
  await admin.do('ndmp.root.add', { path: `${admin.home}-beside` });
});

test('networks say where image streams may go, and that nobody else may send them', async (t) => {
  const admin = await ndmpAdmin(t);
  t.false(admin.site.mayAlsoReach('192.0.2.9'));
  t.false(admin.site.isRestricted());
  await admin.do('ndmp.network.add', { network: '192.0.2.0/28' });
  await admin.do('ndmp.network.add', { network: '2001:db8::/32' });
  t.true(admin.site.isRestricted());
  for (const [host, may] of [
    ['192.0.2.9', true],
    ['::ffff:192.0.2.9', true],
    ['192.0.2.16', false],
    ['2001:db8::1', true],
    ['2001:db9::1', false],
    ['filer.example.com', false],
  ] as const)
    t.is(admin.site.mayAlsoReach(host), may, host);
  await admin.refused('conflict', 'ndmp.network.add', { network: '2001:db8::/32' });
  await admin.refused('usage', 'ndmp.network.add', { network: '192.0.2.0/33' });
  t.regex((await admin.said('ndmp.network.add', { network: '::/0' })).join(), /That is everywhere/);
  t.true((await admin.again()).world.mayAlsoReach('192.0.2.1'));
  for (const network of ['192.0.2.0/28', '2001:db8::/32', '::/0'])
    await admin.do('ndmp.network.remove', { network });
  await admin.refused('not-found', 'ndmp.network.remove', { network: '::/0' });
  t.false(admin.site.isRestricted());
});

test('portals are kept: opened at once and at every start, and one that cannot be says why', async (t) => {
  const admin = await ndmpAdmin(t);
  const made = await admin.do<{ port: number }>('ndmp.portal.create', { address: '192.0.2.1:0' });
  t.true(made.port > 0);
  t.like(await admin.do('ndmp.portal.create', { address: '[2001:db8::1]' }), {
    portal: '[2001:db8::1]:10000',
  });
  admin.server.taken.add(10_001);
  t.regex(
    await admin.refused('conflict', 'ndmp.portal.create', { address: '192.0.2.1:10001' }),
    /another program has that port/,
  );
  await admin.refused('usage', 'ndmp.portal.create', { address: '192.0.2.1:x' });
  const next = await admin.again();
  t.deepEqual(
    [...next.portals.values()].map(({ address: { port } }) => port).toSorted((a, b) => a - b),
    [10_000, made.port],
  );
  await admin.do('ndmp.portal.delete', { portal: '[2001:db8::1]:10000' });
  await admin.refused('not-found', 'ndmp.portal.delete', { portal: '[2001:db8::1]:10000' });
  t.is(admin.server.portals.size, 1);
  t.is((await admin.catalog.ndmp.portals()).length, 1);

  t.regex(
    await admin.refused('conflict', 'ndmp.portal.create', { address: `192.0.2.1:${made.port}` }),
    /There is an NDMP portal 192\.0\.2\.1:\d+ already/,
  );

  admin.server.taken.add(700);
  await admin.site.portals.reopen({ host: '192.0.2.1', port: 700, tls: false });
  const states = await admin.do<{ port: number; state: string }[]>('ndmp.portal.list');
  t.regex(states.find(({ port }) => port === 700)?.state ?? '', /Cannot listen on 192\.0\.2\.1:700/);
});

test('TLS waits for a certificate; another one is used at once, and the key is shown to nobody', async (t) => {
  const admin = await ndmpAdmin(t);
  t.regex(
    await admin.refused('conflict', 'ndmp.portal.create', { address: '192.0.2.1', tls: true }),
    /ndmp certificate create/,
  );
  await admin.refused('not-found', 'ndmp.certificate.show');
  await admin.site.portals.reopen({ host: '192.0.2.1', port: 30_000, tls: true });
  t.is(admin.server.portals.size, 0);

  const names = 'tapes.example.com,192.0.2.1,2001:db8::1';
  const first = await admin.do<{ fingerprint: string; names: string[] }>('ndmp.certificate.create', {
    names,
  });
  t.deepEqual(first.names, ['tapes.example.com', '192.0.2.1', '2001:DB8:0:0:0:0:0:1']);
  t.is(admin.server.portals.size, 1, 'the portal that waited is open');
  await admin.refused('usage', 'ndmp.certificate.create', { names: '-x' });
  await admin.refused('usage', 'ndmp.certificate.create', { names: 'a,,b' });

  const second = await admin.do<{ fingerprint: string }>('ndmp.certificate.create', { names, days: 1 });
  t.not(second.fingerprint, first.fingerprint);
  const [portal] = admin.server.portals.values();
  t.is(portal?.tls?.certificate, `${await admin.do<string>('ndmp.certificate.export')}\n`);
  const shown = JSON.stringify([await admin.do('ndmp.certificate.show'), await admin.do('ndmp.show')]);
  t.false(shown.includes('PRIVATE KEY'));
  t.true(shown.includes(second.fingerprint));

  const kept = await admin.again();
  await kept.addPortal({ address: { host: '::1', port: 0 } });
  t.like(await admin.do('ndmp.certificate.show'), { fingerprint: second.fingerprint });
});

test('certificates of others are copied, when they are what they should be', async (t) => {
  const admin = await ndmpAdmin(t);
  const of = (fromMs: number) =>
    selfSigned({
      commonName: 'x',
      dnsNames: ['x'],
      addresses: [],
      fromMs,
      days: 30,
      serial: Buffer.alloc(16, 1),
    });
  const [old, other] = [of(Date.UTC(2001, 0, 1)), of(Date.UTC(2002, 0, 1))];
  const [certificate, key] = [join(admin.home, 'tls.pem'), join(admin.home, 'tls.key')];
  await writeFile(certificate, old.certificate);
  await writeFile(key, other.key);
  const files = { certificate, key };
  t.regex(
    await admin.refused('usage', 'ndmp.certificate.import', files),
    /the key is not that of the certificate/,
  );
  t.regex(await admin.refused('usage', 'ndmp.certificate.import', { certificate, key: '/nowhere' }), /\/nowhere cannot be read: ENOENT/); // prettier-ignore
  await writeFile(key, old.key);
  const said = await admin.said('ndmp.certificate.import', files);
  t.regex(said.at(-1) ?? '', /warning: It has expired/);
  t.is(await admin.do<string>('ndmp.certificate.export'), old.certificate.trimEnd());
});

test('an identity that the command line names is for this run only', async (t) => {
  const { clock, random } = realEnv();
  const admin = await ndmpAdmin(t, { clock, random });
  await admin.do('ndmp.certificate.create', { names: 'kept' });
  const identity = selfSigned({
    commonName: 'given',
    dnsNames: ['given'],
    addresses: [],
    fromMs: 0,
    days: 1,
    serial: random.bytes(16),
  });
  await admin.do('ndmp.portal.create', { address: '::1', tls: true });
  const withGiven = [...(await admin.again(identity)).portals.values()];
  t.is(withGiven[0]?.tls?.certificate, identity.certificate);
  const withKept = [...(await admin.again()).portals.values()];
  t.is(withKept[0]?.tls?.certificate, `${await admin.do<string>('ndmp.certificate.export')}\n`);
});

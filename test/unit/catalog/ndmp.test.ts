import test from 'ava';
import { Catalog } from '#catalog';
import { realEnv } from '#env';
import { StoreError } from '#errors';

const refused = { instanceOf: StoreError, code: 'io', message: /constraint failed/ };

async function opened(t: { teardown(fn: () => Promise<void>): void }): Promise<Catalog> {
  const catalog = await Catalog.open(realEnv(), ':memory:');
  t.teardown(async () => await catalog.close());
  return catalog;
}

test('users come back with the bytes of their secrets, and may be changed and removed', async (t) => {
  const { ndmp } = await opened(t);
  const user = { name: 'backup', secret: Buffer.from([0, 255, 10]), enabled: true, createdMs: 5 };
  await ndmp.addUser(user);
  await ndmp.addUser({ ...user, name: 'Amanda' });
  await t.throwsAsync(ndmp.addUser(user), refused);
  await t.throwsAsync(ndmp.addUser({ ...user, name: 'none', secret: Buffer.alloc(0) }), refused);
  await ndmp.setUser('backup', { enabled: false });
  await ndmp.setUser('Amanda', { secret: Buffer.from('another') });
  t.deepEqual(await ndmp.users(), [
    { ...user, name: 'Amanda', secret: Buffer.from('another') },
    { ...user, enabled: false },
  ]);
  await ndmp.removeUser('Amanda');
  t.deepEqual(
    (await ndmp.users()).map(({ name }) => name),
    ['backup'],
  );
});

test('a root is one name and one absolute path', async (t) => {
  const { ndmp } = await opened(t);
  const root = { name: 'home', path: '/home', readOnly: true, createdMs: 1 };
  await ndmp.addRoot(root);
  await t.throwsAsync(ndmp.addRoot({ ...root, name: 'other' }), refused);
  await t.throwsAsync(ndmp.addRoot({ ...root, path: '/other' }), refused);
  await t.throwsAsync(ndmp.addRoot({ ...root, name: 'x', path: 'relative' }), refused);
  await ndmp.setRoot('home', { readOnly: false });
  t.deepEqual(await ndmp.roots(), [{ ...root, readOnly: false }]);
  await ndmp.removeRoot('home');
  t.deepEqual(await ndmp.roots(), []);
});

test('networks and portals are there once', async (t) => {
  const { ndmp } = await opened(t);
  await ndmp.addNetwork({ network: '192.0.2.0/24', createdMs: 2 });
  await t.throwsAsync(ndmp.addNetwork({ network: '192.0.2.0/24', createdMs: 3 }), refused);
  await ndmp.addPortal({ host: '192.0.2.1', port: 10_000, tls: false });
  await t.throwsAsync(ndmp.addPortal({ host: '192.0.2.1', port: 10_000, tls: true }), refused);
  await t.throwsAsync(ndmp.addPortal({ host: '192.0.2.1', port: 0, tls: true }), refused);
  await ndmp.addPortal({ host: '192.0.2.1', port: 30_000, tls: true });
  t.deepEqual(
    (await ndmp.portals()).map(({ port, tls }) => [port, tls]),
    [
      [10_000, false],
      [30_000, true],
    ],
  );
  await ndmp.removePortal({ host: '192.0.2.1', port: 10_000 });
  await ndmp.removeNetwork('192.0.2.0/24');
  t.is((await ndmp.portals()).length, 1);
  t.deepEqual(await ndmp.networks(), []);
});

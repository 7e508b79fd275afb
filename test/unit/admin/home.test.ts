/** Where state lives, and where the admin socket is. */
import { join } from 'node:path';
import test from 'ava';
import { defaultHome, forgetSocket, placeSocket } from '#admin';
import { realEnv } from '#env';
import { tempFolder } from '#support';
import { findSocket } from '../../../src/admin/home.js';

const of = (variables: Record<string, string>, userId = 1000): string => defaultHome({ variables, userId });

test('a person has it in the XDG data folder, a service in /var/lib', (t) => {
  t.is(of({ HOME: '/h/u' }), '/h/u/.local/share/tapesilo');
  t.is(of({ HOME: '/h/u', XDG_DATA_HOME: '/data' }), '/data/tapesilo');
  t.is(of({ HOME: '/h/u', XDG_DATA_HOME: 'relative' }), '/h/u/.local/share/tapesilo');
  t.is(of({ HOME: '/h/u', TAPESILO_HOME: '/own' }), '/own');
  t.is(of({}), '/var/lib/tapesilo');
  t.is(of({ HOME: '/h/r', INVOCATION_ID: 'x' }, 0), '/var/lib/tapesilo');
  t.is(of({ HOME: '/h/u', INVOCATION_ID: 'x', STATE_DIRECTORY: '/var/lib/silo' }), '/var/lib/silo');
  t.is(of({ HOME: '/h/r', INVOCATION_ID: 'x', TERM: 'xterm' }, 0), '/h/r/.local/share/tapesilo');
});

test('the socket is in the home, or where a pointer says when its path would be too long', async (t) => {
  const env = realEnv();
  const home = await tempFolder(t);
  const near = await placeSocket(env, home);
  t.deepEqual(near, { path: join(home, 'admin.sock'), isElsewhere: false });
  t.is(await findSocket(env.disk, home), near.path);

  const deep = join(home, 'd'.repeat(100));
  await env.disk.makeDirectory(deep);
  const far = await placeSocket(env, deep);
  t.true(far.isElsewhere);
  t.true(Buffer.byteLength(far.path) < 100);
  t.is(await findSocket(env.disk, deep), far.path);
  await forgetSocket(env.disk, deep);
  t.false(await env.disk.exists(join(far.path, '..')));
  t.is(await findSocket(env.disk, deep), join(deep, 'admin.sock'));
});

/** The admin socket: replies in order, refusals as data, and bugs that do not stay unnoticed. */
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AdminClient, AdminServer } from '#admin';
import { realEnv, silentLog } from '#env';
import { RefusedError } from '#errors';
import { tempFolder } from '#support';

async function serve(
  t: ExecutionContext,
  perform: (verb: string, input: unknown) => Promise<unknown>,
): Promise<{ client: AdminClient; bugs: unknown[] }> {
  const env = realEnv();
  const home = await tempFolder(t);
  const bugs: unknown[] = [];
  const performer = {
    perform: async (verb: string, input: unknown) =>
      ({ ok: true, result: await perform(verb, input), notes: ['noted'], warnings: [] }) as const,
  };
  const server = new AdminServer(performer, silentLog, (error) => bugs.push(error));
  await server.listen(env.net, join(home, 'admin.sock'));
  t.teardown(async () => await server.close());
  return { client: new AdminClient(env, home), bugs };
}

test('what is asked is performed, and its result comes back', async (t) => {
  const { client } = await serve(t, async (verb, input) => await Promise.resolve({ verb, input }));
  const reply = await client.call('tape.show', { barcode: 'A1L8' });
  t.deepEqual(reply, {
    ok: true,
    result: { verb: 'tape.show', input: { barcode: 'A1L8' } },
    notes: ['noted'],
    warnings: [],
  });
});

test('a refusal keeps its code, its message and its facts', async (t) => {
  const { client, bugs } = await serve(t, async () => {
    await Promise.resolve();
    throw new RefusedError('protected', 'It is WORM', { barcode: 'A1LY', secret: { not: 'plain' } });
  });
  const error = await t.throwsAsync(client.call('tape.erase', {}));
  t.like(error, { code: 'protected', message: 'It is WORM', facts: { barcode: 'A1LY' } });
  t.deepEqual(bugs, []);
});

test('an assertion that fails is a bug: whoever asked hears that it failed, and the daemon is told', async (t) => {
  const { client, bugs } = await serve(t, async () => {
    await Promise.resolve();
    assert(false, 'impossible');
  });
  const error = await t.throwsAsync(client.call('tape.list', {}));
  t.like(error, { code: 'failed' });
  t.is(bugs.length, 1);
});

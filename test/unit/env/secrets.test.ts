import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { realEnv } from '#env';

const { secrets } = realEnv();
const folder = mkdtempSync(join(tmpdir(), 'tapesilo-secrets-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
const { execPath } = process;
const run = async (script: string, timeoutMs = 20_000): Promise<Buffer> =>
  await secrets.command([execPath, '-e', script], timeoutMs, 4096);

test('a file comes with its permissions, and not when it is longer than it may be', async (t) => {
  const path = join(folder, 'key');
  writeFileSync(path, 'secret', { mode: 0o600 });
  t.deepEqual(await secrets.file(path, 6), { bytes: Buffer.from('secret'), mode: 0o600 });
  chmodSync(path, 0o644);
  t.is((await secrets.file(path, 100)).mode, 0o644);
  await t.throwsAsync(secrets.file(path, 5), { message: /more than 5 bytes/ });
  await t.throwsAsync(secrets.file(join(folder, 'none'), 5), { code: 'ENOENT' });
});

test('a program gets its arguments as they are, nothing to read, and its output is handed over', async (t) => {
  const echo = 'process.stdout.write(process.argv.slice(1).join("|"))';
  const printed = await secrets.command([execPath, '-e', echo, '$HOME; `id`', '*'], 20_000, 4096);
  t.is(printed.toString(), '$HOME; `id`|*');
  t.is(
    (await run('process.stdin.on("end", () => process.stdout.write("ended")).resume()')).toString(),
    'ended',
  );
});

test('what a program says on standard error is told, what it prints never', async (t) => {
  const error = await t.throwsAsync(
    run(
      'process.stdout.write("s3cret"); process.stderr.write("the vault\\n is sealed\\x1b[31m"); process.exitCode = 3',
    ),
  );
  t.is(error?.message, '3: the vault is sealed [31m');
  t.false(JSON.stringify(Object.getOwnPropertyDescriptors(error)).includes('s3cret'));
  t.is(error?.cause, undefined);
  await t.throwsAsync(secrets.command([join(folder, 'none')], 1000, 100), { message: /ENOENT/ });
  await t.throwsAsync(run('process.stdout.write("x".repeat(5000))'), { message: /MAXBUFFER/ });
});

test('a program that does not answer in time is ended', async (t) => {
  await t.throwsAsync(
    run('process.on("SIGTERM", () => 0); require("node:net").createServer().listen(0, "127.0.0.1")', 300),
    {
      message: /no answer in 0.3 s/,
    },
  );
});

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { realEnv } from '#env';

const { disk } = realEnv();
const folder = mkdtempSync(join(tmpdir(), 'tapesilo-disk-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

test('a file reads back what was written, short only at its end', async (t) => {
  const file = await disk.open(join(folder, 'a'), 'create');
  await file.writeAt(Buffer.from('hello world'), 3);
  const target = Buffer.alloc(32, 0x2e);
  t.is(await file.readAt(target, 0), 14);
  t.is(target.toString('latin1', 0, 15), '\0\0\0hello world.');
  t.is(await file.size(), 14);
  await file.truncate(5);
  await file.sync();
  t.is(await file.readAt(target, 5), 0);
  await file.close();
  t.is(statSync(join(folder, 'a')).mode & 0o777, 0o600);
});
test('a missing file is StoreError missing; removing it is not an error', async (t) => {
  await t.throwsAsync(disk.open(join(folder, 'none'), 'existing'), { code: 'missing' });
  await t.notThrowsAsync(disk.remove(join(folder, 'none')));
  t.deepEqual(await disk.list(join(folder, 'none')), []);
  t.true((await disk.freeBytes(folder)) > 0);
});
test('a folder is made with its parents, again without harm, and not where none can be', async (t) => {
  const deep = join(folder, 'x', 'y', 'z');
  await disk.makeDirectory(deep);
  await disk.makeDirectory(deep);
  t.is(statSync(deep).mode & 0o777, 0o700);
  writeFileSync(join(folder, 'file'), '');
  await t.throwsAsync(disk.makeDirectory(join(folder, 'file', 'below')), { code: 'io' });
  await t.throwsAsync(disk.makeDirectory('/proc/nowhere/below'), { message: /\/proc\/nowhere/ });
});
test('a folder is claimed once, and the claim of a dead process is taken over', async (t) => {
  const home = join(folder, 'home');
  await disk.makeDirectory(home);
  writeFileSync(join(home, 'lock'), '1\n'); // process 1 lives
  await t.throwsAsync(disk.claim(home), { code: 'locked', message: /process 1/ });
  writeFileSync(join(home, 'lock'), '4194305\n'); // above the largest pid of Linux
  await (
    await disk.claim(home)
  )();
  // Process 1 lives, but it is not the one that started then: pids come again after a restart of the machine.
  writeFileSync(join(home, 'lock'), '1\nanother-boot 77\n');
  const release = await disk.claim(home);
  await release();
  t.false(await disk.exists(join(home, 'lock')));
});

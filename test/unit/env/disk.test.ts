import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { bulkAlignBytes, realEnv } from '#env';
import { runProgram, testWith } from '#support';

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
const inCacheBytes = async (path: string): Promise<number> =>
  Number((await runProgram('fincore', ['--bytes', '--noheadings', '--output', 'RES', path])).stdout);
const pattern = (bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, (_, index) => Math.imul(index, 2654435761) >>> 24));
/** Where memory begins that Buffer allocates nobody knows; memory of WebAssembly begins at a page. */
function onPages(source: Uint8Array): Buffer {
  const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(source.length / 65_536) });
  const target = Buffer.from(buffer, 0, source.length);
  target.set(source);
  return target;
}
test('a bulk file has what was written at any place from any memory, and reads it like others', async (t) => {
  const path = join(folder, 'bulk');
  const file = await disk.open(path, 'create', 'bulk');
  const bytes = pattern(4 * bulkAlignBytes + 100);
  const source = onPages(bytes);
  const page = 64 * bulkAlignBytes;
  const places: [from: number, to: number, offset: number][] = [
    [0, 4 * bulkAlignBytes, 0], // aligned in all ways
    [0, 2 * bulkAlignBytes + 100, page], // not as long
    [0, bulkAlignBytes, 2 * page + 1], // not at its offset
    [100, bulkAlignBytes + 100, 3 * page], // not in memory
  ];
  const model = Buffer.alloc(3 * page + bulkAlignBytes);
  for (const [from, to, offset] of places) {
    await file.writeAt(source.subarray(from, to), offset);
    model.set(bytes.subarray(from, to), offset);
  }
  const other = Buffer.from(bytes.subarray(0, bulkAlignBytes));
  await file.writeAt(other, page / 2);
  model.set(other, page / 2);
  await file.sync();
  const target = Buffer.alloc(model.length + 1);
  t.is(await file.readAt(target, 0), model.length);
  t.true(target.subarray(0, model.length).equals(model));
  await file.close();
  const again = await disk.open(path, 'existing', 'bulk');
  t.is(await again.size(), model.length);
  await again.close();
});
testWith(['fincore', 'dd'], 'what is written in bulk is not left in the cache of the system', async (t) => {
  const bytes = 1024 * 1024;
  const source = onPages(pattern(bytes));
  const written = async (name: string, use?: 'bulk'): Promise<number> => {
    const file = await disk.open(join(folder, name), 'create', use);
    await file.writeAt(source, 0);
    await file.sync();
    await file.close();
    return await inCacheBytes(file.path);
  };
  t.is(await written('cached'), bytes);
  const dd = ['if=/dev/zero', `of=${join(folder, 'dd')}`, 'bs=4096', 'count=1', 'oflag=direct'];
  const isPossible = (await runProgram('dd', dd)).status === 0;
  t.is(await written('direct', 'bulk'), isPossible ? 0 : bytes);
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

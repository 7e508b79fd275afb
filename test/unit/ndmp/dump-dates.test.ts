import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { realEnv } from '#env';
import { ndmpDumpTokensMax } from '#limits';
import { SimDisk, tempFolder } from '#support';
import { DumpDates } from '../../../src/ndmp/dump-dates.js';

const tree = { path: Buffer.from('/data'), selection: ['tar', ''] };
const level = (n: number, dateS: number, directories?: Uint8Array) => ({
  dateS,
  made: { kind: 'level', level: n } as const,
  ...(directories === undefined ? {} : { directories }),
});

test('a level is based on the newest one below it', async (t) => {
  const dates = new DumpDates(realEnv().disk, join(await tempFolder(t), 'a/b'));
  t.is(await dates.below(tree, 9), undefined);
  await dates.keep(tree, level(0, 100, Buffer.from('dirs')));
  await dates.keep(tree, level(1, 200));
  await dates.keep(tree, level(5, 300));
  t.like(await dates.below(tree, 1), { level: 0, dateS: 100 });
  t.deepEqual(Buffer.from((await dates.below(tree, 1))?.directories ?? []), Buffer.from('dirs'));
  t.like(await dates.below(tree, 5), { level: 1, dateS: 200 });
  t.is((await dates.below(tree, 5))?.directories, undefined);
  t.like(await dates.below(tree, 6), { level: 5, dateS: 300 });
  t.is(await dates.below(tree, 0), undefined);
  await dates.keep(tree, level(0, 400));
  t.like(await dates.below(tree, 6), { level: 0, dateS: 400 }, 'a new full backup begins a new chain');
});

test('a new chain is told from an old one, also when the clock was set back between', async (t) => {
  const dates = new DumpDates(realEnv().disk, await tempFolder(t));
  await dates.keep(tree, level(0, 900));
  await dates.keep(tree, level(1, 1000));
  await dates.keep(tree, level(3, 1000));
  await dates.keep(tree, level(0, 500));
  t.like(await dates.below(tree, 2), { level: 0, dateS: 500 });
  await dates.keep(tree, level(2, 600));
  await dates.keep(tree, level(3, 600));
  await dates.keep(tree, level(2, 600));
  t.like(await dates.below(tree, 9), { level: 2 });
});

test('another tree, and another selection of it, have dates of their own', async (t) => {
  const dates = new DumpDates(realEnv().disk, await tempFolder(t));
  await dates.keep(tree, level(0, 100));
  t.is(await dates.below({ ...tree, path: Buffer.from('/data2') }, 1), undefined);
  t.is(await dates.below({ ...tree, selection: ['tar', '', 'x'] }, 1), undefined);
  t.is(await dates.below({ ...tree, selection: ['dump', ''] }, 1), undefined);
});

test('tokens are found by their value, and the oldest are forgotten', async (t) => {
  const folder = await tempFolder(t);
  const dates = new DumpDates(realEnv().disk, folder);
  const token = (sequence: number) => ({ sequence, dateS: 1000 + sequence });
  await dates.keep(tree, level(3, 5));
  for (let n = 1; n <= ndmpDumpTokensMax + 2; n++)
    await dates.keep(tree, { dateS: 1000 + n, made: { kind: 'token', token: token(n) } });
  t.is(await dates.of(tree, token(2)), undefined);
  t.like(await dates.of(tree, token(3)), { dateS: 1003 });
  t.is(await dates.of(tree, { sequence: 3, dateS: 1 }), undefined);
  t.is((await readdir(folder)).length, ndmpDumpTokensMax + 1);
  t.like(await dates.below(tree, 4), { level: 3 }, 'levels are not tokens');
});

test('a file that is not whole is as if it were not there', async (t) => {
  const folder = await tempFolder(t);
  const dates = new DumpDates(realEnv().disk, folder);
  await dates.keep(tree, level(0, 100, Buffer.from('0123456789')));
  const [name = ''] = await readdir(folder);
  const whole = await readFile(join(folder, name));
  const damaged: Buffer[] = [whole.subarray(0, -1), Buffer.alloc(0), Buffer.from('{}\n'), Buffer.from('x')];
  for (let at = 0; at < whole.length; at += 7) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    damaged.push(bytes);
  }
  for (const bytes of damaged) {
    await writeFile(join(folder, name), bytes);
    const found = await dates.below(tree, 1);
    // A flipped bit in a name of the header that nobody reads would do no harm.
    if (found !== undefined) t.is(found.dateS, 100);
    if (found?.directories !== undefined)
      t.deepEqual(Buffer.from(found.directories), Buffer.from('0123456789'));
  }
  await writeFile(join(folder, name), whole);
  t.like(await dates.below(tree, 1), { dateS: 100 });
});

test('whenever the power fails, the old date or the new one is there', async (t) => {
  for (let failing = 0; ; failing++) {
    const disk = new SimDisk({ dice: { integer: () => 0 } });
    await new DumpDates(disk.begin(), '/dates').keep(tree, level(0, 100, Buffer.from('old')));
    let call = 0;
    disk.fault = () => (call++ === failing ? 'io' : undefined);
    const second = new DumpDates(disk.begin(), '/dates');
    const kept = await second.keep(tree, level(0, 200, Buffer.from('new'))).then(
      () => true,
      () => false,
    );
    disk.fault = undefined;
    disk.crash('drop');
    const found = await new DumpDates(disk.begin(), '/dates').below(tree, 1);
    t.true(found?.dateS === 200 || (!kept && found?.dateS === 100), `call ${failing}: ${found?.dateS}`);
    if (call <= failing) return;
  }
});

/** What belongs to the server itself: read by no backup, written by no recovery, on whatever path one comes there. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { backUp, everythingIn, inlineEngine, nameTo, recover, tempFolder } from '#support';

interface Places {
  readonly top: string;
  readonly root: string;
  /** In the root. */
  readonly own: string;
}
async function places(t: ExecutionContext): Promise<Places> {
  const top = await tempFolder(t);
  const root = join(top, 'root');
  const own = join(root, 'lib', 'own');
  mkdirSync(join(own, 'deeper'), { recursive: true });
  writeFileSync(join(own, 'secret'), 'precious');
  writeFileSync(join(root, 'lib', 'file'), 'plain');
  return { top, root, own };
}
const closedOf = (...folders: string[]) => ({ closed: folders.map((folder) => Buffer.from(folder)) });

for (const format of ['tar', 'dump'] as const) {
  test(`a backup (${format}) has the folder, says once that it passes over what is in it, and goes on`, async (t) => {
    const { root, own, top } = await places(t);
    const engine = await inlineEngine();
    const through = join(top, 'another way');
    symlinkSync(own, through);
    for (const named of [own, through]) {
      const backup = await backUp(engine, root, { format, ...closedOf(named) });
      t.like(backup.result, { outcome: 'successful', troubles: 0 });
      t.deepEqual(backup.history.map(({ path }) => path.toString()).toSorted(), [
        '',
        'lib',
        'lib/file',
        'lib/own',
      ]);
      t.deepEqual(
        backup.log.map(({ path, text }) => [path?.toString(), /own data/.test(text)]),
        [['lib/own', true]],
      );
      t.true(backup.image.includes('plain'));
      t.false(backup.image.includes('precious') || backup.image.includes('deeper'));
    }
    const open = await backUp(engine, root, { format, ...closedOf(join(top, 'not there')) });
    t.true(open.history.some(({ path }) => path.toString() === 'lib/own/deeper'));
  });
}

test('a backup of the folder itself, or of what is in it, fails before a byte', async (t) => {
  const { root, own } = await places(t);
  const engine = await inlineEngine();
  for (const path of [own, join(own, 'deeper')]) {
    const { image, result } = await backUp(engine, root, { path: Buffer.from(path), ...closedOf(own) });
    t.like(result, { outcome: 'failed' });
    t.regex(result.message ?? '', /belongs to the server itself/);
    t.is(image.length, 0);
  }
});

test('a recovery changes nothing in it, and makes nothing of it appear elsewhere', async (t) => {
  const { root, own, top } = await places(t);
  const source = join(top, 'source');
  mkdirSync(join(source, 'lib/own/deeper'), { recursive: true });
  mkdirSync(join(source, 'lib/own/new/folder'), { recursive: true });
  for (const name of ['lib/own/secret', 'lib/own/deeper/x', 'lib/own/new/folder/x', 'lib/good'])
    writeFileSync(join(source, name), 'evil');
  linkSync(join(source, 'lib/own/secret'), join(source, 'zz-link'));
  symlinkSync('../evil', join(source, 'lib/own/symlink'));
  // In this order the link is a link to what is in the folder.
  const image = execFileSync('tar', ['--format=pax', '-cf', '-', '-C', source, 'lib', 'zz-link']);
  const before = everythingIn(own);
  const engine = await inlineEngine();
  const { result } = await recover(engine, root, image, closedOf(own));
  t.not(result.troubles, 0);
  t.deepEqual(everythingIn(own), before);
  t.is(readFileSync(join(root, 'zz-link'), 'utf8'), 'evil', 'a name of its own gets what the image has');
  t.is(statSync(join(root, 'zz-link')).nlink, 1);
  t.is(readFileSync(join(root, 'lib/good'), 'utf8'), 'evil', 'the others are recovered');

  const names = [nameTo('lib/good', join(own, 'secret')), nameTo('lib/good', join(own, 'other'))];
  const { settled } = await recover(engine, root, image, { names, ...closedOf(own) });
  t.deepEqual([...settled.values()], ['permission']);
  t.deepEqual(everythingIn(own), before);
});

test('a recovery of a dump neither', async (t) => {
  const { root, own, top } = await places(t);
  const engine = await inlineEngine();
  const source = join(top, 'source');
  mkdirSync(join(source, 'lib/own/deeper'), { recursive: true });
  for (const name of ['lib/own/secret', 'lib/own/deeper/x', 'lib/good'])
    writeFileSync(join(source, name), 'evil');
  linkSync(join(source, 'lib/own/secret'), join(source, 'link'));
  const { image } = await backUp(engine, source, { format: 'dump' });
  const before = everythingIn(own);
  const { result } = await recover(engine, root, image, { format: 'dump', ...closedOf(own) });
  t.not(result.troubles, 0);
  t.deepEqual(everythingIn(own), before);
  t.is(readFileSync(join(root, 'lib/good'), 'utf8'), 'evil');
});

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { kindBeneath } from '#env';
import { tempFolder } from '#support';

test('what is at a path below a root; nothing behind a link is there', async (t) => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'root/in'), { recursive: true });
  await mkdir(join(folder, 'out'));
  await writeFile(join(folder, 'root/in/file'), '');
  await writeFile(join(folder, 'out/file'), '');
  await symlink('../out', join(folder, 'root/link'));
  await symlink('root', join(folder, 'alias'));
  const kind = async (root: string, path: string): Promise<string> =>
    await kindBeneath(Buffer.from(join(folder, root)), Buffer.from(join(folder, path)));
  t.is(await kind('root', 'root'), 'directory');
  t.is(await kind('root/', 'root/in'), 'directory');
  t.is(await kind('root', 'root/in/file'), 'file');
  t.is(await kind('root', 'root/in/file/x'), 'missing');
  t.is(await kind('root', 'root/nothing'), 'missing');
  t.is(await kind('root', 'root/link'), 'missing');
  t.is(await kind('root', 'root/link/file'), 'missing');
  t.is(await kind('alias', 'alias/in'), 'directory', 'the root itself may be reached by a link');
  t.is(await kindBeneath(Buffer.from('/'), Buffer.from(join(folder, 'root/in'))), 'directory');
});

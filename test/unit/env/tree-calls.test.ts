/** The system calls of trees: nothing leads out of a folder, with openat2 and without; handles mean the thing itself. */
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { E, posixTreeCalls, statBytes, statLayout } from '#env';
import { tempFolder } from '#support';

const z = (text: string): Buffer => Buffer.from(`${text}\0`);

for (const openat2 of [true, false]) {
  test(`Folders are opened beneath another or not at all: openat2 ${openat2}`, async (t) => {
    const top = await tempFolder(t);
    mkdirSync(join(top, 'root/a/b'), { recursive: true });
    mkdirSync(join(top, 'outside'));
    symlinkSync('../outside', join(top, 'root/link'));
    symlinkSync('a', join(top, 'root/inner link'));
    symlinkSync('/', join(top, 'root/a/slash'));
    writeFileSync(join(top, 'root/file'), '');
    const calls = await posixTreeCalls({ openat2 });
    const root = calls.openRoot(z(join(top, 'root')));
    t.true(root >= 0);
    for (const path of ['a', 'a/b', '.', 'a/./b', 'a//b']) {
      const handle = calls.openBeneath(root, z(path));
      t.true(handle >= 0, path);
      calls.close(handle);
    }
    for (const path of [
      '..',
      'a/..',
      'a/../a',
      'link',
      'link/x',
      'inner link',
      'a/slash',
      'a/slash/etc',
      'file',
      'gone',
      `/${top}`,
      '../root',
      'a/b/../../..',
    ]) {
      const handle = calls.openBeneath(root, z(path));
      // Only what stays inside may succeed: `a/..` is the root itself for openat2.
      if (handle >= 0) {
        const stat = Buffer.alloc(statBytes);
        calls.stat(handle, stat);
        const inside = [join(top, 'root'), join(top, 'root/a')].map(
          (one) => statSync(one, { bigint: true }).ino,
        );
        t.true(inside.includes(stat.readBigUInt64LE(statLayout.inode)), path);
        calls.close(handle);
      }
      if (!/^a\/\.\.(\/a)?$/.test(path)) t.true(handle < 0, path);
    }
    calls.close(root);
  });
}

test('Names are not followed, and a node handle is the link itself', async (t) => {
  const top = await tempFolder(t);
  writeFileSync(join(top, 'file'), 'x');
  symlinkSync('file', join(top, 'link'));
  mkdirSync(join(top, 'folder'));
  symlinkSync('folder', join(top, 'folder link'));
  const calls = await posixTreeCalls();
  const root = calls.openRoot(z(top));
  t.is(calls.openFile(root, z('link')), -E.loop);
  t.is(calls.openFolder(root, z('folder link')), -E.notFolder);
  t.is(calls.createFile(root, z('link')), -E.exists);
  const node = calls.openNode(root, z('link'));
  t.is(calls.setTimes(node, [1, 2, 3, 4]), 0);
  t.is(lstatSync(join(top, 'link'), { bigint: true }).mtimeNs, 3_000_000_004n);
  t.not(statSync(join(top, 'file'), { bigint: true }).mtimeNs, 3_000_000_004n);
  const into = Buffer.alloc(100);
  t.is(calls.readLink(root, z('link'), into), 4);
  t.is(into.toString('latin1', 0, 4), 'file');
  t.is(calls.makeLink(root, z('link'), root, z('hard')), 0);
  t.is(readlinkSync(join(top, 'hard')), 'file');
  calls.close(node);
  calls.close(root);
});

test('What a call says is its result or the negative number of its error', async (t) => {
  const top = await tempFolder(t);
  writeFileSync(join(top, 'file'), 'content');
  linkSync(join(top, 'file'), join(top, 'other'));
  const calls = await posixTreeCalls();
  const root = calls.openRoot(z(top));
  t.is(calls.openRoot(z(join(top, 'gone'))), -E.noEntry);
  t.is(calls.makeFolder(root, z('file')), -E.exists);
  t.is(calls.removeFolder(root, z('file')), -E.notFolder);
  t.is(calls.stat(9999, Buffer.alloc(statBytes)), -E.badHandle);
  const file = calls.openFile(root, z('file'));
  const bytes = Buffer.alloc(20);
  t.is(calls.read(file, bytes), 7);
  t.is(bytes.toString('latin1', 0, 7), 'content');
  t.is(calls.read(file, bytes), 0);
  t.is(calls.seek(file, 3, 'offset'), 3);
  t.is(calls.seek(file, 100, 'data'), -E.nxio);
  const stat = Buffer.alloc(statBytes);
  t.is(calls.statAt(root, z('file'), stat), 0);
  t.is(stat.readUInt32LE(statLayout.links), 2);
  t.is(stat.readBigUInt64LE(statLayout.size), 7n);
  const made = calls.createFile(root, z('new'));
  t.is(calls.write(made, Buffer.from('abc')), 3);
  t.is(calls.truncate(made, 2), 0);
  t.is(calls.setMode(made, 0o640), 0);
  t.is(calls.rename(root, z('new'), z('other')), 0);
  t.is(readFileSync(join(top, 'other'), 'utf8'), 'ab');
  t.is(statSync(join(top, 'other')).mode & 0o7777, 0o640);
  for (const handle of [file, made, root]) calls.close(handle);
});

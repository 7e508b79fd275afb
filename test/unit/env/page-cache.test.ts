/** What the system has of files in memory: read, or said not to be there; what is not a file is refused. */
import { join } from 'node:path';
import test from 'ava';
import { openPageCache, realEnv } from '#env';
import { tempFolder } from '#support';

const read = await openPageCache();
const testThere = read === undefined ? test.skip : test;

testThere('what was written a moment ago is read, at any place and into memory of WebAssembly', async (t) => {
  const { disk } = realEnv();
  const file = await disk.open(join(await tempFolder(t), 'file'), 'create');
  await file.writeAt(Buffer.from('0123456789'), 5000);
  const descriptor = file.descriptor ?? -1;
  const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  for (const target of [Buffer.alloc(4), Buffer.from(buffer, 300, 4)]) {
    t.is(read?.(descriptor, target, 5003), 'read');
    t.is(target.toString(), '3456');
  }
  t.is(read?.(descriptor, Buffer.alloc(11), 5000), 'away', 'it ends before');
  t.is(read?.(descriptor, Buffer.alloc(1), 5010), 'away');
  await file.close();
});
testThere('what cannot be read is refused', (t) => {
  t.is(read?.(-1, Buffer.alloc(1), 0), 'refused');
});

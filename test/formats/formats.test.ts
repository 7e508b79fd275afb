/** What earlier releases wrote is opened, read, verified and gone on with. */
import { chmod, cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { realEnv } from '#env';
import { DedupGroup, type Volume } from '#store';
import { tempFolder, top } from '#support';
import { bytesOf } from '../contract/store.js';
import { groups, keyFile, volumes } from './contents.js';

const formats = join(top, 'fixtures/formats/');

async function holds(volume: Volume, name: string): Promise<boolean> {
  const content = volumes[name];
  if (content === undefined || !volume.label.equals(Buffer.from(content.label))) return false;
  for (const part of ['data', 'objects'] as const) {
    const stream = volume.stream(part, part === 'objects' ? { entryBytes: 24 } : {});
    if (stream.length !== content[part].length) return false;
    if (stream.length > 0 && !(await bytesOf(stream, 0, stream.length)).equals(content[part])) return false;
  }
  return true;
}

for (const version of await readdir(formats)) {
  for (const name of groups) {
    test(`a group of format ${version}, ${name}`, async (t) => {
      const work = await tempFolder(t);
      const folder = join(work, 'group');
      const path = join(work, 'key');
      await cp(join(formats, version, name), folder, { recursive: true });
      await writeFile(path, keyFile);
      await chmod(path, 0o600);
      const open = async (): Promise<DedupGroup> => {
        const keySource = name === 'sealed' ? { kind: 'file' as const, path } : undefined;
        return await DedupGroup.open({ env: realEnv(), folder, keySource });
      };
      let group = await open();
      t.deepEqual(await group.list(), ['empty', 'fork', 'tape']);
      for (const id of await group.list()) {
        const volume = await group.open(id);
        t.true(await holds(volume, id), id);
        await volume.close();
      }
      const { damaged, ranges, volumes: lost, containers } = await group.scrub();
      t.deepEqual([damaged.size, ranges, lost], [0, [], []]);
      t.true(containers > 2);
      await group.rollback('tape', 'then');
      await group.close();

      group = await open();
      const tape = await group.open('tape');
      t.true(await holds(tape, 'tape@then'), 'the snapshot');
      const content = Buffer.from('goes on');
      await tape.stream('data').append([content]);
      await tape.commit(Buffer.from('on'));
      await group.optimize();
      const { length } = tape.stream('data');
      t.true((await bytesOf(tape.stream('data'), length - 7, 7)).equals(content));
      await group.close();
    });
  }
}

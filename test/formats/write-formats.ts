/**
 * `npm run formats -- FOLDER`: writes the groups of fixtures/formats anew, as this release does: run once for each version of the
 * format, then kept for ever. As after a power failure: a checkpoint, and a journal behind it.
 */
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realEnv } from '#env';
import { DedupGroup, type Density, type KeySource, type Volume } from '#store';
import { entryBytes, groups, keyFile, volumes, type VolumeContent } from './contents.js';

const target = process.argv[2];
if (target === undefined) throw new Error('Which folder?');

async function fill(volume: Volume, { label, data, objects }: VolumeContent): Promise<void> {
  if (data.length > 0) await volume.stream('data').append([data]);
  if (objects.length > 0) await volume.stream('objects', { entryBytes }).append([objects]);
  await volume.commit(Buffer.from(label));
}
/** So small that there are pieces of recipes, and runs of the index. */
const tuning = { pieceRuns: 4, indexEntries: 10 };

const contentOf = (name: string): VolumeContent => {
  const content = volumes[name];
  if (content === undefined) throw new Error(name);
  return content;
};
async function write(folder: string, keySource: KeySource | undefined): Promise<DedupGroup> {
  const open = async (density: Density): Promise<DedupGroup> =>
    await DedupGroup.open({ env: realEnv(), folder, density, tuning, keySource });
  let group = await open('fast');
  await (await group.create('empty')).commit(Buffer.from(contentOf('empty').label));
  await fill(await group.create('gone'), contentOf('tape'));
  const tape = await group.create('tape');
  await fill(tape, contentOf('tape@then'));
  await group.snapshot('tape', 'then');
  await group.fork('tape', 'fork');
  await group.close(); // a checkpoint, and pieces of recipes
  group = await open('dense');
  await group.remove('gone');
  const again = await group.open('tape');
  for (const name of ['data', 'objects']) again.stream(name).truncate(0);
  await again.commit(Buffer.alloc(0));
  await fill(again, contentOf('tape'));
  await group.collect();
  return group;
}

for (const name of groups) {
  const work = await mkdtemp(join(tmpdir(), 'formats-'));
  const key = join(work, 'key');
  await writeFile(key, keyFile);
  await chmod(key, 0o600);
  const group = await write(join(work, 'group'), name === 'sealed' ? { kind: 'file', path: key } : undefined);
  await rm(join(target, name), { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await cp(join(work, 'group'), join(target, name), { recursive: true });
  await rm(join(target, name, 'lock'));
  await group.close();
  await rm(work, { recursive: true });
}

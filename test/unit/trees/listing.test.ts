import test from 'ava';
import { backUp, inlineEngine, makeTree, MemoryImage, tempFolder } from '#support';
import type { HistoryEntry, TreeLogEntry } from '#trees';

async function list(image: Buffer, names: readonly string[] = []) {
  const engine = await inlineEngine();
  const entries: HistoryEntry[] = [];
  const log: TreeLogEntry[] = [];
  const source = new MemoryImage(image);
  const request = { format: 'tar', names: names.map((name) => Buffer.from(name)) } as const;
  const job = engine.list(request, source, {
    history: (batch) => void entries.push(...batch),
    log: (entry) => void log.push(entry),
  });
  const result = await job.done;
  return { entries, log, result, asks: source.asks };
}
/** What a client keeps; nodes are made up, and a second name of a file has a place of its own. */
const kept = ({ path, type, mode, uid, gid, size, mtime }: HistoryEntry): string =>
  [String(path), type, mode.toString(8), uid, gid, type === 'directory' ? '' : size, mtime].join(' ');

test('a listing tells what the backup told, places and all', async (t) => {
  const folder = await tempFolder(t);
  await makeTree(folder);
  const { image, history } = await backUp(await inlineEngine(), folder, { history: true });
  const { entries, result, log } = await list(image);
  t.is(result.outcome, 'successful');
  t.is(result.files, history.length);
  t.deepEqual(log, []);
  const links = new Set(
    history
      .filter(({ links: count, type }) => count > 1 && type === 'regular')
      .map(({ path }) => String(path)),
  );
  const single = (list: readonly HistoryEntry[]) => list.filter(({ path }) => !links.has(String(path)));
  t.deepEqual(single(entries).map(kept), single(history).map(kept));
  t.deepEqual(
    single(entries).map(({ fhInfo }) => fhInfo),
    single(history).map(({ fhInfo }) => fhInfo),
  );
  t.deepEqual(
    entries.map(({ path }) => String(path)),
    history.map(({ path }) => String(path)),
  );
});

test('nodes and parents make one tree; names of one file have one node', async (t) => {
  const folder = await tempFolder(t);
  await makeTree(folder);
  const { image } = await backUp(await inlineEngine(), folder, {});
  const { entries } = await list(image);
  const [root] = entries;
  t.is(String(root?.path), '');
  t.is(root?.node, root?.parentNode);
  const nodes = new Map(entries.map(({ path, node }) => [String(path), node]));
  for (const { path, parentNode } of entries) {
    const text = String(path);
    t.true(parentNode === nodes.get(text.slice(0, Math.max(text.lastIndexOf('/'), 0))), text);
  }
  t.is(nodes.get('f1'), nodes.get('sub/again'));
  t.is(new Set(nodes.values()).size, nodes.size - 1);
});

test('names limit it, with all below them; what is damaged is said', async (t) => {
  const folder = await tempFolder(t);
  await makeTree(folder);
  const { image } = await backUp(await inlineEngine(), folder, {});
  const everything = (await list(image)).entries.map(({ path }) => String(path));
  const some = await list(image, ['sub/deep', 'f0']);
  t.deepEqual(
    some.entries.map(({ path }) => String(path)).sort(),
    everything.filter((path) => path === 'f0' || path.startsWith('sub/deep')).sort(),
  );
  const cut = await list(image.subarray(0, image.length / 2));
  t.is(cut.result.outcome, 'failed');
  t.true(cut.log.some(({ level }) => level === 'error'));
  const upwards = await list(image, ['../etc']);
  t.is(upwards.result.outcome, 'failed');
});

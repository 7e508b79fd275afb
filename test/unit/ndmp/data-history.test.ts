import test from 'ava';
import { ndmpHistoryBatchEntries } from '#limits';
import type { HistoryEntry } from '#trees';
import { decodeRequest, encodePost, type NdmpVersion } from '#ndmp';
import { HistoryPoster, type HistoryPosts } from '../../../src/ndmp/data-history.js';
import type { HistoryForm } from '../../../src/ndmp/data-variables.js';
import type {
  FileName,
  HistoryDir,
  HistoryFile,
  HistoryNode,
} from '../../../src/ndmp/history-messages.table.js';

const entry = (
  path: string,
  node: bigint,
  parentNode: bigint,
  over: Partial<HistoryEntry> = {},
): HistoryEntry => ({
  path: Buffer.from(path),
  node,
  parentNode,
  fhInfo: node * 512n,
  type: 'regular',
  mode: 0o640,
  uid: 1,
  gid: 2,
  size: 3n,
  mtime: 1_000_000_000_999_999_999n,
  atime: -5n,
  ctime: 7_000_000_000n,
  links: 1,
  ...over,
});
const tree = [
  entry('', 2n, 2n, { type: 'directory' }),
  entry('sub', 10n, 2n, { type: 'directory' }),
  entry('sub/h.txt', 11n, 10n),
];
interface Said {
  readonly names: string[];
  readonly files: HistoryFile[];
  readonly dirs: HistoryDir[];
  readonly nodes: HistoryNode[];
}
/** What a client reads of it. */
function posted(form: HistoryForm, entries: readonly HistoryEntry[], version: NdmpVersion = 4) {
  const said: Said = { names: [], files: [], dirs: [], nodes: [] };
  const post: HistoryPosts['post'] = (name, body) => {
    said.names.push(name);
    const bytes = Buffer.concat(encodePost(name, body, version));
    if (name === 'fhAddFile') said.files.push(...decodeRequest('fhAddFile', bytes, version).files);
    if (name === 'fhAddDir') said.dirs.push(...decodeRequest('fhAddDir', bytes, version).dirs);
    if (name === 'fhAddNode') said.nodes.push(...decodeRequest('fhAddNode', bytes, version).nodes);
  };
  const poster = new HistoryPoster({ post }, form);
  poster.add(entries);
  return { said, flush: () => poster.flush() };
}
const nameOf = ({ names: [first] }: { names: readonly FileName[] }): string => String(first?.path);

test('by path: names from the tree on, the tree is a slash', (t) => {
  const { said, flush } = posted('file', tree);
  t.deepEqual(said.names, [], 'it waits for company');
  flush();
  t.deepEqual(said.names, ['fhAddFile']);
  t.deepEqual(said.files.map(nameOf), ['/', '/sub', '/sub/h.txt']);
  t.like(said.files[2], { node: 11n, fhInfo: 5632n });
  const times = { mtime: 1_000_000_000, atime: 0, ctime: 7 };
  const owner = { owner: 1, group: 2, fattr: 0o640, size: 3n, links: 1 };
  t.deepEqual(said.files[2]?.stats, [{ unsupported: 0, fsType: 'unix', ftype: 'reg', ...times, ...owner }]);
  flush();
  t.is(said.names.length, 1, 'nothing is said twice');
});

test('by node: the tree comes first, as "." and "..", parent of itself', (t) => {
  const { said, flush } = posted('dir', tree);
  flush();
  t.deepEqual(said.names, ['fhAddDir', 'fhAddNode']);
  t.deepEqual(
    said.dirs.map((dir) => [nameOf(dir), dir.node, dir.parent]),
    [
      ['.', 2n, 2n],
      ['..', 2n, 2n],
      ['sub', 10n, 2n],
      ['h.txt', 11n, 10n],
    ],
  );
  t.deepEqual(
    said.nodes.map(({ node }) => node),
    [2n, 10n, 11n],
  );
});

test('many entries go out in messages of at most a batch, in order, in all versions', (t) => {
  const count = 2 * ndmpHistoryBatchEntries + 1;
  const many = Array.from({ length: count }, (_, i) => entry(`f${i}`, BigInt(i + 3), 2n));
  const places = many.map(({ fhInfo }) => fhInfo);
  for (const version of [2, 3, 4] as const) {
    for (const form of ['file', 'dir'] as const) {
      const { said, flush } = posted(form, many, version);
      flush();
      t.is(said.names.length, form === 'file' ? 3 : 6);
      t.deepEqual(
        [...said.files, ...said.nodes].map(({ fhInfo }) => fhInfo),
        places,
      );
    }
  }
});

test('long names make a batch smaller; without history nothing is kept', (t) => {
  const long = Array.from({ length: 40 }, (_, i) => entry('x'.repeat(4000), BigInt(i), 2n));
  t.true(posted('file', long).said.names.length >= 4);
  const none = posted('none', tree);
  none.flush();
  t.is(none.said.names.length, 0);
});

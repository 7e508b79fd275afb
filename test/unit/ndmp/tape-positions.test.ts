/** Where a tape stands after reading, writing and spacing, in each version: what ndmjob's T-READ and T-MTIO hold servers to. */
import test from 'ava';
import type { NdmpVersion, RequestOf } from '#ndmp';
import { NdmpBench, type NdmpClient } from '#support';

type Operation = RequestOf<'tapeMtio'>['tapeOp'];
const unknown = 0xffff_ffff;

/** "file/block": a question mark where the number is not known. */
async function place(client: NdmpClient): Promise<string> {
  const { fileNum, blockno, unsupported } = await client.must('tapeGetState', {});
  const isMarked = (unsupported & 0x08) !== 0;
  if (client.version > 2 && isMarked !== (blockno === unknown)) return `${blockno} and bits ${unsupported}`;
  return `${fileNum}/${blockno === unknown ? '?' : blockno}`;
}
/** The residue, and where the tape stands then. */
async function move(client: NdmpClient, tapeOp: Operation, count = 1): Promise<string> {
  const { residCount } = await client.must('tapeMtio', { tapeOp, count });
  return `${residCount} at ${await place(client)}`;
}
/** Bytes or error, and where the tape stands then. */
async function read(client: NdmpClient, count: number): Promise<string> {
  const { error, body } = await client.call('tapeRead', { count });
  const bytes = body?.dataIn.reduce((sum, piece) => sum + piece.length, 0) ?? 0;
  return `${error === 'no-err' ? bytes : error} at ${await place(client)}`;
}

/** Two files of three records (100, 200, 300 bytes), each with its filemark; the tape is at its beginning. */
const onTwoFiles = test.macro({
  title: (title = '', version: NdmpVersion) => `version ${version}: ${title}`,
  async exec(
    t,
    version: NdmpVersion,
    body: (client: NdmpClient) => Promise<readonly string[]>,
    expected: readonly string[],
  ) {
    const bench = await NdmpBench.make(t);
    await bench.tape.record(100, 200, 300, 0, 100, 200, 300, 0);
    await bench.tape.rewind();
    t.deepEqual(await body(await bench.opened(version)), expected);
  },
});
/** One after the other. */
async function inOrder(...steps: readonly (() => Promise<string>)[]): Promise<string[]> {
  const results: string[] = [];
  for (const step of steps) results.push(await step());
  return results;
}

const readAll = async (client: NdmpClient): Promise<string[]> =>
  await inOrder(
    async () => await read(client, 0),
    async () => await read(client, 1000),
    async () => await read(client, 150), // shorter than the record: its rest is skipped
    async () => await read(client, 300),
    async () => await read(client, 1000), // at the filemark
    async () => await read(client, 1000),
    async () => await move(client, 'fsf', 2),
    async () => await read(client, 1000), // at the end of the data
    async () => await read(client, 1000),
  );
const oldReads = [
  '0 at 0/0',
  '100 at 0/1',
  '150 at 0/2',
  '300 at 0/3',
  'eof at 1/0',
  '100 at 1/1',
  '1 at 2/0',
  'eof at 2/0',
  'eof at 2/0',
];
test('reading', onTwoFiles, 2, readAll, oldReads);
test('reading', onTwoFiles, 3, readAll, oldReads);
test('reading', onTwoFiles, 4, readAll, [
  '0 at 0/0',
  '100 at 0/1',
  '150 at 0/2',
  '300 at 0/3',
  'eof at 0/?',
  'eof at 0/?',
  '0 at 2/0',
  'eom at 2/0',
  'eom at 2/0',
]);

const spaceRecords = async (client: NdmpClient): Promise<string[]> =>
  await inOrder(
    async () => await move(client, 'fsr', 0),
    async () => await move(client, 'fsr', 2),
    async () => await move(client, 'bsr', 1),
    async () => await move(client, 'fsr', 100), // meets the filemark: two records passed
    async () => await move(client, 'fsf', 1),
    async () => await move(client, 'bsr', 100), // meets a filemark
    async () => await move(client, 'rew'),
    async () => await move(client, 'bsr', 100),
  );
const oldSpaces = [
  '0 at 0/0',
  '0 at 0/2',
  '0 at 0/1',
  '98 at 1/0',
  '0 at 2/0',
  '100 at 1/?',
  '0 at 0/0',
  '100 at 0/0',
];
test('spacing over records', onTwoFiles, 2, spaceRecords, oldSpaces);
test('spacing over records', onTwoFiles, 3, spaceRecords, oldSpaces);
test('spacing over records', onTwoFiles, 4, spaceRecords, [
  '0 at 0/0',
  '0 at 0/2',
  '0 at 0/1',
  '98 at 0/3',
  '0 at 1/0',
  '100 at 1/0',
  '0 at 0/0',
  '100 at 0/0',
]);

const spaceFiles = async (client: NdmpClient): Promise<string[]> =>
  await inOrder(
    async () => await move(client, 'fsf', 0),
    async () => await move(client, 'fsf', 1),
    async () => await move(client, 'bsf', 1), // on the beginning side of the mark
    async () => await move(client, 'fsf', 100),
    async () => await move(client, 'fsr', 7), // at the end of the data
    async () => await move(client, 'bsf', 100),
    async () => await move(client, 'bsf', 1),
  );
const filesSpaced = ['0 at 0/0', '0 at 1/0', '0 at 0/?', '98 at 2/0', '7 at 2/0', '98 at 0/0', '1 at 0/0'];
for (const version of [2, 3, 4] as const)
  test('spacing over files', onTwoFiles, version, spaceFiles, filesSpaced);

const write = async (client: NdmpClient): Promise<string[]> =>
  await inOrder(
    async () => await move(client, 'fsr', 1),
    async () =>
      `${(await client.must('tapeWrite', { dataOut: Buffer.alloc(0) })).count} at ${await place(client)}`,
    async () =>
      `${(await client.must('tapeWrite', { dataOut: Buffer.alloc(77) })).count} at ${await place(client)}`,
    async () => await read(client, 1000), // what was behind is gone
    async () => await move(client, 'eof', 2),
    async () => await move(client, 'eof', 0),
    async () => await move(client, 'bsr', 100),
    async () => await move(client, 'rew'),
    async () => await move(client, 'fsr', 100),
  );
test('writing in the middle', onTwoFiles, 3, write, [
  '0 at 0/1',
  '0 at 0/1',
  '77 at 0/2',
  'eof at 0/2',
  '0 at 2/0',
  '0 at 2/0',
  '100 at 1/?',
  '0 at 0/0',
  '98 at 1/0',
]);
test('writing in the middle', onTwoFiles, 4, write, [
  '0 at 0/1',
  '0 at 0/1',
  '77 at 0/2',
  'eom at 0/2',
  '0 at 2/0',
  '0 at 2/0',
  '100 at 2/0',
  '0 at 0/0',
  '98 at 0/2',
]);

test('unloading leaves the tape open, and nothing to move', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(4, 'raw');
  t.is((await client.must('tapeMtio', { tapeOp: 'tur', count: 1 })).residCount, 0);
  t.is((await client.must('tapeMtio', { tapeOp: 'off', count: 1 })).residCount, 0);
  for (const tapeOp of ['tur', 'rew', 'fsf', 'bsr', 'eof', 'off'] as const) {
    t.is(await client.errorOf('tapeMtio', { tapeOp, count: 1 }), 'no-tape-loaded', tapeOp);
  }
  t.is(await client.errorOf('tapeRead', { count: 10 }), 'no-tape-loaded');
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(10) }), 'no-tape-loaded');
  const { fileNum, totalSpace, unsupported } = await client.must('tapeGetState', {});
  t.deepEqual([fileNum, totalSpace, unsupported], [unknown, 0xffff_ffff_ffff_ffffn, 0x39]);
});

test('an operation that is none, or that the version does not have', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(3);
  t.is(await client.errorOf('tapeMtio', { tapeOp: { unknown: 7 }, count: 1 }), 'illegal-args');
  t.is(await client.errorOf('tapeMtio', { tapeOp: { unknown: 99 }, count: 1 }), 'illegal-args');
});

/** Jobs in threads: the same as in line, backpressure, ends of every kind. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { realEnv } from '#env';
import { type BackupSink, type ImageSource, threadedTreeEngine } from '#trees';
import { treeChunkBytes, treeChunksMax } from '../../../src/limits.js';
import {
  backUp,
  backupOf,
  everythingIn,
  inlineEngine,
  MemoryImage,
  nameTo,
  recover,
  tempFolder,
} from '#support';

const engine = threadedTreeEngine(realEnv());

async function tree(t: ExecutionContext, bytes = 12_000_000): Promise<string> {
  const folder = await tempFolder(t);
  mkdirSync(join(folder, 'many'));
  for (let index = 0; index < 2000; index += 1) writeFileSync(join(folder, `many/${index}`), `${index}`);
  writeFileSync(join(folder, 'large'), Buffer.alloc(bytes, 'large'));
  return folder;
}
const quiet: BackupSink = {
  image: async () => await Promise.resolve(),
  history: () => undefined,
  log: () => undefined,
};

test('The image and history are those of the engine in line', async (t) => {
  const folder = await tree(t);
  const [inline, threaded] = [await backUp(await inlineEngine(), folder), await backUp(engine, folder)];
  t.is(inline.image.compare(threaded.image), 0);
  t.deepEqual(threaded.history, inline.history);
  t.deepEqual(threaded.result, inline.result);
  const to = await tempFolder(t);
  const back = await recover(engine, to, threaded.image);
  t.deepEqual(back.log, []);
  t.is(
    back.result.bytes,
    inline.result.bytes - BigInt(Number(inline.result.bytes) - Number(back.result.bytes)),
  );
  t.deepEqual(everythingIn(to), everythingIn(folder));
});

test('Direct access through the thread asks as in line', async (t) => {
  const folder = await tree(t, 700_000);
  const { image, history } = await backUp(engine, folder);
  const to = await tempFolder(t);
  const names = ['many/7', 'large', 'many/1999'].map((path) =>
    nameTo(
      path,
      join(to, path),
      history.find((entry) => entry.path.toString() === path),
    ),
  );
  const [inline, threaded] = [new MemoryImage(image), new MemoryImage(image, 1000)];
  await recover(await inlineEngine(), to, inline, { direct: true, names });
  const { settled } = await recover(engine, to, threaded, { direct: true, names });
  t.deepEqual(threaded.asks, inline.asks);
  t.deepEqual([...settled.values()], ['ok', 'ok', 'ok']);
});

test('A sink that does not take its chunks stops the job, and no more than the ring is lent', async (t) => {
  const folder = await tree(t);
  const held: (() => void)[] = [];
  let most = 0;
  let release = false;
  const job = engine.backup(backupOf(folder), {
    ...quiet,
    image: async () => {
      if (release) return;
      await new Promise<void>((resolve) => {
        held.push(resolve);
        most = Math.max(most, held.length);
        if (held.length === treeChunksMax) {
          // Nothing more comes until some are given back; then all of it does.
          release = true;
          for (const give of held) give();
        }
      });
    },
  });
  const { outcome, bytes } = await job.done;
  t.is(outcome, 'successful');
  t.is(most, treeChunksMax);
  t.true(bytes > BigInt(treeChunkBytes * treeChunksMax));
});

test('Aborted while the sink takes nothing: it ends at once', async (t) => {
  const folder = await tree(t);
  const job = engine.backup(backupOf(folder), {
    ...quiet,
    image: async () => {
      job.abort();
      await new Promise(() => undefined); // never given back
    },
  });
  const { outcome } = await job.done;
  t.is(outcome, 'aborted');
});

test('Aborted before it began, and twice', async (t) => {
  const job = engine.backup(backupOf(await tree(t, 10)), quiet);
  job.abort();
  job.abort();
  t.is((await job.done).outcome, 'aborted');
});

test('Aborted while it waits for the source: it ends at once', async (t) => {
  const folder = await tempFolder(t);
  const job = engine.recover(
    {
      format: 'tar',
      root: Buffer.from(folder),
      prefix: Buffer.from(folder),
      names: [],
      direct: false,
      recursive: true,
      existing: 'replace',
    },
    {
      ask: () => undefined,
      read: async () => {
        job.abort();
        return await new Promise<never>(() => undefined);
      },
    },
    { settled: () => undefined, log: () => undefined },
  );
  t.is((await job.done).outcome, 'aborted');
});

test('What the sink or source says when it fails is the message', async (t) => {
  const folder = await tree(t);
  const broken = engine.backup(backupOf(folder), {
    ...quiet,
    image: async () => await Promise.reject(new Error('The mover is gone')),
  });
  t.like(await broken.done, { outcome: 'failed', message: 'The mover is gone' });
  const silent = engine.backup(backupOf(folder), {
    ...quiet,
    history: async () => await Promise.reject(new Error('Nobody listens')),
  });
  t.like(await silent.done, { outcome: 'failed', message: 'Nobody listens' });
  const source = {
    ask: () => undefined,
    read: async () => await Promise.reject(new Error('The tape is torn')),
  };
  const to = await tempFolder(t);
  const { image } = await backUp(engine, folder);
  t.true(image.length > 0);
  const job = engine.recover(
    {
      format: 'tar',
      root: Buffer.from(to),
      prefix: Buffer.from(to),
      names: [],
      direct: false,
      recursive: true,
      existing: 'replace',
    },
    source,
    { settled: () => undefined, log: () => undefined },
  );
  t.like(await job.done, { outcome: 'failed', message: 'The tape is torn' });
});

test('A request that cannot be carried out fails with a sentence', async (t) => {
  const folder = await tempFolder(t);
  const { result } = await backUp(engine, folder, { path: Buffer.from(join(folder, 'not there')) });
  t.is(result.outcome, 'failed');
  t.regex(result.message ?? '', /not there cannot be opened: there is no such file/);
  const patterns = await backUp(engine, folder, { exclude: Array.from({ length: 5000 }, () => '*') });
  t.regex(patterns.result.message ?? '', /patterns/);
  const { result: empty } = await recover(engine, folder, Buffer.alloc(0));
  t.is(empty.outcome, 'failed');
  t.regex(empty.message ?? '', /ends without the end/);
});

test('History that nobody takes holds the job up', async (t) => {
  const folder = await tree(t, 10);
  const batches: number[] = [];
  let open = 0;
  let most = 0;
  const job = engine.backup(backupOf(folder), {
    ...quiet,
    history: async (entries) => {
      open += 1;
      most = Math.max(most, open);
      batches.push(entries.length);
      await Promise.resolve();
      open -= 1;
    },
  });
  await job.done;
  t.is(
    batches.reduce((sum, length) => sum + length, 0),
    2003,
  );
  t.is(most, 1);
});

test('Figures of a file system', async (t) => {
  const figures = await engine.fileSystem(Buffer.from(await tempFolder(t)));
  t.true((figures?.totalBytes ?? 0n) > 0n && (figures?.type.length ?? 0) > 0);
  t.true((figures?.usedBytes ?? 0n) + (figures?.availableBytes ?? 0n) <= (figures?.totalBytes ?? 0n));
  t.is(await engine.fileSystem(Buffer.from('/no/such/place')), undefined);
});

test('A tape side that waits for its client keeps nobody waiting: what has come is enough', async (t) => {
  const folder = await tree(t, 5000);
  const { image } = await backUp(engine, folder);
  const to = await tempFolder(t);
  const inMemory = new MemoryImage(image, 70_000);
  const source: ImageSource = {
    ask: (offset, lengthBytes) => inMemory.ask(offset, lengthBytes),
    async read() {
      const bytes = await inMemory.read();
      return bytes.length > 0 ? bytes : await new Promise(() => undefined); // its end is never said
    },
  };
  const path = Buffer.from(to);
  const sink = { settled: () => undefined, log: () => undefined };
  const all = { format: 'tar', root: path, prefix: path, names: [] } as const;
  const job = engine.recover({ ...all, direct: false, recursive: true, existing: 'replace' }, source, sink);
  t.is((await job.done).outcome, 'successful');
  t.deepEqual(everythingIn(to), everythingIn(folder));
});

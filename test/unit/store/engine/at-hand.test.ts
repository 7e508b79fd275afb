/** Regions that threads read themselves: the same bytes as ever, and whatever is wrong with them is found and told as ever. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Disk, type DiskFile, openPageCache, realEnv } from '#env';
import { StoreError } from '#errors';
import { DedupGroup, type Stream } from '#store';
import { tempFolder } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../../../contract/store.js';
import { passphrase } from '../sealed-world.js';

const KiB = 1024;
const recordBytes = 200 * KiB;
/** Regions of all kinds: some compress, some do not. */
const content = Buffer.concat(
  Array.from({ length: 24 }, (_, index) => {
    const part = patternBytes(index, 100 * KiB);
    if (index % 8 < 4) for (let at = 0; at < 100 * KiB; at += KiB) part.fill(0x61, at, at + 700);
    return part;
  }),
);
const isPack = ({ path }: DiskFile): boolean => path.endsWith('.pack');

interface World {
  readonly stream: Stream;
  /** Bytes of packs that the main thread had read. */
  readBytes: number;
  close(): Promise<void>;
}
/** The content, written and opened again. `as`: what packs are taken for then. */
async function opened(
  t: ExecutionContext,
  { sealed = false, as = (file) => file }: { sealed?: boolean; as?: (file: DiskFile) => DiskFile } = {},
): Promise<World> {
  const { disk } = realEnv();
  const world = { readBytes: 0 };
  const watched: Disk = {
    ...disk,
    open: async (path, how) => {
      const file = await disk.open(path, how); // not 'bulk': what is written is in the system's memory
      const readAt = file.readAt.bind(file);
      file.readAt = async (target, offset) => {
        if (isPack(file) && target.length > 8 * KiB) world.readBytes += target.length;
        return await readAt(target, offset);
      };
      return isPack(file) ? as(file) : file;
    },
  };
  const group = {
    folder: join(await tempFolder(t), 'group'),
    reserveBytes: 0,
    threads: 2,
    tuning: { passphraseCost: 4 },
    ...(sealed ? { keySource: passphrase('secret') } : {}),
  };
  const first = await DedupGroup.open({ ...group, env: realEnv() });
  const volume = await first.create('one');
  await volume.stream('data').append([content]);
  await volume.commit(Buffer.alloc(0));
  await first.close();
  // What went past the system's memory is brought there.
  const packs = join(group.folder, 'packs', '000000');
  for (const name of await disk.list(packs)) {
    const file = await disk.open(join(packs, name), 'existing');
    await file.readAt(Buffer.alloc(await file.size()), 0);
    await file.close();
  }
  const second = await DedupGroup.open({ ...group, env: { ...realEnv(), disk: watched } });
  const stream = (await second.open('one')).stream('data');
  return Object.assign(world, { stream, close: async () => await second.close() });
}
/** Bytes that could not be read. */
async function readAll(t: ExecutionContext, { stream }: World): Promise<number> {
  let lost = 0;
  for (let at = 0; at < content.length; at += recordBytes) {
    const part = content.subarray(at, at + recordBytes);
    try {
      const slab = await stream.read(at, part.length);
      t.true(copyOf(slab).equals(part), `at ${at}`);
      slab.release();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'corrupt') throw error;
      lost += part.length;
    }
  }
  return lost;
}
/** The same file, by the descriptor of another. */
const misnamed = (file: DiskFile, descriptor: number): DiskFile => ({
  path: file.path,
  descriptor,
  readAt: async (target, offset) => await file.readAt(target, offset),
  writeAt: async (source, offset) => await file.writeAt(source, offset),
  sync: async () => await file.sync(),
  size: async () => await file.size(),
  truncate: async (size) => await file.truncate(size),
  close: async () => await file.close(),
});

const testThere = (await openPageCache()) === undefined ? test.skip : test;
for (const sealed of [false, true]) {
  const kind = sealed ? 'sealed' : 'plain';
  testThere(`what is at hand is not read by the main thread (${kind})`, async (t) => {
    const world = await opened(t, { sealed });
    t.is(await readAll(t, world), 0);
    t.true(world.readBytes < content.length / 4, `${world.readBytes} bytes were`); // until the pack is open
    await world.close();
  });
  testThere(`what is rotten is lost, and nothing else (${kind})`, async (t) => {
    let rot: (() => Promise<void>) | undefined;
    const world = await opened(t, {
      sealed,
      as: (file) => {
        rot = async () => {
          const byte = Buffer.alloc(1);
          const at = Math.floor((await file.size()) / 2);
          await file.readAt(byte, at);
          await file.writeAt(Buffer.from([(byte[0] ?? 0) ^ 1]), at);
        };
        return file;
      },
    });
    const slab = await world.stream.read(0, 1);
    slab.release();
    await rot?.();
    const lost = await readAll(t, world);
    t.true(lost > 0 && lost <= 3 * recordBytes, `${lost} bytes`);
    await world.close();
  });
  test(`what threads find elsewhere, or not at all, is read from the disk (${kind})`, async (t) => {
    const { disk } = realEnv();
    const other = await disk.open(join(await tempFolder(t), 'other'), 'create');
    const bytes = patternBytes(99, content.length);
    for (const length of [0, bytes.length]) {
      await other.writeAt(bytes.subarray(0, length), 0);
      const world = await opened(t, { sealed, as: (file) => misnamed(file, other.descriptor ?? -1) });
      t.is(await readAll(t, world), 0);
      t.true(world.readBytes > content.length / 4);
      await world.close();
    }
    await other.close();
    const world = await opened(t, { sealed, as: (file) => misnamed(file, 999_999) });
    t.is(await readAll(t, world), 0);
    await world.close();
  });
}

/** Scenes with the mover and the data service: what a DMA does for each kind of job, in all versions. */
import { strict as assert } from 'node:assert';
import type { NdmpVersion, RequestOf } from '#ndmp';
import { ndmpRoot, ndmpSecret, ndmpUser } from '../fuzz/ndmp-stack.js';
import { assertPrefix, readTape, type Stage } from './ndmp-stage.js';

export interface Scene {
  /** The mover writes to tape: in memory of a store that has some, too. */
  readonly writes?: true;
  readonly versions: readonly NdmpVersion[];
  play(stage: Stage): Promise<void>;
  /** After the scene, whole or cut: what must hold. */
  check(stage: Stage): Promise<void>;
}

const allVersions = [2, 3, 4] as const;
const allOnes = 0xffff_ffff_ffff_ffffn;
const recordBytes = 1536;
const image: Buffer = Buffer.from(
  Array.from({ length: 20_000 }, (_, index) => (index * 31 + (index >> 8)) & 0xff),
);

async function openTape(stage: Stage): Promise<void> {
  await stage.login();
  await stage.must('tapeOpen', { device: stage.tape, mode: 'read-write' });
  await stage.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  await stage.must('moverSetRecordSize', { len: recordBytes });
}
/** Version 4 sets the window before LISTEN, the others after it. */
async function listen(
  stage: Stage,
  mode: 'read' | 'write',
  windowBytes = allOnes,
  addrType: 'tcp' | 'local' = 'tcp',
): Promise<void> {
  const setWindow = async (): Promise<void> =>
    void (await stage.must('moverSetWindow', { offset: 0n, length: windowBytes }));
  if (stage.version === 4) await setWindow();
  const { dataConnectionAddr } = await stage.must('moverListen', { mode, addrType });
  if (stage.version !== 4) await setWindow();
  if (addrType === 'tcp') await stage.connectFiler(dataConnectionAddr);
}
async function halted(stage: Stage): Promise<void> {
  const { reason } = await stage.post('notifyMoverHalted');
  if (!stage.isCut) assert.equal(reason, 'connect-closed');
  const { state, haltReason } = await stage.must('moverGetState', {});
  assert.equal(state, 'halted');
  assert.equal(haltReason, reason);
}
async function stop(stage: Stage): Promise<void> {
  await stage.must('moverStop', {});
  const { state, bytesMoved } = await stage.must('moverGetState', {});
  assert.equal(state, 'idle');
  assert.equal(bytesMoved, 0n);
}
async function finishTape(stage: Stage): Promise<void> {
  await stage.must('tapeMtio', { tapeOp: 'eof', count: 1 });
  await stage.must('tapeClose', {});
}

/** The tape holds the filer's bytes in records, or a beginning of that; all of them when nothing but the filer has ended. */
async function checkImage(stage: Stage): Promise<void> {
  const { filer } = stage;
  const objects = await readTape(stage.ndmp, stage.tape);
  const bytes = filer?.hasEnded === true ? image.subarray(0, filer.poured) : image;
  assertPrefix(objects, bytes, recordBytes);
  if (stage.isCut && stage.cut !== 'filerCloses') return;
  if (filer?.hasEnded !== true) return;
  const records = objects.filter((object) => object !== 'mark').length;
  assert.equal(records, Math.ceil(bytes.length / recordBytes));
}
async function writeImage(stage: Stage, bytes: Buffer = image): Promise<void> {
  const client = stage.ndmp.connect(4);
  await client.login({ user: ndmpUser, secret: ndmpSecret });
  await client.must('tapeOpen', { device: stage.tape, mode: 'read-write' });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  for (let at = 0; at < bytes.length; at += recordBytes) {
    const dataOut = Buffer.alloc(recordBytes);
    bytes.copy(dataOut, 0, at);
    await client.must('tapeWrite', { dataOut });
  }
  await client.must('tapeMtio', { tapeOp: 'eof', count: 1 });
  client.close();
  await client.closed;
}

/** A filer's stream to tape: whole, padded, closed in order. */
const backup: Scene = {
  writes: true,
  versions: allVersions,
  async play(stage) {
    await openTape(stage);
    await listen(stage, 'read');
    await stage.pour(image, 4000);
    await stage.endStream();
    await halted(stage);
    await stop(stage);
    await finishTape(stage);
  },
  check: checkImage,
};

/** The window ends while the filer goes on: paused, moved on, continued; twice. */
const windows: Scene = {
  writes: true,
  versions: allVersions,
  async play(stage) {
    await openTape(stage);
    const windowBytes = BigInt(5 * recordBytes);
    await listen(stage, 'read', windowBytes);
    const pouring = stage.pour(image, 4000).then(async () => await stage.endStream());
    for (const part of [1n, 2n]) {
      const { reason, seekPosition } = await stage.post('notifyMoverPaused');
      assert.equal(reason, stage.version === 2 ? 'eof' : 'eow');
      assert.equal(seekPosition, part * windowBytes);
      const { state, pauseReason, recordNum } = await stage.must('moverGetState', {});
      assert.equal(state, 'paused');
      assert.equal(pauseReason, reason);
      assert.equal(recordNum, Number(part) * 5);
      const length = part === 2n ? allOnes : windowBytes;
      await stage.must('moverSetWindow', { offset: part * windowBytes, length });
      await stage.must('moverContinue', {});
    }
    await pouring;
    await halted(stage);
    await stop(stage);
    await finishTape(stage);
  },
  check: checkImage,
};

/** A filer reads pieces in any order, by bytes. */
const restore: Scene = {
  versions: allVersions,
  async play(stage) {
    await writeImage(stage);
    await openTape(stage);
    await listen(stage, 'write');
    const { filer } = stage;
    const pieces = [
      [0, 10],
      [10, 5000],
      [12_000, 4096],
      [1535, 3],
      [5000, 1],
    ] as const;
    let total = 0;
    for (const [offset, length] of pieces) {
      await stage.must('moverRead', { offset: BigInt(offset), length: BigInt(length) });
      total += length;
      await stage.until(`${total} bytes`, () => (filer?.received.length ?? 0) >= total || stage.isCut);
    }
    const { bytesLeftToRead } = await stage.must('moverGetState', {});
    assert.equal(bytesLeftToRead, 0n);
    await stage.must('moverClose', {});
    await halted(stage);
    await stop(stage);
    const wanted = pieces.map(([offset, length]) => image.subarray(offset, offset + length));
    await stage.until('the end of the stream', () => filer?.isClosed === true);
    assert(filer?.received.equals(Buffer.concat(wanted)), 'the bytes that were asked for');
    await stage.must('tapeClose', {});
  },
  check: async () => await Promise.resolve(),
};

/** Everything is read; at the filemark the mover pauses, and the DMA ends it. */
const restoreToTheEnd: Scene = {
  versions: allVersions,
  async play(stage) {
    await writeImage(stage);
    await openTape(stage);
    await listen(stage, 'write');
    await stage.must('moverRead', { offset: 0n, length: allOnes });
    const { reason, seekPosition } = await stage.post('notifyMoverPaused');
    const records = Math.ceil(image.length / recordBytes);
    assert.equal(reason, 'eof');
    assert.equal(seekPosition, BigInt(records * recordBytes));
    await stage.must('moverClose', {});
    await halted(stage);
    await stage.until('the end of the stream', () => stage.filer?.isClosed === true);
    const received = stage.filer?.received ?? Buffer.alloc(0);
    assert.equal(received.length, records * recordBytes);
    assert(received.subarray(0, image.length).equals(image));
    await stop(stage);
  },
  check: async () => await Promise.resolve(),
};

// --- our own data service ----------------------------------------------------------------------------------------------------

const backupEnv = [
  { name: 'FILESYSTEM', value: ndmpRoot },
  { name: 'HIST', value: 'y' },
];
/** Everything below the root goes to where it was. */
const recoverEnv = [{ name: 'PREFIX', value: ndmpRoot }];

/** How the data service and the mover come together. */
type Join = (stage: Stage, mode: 'read' | 'write') => Promise<RequestOf<'dataConnect'>['addr']>;
const here: RequestOf<'dataConnect'>['addr'] = { type: 'local' };

const joins: Readonly<Record<string, { readonly versions: readonly NdmpVersion[]; readonly join: Join }>> = {
  /** One session has both. In version 2 the mover's address comes with START. */
  local: {
    versions: allVersions,
    join: async (stage, mode) => {
      await listen(stage, mode, allOnes, 'local');
      if (stage.version > 2) await stage.must('dataConnect', { addr: here });
      return here;
    },
  },
  /** The mover comes to the data service. */
  swapped: {
    versions: [3, 4],
    join: async (stage, mode) => {
      const { dataConnectionAddr } = await stage.must('dataListen', { addrType: 'local' });
      await stage.must('moverSetWindow', { offset: 0n, length: allOnes });
      await stage.must('moverConnect', { mode, addr: dataConnectionAddr });
      return here;
    },
  },
};

async function dataHalted(stage: Stage): Promise<void> {
  const { reason } = await stage.post('notifyDataHalted');
  if (!stage.isCut) assert.equal(reason, 'successful');
  const { state, haltReason } = await stage.must('dataGetState', {});
  assert.equal(state, 'halted');
  assert.equal(haltReason, reason);
}
const backupOwn = ({ versions, join }: (typeof joins)[string]): Scene => ({
  writes: true,
  versions,
  async play(stage) {
    await openTape(stage);
    const mover = await join(stage, 'read');
    await stage.must('dataStartBackup', { mover, buType: 'tar', env: backupEnv });
    await dataHalted(stage);
    await halted(stage);
    const { env } = await stage.must('dataGetEnv', {});
    assert(env.some(({ name }) => name === 'FILESYSTEM'));
    await stage.must('dataStop', {});
    await stop(stage);
    await finishTape(stage);
    const histories = stage.dma.posts.filter(({ name }) => name.startsWith('fhAdd'));
    assert(histories.length > 0, 'there is a history');
  },
  async check(stage) {
    const objects = await readTape(stage.ndmp, stage.tape);
    const { image: whole } = stage.ndmp.trees;
    assertPrefix(objects, whole, recordBytes);
    const records = objects.filter((object) => object !== 'mark').length;
    if (!stage.isCut) assert.equal(records, Math.ceil(whole.length / recordBytes));
  },
});
const recoverOwn = ({ versions, join }: (typeof joins)[string], direct: boolean): Scene => ({
  versions,
  async play(stage) {
    const { trees } = stage.ndmp;
    await writeImage(stage, trees.image);
    trees.recovered.clear();
    await openTape(stage);
    const mover = await join(stage, 'write');
    const named = direct ? trees.members.filter((_, index) => index % 2 === 1) : [];
    const env = [...recoverEnv, { name: 'DIRECT', value: direct ? 'y' : 'n' }];
    const nlist = named.map(({ path, offset }) => nameOf(stage.version, path, offset));
    await stage.must('dataStartRecover', { mover, buType: 'tar', env, nlist });
    await dataHalted(stage);
    await stage.must('moverClose', {}); // it may have met the filemark, and wait for another tape
    await halted(stage);
    await stage.must('dataStop', {});
    await stop(stage);
    for (const { path, bytes } of direct ? named : trees.members) {
      const found = trees.recovered.get(`${ndmpRoot}/${path}`);
      assert(found?.equals(bytes) === true, `${path} is recovered, byte for byte`);
    }
    assert.equal(trees.recovered.size, direct ? named.length : trees.members.length);
  },
  check: async () => await Promise.resolve(),
});
/** As ndmjob fills a name in. */
function nameOf(
  version: NdmpVersion,
  path: string,
  offset: number,
): RequestOf<'dataStartRecover'>['nlist'][number] {
  const none = Buffer.alloc(0);
  return {
    originalPath: Buffer.from(`/${path}`),
    destinationPath: Buffer.from(version === 3 ? ndmpRoot : `${ndmpRoot}/${path}`),
    name: none,
    otherName: none,
    ssid: 0,
    node: allOnes,
    fhInfo: BigInt(offset),
  };
}

const ownScenes = Object.fromEntries(
  Object.entries(joins).flatMap(([name, how]) => [
    [`our own backup, ${name}`, backupOwn(how)],
    [`our own recovery, ${name}`, recoverOwn(how, false)],
    [`our own direct access, ${name}`, recoverOwn(how, true)],
  ]),
);

export const SCENES: Readonly<Record<string, Scene>> = {
  'a backup': backup,
  windows,
  'reads by bytes': restore,
  'a restore to the end': restoreToTheEnd,
  ...ownScenes,
};

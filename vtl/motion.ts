/**
 * Motion: LOCATE and SPACE over the mark index, without touching records.
 *
 * Numbers are trusted as far as they go: a filemark that SPACE or LOCATE stands behind is read, so that damage of the index is
 * an error and never another place.
 */
import type { DriveCore } from './drive-core.js';
import { DriveError } from './drive-error.js';
import type { Partition } from './partition.js';
import { breathAfter } from './recording.js';
import type { Destination, SpaceResult, SpaceUnit } from './position.js';

export async function locate(core: DriveCore, to: Destination): Promise<void> {
  core.ready();
  core.counters.locates += 1;
  if (to.partition !== undefined && to.partition !== core.partition) {
    core.selectPartition(to.partition);
    await core.stand(0, 0);
  }
  const partition = core.current;
  if (to.eod === true) return await core.stand(partition.objects, partition.filemarks);
  if (to.file !== undefined) return await locateFile(core, partition, to.file);
  const object = to.object ?? 0;
  if (object > partition.objects) return await beyondEnd(core, partition, { object });
  await core.stand(object, await partition.fileOf(object));
}

async function locateFile(core: DriveCore, partition: Partition, file: number): Promise<void> {
  if (file > partition.filemarks) return await beyondEnd(core, partition, { file });
  if (file === 0) return await core.stand(0, 0);
  const mark = await soundMark(partition, file - 1);
  await core.stand(mark + 1, file);
}

async function beyondEnd(
  core: DriveCore,
  partition: Partition,
  wanted: { readonly object?: number; readonly file?: number },
): Promise<never> {
  await core.stand(partition.objects, partition.filemarks);
  const facts = { ...wanted, partition: partition.number, position: partition.objects };
  throw new DriveError('eod', 'The destination lies beyond the end of data', facts);
}

async function soundMark(partition: Partition, index: number): Promise<number> {
  const object = await partition.filemarkAt(index);
  const facts = { partition: partition.number, position: object };
  if (object >= partition.objects) throw new DriveError('damaged', 'The filemark index is damaged', facts);
  if ((await partition.read(object)).kind === 'filemark') return object;
  throw new DriveError('damaged', 'The filemark index is damaged', facts);
}

/** Negative counts go towards the beginning. */
export async function space(core: DriveCore, unit: SpaceUnit, count: number): Promise<SpaceResult> {
  core.ready();
  core.counters.spaces += 1;
  const partition = core.current;
  if (unit === 'eod') {
    await core.stand(partition.objects, partition.filemarks);
    return { moved: 0 };
  }
  if (count === 0) return { moved: 0 };
  if (unit === 'blocks') {
    return count > 0
      ? await blocksForward(core, partition, count)
      : await blocksBack(core, partition, -count);
  }
  const run = unit === 'filemarks' ? undefined : Math.abs(count);
  if (run !== undefined) {
    return count > 0 ? await runForward(core, partition, run) : await runBack(core, partition, run);
  }
  return count > 0 ? await marksForward(core, partition, count) : await marksBack(core, partition, -count);
}

/** Ends behind the filemark that stops it, as reading would. */
async function blocksForward(core: DriveCore, partition: Partition, count: number): Promise<SpaceResult> {
  const { object, file } = core;
  const mark = file < partition.filemarks ? await partition.filemarkAt(file) : undefined;
  const end = mark ?? partition.objects;
  if (object + count <= end) {
    await core.stand(object + count, file);
    return { moved: count };
  }
  if (mark === undefined) {
    await core.stand(end, file);
    return { moved: end - object, stoppedBy: 'eod' };
  }
  await soundMark(partition, file);
  await core.stand(mark + 1, file + 1);
  return { moved: mark - object, stoppedBy: 'filemark' };
}
/** Ends before the filemark that stops it. */
async function blocksBack(core: DriveCore, partition: Partition, count: number): Promise<SpaceResult> {
  const { object, file } = core;
  const mark = file > 0 ? await soundMark(partition, file - 1) : undefined;
  const begin = mark === undefined ? 0 : mark + 1;
  if (object - count >= begin) {
    await core.stand(object - count, file);
    return { moved: count };
  }
  const moved = object - begin;
  if (mark === undefined) {
    await core.stand(0, 0);
    return { moved, stoppedBy: 'bop' };
  }
  await core.stand(mark, file - 1);
  return { moved, stoppedBy: 'filemark' };
}

async function marksForward(core: DriveCore, partition: Partition, count: number): Promise<SpaceResult> {
  const { file } = core;
  if (file + count <= partition.filemarks) {
    const mark = await soundMark(partition, file + count - 1);
    await core.stand(mark + 1, file + count);
    return { moved: count };
  }
  await core.stand(partition.objects, partition.filemarks);
  return { moved: partition.filemarks - file, stoppedBy: 'eod' };
}
async function marksBack(core: DriveCore, partition: Partition, count: number): Promise<SpaceResult> {
  const { file } = core;
  if (count <= file) {
    const mark = await soundMark(partition, file - count);
    await core.stand(mark, file - count);
    return { moved: count };
  }
  await core.stand(0, 0);
  return { moved: file, stoppedBy: 'bop' };
}

/** Behind the first run of `run` filemarks with nothing between them. */
async function runForward(core: DriveCore, partition: Partition, run: number): Promise<SpaceResult> {
  let length = 0;
  let previous = -1;
  for (let index = core.file; index < partition.filemarks; index++) {
    const mark = await partition.filemarkAt(index);
    length = mark === previous + 1 ? length + 1 : 1;
    previous = mark;
    if (index % breathAfter === breathAfter - 1) await core.env.clock.sleep(0);
    if (length < run) continue;
    await soundMark(partition, index);
    await core.stand(mark + 1, index + 1);
    return { moved: run };
  }
  await core.stand(partition.objects, partition.filemarks);
  return { moved: 0, stoppedBy: 'eod' };
}
/** Before the nearest such run, on its beginning side. */
async function runBack(core: DriveCore, partition: Partition, run: number): Promise<SpaceResult> {
  let length = 0;
  let next = -1;
  for (let index = core.file - 1; index >= 0; index--) {
    const mark = await partition.filemarkAt(index);
    length = mark === next - 1 ? length + 1 : 1;
    next = mark;
    if (index % breathAfter === breathAfter - 1) await core.env.clock.sleep(0);
    if (length < run) continue;
    await soundMark(partition, index);
    await core.stand(mark, index);
    return { moved: run };
  }
  await core.stand(0, 0);
  return { moved: 0, stoppedBy: 'bop' };
}

/**
 * Checkpoints: the state of the group at a place of the journal, in a file of its own. The two newest are kept, with the journal
 * since the older: should the newest rot, the other and the journal say the same.
 */
import { join } from 'node:path';
import type { Disk } from '#env';
import { StoreError } from '../../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { decodeFrame, encodeFrame, FRAME } from './frame.js';
import type { FrameOwner } from './frame-cipher.js';
import { GroupState } from './group-state.js';

const suffix = '.checkpoint';
const pathOf = (folder: string, number: number): string =>
  join(folder, number.toString(10).padStart(9, '0') + suffix);

export interface Checkpoint {
  readonly number: number;
  /** Segment of the journal that goes on from it. */
  readonly segment: number;
  readonly state: GroupState;
  readonly bytes: number;
}

export async function checkpointsIn(disk: Disk, folder: string): Promise<number[]> {
  const names = (await disk.list(folder)).filter((name) => name.endsWith(suffix));
  return names.map((name) => Number.parseInt(name, 10)).toSorted((a, b) => b - a);
}

/** Durable when it resolves. Returns its bytes. */
export async function writeCheckpoint(
  disk: Disk,
  folder: string,
  { group, cipher }: FrameOwner,
  number: number,
  segment: number,
  state: GroupState,
): Promise<number> {
  const name = { kind: FRAME.checkpoint, group, file: number, offset: 0 };
  const body = cipher.frames.seal(name, new ByteWriter().u32(segment).raw(state.encode()).finish());
  const frame = encodeFrame({ ...name, copy: 0 }, 0, body);
  const file = await disk.open(pathOf(folder, number), 'create');
  try {
    await file.writeAt(frame, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory(folder);
  return frame.length;
}

/** Undefined when it does not verify. */
export async function readCheckpoint(
  disk: Disk,
  folder: string,
  owner: FrameOwner,
  number: number,
): Promise<Checkpoint | undefined> {
  const found = await readBody(disk, folder, owner, number);
  if (found === undefined) return undefined;
  const reader = new ByteReader(found.body, `Checkpoint ${number}`);
  return { number, segment: reader.u32(), state: GroupState.decode(reader), bytes: found.bytes };
}
export async function isCheckpointSound(
  disk: Disk,
  folder: string,
  owner: FrameOwner,
  number: number,
): Promise<boolean> {
  return (await readBody(disk, folder, owner, number)) !== undefined;
}
async function readBody(
  disk: Disk,
  folder: string,
  { group, cipher }: FrameOwner,
  number: number,
): Promise<{ readonly body: Buffer; readonly bytes: number } | undefined> {
  const file = await disk.open(pathOf(folder, number), 'existing');
  let bytes: Buffer;
  try {
    bytes = Buffer.alloc(await file.size());
    bytes = bytes.subarray(0, await file.readAt(bytes, 0));
  } finally {
    await file.close();
  }
  const name = { kind: FRAME.checkpoint, group, file: number, offset: 0 };
  const frame = decodeFrame(name, bytes);
  const body = frame === undefined ? undefined : cipher.frames.open(name, frame.body);
  return frame === undefined || body === undefined ? undefined : { body, bytes: frame.bytes };
}

/** The newest that verifies; undefined in a group that never had one. StoreError 'corrupt' when there are some and none does. */
export async function newestCheckpoint(
  disk: Disk,
  folder: string,
  owner: FrameOwner,
): Promise<{
  readonly newest?: Checkpoint;
  readonly older: readonly number[];
  readonly rotten: readonly number[];
}> {
  const numbers = await checkpointsIn(disk, folder);
  const rotten: number[] = [];
  for (const number of numbers) {
    const newest = await readCheckpoint(disk, folder, owner, number);
    if (newest !== undefined) return { newest, older: numbers.filter((one) => one < number), rotten };
    rotten.push(number);
  }
  return { older: [], rotten };
}
export async function dropCheckpoint(disk: Disk, folder: string, number: number): Promise<void> {
  await disk.remove(pathOf(folder, number));
}
export const lostCheckpoints = (folder: string): StoreError =>
  new StoreError('corrupt', 'No checkpoint of the storage group verifies', { folder });

/** Superblock: what a group is, in two files that say the same (FORMAT.md, "Superblock"). */
import { join } from 'node:path';
import type { Disk } from '#env';
import { xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { decodeFrame, encodeFrame, FRAME } from './frame.js';

const names = ['superblock-0', 'superblock-1'];
/** Of everything in the group: a newer one is not opened. */
const formatVersion = 1;

export interface Superblock {
  readonly id: string;
  readonly sequence: number;
  readonly settings: Readonly<Record<string, unknown>>;
}
export const groupNumber = (id: string): bigint => xxh64(id);

export async function writeSuperblock(disk: Disk, folder: string, superblock: Superblock): Promise<void> {
  const { id, sequence, settings } = superblock;
  const body = new ByteWriter()
    .u16(formatVersion)
    .u64(sequence)
    .text(id)
    .text(JSON.stringify(settings))
    .finish();
  // One after the other: a crash leaves one of them whole.
  for (const [copy, name] of names.entries()) {
    const file = await disk.open(join(folder, name), 'create');
    try {
      await file.writeAt(
        encodeFrame({ kind: FRAME.superblock, copy, group: 0n, file: 0, offset: 0 }, 0, body),
        0,
      );
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.syncDirectory(folder);
  }
}

/** Undefined when there is none: the folder is no group yet. `whole`: both copies say it. */
export async function readSuperblock(
  disk: Disk,
  folder: string,
): Promise<{ readonly superblock: Superblock; readonly whole: boolean } | undefined> {
  const found: Superblock[] = [];
  let files = 0;
  for (const name of names) {
    if (!(await disk.exists(join(folder, name)))) continue;
    files += 1;
    const one = await readOne(disk, join(folder, name));
    if (one !== undefined) found.push(one);
  }
  const [newest, other] = found.toSorted((a, b) => b.sequence - a.sequence);
  if (newest === undefined) {
    if (files < names.length) return undefined; // the very first was not finished
    throw new StoreError('corrupt', 'The superblock of the storage group does not verify', { folder });
  }
  return { superblock: newest, whole: other?.sequence === newest.sequence };
}
async function readOne(disk: Disk, path: string): Promise<Superblock | undefined> {
  const file = await disk.open(path, 'existing');
  let bytes: Buffer;
  try {
    bytes = Buffer.alloc(await file.size());
    bytes = bytes.subarray(0, await file.readAt(bytes, 0));
  } finally {
    await file.close();
  }
  const frame = decodeFrame({ kind: FRAME.superblock, group: 0n, file: 0, offset: 0 }, bytes);
  if (frame === undefined) return undefined;
  const reader = new ByteReader(frame.body, 'The superblock');
  const version = reader.u16();
  if (version !== formatVersion) {
    const facts = { path, version };
    throw new StoreError(
      'corrupt',
      `The storage group has format ${version}, which this release does not know`,
      facts,
    );
  }
  const sequence = reader.u64();
  const id = reader.text();
  return { id, sequence, settings: JSON.parse(reader.text()) as Record<string, unknown> };
}

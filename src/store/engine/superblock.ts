/** Superblock: what a group is, in two files that say the same (FORMAT.md, "Superblock"). */
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import type { Disk } from '#env';
import { xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { decodeFrame, encodeFrame, FRAME } from './frame.js';
import { decodeDerivation, type Derivation, encodeDerivation } from './key-derivation.js';
import { boxBytes, keyBytes } from './sealing.js';

const names = ['superblock-0', 'superblock-1'];
/** Of everything in the group: a newer one is not opened. */
const formatVersion = 1;
const wrappedBytes = keyBytes + boxBytes;

/** The keys of an encrypted group, each in a box: see KeyRing. */
export interface KeySlot {
  /** How the key that opens the boxes is made of a secret. */
  readonly derivation: Derivation;
  readonly master: Buffer;
  /** Which table of keys of volumes is the one, and its key. */
  readonly epoch: number;
  readonly epochKey: Buffer;
}
export interface Superblock {
  readonly id: string;
  readonly sequence: number;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Undefined: the group is not encrypted. */
  readonly keys?: KeySlot | undefined;
}
/** A superblock as it was read. */
export interface StoredSuperblock extends Superblock {
  readonly copy: number;
  /** What the mark behind it was made of; empty without keys. */
  readonly marked: Buffer;
  readonly mark: Buffer;
}
/** Made under a key of the group, so that nobody else can change what a superblock says. */
export const markBytes = 32;
export type Marker = (marked: Buffer) => Buffer;
export const groupNumber = (id: string): bigint => xxh64(id);

function encode({ id, sequence, settings, keys }: Superblock, marker: Marker | undefined): Buffer {
  const to = new ByteWriter().u16(formatVersion).u64(sequence).text(id).text(JSON.stringify(settings));
  if (keys === undefined) return to.u8(0).finish();
  assert(marker !== undefined && keys.master.length === wrappedBytes);
  encodeDerivation(to.u8(1), keys.derivation);
  to.raw(keys.master).u32(keys.epoch).raw(keys.epochKey);
  return to.raw(marker(to.finish())).finish();
}

/**
 * Durable in both copies when it resolves. One after the other, so that a crash leaves one of them whole; `last`: the copy that holds
 * what is to be had if this one is torn.
 */
export async function writeSuperblock(
  disk: Disk,
  folder: string,
  superblock: Superblock,
  marker?: Marker,
  last = 1,
): Promise<void> {
  const body = encode(superblock, marker);
  for (const copy of [1 - last, last]) await writeCopy(disk, folder, copy, body);
}
async function writeCopy(disk: Disk, folder: string, copy: number, body: Buffer): Promise<void> {
  const name = { kind: FRAME.superblock, copy, group: 0n, file: 0, offset: 0 };
  const frame = encodeFrame(name, 0, body);
  const file = await disk.open(join(folder, names[copy] ?? ''), 'create');
  try {
    // Nothing of a longer one stays behind it.
    await file.writeAt(Buffer.concat([frame], Math.max(frame.length, await file.size())), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory(folder);
}

export interface FoundSuperblock {
  /** The newest that verifies. */
  readonly superblock: StoredSuperblock;
  readonly other: StoredSuperblock | undefined;
  /** Both copies say it. */
  readonly whole: boolean;
}
/** Undefined when there is none: the folder is no group yet. */
export async function readSuperblock(disk: Disk, folder: string): Promise<FoundSuperblock | undefined> {
  const found: StoredSuperblock[] = [];
  let files = 0;
  for (const [copy, name] of names.entries()) {
    if (!(await disk.exists(join(folder, name)))) continue;
    files += 1;
    const one = await readOne(disk, join(folder, name), copy);
    if (one !== undefined) found.push(one);
  }
  const [newest, other] = found.toSorted((a, b) => b.sequence - a.sequence);
  if (newest === undefined) {
    if (files < names.length) return undefined; // the very first was not finished
    throw new StoreError('corrupt', 'The superblock of the storage group does not verify', { folder });
  }
  return { superblock: newest, other, whole: other?.sequence === newest.sequence };
}
/** What was found is durable when it resolves: whoever wrote it may have been killed before it was. */
export async function settleSuperblock(
  disk: Disk,
  folder: string,
  { superblock, other }: FoundSuperblock,
): Promise<void> {
  for (const copy of [superblock.copy, other?.copy]) {
    if (copy === undefined) continue;
    const file = await disk.open(join(folder, names[copy] ?? ''), 'existing');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await disk.syncDirectory(folder);
}
/** Writes a copy that does not verify as the other one is. True when that was so. */
export async function repairSuperblock(disk: Disk, folder: string): Promise<boolean> {
  const bodies: (Buffer | undefined)[] = [];
  for (const name of names) bodies.push((await readFrame(disk, join(folder, name)))?.body);
  const sound = bodies.find((body) => body !== undefined);
  const copy = bodies.indexOf(undefined);
  if (copy === -1 || sound === undefined) return false;
  await writeCopy(disk, folder, copy, sound);
  return true;
}
async function readFrame(disk: Disk, path: string): Promise<ReturnType<typeof decodeFrame>> {
  const file = await disk.open(path, 'existing');
  try {
    const bytes = Buffer.alloc(await file.size());
    const got = await file.readAt(bytes, 0);
    return decodeFrame({ kind: FRAME.superblock, group: 0n, file: 0, offset: 0 }, bytes.subarray(0, got));
  } finally {
    await file.close();
  }
}
async function readOne(disk: Disk, path: string, copy: number): Promise<StoredSuperblock | undefined> {
  const frame = await readFrame(disk, path);
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
  const settings = JSON.parse(reader.text()) as Record<string, unknown>;
  const keys = reader.u8() === 0 ? undefined : decodeKeys(reader);
  const markedBytes = keys === undefined ? 0 : frame.body.length - markBytes;
  const mark = keys === undefined ? Buffer.alloc(0) : reader.raw(markBytes);
  return { id, sequence, settings, keys, copy, marked: frame.body.subarray(0, markedBytes), mark };
}
function decodeKeys(from: ByteReader): KeySlot {
  const derivation = decodeDerivation(from);
  const master = Buffer.from(from.raw(wrappedBytes));
  return { derivation, master, epoch: from.u32(), epochKey: Buffer.from(from.raw(wrappedBytes)) };
}

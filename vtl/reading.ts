/** Reading: the object at the place, forwards or backwards. Records come as views of the store's cache memory. */
import type { Slab } from '#wire';
import type { DriveCore } from './drive-core.js';
import { DriveError } from './drive-error.js';
import type { BlockEncryption } from './encryption.js';
import type { StoredObject } from './partition.js';
import { filemarkOverheadBytes, recordOverheadBytes } from './partition.js';

export type ReadResult =
  | { readonly kind: 'record'; readonly record: Slab }
  | { readonly kind: 'filemark' }
  | { readonly kind: 'eod' };
export type ReadReverseResult =
  | { readonly kind: 'record'; readonly record: Slab }
  | { readonly kind: 'filemark' }
  | { readonly kind: 'bop' };

/**
 * The next object; the place is behind it then. A damaged one is passed too, so that reading can go on behind it; one that
 * cannot be decrypted is not, so that it can be read again with another key (SSC-5 4.2.22).
 */
export async function readRecord(core: DriveCore): Promise<ReadResult> {
  const partition = core.current;
  const { object } = core;
  if (object === partition.objects) return { kind: 'eod' };
  const found = await fetch(core, object, () => pass(core, object));
  if (found.kind === 'filemark') {
    core.object = object + 1;
    core.file += 1;
    core.usedBefore += filemarkOverheadBytes;
    core.count('filemarksRead', 1);
    return found;
  }
  const storedBytes = found.stored.length;
  const record = openRecord(core, found);
  core.object = object + 1;
  core.usedBefore += storedBytes + recordOverheadBytes;
  countRead(core, record.length, storedBytes);
  return { kind: 'record', record };
}

/** The object before the place; the place is before it then. */
export async function readReverse(core: DriveCore): Promise<ReadReverseResult> {
  core.ready();
  if (core.object === 0) return { kind: 'bop' };
  const object = core.object - 1;
  const found = await fetch(
    core,
    object,
    async () => await core.stand(object, await core.current.fileOf(object)),
  );
  if (found.kind === 'filemark') {
    await core.stand(object, core.file - 1);
    core.count('filemarksRead', 1);
    return found;
  }
  const storedBytes = found.stored.length;
  const record = openRecord(core, found);
  core.object = object;
  core.usedBefore -= storedBytes + recordOverheadBytes;
  countRead(core, record.length, storedBytes);
  return { kind: 'record', record };
}

function countRead(core: DriveCore, hostBytes: number, storedBytes: number): void {
  core.count('recordsRead', 1);
  core.count('hostBytesRead', hostBytes);
  core.count('mediumBytesRead', storedBytes);
  core.counters.bytesSinceCleaning += hostBytes;
}

const openRecord = (core: DriveCore, found: StoredObject & { readonly kind: 'record' }): Slab =>
  core.encryption.open(found.stored, found.prefixBytes, found.encrypted);

async function fetch(
  core: DriveCore,
  object: number,
  passDamaged: () => Promise<void>,
): Promise<StoredObject> {
  try {
    return await core.current.read(object);
  } catch (cause) {
    const error = core.failure(cause, 'reading');
    core.count('uncorrectedReadErrors', 1);
    core.raise('media');
    core.raise('readFailure');
    if (error.code !== 'damaged') throw error;
    await passDamaged();
    throw new DriveError(error.code, error.message, { ...error.facts, position: object }, { cause });
  }
}
async function pass(core: DriveCore, object: number): Promise<void> {
  await core.stand(object + 1, await core.current.fileOf(object + 1));
}

/** What the next object is as far as encryption goes; the place stays. */
export async function nextBlockEncryption(core: DriveCore): Promise<BlockEncryption> {
  const partition = core.current;
  if (core.object === partition.objects) return { kind: 'none' };
  const found = await fetch(core, core.object, async () => undefined);
  if (found.kind === 'filemark') return found;
  try {
    return found.encrypted ? core.encryption.describe(found.stored, found.prefixBytes) : { kind: 'plain' };
  } finally {
    found.stored.release();
  }
}

/**
 * Where a tape stands after reading and spacing, as each version has it. A drive stands behind what it has met; version 4
 * wants to stay before a filemark that reading or spacing forwards meets, and behind one that spacing backwards meets.
 */
import type { Drive, ReadResult } from '#vtl';
import type { NdmpVersion } from './xdr.js';

/** Records passed forwards (or backwards when negative); fewer when a filemark or an end of the data stopped it. */
export async function spaceRecords(drive: Drive, version: NdmpVersion, count: number): Promise<number> {
  const { moved, stoppedBy } = await drive.space('blocks', count);
  if (version === 4 && stoppedBy === 'filemark') await drive.space('filemarks', count > 0 ? -1 : 1);
  return moved;
}

/** Filemarks passed; fewer when an end of the data stopped it. Backwards it ends on the beginning side of the mark. */
export async function spaceFilemarks(drive: Drive, count: number): Promise<number> {
  return (await drive.space('filemarks', count)).moved;
}

/** The next object; the place is behind it, but for a filemark in version 4. */
export async function readObject(drive: Drive, version: NdmpVersion): Promise<ReadResult> {
  const found = await drive.readRecord();
  if (version === 4 && found.kind === 'filemark') await drive.space('filemarks', -1);
  return found;
}

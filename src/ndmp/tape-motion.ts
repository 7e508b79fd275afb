/**
 * Where a tape stands after reading and spacing, as each version has it. A drive stands behind what it has met; version 4
 * wants to stay before a filemark that reading or spacing forwards meets, and behind one that spacing backwards meets.
 *
 * Standing before a filemark, a tape of old does not know how many records there are before it, and clients count on it:
 * `blockIsLost`. Where version 4 spaces to a mark, it may know, and so it does.
 */
import type { Drive, ReadResult } from '#vtl';
import type { NdmpVersion } from './xdr.js';

/** A drive, and the question whether it is still ours. */
export interface Moved {
  readonly drive: Drive;
  /** Between two steps of one motion: the session may have ended, and a host be at work. Throws NdmpError. */
  checkOurs(): void;
}

export interface Motion {
  /** Records or filemarks passed; fewer than asked for when a filemark or an end of the data stopped it. */
  readonly moved: number;
  readonly blockIsLost: boolean;
}

/** Negative counts go backwards. */
export async function spaceRecords(tape: Moved, version: NdmpVersion, count: number): Promise<Motion> {
  const { moved, stoppedBy } = await tape.drive.space('blocks', count);
  const met = stoppedBy === 'filemark';
  if (version === 4 && met) await stepBack(tape, count > 0 ? -1 : 1);
  return { moved, blockIsLost: version < 4 && met && count < 0 };
}

/** Over the filemark that a motion has met. */
async function stepBack(tape: Moved, count: 1 | -1): Promise<void> {
  tape.checkOurs();
  await tape.drive.space('filemarks', count);
}

/** Backwards it ends on the beginning side of the mark. */
export async function spaceFilemarks(drive: Drive, count: number): Promise<Motion> {
  const { moved, stoppedBy } = await drive.space('filemarks', count);
  return { moved, blockIsLost: count < 0 && stoppedBy === undefined };
}

/** The next object; the place is behind it, but for a filemark in version 4. */
export async function readObject(
  tape: Moved,
  version: NdmpVersion,
): Promise<ReadResult & { readonly blockIsLost: boolean }> {
  const found = await tape.drive.readRecord();
  const stays = version === 4 && found.kind === 'filemark';
  if (stays) await stepBack(tape, -1);
  return { ...found, blockIsLost: stays };
}

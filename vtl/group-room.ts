/**
 * GroupRoom: what a drive knows of the space of its cartridge's group, and when a host is told that it runs short: once when little
 * is left, then each time when half of that is gone, whatever the capacity of the tape says. Each time what was written so far is
 * made durable too. A host that writes what is stored already takes no space, and is left alone.
 */
import type { Space } from '#store';

const MiB = 1024 * 1024;
/** A group with less free than this, or than a sixteenth of it, runs short. */
const lowBytes = 256 * MiB;
const lowBytesOf = ({ freeBytes, usedBytes }: Space): number =>
  Math.min(lowBytes, (freeBytes + usedBytes) / 16);
/** How often the space is asked for, when there is much. */
const lookBytes = 32 * MiB;
/** And when there is little: often enough to tell before it ends, seldom enough not to ask for each record. */
const lookShare = 8;
const lookBytesMin = MiB / 4;

export class GroupRoom {
  /** Bytes that may be written before the space is asked for. */
  #untilLook = 0;
  /** Told when no more than this is left; undefined while there is enough. */
  #tellAt: number | undefined;
  #warning = false;

  /** A cartridge was loaded: its host knows nothing yet. */
  forget(): void {
    this.#untilLook = 0;
    this.#tellAt = undefined;
    this.#warning = false;
  }
  get isDue(): boolean {
    return this.#untilLook <= 0;
  }
  /** What the group says, when a look was due. */
  look(space: Space): void {
    const { freeBytes } = space;
    const low = lowBytesOf(space);
    if (freeBytes >= low) {
      this.#tellAt = undefined;
      this.#warning = false;
      // Half of the room, for others write too.
      this.#untilLook = Math.min(lookBytes, (freeBytes - low) / 2);
      return;
    }
    this.#untilLook = Math.min(lookBytes, Math.max(lookBytesMin, freeBytes / lookShare));
    if (freeBytes > (this.#tellAt ?? low)) return;
    this.#tellAt = freeBytes / 2;
    this.#warning = true;
  }
  wrote(bytes: number): void {
    this.#untilLook -= bytes;
  }
  /** It has refused something: look before the next. */
  refused(): void {
    this.#untilLook = 0;
  }
  /** True for the one write that is told. */
  takeWarning(): boolean {
    const warning = this.#warning;
    this.#warning = false;
    return warning;
  }
}

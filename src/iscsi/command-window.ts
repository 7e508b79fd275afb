/**
 * CommandWindow: ExpCmdSN and MaxCmdSN of one session, and the commands that came too early (RFC 7143 4.2.2.1).
 *
 * Invariant P1: expCmdSN <= maxCmdSN + 1 in serial arithmetic. The window never shrinks: initiators ignore a smaller
 * MaxCmdSN, and what was allowed must be accepted; so it is closed by not advancing it.
 */
import { distance, increment, isBefore, type SerialNumber } from '#wire';

/** A PDU in the order of CmdSN: delivered exactly once, or dropped. */
export interface Ordered {
  deliver(): void;
  drop(): void;
}

export type Place = 'next' | 'early' | 'ignored';

export class CommandWindow {
  readonly #size: number;
  #expCmdSN: SerialNumber;
  #maxCmdSN: SerialNumber;
  /** Commands delivered and not ended. */
  #outstanding = 0;
  readonly #early = new Map<SerialNumber, Ordered>();

  constructor(size: number, firstCmdSN: SerialNumber) {
    this.#size = size;
    this.#expCmdSN = firstCmdSN;
    this.#maxCmdSN = increment(firstCmdSN, size - 1);
  }

  get expCmdSN(): SerialNumber {
    return this.#expCmdSN;
  }
  get maxCmdSN(): SerialNumber {
    return this.#maxCmdSN;
  }
  /** Commands have come, and one before them has not. */
  get hasGap(): boolean {
    return this.#early.size > 0;
  }
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Where a non-immediate command with this CmdSN stands. RFC 7143: outside or a duplicate is ignored in silence. */
  place(cmdSN: SerialNumber): Place {
    if (cmdSN === this.#expCmdSN) return isBefore(this.#maxCmdSN, cmdSN) ? 'ignored' : 'next';
    if (isBefore(cmdSN, this.#expCmdSN) || isBefore(this.#maxCmdSN, cmdSN)) return 'ignored';
    return this.#early.has(cmdSN) ? 'ignored' : 'early';
  }

  /** Delivers a command that `place` did not ignore, now or when those before it have come, and those behind it. */
  admit(cmdSN: SerialNumber, command: Ordered): void {
    if (cmdSN !== this.#expCmdSN) {
      this.#early.set(cmdSN, command);
      return;
    }
    this.#expCmdSN = increment(cmdSN);
    command.deliver();
    this.#deliverEarly();
  }
  /** The command with this CmdSN counts as received, though it has not come: it was aborted (RFC 7143 11.5.1). */
  plug(cmdSN: SerialNumber): boolean {
    if (this.place(cmdSN) !== 'next' && this.place(cmdSN) !== 'early') return false;
    this.admit(cmdSN, { deliver: () => undefined, drop: () => undefined });
    return true;
  }
  #deliverEarly(): void {
    for (let next = this.#early.get(this.#expCmdSN); next !== undefined;) {
      this.#early.delete(this.#expCmdSN);
      this.#expCmdSN = increment(this.#expCmdSN);
      next.deliver();
      next = this.#early.get(this.#expCmdSN);
    }
  }

  /** A delivered command occupies a place until `ended`. */
  began(): void {
    this.#outstanding += 1;
  }
  ended(): void {
    this.#outstanding -= 1;
  }

  /**
   * Advances MaxCmdSN as far as there are places; `places` below the size holds it back when memory is short. With
   * nothing outstanding one command is always allowed, so that a closed window is reopened by an answer under way.
   */
  advance(places = this.#size): void {
    const free = Math.max(places - this.#outstanding, this.#outstanding === 0 ? 1 : 0);
    const wanted = increment(this.#expCmdSN, free - 1);
    if (isBefore(this.#maxCmdSN, wanted) && distance(this.#maxCmdSN, wanted) <= this.#size) {
      this.#maxCmdSN = wanted;
    }
  }

  /** Drops what never came into order: the session is gone. */
  close(): void {
    for (const command of this.#early.values()) command.drop();
    this.#early.clear();
  }
}

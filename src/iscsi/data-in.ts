/**
 * DataIn: the data of one command on its way to the initiator (RFC 7143 4.2.5.2, 11.7).
 *
 * The last slab is held back until it is known whether more follows, so that its last PDU can say so, and can carry GOOD.
 */
import type { Slab } from '#wire';
import type { DataPath } from './data-path.js';
import { FLAG, writeDataIn } from './pdu.js';
import { SliceCursor } from './slice-cursor.js';

/** The command whose data it is. */
export interface DataInCommand {
  readonly tag: number;
  nextDataSN(): number;
}

export class DataIn {
  readonly #path: DataPath;
  readonly #command: DataInCommand;
  readonly #expected: number;
  #held: Slab | undefined;
  #offered = 0;
  #sent = 0;
  /** Bytes of the sequence under way; none is longer than MaxBurstLength. */
  #inSequence = 0;

  constructor(command: DataInCommand, path: DataPath, expected: number) {
    this.#command = command;
    this.#path = path;
    this.#expected = expected;
  }

  /** Data is waiting that no PDU has taken yet. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }
  get hasOffered(): boolean {
    return this.#offered > 0;
  }
  /** Positive: bytes that did not come; negative: bytes that there was no room for. */
  get residual(): number {
    return this.#expected - this.#offered;
  }

  /** The unit's next bytes; what is beyond the expected length counts, and is dropped. */
  offer(data: Slab): void {
    const room = this.#expected - this.#offered;
    this.#offered += data.length;
    if (room <= 0 || data.length === 0) {
      data.release();
      return;
    }
    this.send(false, undefined);
    this.#held = data;
  }
  drop(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  /** Sends what is held. `last`: no data follows. `status`: travels with its last PDU. */
  send(last: boolean, status: number | undefined): void {
    const slab = this.#held;
    if (slab === undefined) return;
    this.#held = undefined;
    const { segmentBytesMax, keys, outbox } = this.#path;
    const cursor = new SliceCursor(slab.slices);
    for (let left = Math.min(slab.length, this.#expected - this.#sent); left > 0;) {
      const length = Math.min(left, segmentBytesMax, keys.MaxBurstLength - this.#inSequence);
      left -= length;
      this.#sendPdu(cursor, length, last && left === 0, status);
    }
    outbox.lend(() => slab.release());
  }
  #sendPdu(cursor: SliceCursor, length: number, last: boolean, status: number | undefined): void {
    this.#inSequence += length;
    const endsSequence = last || this.#inSequence === this.#path.keys.MaxBurstLength;
    if (endsSequence) this.#inSequence = 0;
    let flags: number = endsSequence ? FLAG.final : 0;
    const withStatus = last && status !== undefined;
    const residual = withStatus ? this.residual : 0;
    if (withStatus) flags |= FLAG.hasStatus;
    if (residual !== 0) flags |= residual > 0 ? FLAG.underflow : FLAG.overflow;
    const header = this.#path.outbox.header();
    const code = withStatus ? status : 0;
    const { tag } = this.#command;
    const dataSN = this.#command.nextDataSN();
    writeDataIn(header, flags, code, tag, dataSN, this.#sent, Math.abs(residual));
    this.#sent += length;
    this.#path.emit(header, withStatus ? 'take' : 'none', length, cursor.take(length));
  }
}

/**
 * Two ends of a byte stream in this process, without sockets: fast enough for fuzzing, and hostile to sloppy code: chunks
 * are cut where `cut` says, and overwritten when the call that lent them returns. Where the owner asks for bytes at a place of its
 * own (`room`), they are put there, as a socket does: whatever has become of the place meanwhile.
 */
import type { Address, Link, LinkHandlers } from '#env';

/** Bytes of the next piece out of `length`. */
export type Cut = (length: number) => number;

const highWaterBytes = 65_536;

class PairedLink implements Link {
  readonly local: Address;
  readonly remote: Address;
  peer: PairedLink | undefined;
  readonly #cut: Cut;
  #handlers: LinkHandlers | undefined;
  #incoming: { bytes: Buffer; sent: (() => void) | undefined }[] = [];
  #paused = true;
  #scheduled = false;
  #ended = false;
  #gone = false;
  #goneWith: Error | undefined;
  #wantsDrain = false;
  /** Where the next bytes go: asked for when those before were taken. */
  #room: Buffer | undefined;
  queuedBytes = 0;

  constructor(local: Address, remote: Address, cut: Cut) {
    this.local = local;
    this.remote = remote;
    this.#cut = cut;
  }

  start(handlers: LinkHandlers): void {
    this.#handlers = handlers;
    this.resume();
    if (this.#gone) queueMicrotask(() => this.#tell());
  }
  write(slices: readonly Uint8Array[], sent?: () => void): boolean {
    const { peer } = this;
    if (this.#gone || peer === undefined) {
      if (sent !== undefined) queueMicrotask(sent);
      return true;
    }
    const bytes = Buffer.concat(slices);
    this.queuedBytes += bytes.length;
    peer.#incoming.push({
      bytes,
      sent: () => {
        this.queuedBytes -= bytes.length;
        sent?.();
        this.#tellDrained();
      },
    });
    peer.#schedule();
    this.#wantsDrain = this.queuedBytes >= highWaterBytes;
    return !this.#wantsDrain;
  }
  #tellDrained(): void {
    if (!this.#wantsDrain || this.queuedBytes > 0 || this.#gone) return;
    this.#wantsDrain = false;
    this.#handlers?.drained?.();
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    this.#paused = false;
    this.#schedule();
  }
  end(): void {
    const { peer } = this;
    if (peer === undefined) return;
    peer.#ended = true;
    peer.#schedule();
  }
  destroy(): void {
    const { peer } = this;
    this.#close();
    if (peer === undefined) return;
    queueMicrotask(() => peer.#close(new Error('Connection reset')));
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#handlers === undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }
  #deliver(): void {
    for (
      let next = this.#incoming[0];
      next !== undefined && !this.#paused && !this.#gone;
      next = this.#incoming[0]
    ) {
      const most = Math.min(next.bytes.length, this.#room?.length ?? next.bytes.length);
      const length = Math.max(1, Math.min(this.#cut(most), most));
      const piece = this.#room?.subarray(0, length) ?? Buffer.alloc(length);
      next.bytes.copy(piece);
      next.bytes = next.bytes.subarray(length);
      if (next.bytes.length === 0) {
        this.#incoming.shift();
        next.sent?.();
      }
      if (piece.length > 0) this.#handlers?.data(piece);
      if (this.#room === undefined) piece.fill(0xdb);
      this.#room = this.#handlers?.room?.();
    }
    if (this.#ended && this.#incoming.length === 0 && !this.#gone) {
      const { peer } = this;
      this.#close();
      if (peer !== undefined) peer.#close();
    }
  }
  #close(error?: Error): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#goneWith = error;
    this.peer = undefined;
    for (const { sent } of this.#incoming) sent?.();
    this.#incoming = [];
    queueMicrotask(() => this.#tell());
  }
  #tell(): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(this.#goneWith);
  }
}

const whole: Cut = (length) => length;

/** `near` is the initiator's end, `far` the target's. `cut` says in which pieces bytes arrive at the target. */
export function linkPair(
  cut: Cut = whole,
  from = '192.0.2.1',
  target: Address = { host: '192.0.2.2', port: 3260 },
): { near: Link; far: Link } {
  const initiator = { host: from, port: 40_000 };
  const near = new PairedLink(initiator, target, whole);
  const far = new PairedLink(target, initiator, cut);
  near.peer = far;
  far.peer = near;
  return { near, far };
}

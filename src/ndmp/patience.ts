/** Patience: how long a connection waits for its peer: to say who it is, to end a message, to read what it is sent. */
import {
  ndmpAuthorizeTimeoutMs,
  ndmpFinishTimeoutMs,
  ndmpStalledMessageMs,
  ndmpStalledReaderMs,
} from '#limits';

export interface PeerState {
  readonly isStranger: boolean;
  readonly isMidMessage: boolean;
  /** We have said the last word. */
  readonly isFinishing: boolean;
  /** Bytes that wait for the peer, and that it has taken in all. */
  readonly queuedBytes: number;
  readonly sentBytes: number;
}

export class Patience {
  readonly #startedMs: number;
  #heardMs: number;
  #readMs: number;
  #sentBytes = 0;
  #finishingMs: number | undefined;

  constructor(nowMs: number) {
    this.#startedMs = this.#heardMs = this.#readMs = nowMs;
  }
  /** Bytes came. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }
  /** Why it is lost; undefined while it is not. Asked regularly. */
  lost(
    nowMs: number,
    { isStranger, isMidMessage, isFinishing, queuedBytes, sentBytes }: PeerState,
  ): string | undefined {
    if (queuedBytes === 0 || sentBytes !== this.#sentBytes) this.#readMs = nowMs;
    this.#sentBytes = sentBytes;
    if (isFinishing) this.#finishingMs ??= nowMs;
    if (this.#finishingMs !== undefined && nowMs - this.#finishingMs >= ndmpFinishTimeoutMs)
      return 'the peer does not close';
    if (isStranger && nowMs - this.#startedMs >= ndmpAuthorizeTimeoutMs) return 'nobody authenticated';
    if (isMidMessage && nowMs - this.#heardMs >= ndmpStalledMessageMs) return 'a message was not ended';
    if (nowMs - this.#readMs >= ndmpStalledReaderMs) return 'the peer does not read';
    return undefined;
  }
}

/**
 * Outbox: messages on their way to one peer. It counts what the peer has not taken, so that one who does not read makes us
 * stop and never grow.
 */
import type { Link } from '#env';
import { ndmpOutboxBytesMax } from '#limits';

export class Outbox {
  readonly #link: Link;
  #queuedBytes = 0;
  #closed = false;
  /** All bytes that the peer took: whether it reads. */
  sentBytes = 0;
  #room: Promise<void> | undefined;
  #makeRoom = (): void => undefined;

  constructor(link: Link) {
    this.#link = link;
  }
  get queuedBytes(): number {
    return this.#queuedBytes;
  }
  /** `sent` is called once, also when the message never leaves. */
  write(slices: readonly Uint8Array[], sent?: () => void): void {
    if (this.#closed) {
      sent?.();
      return;
    }
    const bytes = slices.reduce((sum, slice) => sum + slice.length, 0);
    this.#queuedBytes += bytes;
    this.#link.write(slices, () => {
      this.#queuedBytes -= bytes;
      this.sentBytes += bytes;
      sent?.();
      if (this.#queuedBytes <= ndmpOutboxBytesMax) this.#wake();
    });
  }
  /** Undefined while there is room; else resolves when there is, or when the connection is gone. */
  get room(): Promise<void> | undefined {
    if (this.#closed || this.#queuedBytes <= ndmpOutboxBytesMax) return undefined;
    this.#room ??= new Promise((resolve) => (this.#makeRoom = resolve));
    return this.#room;
  }
  #wake(): void {
    this.#makeRoom();
    this.#makeRoom = () => undefined;
    this.#room = undefined;
  }
  close(): void {
    this.#closed = true;
    this.#wake();
  }
}

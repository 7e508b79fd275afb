/**
 * Local links: the image stream between the mover and the data service of one session, without a socket.
 *
 * The other side is shown the very memory that was written, and it is lent until it has been taken: no copy. Whoever does not
 * take (paused, or not started) makes the writer wait, as a socket would.
 */
import type { Address, Link, LinkHandlers } from '#env';

/** Queued bytes beyond which `write` asks to wait. */
const highWaterBytes = 256 * 1024;
/** Largest chunk that is handed over at once. */
const chunkBytesMax = 256 * 1024;
const nowhere: Address = { host: '', port: 0 };

interface Lent {
  bytes: Uint8Array;
  readonly sent: (() => void) | undefined;
}

class LocalLink implements Link {
  readonly remote = nowhere;
  readonly local = nowhere;
  #peer: LocalLink | undefined;
  #handlers: LinkHandlers | undefined;
  /** What was written here and the peer has not taken. */
  readonly #outgoing: Lent[] = [];
  #queuedBytes = 0;
  #paused = true;
  #delivering = false;
  #wantsDrain = false;
  #ending = false;
  #gone = false;
  #goneWith: Error | undefined;

  join(peer: LocalLink): void {
    this.#peer = peer;
  }
  get queuedBytes(): number {
    return this.#queuedBytes;
  }
  start(handlers: LinkHandlers): void {
    this.#handlers = handlers;
    if (this.#gone) queueMicrotask(() => this.#tellClosed());
    else this.resume();
  }
  write(slices: readonly Uint8Array[], sent?: () => void): boolean {
    const peer = this.#peer;
    if (peer === undefined || this.#ending) {
      if (sent !== undefined) queueMicrotask(sent);
      return true;
    }
    const last = slices.length - 1;
    slices.forEach((bytes, index) => {
      this.#outgoing.push({ bytes, sent: index === last ? sent : undefined });
      this.#queuedBytes += bytes.length;
    });
    peer.#deliverSoon();
    this.#wantsDrain = this.#queuedBytes > highWaterBytes;
    return !this.#wantsDrain;
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    this.#paused = false;
    this.#deliverSoon();
  }
  end(): void {
    this.#ending = true;
    const peer = this.#peer;
    if (peer !== undefined) peer.#deliverSoon();
  }
  destroy(): void {
    const peer = this.#peer;
    this.#close();
    if (peer !== undefined) queueMicrotask(() => peer.#close(new Error('The image stream was cut')));
  }

  #deliverSoon(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    queueMicrotask(() => {
      this.#delivering = false;
      this.#deliver();
    });
  }
  /** Hands over what the peer has written. */
  #deliver(): void {
    for (let peer = this.#peer; peer !== undefined && this.#takes; peer = this.#peer) {
      const chunk = peer.#outgoing[0]?.bytes.subarray(0, chunkBytesMax);
      if (chunk === undefined) {
        this.#finish(peer);
        return;
      }
      this.#handlers?.data(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
      peer.#taken(chunk.length);
    }
  }
  get #takes(): boolean {
    return !this.#paused && !this.#gone && this.#handlers !== undefined;
  }
  #taken(length: number): void {
    const first = this.#outgoing[0];
    if (first === undefined) return; // cut while it was handed over
    this.#queuedBytes -= length;
    first.bytes = first.bytes.subarray(length);
    if (first.bytes.length === 0) {
      this.#outgoing.shift();
      first.sent?.();
    }
    if (!this.#wantsDrain || this.#queuedBytes > 0) return;
    this.#wantsDrain = false;
    this.#handlers?.drained?.();
  }
  /** The peer has no more to say; when it has ended, so do we, behind what we have written. */
  #finish(peer: LocalLink): void {
    if (!peer.#ending) return;
    this.#ending = true;
    if (this.#outgoing.length > 0) {
      peer.#deliverSoon();
      return;
    }
    this.#close();
    peer.#close();
  }
  #close(error?: Error): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#goneWith = error;
    this.#peer = undefined;
    this.#queuedBytes = 0;
    for (const { sent } of this.#outgoing.splice(0)) sent?.();
    queueMicrotask(() => this.#tellClosed());
  }
  #tellClosed(): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(this.#goneWith);
  }
}

/** Two ends of one stream. */
export function localLinks(): [Link, Link] {
  const [one, other] = [new LocalLink(), new LocalLink()];
  one.join(other);
  other.join(one);
  return [one, other];
}

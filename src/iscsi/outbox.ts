/**
 * Outbox: what a connection sends, with a byte budget (E2).
 *
 * PDUs of one turn of the event loop leave in one write. Memory is lent until the link has sent it. Over budget, whoever
 * makes data waits for `room`, and the connection stops reading commands: a peer that does not read does not grow us.
 */
import type { Link } from '#env';
import { outboxBytesMax } from '#limits';
import { bhsBytes } from './pdu.table.js';

/** Behind what runs now. As `queueMicrotask`, which makes a resource of half a kilobyte each time. */
const now = Promise.resolve();
/** Headers kept for reuse; more are made when more are in flight. */
const spareHeadersMax = 256;

export class Outbox {
  readonly #link: Link;
  readonly #changed: () => void;
  #slices: Buffer[] = [];
  #headers: Buffer[] = [];
  #releases: (() => void)[] = [];
  #gathered = 0;
  #queuedBytes = 0;
  #flushing = false;
  #closed = false;
  /** All bytes sent so far: whether a peer takes anything. */
  sentBytes = 0;
  readonly #spareHeaders: Buffer[] = [];
  #waiting: (() => void)[] = [];
  readonly #flushSoon = (): void => this.flush();

  /** `changed` is called when sent bytes have made room. */
  constructor(link: Link, changed: () => void) {
    this.#link = link;
    this.#changed = changed;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }
  get isFull(): boolean {
    return this.#queuedBytes > outboxBytesMax;
  }

  /** A basic header segment to fill, given back by `addHeader`. Its content is undefined. */
  header(): Buffer {
    return this.#spareHeaders.pop() ?? Buffer.alloc(bhsBytes);
  }
  /** Queues a header of ours; it is reused when it has been sent. */
  addHeader(header: Buffer): void {
    this.#headers.push(header);
    this.add(header);
  }
  add(slice: Buffer): void {
    this.#slices.push(slice);
    this.#gathered += slice.length;
    this.#queuedBytes += slice.length;
    if (this.#flushing) return;
    this.#flushing = true;
    void now.then(this.#flushSoon);
  }
  /** Calls `release` when all that was added so far has been sent, or never will be. */
  lend(release: () => void): void {
    if (this.#gathered === 0) release();
    else this.#releases.push(release);
  }

  flush(): void {
    this.#flushing = false;
    if (this.#gathered === 0) return;
    const bytes = this.#gathered;
    const headers = this.#headers;
    const releases = this.#releases;
    const slices = this.#slices;
    this.#slices = [];
    this.#headers = [];
    this.#releases = [];
    this.#gathered = 0;
    this.#link.write(slices, () => this.#sent(bytes, headers, releases));
  }
  #sent(bytes: number, headers: Buffer[], releases: (() => void)[]): void {
    this.#queuedBytes -= bytes;
    this.sentBytes += bytes;
    for (const header of headers) {
      if (this.#spareHeaders.length < spareHeadersMax) this.#spareHeaders.push(header);
    }
    for (const release of releases) release();
    if (!this.isFull) this.#wake();
    if (!this.#closed) this.#changed();
  }

  /** Resolves when more may be queued, also when the connection is gone. */
  async room(): Promise<void> {
    if (!this.isFull || this.#closed) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
  /** The connection is gone: nobody waits any more. */
  close(): void {
    this.#closed = true;
    this.flush();
    this.#wake();
  }
}

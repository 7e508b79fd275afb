/**
 * The image of a backup on its way out: what the engine makes goes to a link, which is lent its memory until it is sent.
 *
 * Invariant: `finish` says 'closed' only when every byte was taken by the link and no error came after it.
 */
import { CanceledError } from '#errors';
import type { Clock, Link } from '#env';
import { ndmpStreamCloseMs } from '#limits';

export class ImageWriter {
  readonly #link: Link;
  readonly #clock: Clock;
  #bytes = 0n;
  #closed: { readonly error?: Error } | undefined;
  #isFinishing = false;
  #tell: (() => void) | undefined;

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    link.start({
      // A tape side says nothing on this stream.
      data: () => undefined,
      closed: (error) => {
        this.#closed = error === undefined ? {} : { error };
        this.#tell?.();
      },
    });
  }
  get bytes(): bigint {
    return this.#bytes;
  }
  /** The other side has gone before all was there, or with an error. */
  get isLost(): boolean {
    return this.#closed !== undefined && (!this.#isFinishing || this.#closed.error !== undefined);
  }

  /** Resolves when the memory is free again. Rejects with CanceledError when the other side is gone. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isFinishing) throw new CanceledError('The image stream has ended');
    this.#check();
    await new Promise<void>((resolve) => {
      this.#link.write([bytes], resolve);
    });
    // The link frees the memory of what it could not send as well.
    this.#check();
    this.#bytes += BigInt(bytes.length);
  }
  #check(): void {
    if (this.#closed !== undefined) throw new CanceledError('The image stream is closed');
  }

  /**
   * The image ends here. Waits for the other side to close as well, for then it has taken everything; but a tape server that
   * waits for a tape, or for its DMA, may take its time: what is still under way then is the kernel's to deliver. `patience`
   * says that there is no kernel between us, and that waiting ends with the session at the latest.
   */
  async finish(patience: 'limited' | 'unlimited'): Promise<'closed' | 'lost'> {
    if (this.isLost) return 'lost';
    this.#isFinishing = true;
    this.#link.end();
    if (this.#closed === undefined) {
      await new Promise<void>((resolve) => {
        const timer = patience === 'limited' ? this.#clock.after(ndmpStreamCloseMs, resolve) : undefined;
        this.#tell = () => {
          timer?.cancel();
          resolve();
        };
      });
    }
    return this.isLost ? 'lost' : 'closed';
  }
  /** Nothing more of this image; the other side learns that it is not whole. */
  destroy(): void {
    this.#link.destroy();
  }
}

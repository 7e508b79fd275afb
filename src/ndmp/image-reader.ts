/**
 * The image of a recovery on its way in: the engine asks for parts, the tape side sends exactly these.
 *
 * What comes is copied once, out of the link's loan, and waits here until the engine takes it: some MiB at most, then the link
 * is paused.
 */
import { ProtocolError } from '#errors';
import type { Clock, Link } from '#env';
import { ndmpImageHeldBytesMax, ndmpStreamCloseMs } from '#limits';
import { type ImageSource, toTheEnd } from '#trees';

export interface AskedPart {
  readonly offset: bigint;
  readonly length: bigint;
}

export class ImageReader implements ImageSource {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #tellTapeSide: (part: AskedPart) => void | Promise<void>;
  #part: AskedPart = { offset: 0n, length: 0n };
  /** Of the part, what has not come yet. */
  #missing = 0n;
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  #bytes = 0n;
  #isPaused = false;
  #isFinishing = false;
  #closed: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  /** `tellTapeSide` sends NOTIFY_DATA_READ, or asks the mover of the session itself. */
  constructor(link: Link, clock: Clock, tellTapeSide: (part: AskedPart) => void | Promise<void>) {
    this.#link = link;
    this.#clock = clock;
    this.#tellTapeSide = tellTapeSide;
    link.start({
      data: (chunk) => this.#take(chunk),
      closed: (error) => {
        this.#closed = error === undefined ? {} : { error };
        this.#wake?.();
      },
    });
  }
  /** Taken from the stream. */
  get bytes(): bigint {
    return this.#bytes;
  }
  /** The part that is being read: DATA_GET_STATE. */
  get part(): AskedPart {
    return this.#part;
  }
  get isLost(): boolean {
    return this.#closed?.error !== undefined;
  }

  ask(offset: bigint, length: bigint): void {
    this.#part = { offset, length };
    this.#missing = length;
    if (length > 0n) void this.#tell();
  }
  async #tell(): Promise<void> {
    try {
      await this.#tellTapeSide(this.#part);
    } catch (error) {
      // The next `read` says it to the engine.
      this.#closed ??= { error: error instanceof Error ? error : new Error(String(error)) };
      this.#wake?.();
    }
  }
  async read(): Promise<Uint8Array> {
    while (this.#chunks.length === 0) {
      if (this.#closed !== undefined) return this.#end(this.#closed);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return Buffer.alloc(0);
    this.#heldBytes -= chunk.length;
    this.#makeRoom();
    if (this.#missing !== toTheEnd) {
      if (BigInt(chunk.length) > this.#missing) {
        throw new ProtocolError('data', 'The tape side sent more than it was asked for', { ...this.#part });
      }
      this.#missing -= BigInt(chunk.length);
    }
    return chunk;
  }
  #end({ error }: { readonly error?: Error }): Uint8Array {
    if (error !== undefined) throw error;
    return Buffer.alloc(0);
  }

  #take(chunk: Buffer): void {
    this.#bytes += BigInt(chunk.length);
    if (this.#isFinishing) return;
    this.#chunks.push(Buffer.from(chunk)); // the link's only until we return
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > ndmpImageHeldBytesMax && !this.#isPaused) {
      this.#isPaused = true;
      this.#link.pause();
    }
    this.#wake?.();
  }
  #makeRoom(): void {
    if (!this.#isPaused || this.#heldBytes > ndmpImageHeldBytesMax / 2) return;
    this.#isPaused = false;
    this.#link.resume();
  }

  /**
   * Nothing more is wanted: our side of the stream is closed. What is still on its way (padding, the rest of a record) is taken
   * and dropped for a while, so that the tape side sees an orderly end and no reset. Nobody waits for that: a mover that has met
   * a filemark stays as it is until its client says that there is no other tape.
   */
  finish(): void {
    this.#isFinishing = true;
    this.#chunks = [];
    this.#heldBytes = 0;
    this.#makeRoom();
    if (this.#closed !== undefined) {
      this.#link.destroy();
      return;
    }
    this.#link.end();
    const timer = this.#clock.after(ndmpStreamCloseMs, () => this.#link.destroy());
    this.#wake = () => {
      timer.cancel();
      this.#link.destroy();
    };
  }
  destroy(): void {
    this.#link.destroy();
  }
}

/**
 * ToTape: the image stream as records on tape (mover mode READ).
 *
 * One loop takes records from the queue and gives them to the tape, one at a time; the stream is stopped while the queue is
 * full. What meets the end of the medium or of the window stays in the queue and is the first that goes to the next tape; it lies in
 * memory of the pool meanwhile.
 *
 * P5: what a pause or an orderly end announces as written is durable: the tape is synchronized before.
 */
import type { Link } from '#env';
import { breathAfter, type Flow, type FlowParts, haltOf } from './mover-faces.js';
import { endOfWindow } from './mover-window.js';
import { RecordQueue } from './record-queue.js';
import { StepLoop } from './step-loop.js';
import type { PauseReason } from './types.js';

export class ToTape implements Flow {
  readonly #parts: FlowParts;
  readonly #link: Link;
  readonly #queue: RecordQueue;
  #windowEnd: bigint;
  readonly #loop = new StepLoop({
    mayGo: () => !this.#over && !this.#paused,
    begin: () => this.#parts.tape.quiet,
    step: async () => await this.#step(),
    fail: (error) => this.#fail(error),
    left: () => {
      if (this.#over) this.#queue.close();
    },
  });
  #paused = false;
  #over = false;
  /** We asked the link to wait. */
  #stopped = false;
  /** The stream has ended: the peer closed it, or it was cut. */
  #ended: { readonly error: Error | undefined } | undefined;
  #isDurable = true;
  #recordsInTurn = 0;

  constructor(parts: FlowParts, link: Link) {
    this.#parts = parts;
    this.#link = link;
    this.#queue = new RecordQueue(
      parts.pool,
      parts.progress.recordBytes,
      () => this.#memoryCame(),
      (bytes) => parts.tape.landing(bytes),
    );
    this.#windowEnd = endOfWindow(parts.progress.window);
  }

  get settled(): Promise<void> {
    return this.#loop.settled;
  }
  get isEnding(): boolean {
    return this.#ended !== undefined && this.#ended.error === undefined && !this.#paused && !this.#over;
  }
  start(): void {
    this.#link.start({
      data: (chunk) => {
        this.#recordsInTurn = 0;
        this.#queue.push(chunk);
        if (this.#queue.isFull || this.#paused) this.#stopStream();
        this.#loop.go();
      },
      room: () => this.#queue.room(),
      closed: (error) => {
        this.#ended = { error };
        this.#queue.end();
        this.#loop.go();
      },
    });
  }
  resume(): void {
    this.#paused = false;
    this.#queue.goBack();
    this.#goOnStream();
    this.#loop.go();
  }
  recordBytesChanged(): void {
    this.#queue.recut(this.#parts.progress.recordBytes);
  }
  windowChanged(): void {
    this.#windowEnd = endOfWindow(this.#parts.progress.window);
  }
  /** What is not on the tape by now never will be: who closes a mover that is at work wants no more of it. */
  end(): void {
    this.#over = true;
    this.#link.destroy();
    if (!this.#loop.isRunning) this.#queue.close();
  }

  #memoryCame(): void {
    this.#goOnStream();
    this.#loop.go();
  }
  #stopStream(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#link.pause();
  }
  #goOnStream(): void {
    if (!this.#stopped || this.#paused || !this.#queue.isSlack) return;
    this.#stopped = false;
    this.#link.resume();
  }

  /** False: wait for what comes. */
  async #step(): Promise<boolean> {
    const { tape, progress, env } = this.#parts;
    if (this.#ended?.error !== undefined) {
      this.#parts.halt('connect-error', `The image stream was lost: ${this.#ended.error.message}`);
      return false;
    }
    if (this.#queue.heldBytes === 0) {
      if (this.#ended !== undefined) await this.#finish();
      return false;
    }
    if (progress.position >= this.#windowEnd) {
      await this.#pause('eow');
      return false;
    }
    const record = this.#queue.peek();
    if (record === undefined) {
      this.#goOnStream(); // more must come for a whole one
      return false;
    }
    this.#isDurable = false;
    const isWritten = (await tape.writeRecord(record)) === 'written';
    if (isWritten) {
      progress.wroteRecord();
      this.#queue.shift();
      this.#goOnStream();
    } else if (!this.#over) await this.#pause('eom');
    this.#recordsInTurn += 1;
    if (this.#recordsInTurn % breathAfter === 0) await env.clock.sleep(0);
    return isWritten;
  }

  async #pause(reason: PauseReason): Promise<void> {
    await this.#synchronize();
    if (this.#over) return;
    this.#paused = true;
    this.#queue.leave();
    if (!this.#queue.isLent) this.#stopStream(); // else when that has come: until then it is the drive's memory
    this.#parts.pause(reason);
  }
  async #finish(): Promise<void> {
    await this.#synchronize();
    if (!this.#over) this.#parts.halt('connect-closed', 'The image stream has ended');
  }
  async #synchronize(): Promise<void> {
    if (this.#isDurable) return;
    await this.#parts.tape.synchronize();
    this.#isDurable = true;
  }
  #fail(error: unknown): void {
    if (this.#over) return;
    const { reason, text } = haltOf(error, this.#parts.log);
    this.#parts.halt(reason, `Writing to the tape failed: ${text}`);
  }
}

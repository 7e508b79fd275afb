/**
 * Crew: who performs slips: threads that share the arena with us, or, without any, we ourselves and at once (the simulator,
 * offline tools). Slips with the same lane are performed one after another.
 *
 * Thread: the store's. What is handed over is the address of a slip, so it costs the same whatever it is about: into the mailbox of a
 * thread, and one message back for as many as are done.
 */
import { strict as assert } from 'node:assert';
import { Worker } from 'node:worker_threads';
import { type Logger, silentLog } from '#env';
import type { Arena } from './arena.js';
import { atHandBytes } from './at-hand.js';
import type { CrewWorkerData } from './crew.worker.js';
import type { Kernels } from './kernels.js';
import { Mailbox, mailboxBytes } from './mailbox.js';
import { OUTCOME, type Slip } from './slips.js';
import { kernelsBytes } from './wasm-kernels.js';

export interface Crew {
  /** Works while we do something else. */
  readonly isBeside: boolean;
  /** `slip.done` is called when it is done: before `run` returns, or later. */
  run(slip: Slip, lane?: number): void;
  /** Slips under way. */
  readonly busy: number;
  /** When none is under way any more. */
  close(): Promise<void>;
}

export class InlineCrew implements Crew {
  readonly isBeside = false;
  readonly busy = 0;
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  constructor(arena: Arena, kernels: Kernels) {
    this.#arena = arena;
    this.#kernels = kernels;
  }
  run(slip: Slip): void {
    slip.perform(this.#kernels, (at, bytes) => this.#arena.view(at, bytes));
    slip.done();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A thread. */
class Hand {
  readonly slips = new Map<number, Slip>();
  readonly worker: Worker;
  isGone = false;
  /** It is gone, and its slips are being done. */
  isFinishing = false;
  /** What it died of. */
  error: unknown;
  readonly #wake: () => void;
  readonly #mailbox: Mailbox;
  /** 1: it has said that something is done, and we have not looked. */
  readonly #flag: Int32Array;

  /** `gone`: it has ended before it was told to, with work undone. */
  constructor(arena: Arena, wake: () => void, gone: (hand: Hand) => void) {
    this.#wake = wake;
    const scratchAt = arena.allocate(kernelsBytes).byteOffset;
    const atHandAt = arena.allocate(atHandBytes).byteOffset;
    const flag = arena.allocate(4);
    this.#flag = new Int32Array(flag.buffer, flag.byteOffset, 1).fill(0); // the memory may have been another's
    const mailbox = arena.allocate(mailboxBytes).fill(0);
    this.#mailbox = new Mailbox(mailbox);
    const at = { scratchAt, atHandAt, flagAt: flag.byteOffset, mailboxAt: mailbox.byteOffset };
    const workerData: CrewWorkerData = { memory: arena.memory, ...at };
    this.worker = new Worker(new URL('./crew.worker.js', import.meta.url), { workerData });
    this.worker.on('message', () => this.#done());
    this.worker.on('error', (error) => {
      this.error = error; // 'exit' follows
    });
    this.worker.on('exit', () => {
      this.isGone = true;
      gone(this);
    });
    this.worker.unref();
  }
  run(slip: Slip): void {
    this.slips.set(slip.address, slip);
    if (this.slips.size === 1) this.worker.ref(); // the process must not end before it is done
    this.#mailbox.put(slip.address);
  }
  #done(): void {
    Atomics.store(this.#flag, 0, 0);
    for (const [address, slip] of this.slips) {
      if (slip.outcome === OUTCOME.none) break; // done in order
      this.slips.delete(address);
      slip.done();
    }
    if (this.slips.size > 0) return;
    this.worker.unref();
    this.#wake();
  }
}

/** Threads. What one leaves undone we do ourselves: if it met a bug, then so do we, and here it ends the process (E3). */
export class ThreadCrew implements Crew {
  readonly isBeside = true;
  readonly #hands: readonly Hand[];
  readonly #inline: InlineCrew;
  readonly #log: Logger;
  #waiting: (() => void)[] = [];
  #isClosing = false;

  constructor(arena: Arena, kernels: Kernels, threads: number, log: Logger = silentLog) {
    assert(threads > 0);
    this.#log = log;
    this.#inline = new InlineCrew(arena, kernels);
    const wake = (): void => this.#wake();
    this.#hands = Array.from({ length: threads }, () => new Hand(arena, wake, (hand) => this.#gone(hand)));
  }
  get busy(): number {
    let busy = 0;
    for (const { slips } of this.#hands) busy += slips.size;
    return busy;
  }
  run(slip: Slip, lane?: number): void {
    const hand = lane === undefined ? this.#idlest() : this.#hands[lane % this.#hands.length];
    assert(hand !== undefined);
    if (hand.isGone) this.#finish(hand, slip);
    else hand.run(slip);
  }
  /** Of those that live; any, when none does. */
  #idlest(): Hand | undefined {
    let idlest: Hand | undefined;
    for (const hand of this.#hands)
      if (!hand.isGone && hand.slips.size < (idlest?.slips.size ?? Infinity)) idlest = hand;
    return idlest ?? this.#hands[0];
  }
  #gone(hand: Hand): void {
    if (this.#isClosing) return;
    const message =
      'A thread of the store has died: the others and the main thread do its work, more slowly, until the next start';
    const { error } = hand;
    this.#log.error(message, { error: error instanceof Error ? String(error.stack) : String(error) });
    this.#finish(hand);
    this.#wake();
  }
  /** What the thread left undone, and then `more`: what comes of doing it is done behind it, or a lane would be out of order. */
  #finish(hand: Hand, more?: Slip): void {
    const { slips } = hand;
    if (more !== undefined) slips.set(more.address, more);
    if (hand.isFinishing) return;
    hand.isFinishing = true;
    for (const [address, slip] of slips) {
      slips.delete(address);
      if (slip.outcome === OUTCOME.none) this.#inline.run(slip);
      else slip.done();
    }
    hand.isFinishing = false;
  }
  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
  async close(): Promise<void> {
    while (this.busy > 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#isClosing = true;
    await Promise.all(this.#hands.map(async ({ worker }) => await worker.terminate()));
  }
}

/**
 * Crew: who performs slips: threads that share the arena with us, or, without any, we ourselves and at once (the simulator,
 * offline tools). Slips with the same lane are performed one after another.
 *
 * Thread: the store's. What is handed over is the address of a slip, so it costs the same whatever it is about: into the mailbox of a
 * thread, or, without a lane, into one that all threads empty, so that none waits behind another's; and one message back for as many as
 * are done.
 */
import { strict as assert } from 'node:assert';
import { Worker } from 'node:worker_threads';
import { type Logger, silentLog } from '#env';
import type { Arena } from './arena.js';
import { atHandBytes } from './at-hand.js';
import type { CrewWorkerData } from './crew.worker.js';
import type { Kernels } from './kernels.js';
import { Desk, deskBytes } from './desk.js';
import { Mailbox, mailboxBytes } from './mailbox.js';
import { SlipQueue } from './slip-queue.js';
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
  /** Those of its lanes. */
  readonly slips = new SlipQueue();
  readonly worker: Worker;
  readonly desk: Desk;
  isGone = false;
  /** What it died of. */
  error: unknown;
  readonly #mailbox: Mailbox;

  /** `commonAt`: the mailbox of all. `told`: something may be done. `gone`: it has ended before it was told to, with work undone. */
  constructor(arena: Arena, commonAt: number, told: () => void, gone: (hand: Hand) => void) {
    const scratchAt = arena.allocate(kernelsBytes).byteOffset;
    const atHandAt = arena.allocate(atHandBytes).byteOffset;
    const desk = arena.allocate(deskBytes).fill(0); // the memory may have been another's
    this.desk = new Desk(desk);
    const mailbox = arena.allocate(mailboxBytes).fill(0);
    this.#mailbox = new Mailbox(mailbox);
    const mailboxesAt = [mailbox.byteOffset, commonAt];
    const at = { scratchAt, atHandAt, deskAt: desk.byteOffset, mailboxesAt };
    const workerData: CrewWorkerData = { memory: arena.memory, ...at };
    this.worker = new Worker(new URL('./crew.worker.js', import.meta.url), { workerData });
    this.worker.on('message', () => {
      this.desk.heard();
      this.#done();
      told();
    });
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
    this.slips.push(slip);
    this.#mailbox.put(slip.address);
    this.desk.wake();
  }
  /** By itself: a thread that is stopped from outside while it loads what it needs can take the process with it. */
  async end(): Promise<void> {
    if (this.isGone) return;
    const gone = new Promise<void>((resolve) => this.worker.once('exit', () => resolve()));
    this.worker.ref();
    this.desk.end();
    await gone;
  }
  #done(): void {
    for (let slip = this.slips.at(0); slip !== undefined; slip = this.slips.at(0)) {
      if (slip.outcome === OUTCOME.none) break; // done in order
      this.slips.remove(0);
      slip.done();
    }
  }
}

/** Threads. What one leaves undone we do ourselves: if it met a bug, then so do we, and here it ends the process (E3). */
export class ThreadCrew implements Crew {
  readonly isBeside = true;
  readonly #hands: readonly Hand[];
  /** Slips without a lane. */
  readonly #slips = new SlipQueue();
  readonly #mailbox: Mailbox;
  readonly #inline: InlineCrew;
  readonly #log: Logger;
  /** Slips of threads that are gone, which are being done. */
  readonly #finishing = new Set<SlipQueue>();
  #waiting: (() => void)[] = [];
  #isAwaited = false;
  #isClosing = false;

  constructor(arena: Arena, kernels: Kernels, threads: number, log: Logger = silentLog) {
    assert(threads > 0);
    this.#log = log;
    this.#inline = new InlineCrew(arena, kernels);
    const mailbox = arena.allocate(mailboxBytes).fill(0);
    this.#mailbox = new Mailbox(mailbox);
    const told = (): void => this.#told();
    const gone = (hand: Hand): void => this.#gone(hand);
    this.#hands = Array.from({ length: threads }, () => new Hand(arena, mailbox.byteOffset, told, gone));
  }
  get busy(): number {
    let busy = this.#slips.size;
    for (const { slips } of this.#hands) busy += slips.size;
    return busy;
  }
  run(slip: Slip, lane?: number): void {
    if (!this.#isAwaited) this.#await(true);
    const hand = lane === undefined ? undefined : this.#hands[lane % this.#hands.length];
    if (hand?.isGone === false) {
      hand.run(slip);
      return;
    }
    const slips = hand?.slips ?? this.#slips;
    slips.push(slip);
    if (hand !== undefined || this.#hands.every(({ isGone }) => isGone)) {
      this.#finish(slips);
      return;
    }
    this.#mailbox.put(slip.address);
    this.#wakeHands();
  }
  /** As many as are needed, of those that have nothing else to do. */
  #wakeHands(): void {
    if (this.#slips.size === 0) return;
    let weight = 0;
    for (let index = 0; index < this.#slips.size; index++) weight += this.#slips.at(index)?.weight ?? 0;
    for (const { isGone, slips, desk } of this.#hands) {
      if (isGone) continue;
      if (desk.wake() || slips.size === 0) weight -= 1;
      if (weight <= 0) return;
    }
  }
  #told(): void {
    let undone = 0;
    for (let slip = this.#slips.at(0); slip !== undefined; slip = this.#slips.at(undone)) {
      if (slip.outcome === OUTCOME.none) {
        undone += 1;
        if (undone === this.#hands.length) break; // they are begun in order, and each thread is at one
        continue;
      }
      this.#slips.remove(undone);
      slip.done();
    }
    if (this.busy === 0) this.#await(false);
  }
  /** The process must not end before everything is done. */
  #await(isAwaited: boolean): void {
    this.#isAwaited = isAwaited;
    for (const { worker } of this.#hands) {
      if (isAwaited) worker.ref();
      else worker.unref();
    }
    if (!isAwaited) this.#wake();
  }
  #gone(hand: Hand): void {
    if (this.#isClosing) return;
    const message =
      'A thread of the store has died: the others and the main thread do its work, more slowly, until the next start';
    const { error } = hand;
    this.#log.error(message, { error: error instanceof Error ? String(error.stack) : String(error) });
    this.#finish(hand.slips);
    if (this.#hands.every(({ isGone }) => isGone)) this.#finish(this.#slips);
    const index = this.#slips.indexOf(hand.desk.at);
    const slip = this.#slips.at(index);
    if (slip?.outcome === OUTCOME.none) {
      this.#slips.remove(index);
      this.#inline.run(slip);
    }
    this.#told();
    this.#wakeHands();
  }
  /** What threads that are gone left undone. What comes of doing it is done behind it, or a lane would be out of order. */
  #finish(slips: SlipQueue): void {
    if (this.#finishing.has(slips)) return;
    this.#finishing.add(slips);
    for (let slip = slips.at(0); slip !== undefined; slip = slips.at(0)) {
      slips.remove(0);
      if (slip.outcome === OUTCOME.none) this.#inline.run(slip);
      else slip.done();
    }
    this.#finishing.delete(slips);
    if (this.busy === 0) this.#await(false);
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
    await Promise.all(this.#hands.map(async (hand) => await hand.end()));
  }
}

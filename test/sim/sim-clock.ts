/**
 * Simulated time: a queue of events. Time goes on only when nothing is runnable: no promise job is left and no database
 * call is under way. Events of the same moment happen in a seeded order.
 */
import { CanceledError } from '#errors';
import type { Clock, Timer } from '#env';
import type { SimRandom } from './sim-random.js';

/** One life of a simulated process. What it had scheduled dies with it. */
export class Life {
  #alive = true;
  get alive(): boolean {
    return this.#alive;
  }
  end(): void {
    this.#alive = false;
  }
}

interface Event extends Timer {
  readonly atMs: number;
  readonly order: number;
  readonly life: Life;
  fire: (() => void) | undefined;
}

/** A real date, because dissectors refuse others. */
const startMs = Date.UTC(2025, 0, 1);

export class Scheduler {
  readonly random: SimRandom;
  #nowMs = 0;
  #count = 0;
  /** Binary heap by time, then order. */
  readonly #heap: Event[] = [];
  /** Real operations under way (database calls), which simulated time waits for. */
  #outside = 0;

  constructor(random: SimRandom) {
    this.random = random;
  }
  get nowMs(): number {
    return this.#nowMs;
  }
  /** Events fired so far. */
  get count(): number {
    return this.#count;
  }

  schedule(life: Life, delayMs: number, fire: () => void): Timer {
    const event: Event = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.random.integer(2 ** 32),
      life,
      fire,
      cancel: () => (event.fire = undefined),
    };
    this.#push(event);
    return event;
  }
  /** Resolves after a moment between the two; never when the life ends before. */
  async delay(life: Life, lowMs: number, highMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.schedule(life, lowMs + this.random.fraction() * (highMs - lowMs), resolve);
    });
  }
  /** Something real is done; simulated time stands still until it has ended. */
  async outside<T>(work: () => Promise<T>): Promise<T> {
    this.#outside += 1;
    try {
      return await work();
    } finally {
      this.#outside -= 1;
    }
  }

  /** Runs the world until `work` has ended. Throws when it does not within `limitMs` of simulated time. */
  async run<T>(work: Promise<T>, limitMs: number): Promise<T> {
    let ended = false;
    const mark = (): void => {
      ended = true;
    };
    work.then(mark, mark);
    const deadlineMs = this.#nowMs + limitMs;
    for (;;) {
      await this.#settled();
      if (ended) return await work;
      const event = this.#pop();
      if (event === undefined) throw new Error(`Stuck: nothing left to happen at ${this.#nowMs} ms`);
      if (event.atMs > deadlineMs) throw new Error(`Stuck: not done after ${limitMs} ms`);
      this.#nowMs = event.atMs;
      if (event.fire === undefined || !event.life.alive) continue;
      this.#count += 1;
      event.fire();
    }
  }
  /** All promise jobs done, and no real operation under way. */
  async #settled(): Promise<void> {
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#outside > 0);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }
  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
const isBefore = (a: Event | undefined, b: Event | undefined): boolean =>
  a !== undefined && (b === undefined || a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order));

/** The clock of one life. */
export function simClock(scheduler: Scheduler, life: Life): Clock {
  return {
    wallMs: () => startMs + Math.floor(scheduler.nowMs),
    monotonicMs: () => scheduler.nowMs,
    after: (delayMs, fire) => scheduler.schedule(life, delayMs, fire),
    async sleep(delayMs, signal) {
      await new Promise<void>((resolve, reject) => {
        const stop = (): void => {
          timer.cancel();
          reject(new CanceledError('Sleep was canceled'));
        };
        const timer = scheduler.schedule(life, delayMs, () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        });
        if (signal?.aborted === true) stop();
        else signal?.addEventListener('abort', stop, { once: true });
      });
    },
  };
}

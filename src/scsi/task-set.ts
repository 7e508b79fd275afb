/**
 * TaskSet: the order in which a logical unit works (SAM-5 8). One task is enabled at a time; SIMPLE and ORDERED tasks run
 * in the order of arrival, HEAD OF QUEUE goes before what waits. Concurrent commands pass beside it.
 *
 * Invariant P2: every task entered ends once, run or dropped.
 */
import type { Task } from './task.js';

interface Entry {
  readonly task: Task;
  readonly queued: boolean;
  /** Lets a waiting task run, or drops it. */
  readonly start: () => void;
  readonly ended: Promise<void>;
}

export class TaskSet {
  readonly #entries: Entry[] = [];
  #running: Entry | undefined;

  get size(): number {
    return this.#entries.length;
  }

  /** Runs `work` when its turn comes; at once when `concurrent`. A task canceled while it waits never runs: `dropped`. */
  async run<T>(task: Task, concurrent: boolean, work: () => Promise<T>, dropped: T): Promise<T> {
    let start = (): void => undefined;
    let end = (): void => undefined;
    const turn = new Promise<void>((resolve) => (start = resolve));
    const ended = new Promise<void>((resolve) => (end = resolve));
    const entry: Entry = { task, queued: !concurrent, start, ended };
    this.#insert(entry);
    try {
      if (!concurrent) {
        this.#next();
        await turn;
      }
      return task.canceled ? dropped : await work();
    } finally {
      this.#entries.splice(this.#entries.indexOf(entry), 1);
      if (this.#running === entry) this.#running = undefined;
      end();
      this.#next();
    }
  }

  #insert(entry: Entry): void {
    const waiting = this.#entries.findIndex((other) => other.queued && other !== this.#running);
    if (entry.task.attribute === 'head-of-queue' && waiting >= 0) this.#entries.splice(waiting, 0, entry);
    else this.#entries.push(entry);
  }
  #next(): void {
    if (this.#running !== undefined) return;
    this.#running = this.#entries.find((entry) => entry.queued);
    this.#running?.start();
  }

  /** Cancels the tasks that `affected` picks, and resolves when all of them have ended. Returns how many there were. */
  async cancel(affected: (task: Task) => boolean): Promise<number> {
    const hit = this.#entries.filter((entry) => affected(entry.task));
    for (const { task } of hit) task.cancel();
    await Promise.all(
      hit.map(async (entry) => {
        if (entry.queued && entry !== this.#running) entry.start(); // sees that it is canceled and leaves
        await entry.ended;
      }),
    );
    return hit.length;
  }
  /** The tasks entered and not ended, oldest first. */
  get tasks(): readonly Task[] {
    return this.#entries.map((entry) => entry.task);
  }
}

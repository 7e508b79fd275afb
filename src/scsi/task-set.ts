/**
 * TaskSet: the order in which a logical unit works (SAM-5 8). One task is enabled at a time; SIMPLE and ORDERED tasks run
 * in the order of arrival, HEAD OF QUEUE goes before what waits. Concurrent commands pass beside it.
 *
 * Invariant P2: every task entered ends once, run or dropped.
 */
import { strict as assert } from 'node:assert';
import type { Task } from './task.js';

interface Entry {
  readonly task: Task;
  readonly queued: boolean;
  /** While it waits: lets it go on, to run or to be dropped. */
  start: (() => void) | undefined;
  /** Told when it has ended. */
  ended: (() => void)[] | undefined;
}

export class TaskSet {
  readonly #entries: Entry[] = [];
  #running: Entry | undefined;

  get size(): number {
    return this.#entries.length;
  }

  /**
   * The task is in the set until it leaves. What must be awaited before its turn; undefined: it has come, as it has at once when
   * `concurrent`. One that is canceled while it waits does not run.
   */
  enter(task: Task, concurrent: boolean): Promise<void> | undefined {
    const entry: Entry = { task, queued: !concurrent, start: undefined, ended: undefined };
    this.#insert(entry);
    if (concurrent) return undefined;
    this.#next();
    if (this.#running === entry) return undefined;
    return new Promise<void>((resolve) => (entry.start = resolve));
  }
  leave(task: Task): void {
    const index = this.#entries.findIndex((one) => one.task === task);
    const entry = this.#entries[index];
    assert(entry !== undefined, 'P2: a task leaves once');
    if (index === 0) this.#entries.shift();
    else this.#entries.splice(index, 1);
    if (this.#running === entry) this.#running = undefined;
    if (entry.ended !== undefined) for (const told of entry.ended) told();
    this.#next();
  }

  #insert(entry: Entry): void {
    const isFirst = entry.task.attribute === 'head-of-queue';
    const waiting = isFirst
      ? this.#entries.findIndex((other) => other.queued && other !== this.#running)
      : -1;
    if (waiting >= 0) this.#entries.splice(waiting, 0, entry);
    else this.#entries.push(entry);
  }
  #next(): void {
    if (this.#running !== undefined) return;
    this.#running = this.#entries.find(isQueued);
    this.#running?.start?.();
  }

  /** Cancels the tasks that `affected` picks, and resolves when all of them have ended. Returns how many there were. */
  async cancel(affected: (task: Task) => boolean): Promise<number> {
    const hit = this.#entries.filter((entry) => affected(entry.task));
    for (const { task } of hit) task.cancel();
    await Promise.all(
      hit.map(async (entry) => {
        if (entry !== this.#running) entry.start?.(); // sees that it is canceled and leaves
        await new Promise<void>((resolve) => (entry.ended ??= []).push(resolve));
      }),
    );
    return hit.length;
  }
  /** The tasks entered and not ended, oldest first. */
  get tasks(): readonly Task[] {
    return this.#entries.map((entry) => entry.task);
  }
}
const isQueued = ({ queued }: Entry): boolean => queued;

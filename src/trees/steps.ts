/**
 * Steps: how the code of a job, which is plain and synchronous, waits. It yields what it waits for to whoever drives it: a thread of
 * its own that may block (`tree.worker.ts`), or a promise's turn (`inline-engine.ts`).
 */
import type { TreeLogEntry } from './tree-engine.js';

/**
 * `image`: the chunk of `ImageOutput` is to be sent, and the next one given. `input`: more bytes are to be put into `ImageInput`.
 * `events`: `Events` holds a batch. `breath`: nothing, but who wants to abort the job can do it here.
 */
export type Step = 'image' | 'input' | 'events' | 'breath';

export type Steps<Value> = Generator<Step, Value, void>;

/** Ends a job: the whole of it failed, with a sentence for people. */
export class TreeFailure extends Error {}

/** What a job counts. */
export class Tally {
  bytes = 0;
  files = 0;
  troubles = 0;
  estimateBytes = 0;
}

export interface LogBook {
  log(entry: TreeLogEntry): void;
}

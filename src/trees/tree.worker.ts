/** The thread of one job: drives its steps, and sleeps where they wait. */
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { posixTreeCalls } from '#env';
import { treeEventBatchesMax } from '../limits.js';
import { Events } from './events.js';
import { ImageInput } from './image-input.js';
import { ImageOutput } from './image-output.js';
import { SharedChunks } from './shared-chunks.js';
import { type Step, type Steps, Tally, TreeFailure } from './steps.js';
import type { BackupRequest, ListRequest, RecoverRequest } from './tree-engine.js';
import { backupSteps, type JobEnd, listSteps, recoverSteps } from './tree-jobs.js';
import { endOf } from './inline-engine.js';

export type TreeWork =
  | { readonly kind: 'backup'; readonly request: BackupRequest }
  | { readonly kind: 'recover'; readonly request: RecoverRequest }
  | { readonly kind: 'list'; readonly request: ListRequest };
export interface TreeWorkerData {
  readonly memory: WebAssembly.Memory;
}
export type TreeMessage =
  | { readonly kind: 'changed' }
  | { readonly kind: 'events'; readonly batch: Uint8Array }
  | { readonly kind: 'ask'; readonly offset: bigint; readonly lengthBytes: bigint }
  | { readonly kind: 'end'; readonly end?: JobEnd; readonly failure?: string };

/** Thrown into the steps. */
class Aborted extends Error {}

const port = parentPort;
assert(port !== null, 'the thread of a job');
const { memory } = workerData as TreeWorkerData; // what ThreadedJob gave us
/** Comes when all of us is loaded, or long after. */
const [work] = (await once(port, 'message')) as [TreeWork];
const chunks = new SharedChunks(memory);
const events = new Events();
const tally = new Tally();

function post(message: TreeMessage, transfer: readonly ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}
/** Our counts have changed. One message for as many changes as there are before it is heard. */
function tell(): void {
  if (chunks.tell()) post({ kind: 'changed' });
}

function sendEvents(): void {
  if (events.isEmpty) return;
  while (chunks.batchesWaiting >= treeEventBatchesMax && !chunks.isAborted) chunks.awaitBatch();
  chunks.sentBatch();
  const batch = events.take();
  post({ kind: 'events', batch }, [batch.buffer as ArrayBuffer]); // a copy of its own
}

/** Sends the chunk, and finds room for the next. */
function sendChunk(output: ImageOutput): void {
  chunks.fill(output.filled);
  tell();
  for (let seen = chunks.emptied; !chunks.hasRoom && !chunks.isAborted; seen = chunks.emptied) {
    chunks.awaitEmptied(seen);
  }
  output.next(chunks.chunk(chunks.filled));
}

/** The chunk before has been used up. */
function nextInput(input: ImageInput): void {
  const ask = input.takeAsk();
  if (ask !== undefined) post({ kind: 'ask', ...ask });
  for (let seen = chunks.filled; seen === chunks.emptied && !chunks.isAborted; seen = chunks.filled) {
    chunks.awaitFilled(seen);
  }
  if (chunks.isAborted) return;
  const bytes = chunks.contents(chunks.emptied);
  if (bytes === undefined) throw new TreeFailure('The image cannot be read');
  input.give(bytes);
}

function drive(steps: Steps<JobEnd>, take: (step: Step) => void): JobEnd {
  for (let step = steps.next(); ;) {
    if (step.done === true) return step.value;
    tally.bytes = Math.max(tally.bytes, position());
    chunks.putTally(tally);
    let failure: unknown;
    try {
      take(step.value);
      if (step.value === 'events' || step.value === 'input' || events.isWorthSending) sendEvents();
    } catch (error) {
      failure = error;
    }
    if (chunks.isAborted) failure = new Aborted();
    step = failure === undefined ? steps.next() : steps.throw(failure);
  }
}
let position = (): number => 0;

async function run(): Promise<JobEnd> {
  const calls = await posixTreeCalls();
  const parts = { calls, events, tally };
  if (work.kind === 'backup') {
    const output = new ImageOutput(chunks.chunk(0));
    position = () => output.position;
    return drive(backupSteps(parts, output, revived(work.request)), (step) => {
      if (step === 'image') sendChunk(output);
    });
  }
  const input = new ImageInput(work.kind === 'recover' ? endOf(work.request) : undefined);
  position = () => input.position;
  const steps =
    work.kind === 'recover'
      ? recoverSteps(parts, input, revived(work.request))
      : listSteps(parts, input, revived(work.request));
  let hasChunk = false;
  return drive(steps, (step) => {
    if (step !== 'input') return;
    if (hasChunk) {
      chunks.empty();
      tell();
    }
    nextInput(input);
    hasChunk = true;
  });
}

/** Buffers come between threads as plain bytes. */
function revived<Request>(request: Request): Request {
  const revive = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length);
    if (Array.isArray(value)) return value.map(revive);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, revive(one)]));
  };
  return revive(request) as Request; // of the same shape
}

let end: TreeMessage;
try {
  end = { kind: 'end', end: await run() };
} catch (error) {
  end = { kind: 'end', failure: error instanceof Error ? error.message : String(error) };
}
tally.bytes = Math.max(tally.bytes, position());
chunks.putTally(tally);
if (!chunks.isAborted) sendEvents();
post(end);

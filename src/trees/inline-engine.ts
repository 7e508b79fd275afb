/**
 * InlineEngine: jobs in the thread of whoever asks for them, a step at a time: for simulations and tests, over whatever system calls
 * they bring. Each step waits for the sink or source, so what is held at a time is one chunk.
 */
import type { TreeCalls } from '#env';
import { treeChunkBytes } from '../limits.js';
import { Events, eventsOf, type TreeEvent } from './events.js';
import { ImageInput } from './image-input.js';
import { ImageOutput } from './image-output.js';
import { type Step, type Steps, Tally } from './steps.js';
import type {
  BackupRequest,
  BackupSink,
  FileSystemFigures,
  HistoryEntry,
  ImageSource,
  ListRequest,
  ListSink,
  RecoverRequest,
  RecoverSink,
  TreeEngine,
  TreeJob,
  TreeProgress,
  TreeResult,
} from './tree-engine.js';
import { backupSteps, type JobEnd, listSteps, recoverSteps } from './tree-jobs.js';

export interface InlineOptions {
  /** Smaller ones make more steps. */
  readonly chunkBytes?: number;
  readonly fileSystem?: (path: Buffer) => Promise<FileSystemFigures | undefined>;
}

export function inlineTreeEngine(calls: TreeCalls, options: InlineOptions = {}): TreeEngine {
  const { chunkBytes = treeChunkBytes, fileSystem = () => Promise.resolve(undefined) } = options;
  return {
    formats: ['tar', 'dump'],
    fileSystem,
    kindOf: async () => await Promise.resolve('directory'),
    backup(request: BackupRequest, sink: BackupSink): TreeJob {
      const output = new ImageOutput(Buffer.alloc(chunkBytes));
      const job = new InlineJob(historyOf(sink), () => output.position);
      return job.start(backupSteps({ calls, ...job.parts }, output, request), async (step) => {
        if (step !== 'image') return;
        await sink.image(output.chunk.subarray(0, output.filled));
        output.next(output.chunk);
      });
    },
    recover(request: RecoverRequest, source: ImageSource, sink: RecoverSink): TreeJob {
      const input = new ImageInput(endOf(request));
      const job = new InlineJob(namedBy(request, sink), () => input.position);
      return job.start(recoverSteps({ calls, ...job.parts }, input, request), reading(input, source));
    },
    list(request: ListRequest, source: ImageSource, sink: ListSink): TreeJob {
      const input = new ImageInput();
      const job = new InlineJob(historyOf(sink), () => input.position);
      return job.start(listSteps(job.parts, input, request), reading(input, source));
    },
  };
}

/** Gives a job what it asks of an image. */
const reading =
  (input: ImageInput, source: ImageSource) =>
  async (step: Step): Promise<void> => {
    if (step !== 'input') return;
    const ask = input.takeAsk();
    if (ask !== undefined) source.ask(ask.offset, ask.lengthBytes);
    input.give(await source.read());
  };

export function endOf({ imageBytes }: RecoverRequest): number {
  return imageBytes === undefined ? Number.MAX_SAFE_INTEGER : Number(imageBytes);
}

/** Events tell names by number. */
export type EventTarget = Pick<BackupSink, 'log'> & {
  readonly history: (entries: readonly HistoryEntry[]) => void | Promise<void>;
  readonly settled: (name: number, status: Parameters<RecoverSink['settled']>[1]) => void | Promise<void>;
};
export function namedBy(request: RecoverRequest, sink: RecoverSink): EventTarget {
  return {
    log: (entry) => sink.log(entry),
    history: () => undefined,
    settled: (index, status) => {
      const name = request.names[index];
      return name === undefined ? undefined : sink.settled(name, status);
    },
  };
}
export function historyOf(sink: ListSink): EventTarget {
  return {
    log: (entry) => sink.log(entry),
    history: (entries) => sink.history(entries),
    settled: () => undefined,
  };
}

/** Hands a batch over in order; history entries that follow one another at once. */
export async function deliver(events: readonly TreeEvent[], target: EventTarget): Promise<void> {
  let entries: HistoryEntry[] = [];
  for (const event of events) {
    if (event.kind === 'history') {
      entries.push(event.entry);
      continue;
    }
    if (entries.length > 0) await target.history(entries);
    entries = [];
    const taken = event.kind === 'log' ? target.log(event.entry) : target.settled(event.name, event.status);
    if (taken !== undefined) await taken;
  }
  if (entries.length > 0) await target.history(entries);
}

/** Thrown into the steps. */
class Aborted extends Error {}

class InlineJob {
  readonly parts = { events: new Events(), tally: new Tally() };
  readonly #target: EventTarget;
  readonly #position: () => number;
  #isAborted = false;
  #abort: () => void = () => undefined;
  /** Who is aborted waits for nobody. */
  readonly #aborted: Promise<void>;

  constructor(target: EventTarget, position: () => number) {
    this.#target = target;
    this.#position = position;
    this.#aborted = new Promise((resolve) => {
      this.#abort = resolve;
    });
  }
  start(steps: Steps<JobEnd>, take: (step: Step) => Promise<void>): TreeJob {
    const job = { progress: (): TreeProgress => this.#progress() };
    return {
      done: this.#run(steps, take),
      abort: () => {
        this.#isAborted = true;
        this.#abort();
      },
      get progress() {
        return job.progress();
      },
    };
  }
  #progress(): TreeProgress {
    const { files, estimateBytes } = this.parts.tally;
    return { bytes: BigInt(this.#position()), files, estimateBytes: BigInt(Math.round(estimateBytes)) };
  }
  async #run(steps: Steps<JobEnd>, take: (step: Step) => Promise<void>): Promise<TreeResult> {
    let end: JobEnd | undefined;
    let failure: string | undefined;
    try {
      await Promise.resolve(); // nothing of the sink is called before the job was returned
      for (let step = steps.next(); ; step = this.#isAborted ? steps.throw(new Aborted()) : steps.next()) {
        if (step.done === true) {
          end = step.value;
          break;
        }
        await Promise.race([this.#take(step.value, take), this.#aborted]);
      }
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      closeSteps(steps, error);
    }
    if (!this.#isAborted) await this.#deliver().catch(() => undefined);
    return resultOf(this.parts.tally, BigInt(this.#position()), end, failure, this.#isAborted);
  }
  async #take(step: Step, take: (step: Step) => Promise<void>): Promise<void> {
    await take(step);
    await this.#deliver();
  }
  async #deliver(): Promise<void> {
    const { events } = this.parts;
    if (!events.isEmpty) await deliver(eventsOf(events.take()), this.#target);
  }
}

/** What failed outside of the steps is told them, so that they give back what they hold. */
export function closeSteps(steps: Steps<unknown>, reason: unknown): void {
  try {
    steps.throw(reason);
  } catch (error) {
    if (error !== reason) throw error;
  }
}

export function resultOf(
  tally: Tally,
  bytes: bigint,
  end: JobEnd | undefined,
  thrown: string | undefined,
  isAborted: boolean,
): TreeResult {
  const { files, troubles } = tally;
  const counts = { bytes, files, troubles };
  if (isAborted && end === undefined) return { outcome: 'aborted', ...counts };
  const message = thrown ?? end?.failure;
  if (message !== undefined) return { outcome: 'failed', message, ...counts };
  const directories = end?.directories;
  return { outcome: 'successful', ...counts, ...(directories === undefined ? {} : { directories }) };
}

/**
 * ThreadedEngine: jobs in threads of their own, one each, because what they do are system calls that block. Nothing of the image is
 * copied between the threads: what the job reads from a file lies in shared memory, and the sink sends it from there.
 */
import { Worker } from 'node:worker_threads';
import { type Env, fileSystemOf, hasTreeCalls, kindBeneath } from '#env';
import { treeAbortGraceMs, treeThreadHeapMiB } from '../limits.js';
import { eventsOf } from './events.js';
import { deliver, type EventTarget, historyOf, namedBy, resultOf } from './inline-engine.js';
import { SharedChunks } from './shared-chunks.js';
import type { TreeMessage, TreeWork, TreeWorkerData } from './tree.worker.js';
import type {
  BackupSink,
  ImageSource,
  TreeEngine,
  TreeJob,
  TreeProgress,
  TreeResult,
} from './tree-engine.js';
import type { JobEnd } from './tree-jobs.js';

/** A thread, and the memory that it shares with us. It does nothing before it is told its work. */
interface Thread {
  readonly worker: Worker;
  readonly chunks: SharedChunks;
}
function startThread(): Thread {
  const chunks = new SharedChunks();
  const workerData: TreeWorkerData = { memory: chunks.memory };
  const worker = new Worker(new URL('./tree.worker.js', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: treeThreadHeapMiB },
  });
  worker.on('error', () => undefined); // a job that has the thread listens too; a spare one just is no more
  return { worker, chunks };
}
/** One thread ahead of the jobs: to load it takes longer than many a job does. It keeps nobody from ending. */
class Threads {
  #spare: Thread | undefined;
  prepare(): void {
    if (this.#spare !== undefined) return;
    const thread = startThread();
    thread.worker.unref();
    thread.worker.once('exit', () => {
      if (this.#spare === thread) this.#spare = undefined;
    });
    this.#spare = thread;
  }
  take(): Thread {
    const thread = this.#spare ?? startThread();
    this.#spare = undefined;
    thread.worker.ref();
    return thread;
  }
}

export function threadedTreeEngine(env: Pick<Env, 'clock'>): TreeEngine {
  const threads = new Threads();
  return {
    prepare: () => threads.prepare(),
    formats: hasTreeCalls ? ['tar', 'dump'] : [],
    fileSystem: fileSystemOf,
    kindOf: kindBeneath,
    backup: (request, sink) => {
      const job = new ThreadedJob(env, threads, historyOf(sink), { kind: 'backup', request });
      job.send(sink);
      return job;
    },
    list: (request, source, sink) => {
      const job = new ThreadedJob(env, threads, historyOf(sink), { kind: 'list', request });
      job.fetch(source);
      return job;
    },
    recover: (request, source, sink) => {
      const job = new ThreadedJob(env, threads, namedBy(request, sink), { kind: 'recover', request });
      job.fetch(source);
      return job;
    },
  };
}

class ThreadedJob implements TreeJob {
  readonly done: Promise<TreeResult>;
  readonly #env: Pick<Env, 'clock'>;
  readonly #chunks: SharedChunks;
  readonly #target: EventTarget;
  readonly #worker: Worker;
  #resolve: (result: TreeResult) => void = () => undefined;
  /** Batches of events are handed over one after another. */
  #delivering: Promise<void> = Promise.resolve();
  #changed: () => void = () => undefined;
  #isDelivered = false;
  /** Chunks that the sink has. */
  #loans = 0;
  /** Of a recovery: bytes in the chunk that is being filled. */
  #gathered = 0;
  #asks: { readonly offset: bigint; readonly lengthBytes: bigint }[] = [];
  #end: JobEnd | undefined;
  #failure: string | undefined;
  #isAborted = false;
  /** The sink or source failed. */
  #isBroken = false;
  /** The thread has said its last word, or is gone. */
  #isOver = false;
  #isSettled = false;

  constructor(env: Pick<Env, 'clock'>, threads: Threads, target: EventTarget, work: TreeWork) {
    const { worker, chunks } = threads.take();
    this.#env = env;
    this.#worker = worker;
    this.#chunks = chunks;
    this.#target = target;
    this.done = new Promise((resolve) => {
      this.#resolve = (result) => {
        threads.prepare(); // who has had one job mostly has another
        resolve(result);
      };
    });
    this.#worker.on('message', (message: TreeMessage) => this.#hear(message));
    this.#worker.on('error', (error) => {
      this.#failure ??= `The thread of the job ended: ${error instanceof Error ? error.message : String(error)}`;
    });
    this.#worker.on('exit', () => this.#over());
    this.#worker.postMessage(work);
  }

  get progress(): TreeProgress {
    const { bytes, files, estimateBytes } = this.#chunks.takeTally();
    return { bytes: BigInt(bytes), files, estimateBytes: BigInt(estimateBytes) };
  }
  abort(): void {
    if (this.#isSettled || this.#isAborted) return;
    this.#isAborted = true;
    this.#stop();
  }
  /** The thread looks at every step; a call that hangs (a disk, a server) is left behind. */
  #stop(): void {
    this.#chunks.abort();
    this.#changed();
    if (this.#isOver) this.#settle();
    const grace = this.#env.clock.after(treeAbortGraceMs, () => this.#over());
    this.#worker.once('exit', () => grace.cancel());
  }
  /** The sink or source failed. */
  #fail(error: unknown): void {
    if (this.#isSettled || this.#isAborted || this.#isBroken) return;
    this.#failure ??= error instanceof Error ? error.message : String(error);
    this.#isBroken = true;
    this.#stop();
  }

  #hear(message: TreeMessage): void {
    if (this.#isOver) return;
    switch (message.kind) {
      case 'changed':
        this.#chunks.heard();
        this.#changed();
        break;
      case 'events':
        this.#delivering = this.#delivering.then(async () => await this.#deliver(message.batch));
        break;
      case 'ask':
        this.#asks.push(message);
        this.#changed();
        break;
      case 'end':
        this.#end = message.end;
        this.#failure ??= message.failure;
        this.#changed();
        this.#over();
        break;
    }
  }
  async #deliver(batch: Uint8Array): Promise<void> {
    try {
      if (!this.#isAborted) await deliver(eventsOf(batch), this.#target);
    } catch (error) {
      this.#fail(error);
    }
    this.#chunks.tookBatch();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    void this.#worker.terminate();
    void this.#delivering.then(() => {
      this.#isDelivered = true;
      this.#settle();
    });
    this.#settle();
  }
  /** When all was taken; who was stopped waits for nobody: what was lent stays as it is, for nobody else has it. */
  #settle(): void {
    const isTaken = this.#loans === 0 && this.#isDelivered;
    if (!this.#isOver || this.#isSettled || !(isTaken || this.#isAborted || this.#isBroken)) return;
    this.#isSettled = true;
    const tally = this.#chunks.takeTally();
    const end = this.#isAborted || this.#failure !== undefined ? undefined : this.#end;
    const failure = this.#failure ?? (end === undefined ? 'The thread of the job ended' : undefined);
    this.#resolve(resultOf(tally, BigInt(tally.bytes), end, failure, this.#isAborted));
  }

  /** Of a backup: chunks go out in the order in which they were filled, and are free again in that order. */
  send(sink: BackupSink): void {
    const chunks = this.#chunks;
    let sent = 0;
    const free: boolean[] = [];
    let first = 0;
    const release = (number: number): void => {
      free[number - first] = true;
      while (free[0] === true) {
        free.shift();
        first += 1;
        chunks.empty();
      }
      this.#loans -= 1;
      this.#settle();
    };
    this.#changed = () => {
      while (sent < chunks.filled && !this.#isAborted && !this.#isBroken) {
        const number = sent;
        sent += 1;
        this.#loans += 1;
        void this.#lend(sink, chunks.contents(number)).then(() => release(number));
      }
    };
  }
  async #lend(sink: BackupSink, bytes: Buffer | undefined): Promise<void> {
    try {
      if (bytes !== undefined) await sink.image(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Of a recovery: parts are fetched as they are asked for. */
  fetch(source: ImageSource): void {
    void this.#fetchAll(source);
  }
  async #fetchAll(source: ImageSource): Promise<void> {
    while (!this.#isOver && !this.#isAborted) {
      const ask = this.#asks.shift();
      if (ask === undefined) {
        await this.#change();
        continue;
      }
      try {
        source.ask(ask.offset, ask.lengthBytes);
        await this.#fetchPart(source, ask.lengthBytes);
      } catch (error) {
        this.#fail(error);
        this.#chunks.fill('broken');
        return;
      }
    }
  }
  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#changed = resolve;
    });
  }
  async #fetchPart(source: ImageSource, lengthBytes: bigint): Promise<void> {
    const chunks = this.#chunks;
    for (let left = lengthBytes; left > 0n;) {
      this.#changed = () => this.#feedIdle();
      this.#feedIdle();
      const bytes = await source.read();
      if (this.#isOver || this.#isAborted) return;
      left = bytes.length === 0 ? 0n : left - BigInt(bytes.length);
      for (let at = 0; at < bytes.length;) {
        while (!chunks.hasRoom) {
          await this.#change();
          if (this.#isOver || this.#isAborted) return;
        }
        const chunk = chunks.chunk(chunks.filled);
        const part = Math.min(bytes.length - at, chunk.length - this.#gathered);
        chunk.set(bytes.subarray(at, at + part), this.#gathered);
        this.#gathered += part;
        at += part;
        if (this.#gathered === chunk.length || (left === 0n && at === bytes.length)) this.#fill();
      }
      if (bytes.length === 0) await this.#sayEnd();
    }
  }
  #fill(): void {
    this.#chunks.fill(this.#gathered);
    this.#gathered = 0;
  }
  /** A job that waits gets what there is: it may be all that it needs, and nothing more may come before it says so. */
  #feedIdle(): void {
    if (this.#gathered > 0 && this.#chunks.filled === this.#chunks.emptied) this.#fill();
  }
  /** What there is, and an empty chunk. */
  async #sayEnd(): Promise<void> {
    for (let isLast = this.#gathered === 0; ; isLast = true) {
      while (!this.#chunks.hasRoom) {
        await this.#change();
        if (this.#isOver || this.#isAborted) return;
      }
      this.#fill();
      if (isLast) return;
    }
  }
}

/** A recovery: names become a plan (`data-names.ts`), the plan a run of the engine that reads parts of the image. */
import type { RecoverRequest, RecoverStatus, TreeFormat, TreeJob, TreeResult } from '#trees';
import {
  counted,
  type DataRun,
  DmaLog,
  type Ending,
  type ImageStream,
  roomFor,
  type RunParts,
} from './data-faces.js';
import type { NamedRecovery, RecoverPlan } from './data-names.js';
import type { RecoverWishes } from './data-variables.js';
import type { RecoveryStatus } from './history-messages.table.js';
import { ImageReader } from './image-reader.js';

export const RECOVERY_STATUS = {
  ok: 'successful',
  permission: 'failed-permission',
  'not-found': 'failed-not-found',
  'no-directory': 'failed-no-directory',
  'out-of-memory': 'failed-out-of-memory',
  io: 'failed-io-error',
  undefined: 'failed-undefined-error',
} as const satisfies Readonly<Record<RecoverStatus, RecoveryStatus>>;

export const recoverRequest = (
  format: TreeFormat,
  plan: RecoverPlan,
  wishes: RecoverWishes,
): RecoverRequest => ({
  format,
  root: Buffer.from(plan.root.path, 'utf8'),
  prefix: plan.prefix,
  names: plan.names.map(({ name }) => name),
  direct: plan.direct,
  recursive: wishes.recursive,
  ...(wishes.imageBytes === undefined ? {} : { imageBytes: wishes.imageBytes }),
  existing: wishes.overwrite ? 'replace' : 'keep',
});

export class RecoverRun implements DataRun {
  readonly done: Promise<Ending>;
  readonly #parts: RunParts;
  readonly #log: DmaLog;
  readonly #reader: ImageReader;
  readonly #job: TreeJob;
  /** Names of which nothing has been said yet. */
  readonly #open: Set<NamedRecovery>;
  #failures = 0;
  #isAborted = false;

  constructor(parts: RunParts, request: RecoverRequest, plan: RecoverPlan, stream: ImageStream) {
    this.#parts = parts;
    this.#log = new DmaLog(parts.posts, parts.log);
    this.#open = new Set(plan.names);
    this.#reader = new ImageReader(stream.link, parts.env.clock, stream.ask);
    const what = plan.names.length === 0 ? 'everything' : counted(plan.names.length, 'name');
    this.#log.say('normal', `Recovery of ${what}${plan.direct ? ' by direct access' : ''}`);
    const byName = new Map(plan.names.map((one) => [one.name, one]));
    const closed = parts.ownFolders().map((folder) => Buffer.from(folder, 'utf8'));
    this.#job = parts.trees.recover({ ...request, closed }, this.#reader, {
      settled: (name, status) => {
        const one = byName.get(name);
        if (one !== undefined) this.#settle(one, status);
        return this.#room();
      },
      log: ({ level, text, path }) => {
        if (!this.#isAborted) this.#log.say(level, text, path);
        return this.#room();
      },
    });
    this.done = this.#end();
  }
  get view(): DataRun['view'] {
    const { files } = this.#job.progress;
    return { bytes: this.#reader.bytes, estimateBytes: 0n, files, part: this.#reader.part };
  }
  abort(): void {
    this.#isAborted = true;
    this.#job.abort();
    this.#reader.destroy();
  }

  #room(): Promise<void> | undefined {
    return roomFor(this.#parts.posts, () => this.#isAborted);
  }
  #settle(one: NamedRecovery, status: RecoverStatus): void {
    if (this.#isAborted || !this.#open.delete(one)) return;
    if (status !== 'ok') this.#failures += 1;
    this.#parts.posts.post('logFile', {
      name: one.asked.originalPath,
      ssid: one.asked.ssid,
      recoveryStatus: RECOVERY_STATUS[status],
    });
  }
  async #end(): Promise<Ending> {
    const result = await this.#job.done;
    if (this.#isAborted || result.outcome === 'aborted') {
      this.#reader.destroy();
      return { reason: 'aborted', text: 'Aborted' };
    }
    for (const one of this.#open) {
      await this.#room();
      this.#settle(one, 'undefined');
    }
    const isLost = this.#reader.isLost;
    this.#reader.finish();
    if (result.outcome === 'failed') return this.#fail(result, isLost);
    const troubles = Math.max(result.troubles, this.#failures); // a name that failed is one of both
    const summary = `Recovery: ${counted(result.files, 'file')}, ${counted(troubles, 'trouble')}`;
    this.#log.say(troubles === 0 ? 'normal' : 'warning', summary);
    const text = troubles === 0 ? 'Done' : `Done, with ${counted(troubles, 'trouble')}`;
    return { reason: 'successful', text };
  }
  #fail({ message = 'The recovery failed' }: TreeResult, isLost: boolean): Ending {
    this.#log.say('error', message);
    return { reason: isLost ? 'connect-error' : 'internal-error', text: message };
  }
}

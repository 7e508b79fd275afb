/** A recovery: names become a plan (`data-names.ts`), the plan a run of the engine that reads parts of the image. */
import type { RecoverRequest, RecoverStatus, TreeFormat, TreeJob } from '#trees';
import { counted, type Ending, type ImageStream, type RunParts } from './data-faces.js';
import type { NamedRecovery, RecoverPlan } from './data-names.js';
import { ReadingRun } from './data-reading.js';
import type { RecoverWishes } from './data-variables.js';
import type { RecoveryStatus } from './history-messages.table.js';

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

export class RecoverRun extends ReadingRun {
  readonly done: Promise<Ending>;
  protected readonly job: TreeJob;
  /** Names of which nothing has been said yet. */
  readonly #open: Set<NamedRecovery>;
  #failures = 0;

  constructor(parts: RunParts, request: RecoverRequest, plan: RecoverPlan, stream: ImageStream) {
    super(parts, stream);
    this.#open = new Set(plan.names);
    const what = plan.names.length === 0 ? 'everything' : counted(plan.names.length, 'name');
    this.log.say('normal', `Recovery of ${what}${plan.direct ? ' by direct access' : ''}`);
    const byName = new Map(plan.names.map((one) => [one.name, one]));
    const closed = parts.ownFolders().map((folder) => Buffer.from(folder, 'utf8'));
    this.job = parts.trees.recover({ ...request, closed }, this.reader, {
      settled: (name, status) => {
        const one = byName.get(name);
        if (one !== undefined) this.#settle(one, status);
        return this.room();
      },
      log: (said) => this.say(said),
    });
    this.done = this.#end();
  }

  #settle(one: NamedRecovery, status: RecoverStatus): void {
    if (this.isAborted || !this.#open.delete(one)) return;
    if (status !== 'ok') this.#failures += 1;
    this.parts.posts.post('logFile', {
      name: one.asked.originalPath,
      ssid: one.asked.ssid,
      recoveryStatus: RECOVERY_STATUS[status],
    });
  }
  async #end(): Promise<Ending> {
    const result = await this.job.done;
    if (this.isAborted || result.outcome === 'aborted') return this.aborted();
    for (const one of this.#open) {
      await this.room();
      this.#settle(one, 'undefined');
    }
    const isLost = this.reader.isLost;
    this.reader.finish();
    if (result.outcome === 'failed') return this.failed(result.message ?? 'The recovery failed', isLost);
    const troubles = Math.max(result.troubles, this.#failures); // a name that failed is one of both
    const summary = `Recovery: ${counted(result.files, 'file')}, ${counted(troubles, 'trouble')}`;
    this.log.say(troubles === 0 ? 'normal' : 'warning', summary);
    const text = troubles === 0 ? 'Done' : `Done, with ${counted(troubles, 'trouble')}`;
    return { reason: 'successful', text };
  }
}

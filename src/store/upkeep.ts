/**
 * Upkeep: what a deduplicating group does with idle time: heals, frees, compresses better, reads again. It begins when the drives have
 * been idle for a while, ends within a second when they are not any more, and goes on later where that is of use: packs that were
 * emptied are gone, regions that were compressed stay so, scrubbing knows how far it came.
 *
 * It takes a share of the time: after each piece it rests as long as the piece took, so that whoever comes finds the disk and the
 * thread free before he is noticed.
 */
import type { Clock, Logger } from '#env';
import { CanceledError, StoreError } from '../errors.js';
import type { DedupGroup } from './dedup-group.js';
import type { GroupSizes } from './engine/sizes.js';
import type { PaceOptions } from './store.js';

const MiB = 1024 * 1024;
const dayMs = 86_400_000;

export interface UpkeepRules {
  /** How often the drives are looked at. */
  readonly lookMs: number;
  /** They have been idle for so long before anything begins. */
  readonly idleMs: number;
  /** Of the time, that work takes. */
  readonly share: number;
  /** Collecting is worth it when so much of the group may be garbage; and of a pack. */
  readonly garbageShareMin: number;
  /** Compressing better is, when there is so much that was compressed fast. */
  readonly fastBytesMin: number;
  /** Everything is read again once in that time; and no more slowly than that, so that idle hours suffice. */
  readonly scrubRoundMs: number;
  readonly scrubBytesPerSecondMin: number;
  /** After something has failed. */
  readonly restMs: number;
}
export const defaultRules: UpkeepRules = {
  lookMs: 500,
  idleMs: 30_000,
  share: 0.5,
  garbageShareMin: 0.1,
  fastBytesMin: 16 * MiB,
  scrubRoundMs: 30 * dayMs,
  scrubBytesPerSecondMin: 16 * MiB,
  restMs: 600_000,
};
export type UpkeepKind = 'collect' | 'optimize' | 'scrub';
export interface UpkeepState {
  /** What runs, and how far it is: bytes of what it looks at. */
  readonly work: UpkeepKind | undefined;
  readonly done: number;
  readonly total: number;
  /** What it is waiting for, when nothing runs. */
  readonly waiting: string | undefined;
  /** Of the round of scrubbing: container that it goes on with, or undefined between two rounds; when the last one ended (monotonic). */
  readonly scrubFrom: number | undefined;
  readonly scrubbedMs: number | undefined;
}
export interface UpkeepOptions {
  readonly env: { readonly clock: Clock };
  readonly group: Pick<DedupGroup, 'sizes' | 'collect' | 'optimize' | 'scrub'>;
  /** True when no drive reads or writes, and nobody else keeps the group up. */
  isIdle(): boolean;
  readonly log: Logger;
  readonly rules?: Partial<UpkeepRules>;
}

export class Upkeep {
  readonly #clock: Clock;
  readonly #options: UpkeepOptions;
  readonly #rules: UpkeepRules;
  #timer: { cancel(): void } | undefined;
  #busyMs: number;
  #restUntilMs = 0;
  #abort: AbortController | undefined;
  #running: Promise<void> | undefined;
  #work: UpkeepKind | undefined;
  #waiting: string | undefined;
  #done = 0;
  #total = 0;
  /** What was still reclaimable after a collection: not worth another one. */
  #settledBytes = 0;
  #scrubFrom: number | undefined;
  #scrubBeganMs: number | undefined;
  #scrubbedMs: number | undefined;

  constructor(options: UpkeepOptions) {
    this.#clock = options.env.clock;
    this.#options = options;
    this.#rules = { ...defaultRules, ...options.rules };
    this.#busyMs = this.#clock.monotonicMs();
  }
  get state(): UpkeepState {
    return {
      work: this.#work,
      done: this.#done,
      total: this.#total,
      waiting: this.#work === undefined ? this.#waiting : undefined,
      scrubFrom: this.#scrubFrom,
      scrubbedMs: this.#scrubbedMs,
    };
  }

  start(): void {
    this.#timer ??= this.#clock.after(this.#rules.lookMs, () => this.#look());
  }
  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#abort?.abort();
    await this.#running;
  }
  #look(): void {
    this.#timer = this.#clock.after(this.#rules.lookMs, () => this.#look());
    const nowMs = this.#clock.monotonicMs();
    if (!this.#options.isIdle()) {
      this.#busyMs = nowMs;
      this.#waiting = 'drives are busy';
      this.#abort?.abort();
      return;
    }
    if (this.#running !== undefined || nowMs - this.#busyMs < this.#rules.idleMs || nowMs < this.#restUntilMs)
      return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.#work = undefined;
      this.#abort = undefined;
    });
  }

  /** Rejects with what is nobody's fault but ours. */
  async #run(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const kind = this.#due(await this.#options.group.sizes());
      if (kind === undefined) {
        this.#waiting = 'nothing to do';
        this.#rest(this.#rules.idleMs);
        return;
      }
      this.#work = kind;
      this.#done = this.#total = 0;
      if (kind === 'scrub') await this.#scrub(abort.signal);
      else await this.#free(kind, this.#controls(abort.signal));
    } catch (error) {
      if (error instanceof CanceledError) return;
      this.#waiting = error instanceof Error ? error.message : 'it failed';
      this.#rest(this.#rules.restMs);
      if (!(error instanceof StoreError)) throw error;
      // Somebody else does it just now; or the group has failed, and says so where it is used.
      if (error.code !== 'locked') this.#options.log.warn(`Upkeep rests: ${error.message}`, error.facts);
    }
  }
  #rest(ms: number): void {
    this.#restUntilMs = this.#clock.monotonicMs() + ms;
  }
  /** What is worth the most. */
  #due(sizes: GroupSizes): UpkeepKind | undefined {
    const { garbageShareMin, fastBytesMin, scrubRoundMs } = this.#rules;
    const { logicalBytes, releasedBytes, reclaimableBytes, physicalBytes, fastBytes } = sizes;
    const known = reclaimableBytes - this.#settledBytes >= physicalBytes * garbageShareMin;
    const likely = releasedBytes > 0 && releasedBytes >= (logicalBytes + releasedBytes) * garbageShareMin;
    if ((known && reclaimableBytes > 0) || likely) return 'collect';
    if (fastBytes >= fastBytesMin) return 'optimize';
    const nowMs = this.#clock.monotonicMs();
    const isNext = this.#scrubBeganMs === undefined || nowMs - this.#scrubBeganMs >= scrubRoundMs;
    return physicalBytes > 0 && (this.#scrubFrom !== undefined || isNext) ? 'scrub' : undefined;
  }

  async #free(kind: 'collect' | 'optimize', controls: PaceOptions): Promise<void> {
    const { group, log } = this.#options;
    const options = { ...controls, garbageShareMin: this.#rules.garbageShareMin };
    const { freedBytes } = await (kind === 'collect' ? group.collect(options) : group.optimize(options));
    this.#settledBytes = (await group.sizes()).reclaimableBytes;
    log.info(`${kind === 'collect' ? 'Collected' : 'Optimized'}: ${freedBytes} bytes are free again`);
  }
  async #scrub(signal: AbortSignal): Promise<void> {
    const { group, log } = this.#options;
    if (this.#scrubFrom === undefined) {
      this.#scrubBeganMs = this.#clock.monotonicMs();
      this.#scrubFrom = 0;
    }
    const { physicalBytes } = await group.sizes();
    // Four times as fast as the round needs: there are busy hours too.
    const perMs = Math.max(
      this.#rules.scrubBytesPerSecondMin / 1000,
      (4 * physicalBytes) / this.#rules.scrubRoundMs,
    );
    const passed = (container: number): void => {
      this.#scrubFrom = container + 1;
    };
    const report = await group.scrub({ ...this.#controls(signal, perMs), from: this.#scrubFrom, passed });
    this.#scrubFrom = undefined;
    this.#scrubbedMs = this.#clock.monotonicMs();
    for (const what of report.repaired) log.warn(`Scrubbing has repaired ${what}`);
    const volumes = new Set([...report.ranges.map(({ volume }) => volume), ...report.volumes]);
    for (const volume of volumes) log.error(`Scrubbing has found damage in ${volume}`, { volume });
  }

  /** Rests as long as the piece before took, or as long as its bytes are to take. */
  #controls(signal: AbortSignal, bytesPerMs = Infinity): PaceOptions {
    const { share } = this.#rules;
    let beganMs = this.#clock.monotonicMs();
    let owedMs = 0;
    const pace = async (bytes: number): Promise<void> => {
      const tookMs = this.#clock.monotonicMs() - beganMs;
      owedMs += Math.max((tookMs * (1 - share)) / share, bytes / bytesPerMs - tookMs);
      // In slices worth sleeping for, and short enough to see that somebody came.
      if (owedMs >= 2) {
        const restMs = Math.min(owedMs, this.#rules.lookMs);
        owedMs -= restMs;
        await this.#clock.sleep(restMs, signal);
      }
      beganMs = this.#clock.monotonicMs();
    };
    const progress = (done: number, total: number): void => {
      this.#done = done;
      this.#total = total;
    };
    return { signal, pace, progress };
  }
}

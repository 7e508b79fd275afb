/**
 * DriveCore: what the parts of a drive share: the state table, the mounted image, the place, counters, events and deferred
 * errors. Only `motion`, `recording`, `reading`, `medium` and `Drive` use it, each within the drive's turn.
 */
import { strict as assert } from 'node:assert';
import type { Env, Logger } from '#env';
import { StoreError } from '#errors';
import type { Cartridge } from './cartridge.js';
import { Commits } from './commits.js';
import { type DriveCounters, noDriveCounters, type Traffic } from './drive-counters.js';
import { DriveError } from './drive-error.js';
import type { DriveEvent } from './drive-events.js';
import { type Zones, zonesOf } from './early-warning.js';
import { GroupRoom } from './group-room.js';
import { DriveEncryption } from './encryption.js';
import type { MediumAccess } from './media.table.js';
import type { Partition } from './partition.js';
import type { Position } from './position.js';
import type { Refusal } from './refusal.js';
import { TAPE_ALERT, type TapeAlertName } from './tape-alert.table.js';
import type { TapeImage } from './tape-image.js';
import { Turn } from './turn.js';

export type DriveState = 'empty' | 'unloaded' | 'ready' | 'refused' | 'cleaning';

const MOVES = {
  empty: ['unloaded'],
  unloaded: ['ready', 'refused', 'cleaning', 'empty'],
  ready: ['unloaded'],
  refused: ['unloaded', 'empty'],
  cleaning: ['unloaded', 'empty'],
} as const satisfies Record<DriveState, readonly DriveState[]>;

export type OverwriteAllowance = 'no' | 'format' | { readonly partition: number; readonly object: number };

export interface DriveOptions {
  readonly env: Env;
  readonly id: string;
  readonly serial: string;
  /** Vendor as INQUIRY tells it, for the load history in the MAM. */
  readonly vendor?: string;
  /** LTO n. */
  readonly generation: number;
  /** As saved from an earlier object. */
  readonly counters?: DriveCounters | undefined;
}

/** What is there while a medium is threaded. */
export interface Mounted {
  readonly cartridge: Cartridge;
  readonly image: TapeImage;
  readonly access: MediumAccess;
}

export class DriveCore {
  readonly env: Env;
  readonly id: string;
  readonly serial: string;
  readonly vendor: string;
  readonly generation: number;
  readonly log: Logger;
  readonly counters: DriveCounters;
  readonly encryption: DriveEncryption;
  readonly turn = new Turn();
  readonly commits: Commits;
  readonly tapeAlerts = new Set<TapeAlertName>();
  /** All that were up at some time since the load. */
  readonly tapeAlertsOfLoad = new Set<TapeAlertName>();
  #state: DriveState = 'empty';
  readonly #listeners = new Set<(event: DriveEvent) => void>();

  cartridge: Cartridge | undefined;
  refusal: Refusal | undefined;
  mounted: Mounted | undefined;
  deferred: DriveError | undefined;
  /** A commit of this load has failed with loss: its report has begun, and there will be no other. */
  failed = false;

  /** The place. Invariant T1: 0 ≤ object ≤ objects of the partition; `file` is its rank. */
  partition = 0;
  object = 0;
  file = 0;
  /** Of the capacity, before the place; NaN when not known yet. */
  usedBefore = 0;
  zones: Zones = zonesOf(0, 0);

  appendOnly = false;
  overwriteAllowed: OverwriteAllowance = 'no';
  programmableBytes = 0;
  readonly room = new GroupRoom();
  /** Stored bytes that no commit covers; what starts the next background commit. */
  uncommittedBytes = 0;
  /** Counts writes; the commits' share of them. */
  changes = 0;
  changesCommitted = 0;
  changedSinceLoad = false;

  constructor(options: DriveOptions, commitInBackground: (core: DriveCore) => Promise<void>) {
    this.env = options.env;
    this.id = options.id;
    this.serial = options.serial;
    this.vendor = options.vendor ?? '';
    this.generation = options.generation;
    this.log = options.env.log.facility('drive', { drive: options.id });
    this.counters = { ...noDriveCounters(), ...options.counters };
    this.commits = new Commits(options.env.clock, async () => await commitInBackground(this));
    this.encryption = new DriveEncryption(options.env, () => this.tell({ kind: 'encryption-changed' }));
  }

  get state(): DriveState {
    return this.#state;
  }
  enter(next: DriveState): void {
    const moves: readonly DriveState[] = MOVES[this.#state];
    assert(moves.includes(next), `a drive does not go from ${this.#state} to ${next}`);
    this.#state = next;
  }

  watch(listener: (event: DriveEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  tell(event: DriveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
  raise(name: TapeAlertName): void {
    this.tapeAlertsOfLoad.add(name);
    if (this.tapeAlerts.has(name)) return;
    this.tapeAlerts.add(name);
    this.tell({ kind: 'tape-alert', name, flag: TAPE_ALERT[name], active: true });
  }
  lower(name: TapeAlertName): void {
    if (!this.tapeAlerts.delete(name)) return;
    this.tell({ kind: 'tape-alert', name, flag: TAPE_ALERT[name], active: false });
  }

  /** The image, or the reason why there is none. */
  ready(): Mounted {
    if (this.mounted !== undefined && this.#state === 'ready') return this.mounted;
    if (this.#state === 'cleaning') throw new DriveError('cleaning', 'A cleaning cartridge is at work');
    if (this.#state === 'refused') {
      throw new DriveError('refused', `The medium is refused: ${this.refusal}`, { refusal: this.refusal });
    }
    throw new DriveError('not-loaded', 'No medium is loaded', { state: this.#state });
  }
  get current(): Partition {
    return this.ready().image.partition(this.partition);
  }

  /** Stands at the object, whose file number is known. */
  async stand(object: number, file: number): Promise<void> {
    assert(object >= 0 && object <= this.current.objects);
    this.object = object;
    this.file = file;
    this.usedBefore = await this.current.usedBefore(object, file);
  }
  selectPartition(number: number): void {
    const partition = this.ready().image.partition(number);
    this.partition = number;
    this.zones = zonesOf(partition.label.capacityBytes, this.programmableBytes);
  }
  get position(): Position {
    const { partition, object, file } = this;
    const objects = this.mounted?.image.partition(partition).objects ?? 0;
    return {
      partition,
      object,
      file,
      bop: object === 0,
      eod: object === objects,
      earlyWarning: this.inEarlyWarning,
      programmableEarlyWarning: this.inProgrammableWarning,
    };
  }
  get inEarlyWarning(): boolean {
    return this.mounted !== undefined && this.usedBefore >= this.zones.earlyFrom;
  }
  get inProgrammableWarning(): boolean {
    return this.mounted !== undefined && this.usedBefore >= this.zones.programmableFrom;
  }

  /** Counts in the drive's life, in this load, and in the volume's. */
  count(name: keyof Traffic, by: number): void {
    this.counters[name] += by;
    this.counters.sinceLoad[name] += by;
    const statistics = this.mounted?.image.label.statistics;
    if (statistics === undefined) return;
    statistics.life[name] += by;
    statistics.lastLoad[name] += by;
  }

  /** A record was written. As `count`, which makes numbers for each. */
  countRecord(hostBytes: number, mediumBytes: number): void {
    const statistics = this.mounted?.image.label.statistics;
    countRecord(this.counters, hostBytes, mediumBytes);
    countRecord(this.counters.sinceLoad, hostBytes, mediumBytes);
    if (statistics !== undefined) {
      countRecord(statistics.life, hostBytes, mediumBytes);
      countRecord(statistics.lastLoad, hostBytes, mediumBytes);
    }
    this.counters.bytesSinceCleaning += hostBytes;
  }

  /** Keeps the first failure that no command could be told of. */
  defer(error: DriveError): void {
    if (this.deferred !== undefined) return;
    this.deferred = error;
    this.log.error(`What was written is lost: ${error.message}`, error.facts);
    this.tell({ kind: 'deferred-error' });
  }

  /** Makes a DriveError of whatever the store threw at the place. */
  failure(cause: unknown, doing: 'reading' | 'writing'): DriveError {
    if (cause instanceof DriveError) return cause;
    if (!(cause instanceof StoreError)) throw cause;
    const facts = { partition: this.partition, position: this.object, cause: cause.code };
    if (cause.code === 'full') return new DriveError('full', 'The storage group is full', facts, { cause });
    this.log.error(`${doing} failed: ${cause.message}`, facts);
    const lost =
      cause.code === 'corrupt' || cause.code === 'missing' || (cause.code === 'io' && doing === 'reading');
    const code = lost ? 'damaged' : 'io';
    return new DriveError(code, `The store failed while ${doing}`, facts, { cause });
  }
}
function countRecord(traffic: Traffic, hostBytes: number, mediumBytes: number): void {
  traffic.recordsWritten += 1;
  traffic.hostBytesWritten += hostBytes;
  traffic.mediumBytesWritten += mediumBytes;
}

/**
 * One history of a deduplicating group: writers and a keeper at work, power failures at any disk call, the next life, and so
 * on; everything in it follows from its seed. After each failure every volume, snapshot and fork is held against the model.
 */
import { createHash } from 'node:crypto';
import { type Env, realEnv } from '#env';
import { StoreError } from '#errors';
import { Arena, DedupGroup, type DedupGroupOptions, type KeySource, plainKernels } from '#store';
import { xxh64 } from '#wire';
import { Life, Scheduler, simClock } from '../sim/sim-clock.js';
import { SimRandom } from '../sim/sim-random.js';
import { DelayedCrew } from '../support/delayed-crew.js';
import { lyingDisk } from '../support/lying-disk.js';
import { type DiskCall, type Fate, SimDisk } from '../support/sim-disk.js';
import { GroupKeeper } from './group-keeper.js';
import { GroupKeys, keyFiles } from './group-keys.js';
import { GroupModel } from './group-model.js';
import { GroupWriter, readWhole } from './group-writer.js';

export interface HistoryOptions {
  readonly seed: number;
  /** The disk says that it has synchronized, and has not. */
  readonly liesAboutSync?: boolean;
  /** Told what happens, line by line. */
  readonly say?: (line: string) => void;
}
export interface HistoryResult {
  /** Of everything that was said and every call of the disk: the same for the same seed. */
  readonly traceHash: string;
  readonly calls: number;
  /** Kinds of calls of the disk, with the kind of file. */
  readonly kinds: ReadonlySet<string>;
}

const MiB = 1024 * 1024;
const folder = 'group';
const limitMs = 600_000;
const volumes = ['one', 'two', 'three'] as const;
/** What a snapshot is looked at through. */
const probe = 'probe';
/** 'killed': the process alone is gone; what the system has not written yet is still in its memory. */
const fates: readonly (Fate | 'killed')[] = ['drop', 'keep', 'prefix', 'torn', 'killed'];
/** One for all: histories are played one after another. */
const arena = new Arena();

/** As `sync packs`: what is done to what kind of file. */
export function kindOf({ kind, path }: DiskCall): string {
  const [, part = '', ...rest] = path.split('/');
  const name = rest.at(-1) ?? part;
  const file = /\.([a-z]+)$/.exec(name)?.[1] ?? (name.startsWith('superblock') ? 'superblock' : undefined);
  return `${kind} ${file ?? `${part === '' ? 'group' : part} folder`}`;
}

export async function playHistory(options: HistoryOptions): Promise<HistoryResult> {
  const history = new History(options);
  try {
    return await history.play();
  } catch (error) {
    const again = `npm run sim:store -- --seed ${options.seed}`;
    throw new Error(`${again}: ${(error as Error).message}`, { cause: error });
  } finally {
    history.end();
  }
}

class History {
  readonly #options: HistoryOptions;
  readonly #random: SimRandom;
  readonly #scheduler: Scheduler;
  readonly #disk: SimDisk;
  readonly #model = new GroupModel();
  readonly #hash = createHash('sha256');
  readonly #kinds = new Set<string>();
  readonly #group: Pick<DedupGroupOptions, 'density' | 'tuning'>;
  /** Of a third of the groups. */
  readonly #keys: GroupKeys | undefined;
  #life = new Life();
  #labels = 0;
  /** A call of this life has failed. */
  #faulty = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    const random = new SimRandom(options.seed);
    this.#random = random.fork();
    this.#scheduler = new Scheduler(random.fork());
    this.#disk = new SimDisk({ dice: random.fork() });
    this.#group = {
      density: random.pick(['fast', 'adaptive', 'dense', 'none'] as const),
      tuning: {
        checkpointBytes: random.pick([10_000, 30_000, 200_000]),
        pieceRuns: random.pick([2, 8, 64]),
        packBytes: random.pick([64 * 1024, MiB]),
        indexEntries: random.pick([2, 4, 12, 1000]),
      },
    };
    this.#keys = random.chance(1 / 3) ? new GroupKeys() : undefined;
  }
  end(): void {
    this.#life.end();
  }

  async play(): Promise<HistoryResult> {
    const crashes = this.#random.between(2, 4);
    this.#say(`${this.#keys === undefined ? 'plain' : 'encrypted'} ${JSON.stringify(this.#group)}`);
    for (let crash = 0; crash < crashes; crash++) await this.#lifeUntilCrash();
    await this.#during(this.#lastLife());
    return { traceHash: this.#hash.digest('hex'), calls: this.#disk.calls, kinds: this.#kinds };
  }
  #say(line: string): void {
    this.#hash.update(line);
    this.#options.say?.(`${this.#scheduler.nowMs.toFixed(2).padStart(10)} ${line}`);
  }
  async #during<T>(work: Promise<T>): Promise<T> {
    return await this.#scheduler.run(work, limitMs);
  }

  // --- lives

  async #begin(): Promise<DedupGroup> {
    const life = new Life();
    this.#life = life;
    const scheduler = this.#scheduler;
    const disk = this.#disk.begin({
      delay: async () => await scheduler.delay(life, 0.01, scheduler.random.chance(0.02) ? 20 : 0.1),
    });
    const clock = simClock(scheduler, life);
    const env: Env = {
      ...realEnv(),
      secrets: keyFiles,
      clock,
      random: this.#random.fork(),
      disk: this.#options.liesAboutSync === true ? lyingDisk(disk) : disk,
    };
    const open = async (source?: KeySource): Promise<DedupGroup> => {
      arena.restart(); // nothing of the life before runs any more
      const sealed = source === undefined ? {} : { keySource: source };
      return await DedupGroup.open({
        env,
        folder,
        reserveBytes: 0,
        memoryBytes: 8 * MiB,
        kernels: plainKernels,
        arena,
        ...this.#crew(life),
        ...sealed,
        ...this.#group,
      });
    };
    return await (this.#keys === undefined ? open() : this.#keys.open(open));
  }
  /** A fourth of the groups have threads, which are late. */
  #crew(life: Life): Pick<DedupGroupOptions, 'crew'> {
    if (this.#options.seed % 4 !== 2) return {};
    const scheduler = this.#scheduler;
    const dice = this.#random.fork();
    const pause = async (): Promise<void> => await scheduler.delay(life, 0, dice.chance(0.02) ? 20 : 0.1);
    return { crew: (memory, kernels) => new DelayedCrew(memory, kernels, dice, pause) };
  }
  /** Works until the power fails: at a call of the disk, or when all is done. */
  async #lifeUntilCrash(): Promise<void> {
    const random = this.#random;
    const left = random.pick([20, 60, 200, 400]);
    const died = this.#watch(random.integer(left), random.chance(0.2) ? random.integer(left) : Infinity);
    const live = async (): Promise<void> => {
      const group = await this.#begin();
      await this.#look(group, 0.4);
      await this.#work(group);
      if (random.chance(0.5)) await group.close();
    };
    await this.#during(Promise.race([live().catch((error: unknown) => this.#refused(error)), died]));
    this.#life.end();
    const fate = random.pick(fates);
    if (fate !== 'killed') this.#disk.crash(fate);
    this.#disk.fault = undefined;
    this.#model.crashed();
    this.#say(`crash at call ${this.#disk.calls}: ${fate}`);
  }
  /** A disk that failed while the group was opened, looked at or closed: the next life has to do. */
  #refused(error: unknown): void {
    if (!this.#faulty || !(error instanceof StoreError) || !isOfDisk(error)) throw error;
    this.#say(`${error.code}: ${error.message}`);
  }
  /** Resolves at the last call of this life; another one fails before. */
  async #watch(last: number, failing: number): Promise<void> {
    const first = this.#disk.calls;
    this.#faulty = false;
    const fault = this.#random.pick(['io', 'full'] as const);
    const failures = fault === 'io' ? 1 : this.#random.pick([1, 10]);
    await new Promise<void>((resolve) => {
      this.#disk.fault = (call) => {
        this.#note(call);
        const at = call.index - first;
        if (at < last)
          return at >= failing && at < failing + failures ? this.#failed(call, fault) : undefined;
        resolve();
        return 'hang';
      };
    });
  }
  #failed(call: DiskCall, fault: 'io' | 'full'): 'io' | 'full' | undefined {
    const grows = call.kind === 'write' || call.kind === 'make' || call.kind === 'open';
    if (fault === 'full' && !grows) return undefined;
    this.#faulty = true;
    this.#say(`${fault}: ${kindOf(call)}`);
    return fault;
  }
  #note(call: DiskCall): void {
    this.#kinds.add(kindOf(call));
    this.#hash.update(`${call.kind} ${call.path}`);
    if (call.source !== undefined) this.#hash.update(`${xxh64(Buffer.from(call.source))}`);
  }
  async #work(group: DedupGroup): Promise<void> {
    const random = this.#random;
    const parts = { group, model: this.#model, say: (what: string) => this.#say(what) };
    const nextLabel = (): string => this.#nextLabel();
    const writers = volumes.map((id) => new GroupWriter({ ...parts, id, random: random.fork(), nextLabel }));
    const clock = simClock(this.#scheduler, this.#life);
    const keeper = new GroupKeeper({ ...parts, random: random.fork(), clock, keys: this.#keys });
    const steps = random.between(4, 14);
    await Promise.all([
      ...writers.map(async (writer) => await writer.work(steps)),
      keeper.work(random.between(2, 8)),
    ]);
    if (random.chance(0.3)) for (const writer of writers) await writer.end();
  }
  /** Some are longer than a sector. */
  #nextLabel(): string {
    this.#labels += 1;
    return `state ${this.#labels}${' '.repeat(this.#random.chance(0.2) ? this.#random.integer(4000) : 0)}`;
  }

  // --- looking

  /** The names that there are, and what some of them are. */
  async #look(group: DedupGroup, share: number): Promise<void> {
    const found: string[] = [];
    await group.remove(probe); // left from a look that was cut short
    for (const id of await group.list()) {
      found.push(id);
      for (const name of await group.snapshots(id)) found.push(`${id}@${name}`);
    }
    for (const name of this.#model.names()) if (!found.includes(name)) this.#model.found(name, 'absent');
    for (const name of found) {
      if (this.#random.chance(share)) await this.#lookAt(group, name);
      else if (this.#model.certain(name) === 'absent') throw new Error(`${name} should not be there`);
    }
  }
  async #lookAt(group: DedupGroup, name: string): Promise<void> {
    const [volume = '', snapshot] = name.split('@');
    if (snapshot !== undefined) await group.fork(volume, probe, snapshot);
    const opened = await group.open(snapshot === undefined ? volume : probe);
    this.#model.found(name, await readWhole(opened));
    await opened.close();
    if (snapshot !== undefined) await group.remove(probe);
  }
  /** All is there, nothing is there that should not be, and what nobody needs goes. */
  async #lastLife(): Promise<void> {
    this.#disk.fault = (call) => {
      this.#note(call);
      return undefined;
    };
    let group = await this.#begin();
    await this.#look(group, 1);
    const { damaged, repaired } = await group.scrub();
    const healed = repaired.filter((what) => what.startsWith('container'));
    if (healed.length > 0) throw new Error(`A copy was not durable: ${healed.join()}`);
    if (damaged.size > 0) throw new Error(`Scrubbing found damage in ${[...damaged.keys()].join()}`);
    for (let round = 0; round < 2; round++) await group.collect({ garbageShareMin: 0 });
    const { uniqueBytes, logicalBytes } = await group.sizes();
    const slack = 64 * 1024 * 2 * this.#model.names().length;
    if (uniqueBytes > logicalBytes + slack)
      throw new Error(`${uniqueBytes} are kept for ${logicalBytes} bytes`);
    await group.close();
    group = await this.#begin();
    await this.#look(group, 1);
    await group.close();
  }
}

const isOfDisk = ({ code }: StoreError): boolean => code === 'io' || code === 'full' || code === 'broken';

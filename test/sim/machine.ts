/**
 * A simulated machine that runs the real daemon: all of it, from its start to its portals, on a simulated disk, network,
 * clock and database. It can lose its power at any moment and be started again.
 */
import type { Env, Logger, Process } from '#env';
import { lyingDisk } from '../support/lying-disk.js';
import { SimDisk } from '../support/sim-disk.js';
import { serve } from '../../src/daemon/index.js';
import { Arena, DedupGroup, plainKernels } from '#store';
import { StoreError } from '#errors';
import { Life, type Scheduler, simClock } from './sim-clock.js';
import { SimDatabaseWorld } from './sim-databases.js';
import { SimNetWorld } from './sim-net.js';

export const home = '/tapesilo';
const refused = async (): Promise<never> => await Promise.reject(new Error('There are no keys here'));
const noSecrets: Env['secrets'] = { file: refused, command: refused };
const portal = { host: '127.0.0.1', port: 3260 };

/** What a home keeps its cartridges in. */
export type SimStore = 'plain' | 'dedup';
/** One for all machines and their lives, which come one after another: making it anew is what takes long. */
const arena = new Arena();
const MiB = 1024 * 1024;
/** So small that a few records bring checkpoints, packs and runs of the index. */
const tuning = { checkpointBytes: 40_000, pieceRuns: 8, packBytes: MiB, indexEntries: 200 };
/** Between two works of upkeep. */
const restMsMax = 60;

interface Ready {
  readonly targets: readonly { readonly name: string; readonly luns: readonly { readonly lun: number }[] }[];
}

export class Machine {
  readonly scheduler: Scheduler;
  readonly net: SimNetWorld;
  readonly disk: SimDisk;
  readonly #databases: SimDatabaseWorld;
  /** What runs beside the daemon and outlives it: the hosts. */
  readonly hosts = new Life();
  #life = new Life();
  /** What the daemon logged as errors, and how it ended: nothing of it may happen. */
  readonly complaints: string[] = [];
  /** A disk that says it has synchronized files and has not: what the checks of a run must find. */
  liesAboutSync = false;
  /** Told what the daemon logs. */
  heard: ((line: string) => void) | undefined;

  readonly #store: SimStore;
  /** Collections and scrubs that were carried out. */
  upkeeps = 0;

  constructor(scheduler: Scheduler, store: SimStore = 'plain') {
    this.scheduler = scheduler;
    this.#store = store;
    this.net = new SimNetWorld(scheduler, this.hosts);
    this.disk = new SimDisk({ dice: scheduler.random.fork() });
    this.#databases = new SimDatabaseWorld(scheduler);
  }
  get portal(): typeof portal {
    return portal;
  }
  /** The network as the hosts see it. */
  get hostNet(): Env['net'] {
    return this.net.netOf(this.hosts);
  }

  /** Starts the daemon and resolves with its ready line. */
  async start(): Promise<Ready> {
    const life = new Life();
    this.#life = life;
    const disk = this.disk.begin({
      delay: async () =>
        await this.scheduler.delay(life, 0.01, this.scheduler.random.chance(0.02) ? 20 : 0.1),
    });
    const env = this.#env(life, this.liesAboutSync ? lyingDisk(disk) : disk);
    return await new Promise<Ready>((resolve, reject) => {
      const process = this.#process(life, (line) => resolve(JSON.parse(line) as Ready));
      const options = {
        home,
        listen: [`${portal.host}:${portal.port}`],
        announce: [],
        json: true,
        store: this.#store,
      };
      arena.restart(); // nothing of the life before runs any more
      serve(process, env, options, async (of) => {
        const group = await DedupGroup.open({
          ...of,
          kernels: plainKernels,
          arena,
          tuning,
          memoryBytes: 24 * MiB,
        });
        this.#keepUp(life, group).catch((error: unknown) => this.complaints.push(`Upkeep: ${String(error)}`));
        return group;
      }).catch(reject);
    });
  }
  /** Collects, compresses and scrubs beside everything else, for as long as the life lasts. */
  async #keepUp(life: Life, group: DedupGroup): Promise<void> {
    const { random } = this.scheduler;
    const clock = simClock(this.scheduler, life);
    for (;;) {
      await clock.sleep(random.fraction() * restMsMax);
      const pace = async (): Promise<void> => await clock.sleep(random.fraction());
      try {
        await this.#upkeep(group, pace);
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'locked') throw error; // the daemon's own is under way
      }
    }
  }
  async #upkeep(group: DedupGroup, pace: () => Promise<void>): Promise<void> {
    const what = this.scheduler.random.weighted({ collect: 6, optimize: 1, scrub: 2 });
    if (what === 'collect') await group.collect({ garbageShareMin: 0.01, pace });
    else if (what === 'optimize') await group.optimize({ garbageShareMin: 0.01, pace });
    else {
      const { damaged } = await group.scrub({ pace });
      if (damaged.size > 0) this.complaints.push(`Scrubbing found damage in ${[...damaged.keys()].join()}`);
    }
    this.heard?.(`${what} is done`);
    this.upkeeps += 1;
  }
  /** The power fails. */
  async crash(): Promise<void> {
    this.#life.end();
    this.net.endLife(this.#life);
    this.disk.crash();
    await this.#databases.crash();
  }
  async dispose(): Promise<void> {
    this.#life.end();
    this.hosts.end();
    await this.#databases.close();
  }

  #env(life: Life, disk: Env['disk']): Env {
    return {
      clock: simClock(this.scheduler, life),
      random: this.scheduler.random.fork(),
      disk,
      net: this.net.netOf(life),
      databases: this.#databases.databasesOf(life),
      secrets: noSecrets,
      log: this.#log(),
    };
  }
  #log(): Logger {
    const hear =
      (level: string) =>
      (message: string, facts: unknown = {}): void => {
        const line = `${level}: ${message} ${JSON.stringify(facts)}`;
        this.heard?.(line);
        if (level === 'error') this.complaints.push(line);
      };
    const log: Logger = {
      facility: () => log,
      debug: () => undefined,
      info: hear('info'),
      warn: hear('warning'),
      error: hear('error'),
    };
    return log;
  }
  #process(life: Life, out: (line: string) => void): Process {
    const refuse = async (): Promise<never> => await Promise.reject(new Error('Not in a simulation'));
    return {
      args: [],
      variables: {},
      userId: 0,
      pid: 1,
      processors: 1,
      machine: { hostName: 'here', system: 'Linux', systemVersion: '6.1' },
      isInteractive: false,
      absolutePath: (path) => path,
      out,
      err: () => undefined,
      ask: refuse,
      askSecret: refuse,
      readFile: refuse,
      input: refuse,
      outputOf: refuse,
      hideArguments: () => undefined,
      onSignal: () => () => undefined,
      flushed: async () => await Promise.resolve(),
      onFatal: () => undefined, // the test run itself watches for what nobody caught
      exit: (code) => {
        this.complaints.push(`The daemon ended itself with ${code}`);
        life.end();
        throw new Error(`Ended with ${code}`);
      },
    };
  }
}

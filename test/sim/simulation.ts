/** One simulated run: everything that happens in it follows from its seed. */
import { createHash } from 'node:crypto';
import { Host, LinkLost, Violation } from './host.js';
import { Machine, type SimStore } from './machine.js';
import { InitiatorSession } from './session.js';
import { Scheduler, simClock } from './sim-clock.js';
import { SimRandom } from './sim-random.js';
import { meetLibrary } from './meet-library.js';
import type { Workload } from './workload.js';

export interface RunOptions {
  readonly seed: number;
  /** 'plain' if not given. */
  readonly store?: SimStore;
  /** Times that the power fails. */
  readonly crashes?: number;
  /** Steps of the host between two misfortunes. */
  readonly stepsMax?: number;
  /** The disk does not keep its word. */
  readonly liesAboutSync?: boolean;
  /** Told what happens, line by line. */
  readonly say?: (line: string) => void;
}
export interface RunResult {
  /** Of every byte that arrived, with its time: the same for the same seed. */
  readonly traceHash: string;
  readonly events: number;
  readonly simulatedMs: number;
  /** Works of the store beside those of hosts. */
  readonly upkeeps: number;
}

const limitMs = 3_600_000;

export async function simulate(options: RunOptions): Promise<RunResult> {
  const run = new Run(options);
  try {
    return await run.perform();
  } catch (error) {
    const where = `npm run sim -- --seed 0x${options.seed.toString(16)} --store ${options.store ?? 'plain'}: at ${run.scheduler.nowMs.toFixed(1)} ms`;
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  } finally {
    await run.machine.dispose();
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #random: SimRandom;
  readonly scheduler: Scheduler;
  readonly machine: Machine;
  readonly #hash = createHash('sha256');
  #target = '';

  constructor(options: RunOptions) {
    this.#options = options;
    const random = new SimRandom(options.seed);
    this.scheduler = new Scheduler(random.fork());
    this.#random = random.fork();
    this.machine = new Machine(this.scheduler, options.store);
    this.machine.liesAboutSync = options.liesAboutSync ?? false;
    this.machine.heard = (line) => this.#say(line);
    this.machine.net.observe = (_link, bytes) => {
      this.#hash.update(`${this.scheduler.nowMs}:${bytes.length}:`).update(bytes);
    };
  }

  async perform(): Promise<RunResult> {
    const { crashes = 2, stepsMax = 25 } = this.#options;
    await this.#start();
    let session = await this.#login();
    const workload = await this.#during(
      meetLibrary(new Host(session), this.#random.fork(), (what) => this.#say(what)),
    );
    for (let crash = 0; crash < crashes; crash++) {
      for (let cuts = this.#random.integer(3); cuts > 0; cuts--) {
        await this.#workUntil(workload, session, stepsMax, async () => await this.#cut());
        session = await this.#login(session);
        workload.host = new Host(session);
        await this.#during(workload.lookAgain('cut'));
      }
      await this.#workUntil(workload, session, stepsMax, async () => await this.machine.crash());
      this.#say('crash');
      await this.#start();
      session = await this.#login();
      workload.host = new Host(session);
      await this.#during(workload.lookAgain('crash'));
    }
    await this.#during(workload.work(stepsMax));
    await this.#during(workload.lookAtAll());
    this.#checkComplaints();
    return {
      traceHash: this.#hash.digest('hex'),
      events: this.scheduler.count,
      simulatedMs: this.scheduler.nowMs,
      upkeeps: this.machine.upkeeps,
    };
  }

  #say(line: string): void {
    this.#hash.update(line);
    this.#options.say?.(`${this.scheduler.nowMs.toFixed(2).padStart(10)} ${line}`);
  }
  async #during<T>(work: Promise<T>): Promise<T> {
    return await this.scheduler.run(work, limitMs);
  }
  #checkComplaints(): void {
    if (this.machine.complaints.length > 0) throw new Violation(this.machine.complaints.join('; '));
  }

  async #start(): Promise<void> {
    const ready = await this.#during(this.machine.start());
    this.#target = ready.targets[0]?.name ?? '';
    this.#say(`started: ${this.#target}`);
  }
  async #login(before?: InitiatorSession): Promise<InitiatorSession> {
    const random = this.#random;
    const yes = (): string => (random.chance(0.5) ? 'Yes' : 'No');
    const digest = (): string => random.pick(['None', 'CRC32C']);
    const keys = {
      HeaderDigest: digest(),
      DataDigest: digest(),
      InitialR2T: yes(),
      ImmediateData: yes(),
      MaxRecvDataSegmentLength: String(random.pick([8192, 65_536, 262_144])),
      MaxBurstLength: String(random.pick([16_384, 262_144, 1_048_576])),
      FirstBurstLength: String(random.pick([8192, 16_384])),
    };
    this.#say(`login ${JSON.stringify(keys)}`);
    before?.close();
    const net = this.machine.hostNet;
    const options = { target: this.#target, keys };
    return await this.#during(InitiatorSession.login(net, this.machine.portal, options));
  }

  /** The host works until misfortune comes, in the middle of whatever it is doing. */
  async #workUntil(
    workload: Workload,
    session: InitiatorSession,
    stepsMax: number,
    misfortune: () => Promise<void>,
  ): Promise<void> {
    const work = workload.work(stepsMax).then(
      () => undefined,
      (error: unknown) => error,
    );
    const clock = simClock(this.scheduler, this.machine.hosts);
    const steps = this.#random.chance(0.2) ? 1 : stepsMax;
    const momentMs = this.#random.fraction() * steps * 3;
    const outcome = await this.#during(
      Promise.race([work, clock.sleep(momentMs).then(() => 'misfortune' as const)]),
    );
    if (outcome instanceof Error) throw session.failure instanceof Violation ? session.failure : outcome;
    await misfortune();
    const after = await this.#during(Promise.race([work, clock.sleep(120_000).then(() => undefined)]));
    if (after instanceof Error && !(after instanceof LinkLost)) throw after;
    this.#checkComplaints();
  }
  async #cut(): Promise<void> {
    const half = this.#random.chance(0.3);
    this.#say(half ? 'half open' : 'cut');
    if (half) this.machine.net.halfOpenAll();
    else this.machine.net.cutAll();
    await Promise.resolve();
  }
}

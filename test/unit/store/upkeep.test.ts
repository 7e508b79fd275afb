/** Upkeep: when it begins, what it chooses, how soon it ends, where it goes on. In simulated time. */
import test from 'ava';
import { realEnv, silentLog } from '#env';
import { CanceledError, StoreError } from '#errors';
import { type CollectionOptions, type CollectionReport, DedupGroup, type GroupSizes, plainKernels, type ScrubOptions, type ScrubReport, Upkeep, type UpkeepOptions } from '#store'; // prettier-ignore
import { SimDisk } from '#support';
import { patternBytes } from '../../contract/store.js';
import { Life, Scheduler, simClock } from '../../sim/sim-clock.js';
import { SimRandom } from '../../sim/sim-random.js';

const MiB = 1024 * 1024;
const dayMs = 86_400_000;
const noSizes: GroupSizes = {
  logicalBytes: 1000 * MiB,
  uniqueBytes: 1000 * MiB,
  compressedBytes: 1000 * MiB,
  physicalBytes: 1000 * MiB,
  reclaimableBytes: 0,
  releasedBytes: 0,
  fastBytes: 0,
};
const freed: CollectionReport = {
  plan: { packs: [], garbageBytes: 0, freedBytes: 0 },
  freedBytes: 0,
  copiedBytes: 0,
  unreadable: [],
};
const clean: ScrubReport = {
  containers: 0,
  chunks: 0,
  repaired: [],
  damaged: new Map(),
  ranges: [],
  moreRanges: false,
  volumes: [],
};

/** A group whose work takes simulated time: a hundred pieces of a megabyte, ten milliseconds each. */
class World {
  readonly scheduler = new Scheduler(new SimRandom(1));
  readonly clock = simClock(this.scheduler, new Life());
  sizes = noSizes;
  idle = true;
  /** What was begun, and what ended, with the time. */
  readonly events: string[] = [];
  fails: StoreError | undefined;
  readonly upkeep: Upkeep;

  constructor(rules: UpkeepOptions['rules'] = {}) {
    const group = {
      sizes: async () => await Promise.resolve(this.sizes),
      collect: async (options: CollectionOptions = {}) => {
        await this.#work('collect', options);
        this.sizes = { ...this.sizes, reclaimableBytes: 30 * MiB, releasedBytes: 0 };
        return freed;
      },
      optimize: async (options: CollectionOptions = {}) => {
        await this.#work('optimize', options);
        this.sizes = { ...this.sizes, fastBytes: 0 };
        return freed;
      },
      scrub: async (options: ScrubOptions = {}) => {
        await this.#work(`scrub from ${options.from ?? 0}`, options, options.from ?? 0, options.passed);
        return clean;
      },
    };
    const env = { clock: this.clock };
    this.upkeep = new Upkeep({ env, group, isIdle: () => this.idle, log: silentLog, rules });
  }
  async #work(
    what: string,
    { signal, pace, progress }: CollectionOptions,
    from = 0,
    passed?: (container: number) => void,
  ): Promise<void> {
    this.#note(what);
    if (this.fails !== undefined) throw this.fails;
    for (let piece = from; piece < 100; piece++) {
      if (signal?.aborted === true) {
        this.#note('canceled');
        throw new CanceledError();
      }
      await pace?.(MiB);
      await this.clock.sleep(10);
      passed?.(piece);
      progress?.(piece + 1, 100);
    }
    this.#note('done');
  }
  #note(what: string): void {
    this.events.push(`${what} at ${(this.scheduler.nowMs / 1000).toFixed(1)}`);
  }
  async pass(ms: number): Promise<void> {
    await this.scheduler.run(this.clock.sleep(ms), ms + 1);
  }
}

test('nothing begins before the drives were idle for a while; then what frees most comes first', async (t) => {
  const world = new World();
  world.sizes = { ...noSizes, reclaimableBytes: 200 * MiB, fastBytes: 100 * MiB };
  world.upkeep.start();
  await world.pass(20_000);
  world.idle = false;
  await world.pass(20_000);
  world.idle = true;
  await world.pass(25_000);
  t.deepEqual(world.events, []);
  t.is(world.upkeep.state.waiting, 'drives are busy');
  await world.pass(60_000);
  t.deepEqual(
    world.events.filter((event) => !event.startsWith('done')).map((event) => event.split(' ')[0]),
    ['collect', 'optimize', 'scrub'],
  );
  await world.upkeep.stop();
});

test('it ends within a second when drives become busy, and a scrub goes on where it was', async (t) => {
  const world = new World({ scrubBytesPerSecondMin: 4 * MiB });
  world.upkeep.start();
  await world.pass(40_000);
  const { work, done, total } = world.upkeep.state;
  t.is(work, 'scrub');
  t.true(done > 10 && done < 60 && total === 100);
  world.idle = false;
  await world.pass(1000);
  t.is(world.upkeep.state.work, undefined);
  const came = world.upkeep.state.scrubFrom ?? 0;
  t.true(came > 10);
  world.idle = true;
  await world.pass(29_000);
  t.is(world.events.length, 1, 'a busy moment counts');
  await world.pass(60_000);
  t.true(world.events[1]?.startsWith(`scrub from ${came} `), world.events.join(', '));
  t.true(world.events[2]?.startsWith('done'));
  t.is(world.upkeep.state.scrubFrom, undefined);
  await world.upkeep.stop();
});

test('everything is read again once in a round, not more often', async (t) => {
  const world = new World({ lookMs: 60_000, scrubRoundMs: dayMs });
  world.upkeep.start();
  await world.pass(5 * dayMs);
  const scrubs = world.events.filter((event) => event.startsWith('scrub'));
  t.is(scrubs.length, 5);
  await world.upkeep.stop();
});

test('what a collection leaves is not collected again and again', async (t) => {
  const world = new World();
  world.sizes = { ...noSizes, releasedBytes: 500 * MiB };
  world.upkeep.start();
  await world.pass(600_000);
  t.is(world.events.filter((event) => event.startsWith('collect')).length, 1);
  world.sizes = { ...world.sizes, reclaimableBytes: 140 * MiB };
  await world.pass(600_000);
  t.is(world.events.filter((event) => event.startsWith('collect')).length, 2);
  await world.upkeep.stop();
});

test('it takes half of the time at most', async (t) => {
  const world = new World({ scrubRoundMs: 1e12, scrubBytesPerSecondMin: 1e12 });
  world.sizes = { ...noSizes, reclaimableBytes: 500 * MiB };
  world.upkeep.start();
  await world.pass(60_000);
  const [begun = '', done = ''] = world.events;
  const seconds = Number(done.split(' ').at(-1)) - Number(begun.split(' ').at(-1));
  t.true(seconds >= 1.9 && seconds < 3, world.events.join(', '));
  await world.upkeep.stop();
});

test('after a failure it rests; what somebody else does just now is no failure', async (t) => {
  const world = new World();
  world.sizes = { ...noSizes, reclaimableBytes: 500 * MiB };
  world.fails = new StoreError('full', 'The storage group is full');
  world.upkeep.start();
  await world.pass(500_000);
  t.is(world.events.length, 1);
  t.is(world.upkeep.state.waiting, 'The storage group is full');
  world.fails = undefined;
  await world.pass(200_000);
  t.true(world.events.length > 1);
  await world.upkeep.stop();
});

test('a group that lost a cartridge shrinks by itself, and stopping ends what runs', async (t) => {
  const scheduler = new Scheduler(new SimRandom(1));
  const clock = simClock(scheduler, new Life());
  const env = { ...realEnv(), clock, disk: new SimDisk({ dice: new SimRandom(1) }).begin() };
  const run = async <T>(work: Promise<T>): Promise<T> => await scheduler.run(work, 10_000_000);
  const group = await DedupGroup.open({
    env,
    folder: 'group',
    reserveBytes: 0,
    kernels: plainKernels,
    tuning: { packBytes: MiB },
  });
  for (const [index, id] of ['goes', 'stays'].entries()) {
    const volume = await group.create(id);
    await volume.stream('data').append([patternBytes(index, 3 * MiB)]);
    await volume.commit(Buffer.from(id));
    await volume.close();
  }
  await group.remove('goes');
  const upkeep = new Upkeep({ env, group, isIdle: () => true, log: silentLog });
  upkeep.start();
  await run(clock.sleep(120_000));
  const { physicalBytes, reclaimableBytes } = await group.sizes();
  t.true(physicalBytes < 3.4 * MiB, `${physicalBytes}`);
  t.true(reclaimableBytes < 0.1 * MiB);
  t.not(upkeep.state.scrubbedMs, undefined);
  await run(upkeep.stop());
  t.is(upkeep.state.work, undefined);
  await group.close();
});

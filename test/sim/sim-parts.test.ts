/** The simulator's own parts: a simulator that is wrong proves nothing. */
import test from 'ava';
import type { Link } from '#env';
import { SimDatabaseWorld } from './sim-databases.js';
import { Life, Scheduler, simClock } from './sim-clock.js';
import { SimNetWorld } from './sim-net.js';
import { SimRandom } from './sim-random.js';

const world = (seed: number): Scheduler => new Scheduler(new SimRandom(seed));

test('the same seed draws the same, another seed another', (t) => {
  const draw = (seed: number): string => new SimRandom(seed).bytes(64).toString('hex');
  t.is(draw(7), draw(7));
  t.not(draw(7), draw(8));
  const random = new SimRandom(1);
  const drawn = Array.from({ length: 4000 }, () => random.integer(4));
  for (const face of [0, 1, 2, 3]) t.true(drawn.filter((one) => one === face).length > 900);
});

test('time goes on only when nothing is runnable, and events come in their order', async (t) => {
  const scheduler = world(3);
  const clock = simClock(scheduler, new Life());
  const seen: string[] = [];
  const slow = async (): Promise<void> => {
    await clock.sleep(20);
    seen.push('slow');
  };
  const busy = async (): Promise<void> => {
    await clock.sleep(10);
    for (let turn = 0; turn < 1000; turn++) await Promise.resolve();
    seen.push(`busy at ${clock.monotonicMs()}`);
  };
  await scheduler.run(Promise.all([slow(), busy()]), 1000);
  t.deepEqual(seen, ['busy at 10', 'slow']);
});

test('what waits for ever is found out', async (t) => {
  const scheduler = world(3);
  await t.throwsAsync(scheduler.run(new Promise(() => undefined), 1000), { message: /Stuck/ });
});

test('a life that ended does nothing more', async (t) => {
  const scheduler = world(4);
  const life = new Life();
  let fired = false;
  simClock(scheduler, life).after(5, () => (fired = true));
  life.end();
  await scheduler.run(simClock(scheduler, new Life()).sleep(10), 100);
  t.false(fired);
});

async function pair(
  seed: number,
): Promise<{ scheduler: Scheduler; net: SimNetWorld; near: Link; far: Link }> {
  const scheduler = world(seed);
  const life = new Life();
  const net = new SimNetWorld(scheduler, life);
  let far: Link | undefined;
  const listener = await net.netOf(life).listen({ host: '127.0.0.1', port: 0 }, (link) => (far = link));
  const near = await scheduler.run(net.netOf(life).connect(listener.address), 1000);
  if (far === undefined) throw new Error('Nobody came');
  return { scheduler, net, near, far };
}

test('a link keeps the order of bytes and cuts them anywhere', async (t) => {
  const { scheduler, near, far } = await pair(5);
  const sent = new SimRandom(9).bytes(600_000);
  const pieces: Buffer[] = [];
  const got = new Promise<void>((resolve) => {
    far.start({ data: (chunk) => pieces.push(Buffer.from(chunk)), closed: () => resolve() });
  });
  near.start({ data: () => undefined, closed: () => undefined });
  t.false(near.write([sent.subarray(0, 500_000)]), 'asks to wait above the high-water mark');
  near.write([sent.subarray(500_000, 500_001), sent.subarray(500_001)]);
  near.end();
  await scheduler.run(got, 60_000);
  t.true(Buffer.concat(pieces).equals(sent));
  t.true(pieces.length > 5);
});

test('memory lent to a link is read late, and a chunk is taken back', async (t) => {
  const { scheduler, near, far } = await pair(6);
  const lent = Buffer.from('first');
  const kept = await scheduler.run(
    new Promise<Buffer>((resolve) => {
      far.start({ data: resolve, closed: () => undefined });
      near.start({ data: () => undefined, closed: () => undefined });
      near.write([lent]);
      lent.write('other');
    }),
    1000,
  );
  t.not(kept.toString(), 'first');
});

test('a cut link tells both ends, a half-open one only one of them', async (t) => {
  const closed: string[] = [];
  for (const how of ['cutAll', 'halfOpenAll'] as const) {
    const { scheduler, net, near, far } = await pair(7);
    near.start({ data: () => undefined, closed: () => closed.push(`${how}: near`) });
    far.start({ data: () => undefined, closed: () => closed.push(`${how}: far`) });
    net[how]();
    await scheduler.run(simClock(scheduler, new Life()).sleep(5000), 10_000);
  }
  t.deepEqual(closed.toSorted(), ['cutAll: far', 'cutAll: near', 'halfOpenAll: near']);
});

test('a crash keeps what a database had committed and drops the rest', async (t) => {
  const scheduler = world(8);
  const databases = new SimDatabaseWorld(scheduler);
  t.teardown(async () => await databases.close());
  const first = new Life();
  const fill = async (): Promise<void> => {
    const database = await databases.databasesOf(first).open('catalog');
    await database.script('CREATE TABLE one (value INTEGER); INSERT INTO one VALUES (1)');
    await database.run('BEGIN');
    await database.run('INSERT INTO one VALUES (?)', [2]);
  };
  await scheduler.run(fill(), 1000);
  first.end();
  await databases.crash();
  const look = async (): Promise<unknown[]> => {
    const database = await databases.databasesOf(new Life()).open('catalog');
    return await database.all('SELECT value FROM one');
  };
  t.deepEqual(await scheduler.run(look(), 1000), [{ value: 1 }]);
});

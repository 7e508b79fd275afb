/** Threads: what they are given is done, also when they die of it. */
import type { Worker } from 'node:worker_threads';
import test from 'ava';
import { type Logger, silentLog } from '#env';
import { plainKernels } from '#store';
import { Arena } from '../../../../src/store/engine/arena.js';
import { ThreadCrew } from '../../../../src/store/engine/crew.js';
import { openMeans } from '../../../../src/store/engine/means.js';
import {
  type Effort,
  EFFORT,
  OUTCOME,
  PackSlip,
  Slip,
  slipBytes,
} from '../../../../src/store/engine/slips.js';
import { patternBytes } from '../../../contract/store.js';

/** Of a kind that threads do not know. */
class OddSlip extends Slip {
  performed = 0;
  constructor(memory: Buffer) {
    super(memory, 99);
    this.begin();
  }
  perform(): void {
    this.performed += 1;
    this.end(OUTCOME.done);
  }
}
class PackAgain extends PackSlip {
  again: () => void = () => undefined;
}
function packSlip(arena: Arena, effort: Effort = EFFORT.fast): PackAgain {
  const slip = new PackAgain(arena.allocate(slipBytes));
  const source = arena.allocate(10_000);
  const target = arena.allocate(10_001);
  source.set(patternBytes(1, source.length));
  slip.again = () => slip.ask(source, 0, source.length, target, effort, 1, 0, undefined);
  slip.again();
  return slip;
}

test('what a thread that dies leaves undone is done here, in order, and so is what comes later', async (t) => {
  const arena = new Arena();
  const crew = new ThreadCrew(arena, plainKernels, 1);
  const odd = new OddSlip(arena.allocate(slipBytes));
  const done: string[] = [];
  const [before, behind] = [packSlip(arena), packSlip(arena)];
  before.done = () => done.push('before');
  odd.done = () => done.push('odd');
  behind.done = () => done.push('behind');
  for (const slip of [before, odd, behind]) crew.run(slip);
  await crew.close();
  t.deepEqual(done, ['before', 'odd', 'behind']);
  t.is(odd.performed, 1);
  t.is(before.checksumLow, behind.checksumLow);
  t.is(before.checksumHigh, behind.checksumHigh);
  const later = packSlip(arena);
  later.done = () => done.push('later');
  crew.run(later);
  t.is(done.at(-1), 'later');
});

test('what comes while the slips of a thread that died are being done is done behind them', async (t) => {
  const arena = new Arena();
  const crew = new ThreadCrew(arena, plainKernels, 1);
  const odd = new OddSlip(arena.allocate(slipBytes));
  const [first, second, later] = [packSlip(arena), packSlip(arena), packSlip(arena)];
  const done: string[] = [];
  odd.done = () => done.push('odd');
  first.done = () => {
    done.push('first');
    crew.run(later, 0);
  };
  second.done = () => done.push('second');
  later.done = () => done.push('later');
  for (const slip of [odd, first, second]) crew.run(slip, 0);
  await crew.close();
  t.deepEqual(done, ['odd', 'first', 'second', 'later']);
});

test('the log hears once what a thread has died of, and nothing of threads that end with the engine', async (t) => {
  const said: string[] = [];
  const log: Logger = {
    ...silentLog,
    error: (message, facts) => said.push(`${message}: ${String(facts?.['error'])}`),
  };
  const { arena, crew } = await openMeans({ threads: 2 }, log);
  for (const lane of [0, 0]) crew.run(new OddSlip(arena.allocate(slipBytes)), lane);
  await crew.close();
  t.is(said.length, 1);
  t.regex(said[0] ?? '', /^A thread of the store has died: .*AssertionError.*crew\.worker/s);
});

// Serial: it looks at all threads that there are.
test.serial('threads that have hardly begun when they are told to end end by themselves', async (t) => {
  const exits: Promise<number>[] = [];
  const noted = (worker: Worker): void =>
    void exits.push(new Promise((resolve) => worker.once('exit', resolve)));
  process.on('worker', noted);
  const { crew } = await openMeans({ threads: 3 }, silentLog);
  await crew.close();
  process.off('worker', noted);
  t.deepEqual(await Promise.all(exits), [0, 0, 0], 'a thread that is stopped exits with 1');
});

test('what any thread may do is done by one that lives, and here when none does', async (t) => {
  const arena = new Arena();
  const crew = new ThreadCrew(arena, plainKernels, 2);
  for (const isLast of [false, true]) {
    await new Promise<void>((resolve) => {
      const odd = new OddSlip(arena.allocate(slipBytes));
      odd.done = resolve;
      crew.run(odd, isLast ? 1 : 0);
    });
    const slip = packSlip(arena);
    let isDone = false;
    await new Promise<void>((resolve) => {
      slip.done = () => {
        isDone = true;
        resolve();
      };
      crew.run(slip);
      t.is(isDone, isLast);
    });
    t.is(slip.outcome, OUTCOME.done);
  }
  await crew.close();
});

test('memory that was used before misleads no thread', async (t) => {
  const arena = new Arena();
  const used = arena.allocate(4).fill(0xff);
  arena.give(used);
  const crew = new ThreadCrew(arena, plainKernels, 1);
  const slip = packSlip(arena);
  await new Promise<void>((resolve) => {
    slip.done = resolve;
    crew.run(slip);
  });
  t.is(slip.outcome, OUTCOME.done);
  await crew.close();
});

test('slips are done in order, however often the mailbox has gone round', async (t) => {
  const arena = new Arena();
  const crew = new ThreadCrew(arena, plainKernels, 1);
  const slips = Array.from({ length: 1000 }, () => packSlip(arena, EFFORT.none));
  const done: number[] = [];
  for (let round = 0; round < 20; round++) {
    await new Promise<void>((resolve) => {
      for (const [index, slip] of slips.entries()) {
        slip.again();
        slip.done = () => {
          done.push(index);
          if (index === slips.length - 1) resolve();
        };
        crew.run(slip, 0);
      }
    });
    t.deepEqual(done.splice(0), [...slips.keys()]);
  }
  await crew.close();
});

test('slips without a lane are done by whichever thread comes to them, also when one dies of one of them', async (t) => {
  const arena = new Arena();
  const crew = new ThreadCrew(arena, plainKernels, 2);
  const odd = new OddSlip(arena.allocate(slipBytes));
  const done: unknown[] = [];
  const slips = Array.from({ length: 200 }, (_, index) => (index === 20 ? odd : packSlip(arena)));
  await new Promise<void>((resolve) => {
    for (const slip of slips) {
      slip.done = () => {
        done.push(slip);
        if (done.length === slips.length) resolve();
      };
      crew.run(slip);
    }
  });
  t.is(odd.performed, 1);
  t.is(new Set(done).size, slips.length);
  for (const slip of slips) t.is(slip.outcome, OUTCOME.done);
  const later = packSlip(arena);
  await new Promise<void>((resolve) => {
    later.done = resolve;
    crew.run(later);
  });
  await crew.close();
});

test('threads that are kept busy by their lanes come to the others, too', async (t) => {
  const arena = new Arena();
  const crew = new ThreadCrew(arena, plainKernels, 2);
  let isOver = false;
  const lanes = Array.from({ length: 4 }, (_, index) => ({ lane: index % 2, slip: packSlip(arena) }));
  for (const { lane, slip } of lanes) {
    slip.done = () => {
      if (isOver) return;
      slip.again();
      crew.run(slip, lane);
    };
    crew.run(slip, lane);
  }
  for (let round = 0; round < 50; round++) {
    const slip = packSlip(arena);
    await new Promise<void>((resolve) => {
      slip.done = resolve;
      crew.run(slip);
    });
    t.is(slip.outcome, OUTCOME.done);
  }
  isOver = true;
  await crew.close();
});

test('what is done is told, also when another thread has taken what seemed to be next', async (t) => {
  t.timeout(30_000);
  const arena = new Arena();
  const crew = new ThreadCrew(arena, plainKernels, 2);
  const slips = Array.from({ length: 4 }, () => packSlip(arena, EFFORT.none));
  for (let round = 0; round < 3000; round++) {
    await new Promise<void>((resolve) => {
      let undone = slips.length;
      for (const [index, slip] of slips.entries()) {
        slip.again();
        slip.done = () => {
          undone -= 1;
          if (undone === 0) resolve();
        };
        crew.run(slip, index === round % slips.length ? 0 : undefined);
      }
    });
  }
  await crew.close();
  t.pass();
});

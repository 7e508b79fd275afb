/**
 * DelayedCrew: threads of which nobody knows how fast they are, without threads. Slips of a lane are performed, and told of, one after
 * another, as a thread does; which lane comes next, how soon, and whether it is late with the work or with the news of it, is drawn.
 * Time passes in microtasks unless somebody says otherwise: a simulated disk and this crew go on beside each other, the same way for
 * the same seed.
 */
import type { Arena, Crew, plainKernels } from '#store';
import type { Dice } from './sim-disk.js';

type Slip = Parameters<Crew['run']>[0];
/** Slips in the order in which they came; so many of them are performed and not told of. */
interface Lane {
  readonly slips: Slip[];
  performed: number;
}

export class DelayedCrew implements Crew {
  readonly isBeside = true;
  readonly #arena: Arena;
  readonly #kernels: typeof plainKernels;
  readonly #dice: Dice;
  readonly #lanes: readonly Lane[];
  readonly #pause: () => Promise<void>;
  /** Microtasks between two of its steps, at most; changes now and then. */
  #pace = 0;
  #isWorking = false;
  #waiting: (() => void)[] = [];

  /** `pause`: waited for between two of its steps; never returns when the life has ended. */
  constructor(arena: Arena, kernels: typeof plainKernels, dice: Dice, pause?: () => Promise<void>) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#dice = dice;
    this.#pause = pause ?? (async () => await this.#hop());
    this.#lanes = Array.from({ length: 2 }, () => ({ slips: [], performed: 0 }));
  }
  get busy(): number {
    return this.#lanes.reduce((sum, { slips }) => sum + slips.length, 0);
  }
  run(slip: Slip, lane = this.#dice.integer(this.#lanes.length)): void {
    this.#lanes[lane % this.#lanes.length]?.slips.push(slip);
    if (!this.#isWorking) void this.#work();
  }
  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.busy > 0) {
      await this.#pause();
      this.#step();
    }
    this.#isWorking = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
  async #hop(): Promise<void> {
    if (this.#dice.integer(16) === 0) this.#pace = [1, 8, 80, 400][this.#dice.integer(4)] ?? 1;
    for (let left = this.#dice.integer(this.#pace + 1); left > 0; left--) await Promise.resolve();
  }
  #step(): void {
    const busy = this.#lanes.filter(({ slips }) => slips.length > 0);
    const lane = busy[this.#dice.integer(busy.length)];
    if (lane === undefined) return;
    const next = lane.slips[lane.performed];
    const isLate = lane.performed === 0 || this.#dice.integer(2) === 0;
    if (next !== undefined && isLate) {
      next.perform(this.#kernels, (at, bytes) => this.#arena.view(at, bytes));
      lane.performed += 1;
      return;
    }
    lane.performed -= 1;
    lane.slips.shift()?.done();
  }
  async close(): Promise<void> {
    while (this.busy > 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
}

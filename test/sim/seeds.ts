/** Declares tests that run ranges of seeds; several files, so that they run side by side. */
import test from 'ava';
import type { SimStore } from './machine.js';
import { simulate } from './simulation.js';

const seedsPerTest = 25;

export function runSeeds(store: SimStore, from: number, to: number): void {
  for (let first = from; first < to; first += seedsPerTest) {
    const last = Math.min(to, first + seedsPerTest) - 1;
    test.serial(`seeds ${first} to ${last} keep every promise (${store})`, async (t) => {
      t.timeout(300_000);
      for (let seed = first; seed <= last; seed++) await t.notThrowsAsync(simulate({ seed, store }));
    });
  }
}

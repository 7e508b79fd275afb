/** E1: only src/env touches clock, randomness, disk, network, timers. Lint says it too; this one has no off switch. */
import test from 'ava';
import { findIn, product, tests } from './sources.js';

const outside = product.filter(({ path }) => !path.startsWith('src/env/'));

test('time is env.clock', (t) => {
  t.deepEqual(findIn(outside, /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b/), []);
});
test('timers are env.clock', (t) => {
  t.deepEqual(findIn(outside, /\b(setTimeout|setInterval|setImmediate)\s*\(/), []);
});
test('randomness is env.random', (t) => {
  t.deepEqual(findIn(outside, /\bMath\.random\b|\b(randomBytes|randomInt|randomUUID|randomFillSync)\b/), []);
});
test('no file outside the catalog contains SQL', (t) => {
  const others = outside.filter(({ path }) => !path.startsWith('src/catalog/'));
  t.deepEqual(
    findIn(others, /\b(SELECT\s.*\sFROM|INSERT INTO|DELETE FROM|CREATE TABLE|UPDATE \w+ SET)\b/),
    [],
  );
});
test('only the command line and the entry point print', (t) => {
  const silent = outside.filter(({ path }) => !/^src\/(cli\/|daemon\/|main\.ts)/.test(path));
  t.deepEqual(findIn(silent, /\bconsole\.|\bprocess\.(stdout|stderr)\b/), []);
});

/** Tests that drive real processes need real time; a unit test that waits is slow or flaky. */
test('unit tests do not wait for time and do not roll dice', (t) => {
  const units = tests.filter(({ path }) => /^test\/(unit|contract|model|sim|fuzz)\//.test(path));
  t.deepEqual(findIn(units, /\bsetTimeout\s*\(|\bsetInterval\s*\(|\bMath\.random\b/), []);
});

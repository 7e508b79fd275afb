/** Files have one reason to change. Functions are held to 70 lines by lint (max-lines-per-function). */
import test from 'ava';
import { product, tests } from './sources.js';

const fileLinesMax = 400;
/** Tests are lists; they may be longer. */
const testLinesMax = 750;

/** Longer ones, each with the reason. */
const EXCEPTIONS: Readonly<Record<string, { readonly lines: number; readonly why: string }>> = {};

const limitOf = (path: string): number => (path.startsWith('test/') ? testLinesMax : fileLinesMax);

test(`files have at most ${fileLinesMax} lines, tables exempt`, (t) => {
  const long = [...product, ...tests]
    .filter(({ path }) => !path.endsWith('.table.ts'))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ path, lines }) => lines > (EXCEPTIONS[path]?.lines ?? limitOf(path)));
  t.deepEqual(long, []);
});

test('every exception is still one', (t) => {
  for (const path of Object.keys(EXCEPTIONS)) {
    const source = [...product, ...tests].find((one) => one.path === path);
    t.true((source?.text.split('\n').length ?? 0) > fileLinesMax, path);
  }
  t.pass();
});

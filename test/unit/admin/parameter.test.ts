/** What comes over the admin socket is checked before anything is done with it. */
import test from 'ava';
import { readParameters, verbs } from '#admin';
import { RefusedError } from '#errors';

const create = verbs.TAPE_CREATE.parameters;
const refused = (given: unknown): string => {
  try {
    readParameters(create, given);
    return 'accepted';
  } catch (error) {
    return error instanceof RefusedError && error.code === 'usage'
      ? error.message
      : `not refused: ${String(error)}`;
  }
};

test('text of a command line becomes values, defaults are filled in', (t) => {
  const values = readParameters(create, { prefix: 'TS', suffix: 'L8', count: '12', size: '16M', worm: true });
  t.deepEqual({ ...values }, { count: 12, prefix: 'TS', suffix: 'L8', size: 16 * 1024 ** 2, worm: true });
  t.is(readParameters(create, { barcode: 'A00001L8' }).count, 1);
});

test('what is out of range, misspelt or of another type is refused by name', (t) => {
  t.regex(refused({ count: '0' }), /^count: give a whole number from 1 to 10000/);
  t.regex(refused({ count: '1e3' }), /^count: /);
  t.regex(refused({ count: 1.5 }), /^count: /);
  t.regex(refused({ size: '16X' }), /^size: give a size such as 16M/);
  t.regex(refused({ barcode: 'a00001l8' }), /^barcode: give 1 to 32 capital letters/);
  t.regex(refused({ barcode: ['A', 'B'] }), /^barcode: /);
  t.regex(refused({ worm: 'yes' }), /^worm: give true or false/);
  t.regex(refused({ colour: 'red' }), /no parameter colour/);
  t.regex(refused([]), /must be an object/);
  t.regex(refused(null), /must be an object/);
});

test('what is needed is asked for as it is typed', (t) => {
  const error = t.throws(() => readParameters(verbs.TAPE_MOVE.parameters, { barcode: 'A1L8' }), {
    instanceOf: RefusedError,
  });
  t.is(error.message, 'to is missing: give drive0, slot12, ie1 or shelf');
});

test('a prototype cannot be reached', (t) => {
  t.regex(refused(JSON.parse('{"__proto__":{"worm":true}}')), /no parameter __proto__/);
  t.regex(refused(JSON.parse('{"constructor":{"prototype":{}}}')), /no parameter constructor/);
  const inherited = Object.create({ barcode: 'A00001L8' }) as object;
  t.is(readParameters(create, inherited).barcode, undefined);
  t.is(({} as Record<string, unknown>)['worm'], undefined);
});

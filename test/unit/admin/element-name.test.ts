/** Drives count from 0, slots and mail slots from 1, as mtx does. */
import test from 'ava';
import { RefusedError } from '#errors';
import { elementName, parseElement } from '../../../src/admin/element-name.js';

test('names and elements are the same thing', (t) => {
  const pairs = [
    ['drive0', { kind: 'drive', index: 0 }],
    ['slot1', { kind: 'slot', index: 0 }],
    ['slot12', { kind: 'slot', index: 11 }],
    ['ie1', { kind: 'mail', index: 0 }],
  ] as const;
  for (const [name, element] of pairs) {
    t.deepEqual(parseElement(name), element);
    t.is(elementName(element), name);
  }
});
test('what is no element is refused', (t) => {
  for (const name of ['slot0', 'ie0', 'drive', 'slot-1', 'robot0', 'shelf', 'slot1 ']) {
    t.throws(() => parseElement(name), { instanceOf: RefusedError, code: 'usage' }, name);
  }
});

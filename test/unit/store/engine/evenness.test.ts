/** What the fast codec leaves and the dense one may shrink, told from what neither will. */
import test from 'ava';
import { isEven } from '../../../../src/store/engine/evenness.js';
import { regionBytesMax } from '../../../../src/store/engine/engine-limits.js';
import { noise } from '../kernels/workbench.js';

const random = noise('evenness', 4 * regionBytesMax);
const base64 = Buffer.from(random.toString('base64'));
const lengths = [regionBytesMax, 100_003, 8192, 1000];

test('noise is even, wherever it is looked at', (t) => {
  for (const length of lengths) {
    for (let at = 0; at + length <= random.length; at += 4099)
      if (!isEven(random.subarray(at, at + length))) t.fail(`${length} at ${at}`);
  }
  for (let length = 0; length < 200; length++) t.true(isEven(random.subarray(7, 7 + length)), `${length}`);
});
test('bytes of six or seven bits are not, also when a third of them is noise', (t) => {
  for (const length of lengths) {
    t.false(isEven(base64.subarray(5, 5 + length)), `${length} of base64`);
    t.false(
      isEven(Buffer.from(random.subarray(5, 5 + length).map((byte) => byte & 127))),
      `${length} of seven bits`,
    );
  }
  const mixed = Buffer.from(base64.subarray(0, regionBytesMax));
  random.copy(mixed, 0, 0, regionBytesMax / 3);
  t.false(isEven(mixed));
});

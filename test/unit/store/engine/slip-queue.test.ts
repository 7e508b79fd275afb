/** A queue whose places are used again says what a plain list says. */
import test from 'ava';
import { Arena } from '../../../../src/store/engine/arena.js';
import { SlipQueue } from '../../../../src/store/engine/slip-queue.js';
import { PackSlip, slipBytes } from '../../../../src/store/engine/slips.js';
import { SimRandom } from '../../../sim/sim-random.js';

test('in the order of coming, whichever is taken out', (t) => {
  const arena = new Arena();
  const dice = new SimRandom(1);
  const slips = Array.from({ length: 12 }, () => new PackSlip(arena.allocate(slipBytes)));
  const queue = new SlipQueue();
  const model: PackSlip[] = [];
  for (let step = 0; step < 2000; step++) {
    const slip = slips[dice.integer(slips.length)];
    if (slip !== undefined && !model.includes(slip)) {
      queue.push(slip);
      model.push(slip);
    } else if (model.length > 0) {
      const index = dice.integer(2) * dice.integer(model.length);
      queue.remove(index);
      model.splice(index, 1);
    }
    t.is(queue.size, model.length);
    model.forEach((one, index) => {
      t.is(queue.at(index), one);
      t.is(queue.indexOf(one.address), index);
    });
    t.is(queue.at(model.length), undefined, 'what was there before is not there');
    t.is(queue.at(-1), undefined);
    for (const one of slips) if (!model.includes(one)) t.is(queue.indexOf(one.address), -1);
  }
});

/** Memory of all messages together: one may be large, hundreds may not. */
import test from 'ava';
import {
  ndmpMessageBytesMax,
  ndmpMessagesBytesMax,
  ndmpStrangerMessageBytesMax,
} from '../../../src/limits.js';
import { MessageMemory } from '../../../src/ndmp/message-memory.js';

test('who is known may send a largest message while there is room, and short ones always', (t) => {
  const memory = new MessageMemory();
  const shares = Array.from({ length: 17 }, () => memory.share());
  for (const [index, share] of shares.entries()) {
    const room = ndmpMessagesBytesMax - index * ndmpMessageBytesMax;
    const expected = Math.max(ndmpStrangerMessageBytesMax, Math.min(ndmpMessageBytesMax, room));
    t.is(share.messageBytesMax(false), expected, `connection ${index}`);
    t.is(share.messageBytesMax(true), ndmpStrangerMessageBytesMax);
    share.hold(share.messageBytesMax(false));
  }
  t.is(memory.freeBytes, 0);
  t.is(shares[0]?.messageBytesMax(false), ndmpMessageBytesMax, 'what it has counts as its own');
  shares[1]?.hold(0);
  t.true(
    (shares[16]?.messageBytesMax(false) ?? 0) > ndmpMessageBytesMax / 2,
    'what is given back is there again',
  );
  for (const share of shares) share.hold(0);
  t.is(memory.freeBytes, ndmpMessagesBytesMax);
});

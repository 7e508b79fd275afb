/** Real randomness; the only randomBytes of the product. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Random } from './env.js';

export const realRandom: Random = {
  bytes: (length) => randomBytes(length),
  integer: (below) => randomInt(below),
  uuid: () => randomUUID(),
};

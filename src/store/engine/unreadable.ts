import { StoreError } from '../../errors.js';

/** A medium that does not give bytes back does so with other bytes or with an error. */
export const isUnreadable = (cause: unknown): cause is StoreError =>
  cause instanceof StoreError && (cause.code === 'corrupt' || cause.code === 'io');

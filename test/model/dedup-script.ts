/** What dedup-process.ts does, for it to do and for the test to follow. */
import { patternBytes } from '../contract/store.js';

/** Much of it is what other volumes have, or what was there before. */
export const appendOf = (index: number, commits: number): Buffer =>
  patternBytes((commits % 7) + (commits % 3 === 0 ? 10 * index : 0), 40_000 + ((commits * 7919) % 200_000));
/** Where the stream is cut by that commit, if it is. */
export function cutAt(commits: number, length: number): number | undefined {
  if (commits % 9 === 5) return Math.floor(length / 3);
  return length > 3_000_000 ? 1000 : undefined;
}

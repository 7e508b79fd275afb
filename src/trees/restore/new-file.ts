/** NewFile: a file while it is written. */
import type { TreeCalls } from '#env';
import type { Made } from './restorer.js';

/** A file that is being written. Either `finish` or `giveUp` ends it. */
export interface NewFile {
  /** Negative error number, or 0. */
  write(bytes: Uint8Array): number;
  seek(offset: number): number;
  truncate(lengthBytes: number): number;
  finish(): Made;
  /** What is there of it stays, unless there was a file already, which then stays. */
  giveUp(): void;
}

/** Negative error number, or 0. */
export function writeAll(calls: TreeCalls, handle: number, bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) {
    const written = calls.write(handle, at === 0 ? bytes : bytes.subarray(at));
    if (written < 0) return written;
    at += written;
  }
  return 0;
}

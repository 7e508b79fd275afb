/** What a stream refuses or fails with, in words. */
import { StoreError } from '#errors';

export function missingError(stream: string, offset: number, length: number): StoreError {
  const facts = { stream, offset, length };
  return new StoreError('corrupt', `The file of stream ${stream} is shorter than what was committed`, facts);
}
export function starvedError(stream: string): StoreError {
  return new StoreError('full', 'The memory is full of bytes for which the disk has no space', { stream });
}

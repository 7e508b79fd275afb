/**
 * Sparse files in GNU tar's way, version 1.0 (its manual, "Sparse Formats"): the map of what is data leads the data, as decimal
 * numbers on lines, filled up to a block. An entry of no length at the end tells the size.
 */
import { E, type TreeCalls } from '#env';
import { treeExtentsMax } from '../../limits.js';
import { blockBytes } from './ustar.js';

/** A run of data; between them there is nothing. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** Holes smaller than that cost more in the map than they save. */
const holeBytesMin = 512;

/** Where a file of `size` has data; undefined when it has no holes worth it, or the file system does not tell. */
export function extentsOf(calls: TreeCalls, file: number, size: number): Extent[] | undefined {
  const extents: { offset: number; length: number }[] = [];
  for (let at = 0; at < size;) {
    const offset = calls.seek(file, at, 'data');
    if (offset === -E.nxio || offset >= size) break; // nothing but a hole up to the end
    if (offset < 0) return undefined; // it cannot tell: what is not known to be a hole is data
    const found = extents.length < treeExtentsMax ? calls.seek(file, offset, 'hole') : size;
    const end = found <= offset || found > size ? size : found;
    const last = extents.at(-1);
    if (last !== undefined && offset - (last.offset + last.length) < holeBytesMin) {
      last.length = end - last.offset;
    } else extents.push({ offset, length: end - offset });
    at = end;
  }
  const bytes = extents.reduce((sum, { length }) => sum + length, 0);
  if (calls.seek(file, 0, 'offset') < 0 || size - bytes < blockBytes) return undefined;
  return extents;
}

export function sparseMap(extents: readonly Extent[], size: number): Buffer {
  const last = extents.at(-1);
  const all =
    last?.offset === undefined || last.offset + last.length < size
      ? [...extents, { offset: size, length: 0 }]
      : extents;
  const text = Buffer.from(
    [all.length, ...all.flatMap(({ offset, length }) => [offset, length])].join('\n') + '\n',
  );
  const map = Buffer.alloc(Math.ceil(text.length / blockBytes) * blockBytes);
  map.set(text);
  return map;
}

/** Whether the pieces follow one another within a file of `size`, and are not too many. */
export function isMap(extents: readonly Extent[], size: number): boolean {
  if (extents.length > treeExtentsMax) return false;
  let at = 0;
  for (const { offset, length } of extents) {
    if (!(offset >= at && length >= 0 && offset + length <= size)) return false;
    at = offset + length;
  }
  return true;
}

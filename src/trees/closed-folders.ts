/**
 * ClosedFolders: folders of this machine that no job looks into or writes to, whatever the path on which it comes there. They are
 * told by device and inode, so neither links on the way to a root, nor mounts of the same folder elsewhere, lead around this (N12).
 */
import { E, type TreeCalls } from '#env';
import { FileStat } from './file-stat.js';
import { zeroEnded } from './tree-root.js';

const dotDotName = Buffer.from('..\0');
/** More than a path can have. */
const depthMax = 4096;

export class ClosedFolders {
  readonly #calls: TreeCalls;
  readonly #keys = new Set<string>();
  readonly #stat = new FileStat();

  /** Absolute paths. What is not there yet is nobody's. */
  constructor(calls: TreeCalls, folders: readonly Uint8Array[]) {
    this.#calls = calls;
    for (const folder of folders) {
      const handle = calls.openRoot(zeroEnded(folder));
      if (handle < 0) continue;
      if (calls.stat(handle, this.#stat.bytes) >= 0) this.#keys.add(keyOf(this.#stat));
      calls.close(handle);
    }
  }

  has(stat: FileStat): boolean {
    return this.#keys.size > 0 && this.#keys.has(keyOf(stat));
  }
  /** The opened folder is one of them, or lies in one, or cannot be told. */
  hold(folder: number): boolean {
    if (this.#keys.size === 0) return false;
    let at = folder;
    let before = '';
    try {
      for (let depth = 0; depth < depthMax; depth += 1) {
        if (this.#calls.stat(at, this.#stat.bytes) < 0) return true;
        const key = keyOf(this.#stat);
        if (this.#keys.has(key)) return true;
        if (key === before) return false; // the uppermost one is its own parent
        before = key;
        const above = this.#calls.openNode(at, dotDotName);
        if (above < 0) return above !== -E.noEntry;
        if (at !== folder) this.#calls.close(at);
        at = above;
      }
      return true;
    } finally {
      if (at !== folder) this.#calls.close(at);
    }
  }
}

const keyOf = ({ onDevice, inode }: FileStat): string => `${onDevice}:${inode}`;

/**
 * File history: entries of the engine become FH messages, many in one, in the form that was asked for.
 *
 * By path (`file`), names are paths from the tree on, beginning with a slash; the tree itself is `/`. By node (`dir`), the tree
 * comes first as `.` and `..`, parent of itself, and each other thing as a name in its directory and a node (spec4 3.9).
 * Clients find an image's beginning by these (ndmjob: `/`, or the `.` that comes first).
 */
import { ndmpHistoryBatchBytes, ndmpHistoryBatchEntries } from '#limits';
import type { HistoryEntry, TreeFileType } from '#trees';
import type { HistoryForm } from './data-variables.js';
import type { FileStat, FileType, HistoryDir, HistoryFile, HistoryNode } from './history-messages.table.js';
import type { PostOf } from './messages.js';

export interface HistoryPosts {
  post<K extends 'fhAddFile' | 'fhAddDir' | 'fhAddNode'>(name: K, body: PostOf<K>): void;
}

const TYPES = {
  directory: 'dir',
  fifo: 'fifo',
  'character-device': 'cspec',
  'block-device': 'bspec',
  regular: 'reg',
  symlink: 'slink',
  socket: 'sock',
  other: 'other',
} as const satisfies Readonly<Record<TreeFileType, FileType>>;

const slash = Buffer.from('/');
const here = Buffer.from('.');
const above = Buffer.from('..');
const unix = (path: Buffer): HistoryFile['names'] => [{ type: 'unix', path }];
const secondsOf = (ns: bigint): number => Math.max(0, Number(ns / 1_000_000_000n));

function statOf(entry: HistoryEntry): FileStat {
  return {
    unsupported: 0,
    fsType: 'unix',
    ftype: TYPES[entry.type],
    mtime: secondsOf(entry.mtime),
    atime: secondsOf(entry.atime),
    ctime: secondsOf(entry.ctime),
    owner: entry.uid,
    group: entry.gid,
    fattr: entry.mode,
    size: entry.size,
    links: entry.links,
  };
}
const nodeOf = (entry: HistoryEntry): HistoryNode => ({
  stats: [statOf(entry)],
  node: entry.node,
  fhInfo: entry.fhInfo,
});
const fileOf = (entry: HistoryEntry): HistoryFile => ({
  names: unix(Buffer.concat([slash, entry.path])),
  ...nodeOf(entry),
});
function dirsOf({ path, node, parentNode }: HistoryEntry): HistoryDir[] {
  if (path.length > 0) {
    const name = path.subarray(path.lastIndexOf(slash[0] ?? 0) + 1);
    return [{ names: unix(name), node, parent: parentNode }];
  }
  return [here, above].map((name) => ({ names: unix(name), node, parent: node }));
}

export class HistoryPoster {
  readonly #posts: HistoryPosts;
  readonly #form: HistoryForm;
  #waiting: HistoryEntry[] = [];
  #waitingBytes = 0;

  constructor(posts: HistoryPosts, form: HistoryForm) {
    this.#posts = posts;
    this.#form = form;
  }
  add(entries: readonly HistoryEntry[]): void {
    if (this.#form === 'none') return;
    for (const entry of entries) {
      this.#waiting.push(entry);
      this.#waitingBytes += entry.path.length;
      const isFull =
        this.#waiting.length >= ndmpHistoryBatchEntries || this.#waitingBytes >= ndmpHistoryBatchBytes;
      if (isFull) this.flush();
    }
  }
  /** Sends what waits for company. */
  flush(): void {
    const entries = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (entries.length === 0) return;
    if (this.#form === 'file') {
      this.#posts.post('fhAddFile', { files: entries.map(fileOf) });
      return;
    }
    this.#posts.post('fhAddDir', { dirs: entries.flatMap(dirsOf) });
    this.#posts.post('fhAddNode', { nodes: entries.map(nodeOf) });
  }
}

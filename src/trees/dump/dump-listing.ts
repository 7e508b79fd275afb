/** DumpListing: what is in a dump, told as its backup told it. */
import type { Events, HistoryStat } from '../events.js';
import type { ImageInput } from '../image-input.js';
import { type Steps, type Tally, TreeFailure } from '../steps.js';
import type { TreeFileType } from '../tree-engine.js';
import { plain } from '../tree-root.js';
import type { DumpInode } from './dump-header.js';
import { DumpReader, type InodeRecord } from './dump-reader.js';
import { attributesOf, DumpTree, type Visited, pathOf } from './dump-tree.js';
import { typeOfMode } from '../file-stat.js';

export interface DumpListingParts {
  readonly input: ImageInput;
  readonly events: Events;
  readonly tally: Tally;
}

export class DumpListing {
  readonly #parts: DumpListingParts;
  #damage: string | undefined;

  constructor(parts: DumpListingParts) {
    this.#parts = parts;
  }
  #damaged(offset: number, text: string): void {
    const { events, tally } = this.#parts;
    const line = `${text} (byte ${offset} of the image)`;
    this.#damage ??= line;
    tally.troubles += 1;
    events.log({ level: 'error', text: line, status: 'io' });
  }

  /** What was found wrong with the image, if anything. Throws TreeFailure for what is no path in a tree. */
  *run(names: readonly Buffer[]): Steps<string | undefined> {
    const damaged = (offset: number, text: string): void => this.#damaged(offset, text);
    const reader = new DumpReader(this.#parts.input, damaged);
    const tree = new DumpTree();
    yield* reader.open();
    yield* tree.read(reader, damaged);
    const files = new Map<number, Visited[]>();
    for (const path of names.length === 0 ? [Buffer.alloc(0)] : names.map(plainPath)) {
      const number = tree.find(path);
      if (number === undefined) continue;
      for (const one of tree.below(number, path)) {
        if (one.folder !== undefined) yield* this.#tell(one, one.folder.record);
        else {
          const others = files.get(one.number);
          if (others === undefined) files.set(one.number, [one]);
          else others.push(one);
        }
      }
    }
    for (let left = files.size; left > 0;) {
      const record = yield* reader.inode();
      if (record === undefined) break;
      const found = files.get(record.header.inodeNumber);
      if (found !== undefined) left -= 1;
      for (const one of found ?? []) yield* this.#tell(one, record);
      yield* reader.skip(record);
    }
    return this.#damage;
  }
  *#tell(visited: Visited, { at, header }: InodeRecord): Steps<void> {
    const { events, input, tally } = this.#parts;
    const { number, parent } = visited;
    events.history(pathOf(visited), statOf(header.inode, number), BigInt(parent), at);
    tally.files += 1;
    tally.bytes = input.position;
    yield events.isFull ? 'events' : 'breath';
  }
}

function plainPath(name: Buffer): Buffer {
  const path = plain(name);
  if (path === undefined) throw new TreeFailure(`${name.toString()} is no path in an image`);
  return path;
}

function statOf(inode: DumpInode, number: number): HistoryStat {
  const { modified, accessed = modified } = attributesOf(inode, []);
  const changed = {
    seconds: inode.changed.seconds,
    nanoseconds: (inode.changed.microseconds % 1_000_000) * 1000,
  };
  const type: TreeFileType = typeOfMode(inode.mode);
  return {
    type,
    permissions: inode.mode & 0o7777,
    uid: inode.uid,
    gid: inode.gid,
    links: inode.links,
    inode: BigInt(number),
    size: inode.size,
    time: (which) => (which === 'accessed' ? accessed : which === 'changed' ? changed : modified),
  };
}

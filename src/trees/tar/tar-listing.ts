/** TarListing: what is in an archive, told as its backup told it. */
import { xxh64 } from '#wire';
import type { Events, HistoryStat } from '../events.js';
import type { ImageInput } from '../image-input.js';
import { RecoverNames } from '../restore/recover-names.js';
import { type Steps, type Tally, TreeFailure } from '../steps.js';
import type { TreeFileType } from '../tree-engine.js';
import { plain } from '../tree-root.js';
import { S } from '#env';
import type { MemberKind, ReadMember } from './read-member.js';
import { TarReader } from './tar-reader.js';

export interface TarListingParts {
  readonly input: ImageInput;
  readonly events: Events;
  readonly tally: Tally;
}

const TYPES: Readonly<Record<Exclude<MemberKind, 'node'>, TreeFileType>> = {
  file: 'regular',
  folder: 'directory',
  symlink: 'symlink',
  link: 'regular',
  other: 'other',
};
const NODES: Readonly<Record<number, TreeFileType>> = {
  [S.fifo]: 'fifo',
  [S.character]: 'character-device',
  [S.block]: 'block-device',
};
const none = Buffer.alloc(0);

export class TarListing {
  readonly #parts: TarListingParts;
  readonly #reader: TarReader;
  #damage: string | undefined;

  constructor(parts: TarListingParts) {
    this.#parts = parts;
    this.#reader = new TarReader(parts.input, (offset, text) => this.#damaged(offset, text));
  }
  #damaged(offset: number, text: string): void {
    const { events, tally } = this.#parts;
    const line = `${text} (byte ${offset} of the image)`;
    this.#damage ??= line;
    tally.troubles += 1;
    events.log({ level: 'error', text: line, status: 'io' });
  }

  /** What was found wrong with the image, if anything. */
  *run(names: readonly Buffer[]): Steps<string | undefined> {
    const { input, events, tally } = this.#parts;
    const wanted = new RecoverNames(wantedOf(names), true);
    yield* input.openWhole();
    this.#reader.jumped();
    for (;;) {
      const member = yield* this.#reader.next();
      if (member === undefined) return this.#damage;
      yield events.isFull ? 'events' : 'breath';
      const path = plain(member.name);
      if (path === undefined) {
        tally.troubles += 1;
        const text = 'Its name leads out of the tree';
        events.log({ level: 'warning', text, path: member.name, status: 'permission' });
        continue;
      }
      if (wanted.match(path) === undefined) continue;
      events.history(path, statOf(member, path), nodeOf(folderOf(path)), member.from);
      tally.files += 1;
      tally.bytes = input.position;
    }
  }
}

/** All that is in a tree when there are no names. Throws TreeFailure for what is no path in a tree. */
function wantedOf(names: readonly Buffer[]): ConstructorParameters<typeof RecoverNames>[0] {
  return (names.length === 0 ? [none] : names).map((name, index) => {
    const original = plain(name);
    if (original === undefined) throw new TreeFailure(`${name.toString()} is no path in an image`);
    return { index, original, destination: none, fhInfo: undefined, node: undefined };
  });
}

const slash = 0x2f;
const folderOf = (path: Buffer): Buffer => path.subarray(0, Math.max(path.lastIndexOf(slash), 0));
/** The same for each path, and so for the links of a file, which say its path. */
const nodeOf = (path: Buffer): bigint => BigInt.asUintN(63, xxh64(path));

function statOf(member: ReadMember, path: Buffer): HistoryStat {
  const { kind, attributes } = member;
  const { modified, accessed = modified } = attributes;
  const target = kind === 'link' ? plain(member.linkName) : undefined;
  return {
    type: kind === 'node' ? (NODES[member.fileType] ?? 'other') : TYPES[kind],
    permissions: attributes.mode,
    uid: attributes.uid,
    gid: attributes.gid,
    links: 1,
    inode: nodeOf(target ?? path),
    size: kind === 'symlink' ? member.linkName.length : member.size,
    time: (which) => (which === 'accessed' ? accessed : modified),
  };
}

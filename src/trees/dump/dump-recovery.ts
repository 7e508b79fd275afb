/**
 * DumpRecovery: files of a dump. Its directories tell which inodes are wanted, and where they go; then the inodes come in the order of
 * their numbers. A file whose place is known is gone to directly; a directory is not, because what is in it is all over the dump.
 */
import { E, S } from '#env';
import { joined, type Wanted } from '../restore/recover-names.js';
import { Damage, type RecoveryParts, wantedNames } from '../restore/recovery-parts.js';
import type { NewFile } from '../restore/new-file.js';
import type { Made } from '../restore/restorer.js';
import type { Steps } from '../steps.js';
import type { RecoverRequest } from '../tree-engine.js';
import type { Xattr } from '../xattrs.js';
import { DumpReader, type InodeRecord } from './dump-reader.js';
import { attributesOf, DumpTree, pathOf } from './dump-tree.js';

/** A place below the root that an inode gets. */
interface Target {
  readonly wanted: Wanted;
  /** Below the destination of `wanted`. */
  readonly above: Buffer;
  readonly name: Buffer;
  /** It was asked for by its name, not with the directory that it is in. */
  readonly isItself: boolean;
}
const placeOf = (target: Target): Buffer => joined(target.wanted.destination, pathOf(target));
const nothing = Buffer.alloc(0);
/** A file that was there is kept, and what the dump has is left for its other names. */
const unread = 'unread';
const linkTargetBytesMax = 4096;

export class DumpRecovery {
  readonly #parts: RecoveryParts;
  readonly #reader: DumpReader;
  readonly #targets = new Map<number, Target[]>();
  readonly #damage: Damage;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
    this.#damage = new Damage(parts);
    this.#reader = new DumpReader(parts.input, (offset, text) => this.#damage.note(offset, text));
  }

  /** What was found wrong with the image, if anything. */
  *run(request: RecoverRequest): Steps<string | undefined> {
    const wanted = wantedNames(request, this.#parts);
    const others: Wanted[] = [];
    for (const one of wanted.toSorted((a, b) => (a.fhInfo ?? 0) - (b.fhInfo ?? 0))) {
      if (!request.direct || one.fhInfo === undefined) others.push(one);
      else if (!(yield* this.#direct(one, one.fhInfo))) others.push(one);
    }
    if (others.length > 0) yield* this.#read(others, request.recursive);
    for (const one of wanted) this.#parts.settling.settle(one);
    return this.#damage.first;
  }

  /** False: it is a directory. */
  *#direct(wanted: Wanted, fhInfo: number): Steps<boolean> {
    const record = yield* this.#reader.inodeAt(fhInfo);
    if (record !== undefined && (record.header.inode.mode & S.mask) === S.folder) return false;
    const isIt = wanted.node === undefined || wanted.node === BigInt(record?.header.inodeNumber ?? 0);
    if (record === undefined || !isIt) {
      const what = record === undefined ? 'no file' : 'another file';
      const text = `There is ${what} where it should be in the image`;
      this.#parts.settling.failed(wanted, wanted.original, -E.io, text);
      return true;
    }
    yield* this.#inode(record, [{ wanted, above: nothing, name: nothing, isItself: true }]);
    return true;
  }

  *#read(wanted: readonly Wanted[], isRecursive: boolean): Steps<void> {
    const { settling } = this.#parts;
    const tree = new DumpTree();
    yield* this.#reader.open();
    yield* tree.read(this.#reader, (offset, text) => this.#damage.note(offset, text));
    for (const one of wanted) {
      const number = tree.find(one.original);
      if (number !== undefined) yield* this.#choose(tree, one, number, isRecursive);
    }
    while (this.#targets.size > 0) {
      const record = yield* this.#reader.inode();
      if (record === undefined) break;
      yield* this.#breathe();
      const number = record.header.inodeNumber;
      const targets = this.#targets.get(number);
      if (targets === undefined) yield* this.#reader.skip(record);
      else yield* this.#inode(record, targets);
      this.#targets.delete(number);
    }
    for (const [number, targets] of this.#targets) {
      // In a higher level, directories name what is in a lower one.
      const isMissing = this.#reader.holds(number) !== false;
      for (const target of targets) {
        if (!isMissing && !target.isItself) continue;
        settling.failed(target.wanted, placeOf(target), -E.noEntry, 'It is not in this dump');
      }
    }
  }
  /** Makes the directories at once; files are made when they come. */
  *#choose(tree: DumpTree, wanted: Wanted, number: number, isRecursive: boolean): Steps<void> {
    const { restorer, settling, tally } = this.#parts;
    for (const one of tree.below(number, nothing)) {
      const { above, name } = one;
      if (one.folder !== undefined) {
        const path = joined(wanted.destination, pathOf(one));
        const made = restorer.folder(path, one.folder.attributes);
        if (typeof made === 'number') settling.failed(wanted, path, made);
        else {
          settling.found(wanted);
          tally.files += 1;
        }
        if (!isRecursive) return;
      } else {
        const target: Target = { wanted, above, name, isItself: above.length + name.length === 0 };
        const targets = this.#targets.get(one.number);
        if (targets === undefined) this.#targets.set(one.number, [target]);
        else targets.push(target);
      }
      yield* this.#breathe();
    }
  }
  *#breathe(): Steps<void> {
    const { events, input, tally } = this.#parts;
    tally.bytes = input.position;
    yield events.isFull ? 'events' : 'breath';
  }

  /** Once with its content, and as often as it has other names. */
  *#inode(record: InodeRecord, [first, ...others]: readonly Target[]): Steps<void> {
    if (first === undefined) return;
    const path = placeOf(first);
    const made = yield* this.#make(record, path, others.length === 0);
    this.#say(first, made);
    if (made === unread) {
      yield* this.#inode(record, others);
      return;
    }
    for (const other of others) {
      const linked = typeof made === 'number' ? made : this.#parts.restorer.link(placeOf(other), path);
      this.#say(other, linked);
      yield* this.#breathe();
    }
  }
  #say(target: Target, made: Made | typeof unread): void {
    const { settling, tally } = this.#parts;
    const { wanted } = target;
    if (typeof made === 'number') {
      settling.failed(wanted, placeOf(target), made);
      return;
    }
    settling.found(wanted);
    tally.files += 1;
  }
  /** `isLast`: nobody else wants its content. */
  *#make(record: InodeRecord, path: Buffer, isLast: boolean): Steps<Made | typeof unread> {
    const { restorer } = this.#parts;
    const { inode, inodeNumber } = record.header;
    const fileType = inode.mode & S.mask;
    // They follow the content, and are there when a file is finished.
    const xattrs: Xattr[] = [];
    const attributes = attributesOf(inode, xattrs);
    if (fileType === S.regular) {
      const file = restorer.file(path, attributes);
      if (file === 'kept' && !isLast) return unread;
      return yield* this.#file(record, file, xattrs);
    }
    if (fileType === S.symlink) {
      const target = yield* this.#reader.bytes(record, linkTargetBytesMax);
      xattrs.push(...(yield* this.#reader.xattrs(inodeNumber)));
      const end = target?.indexOf(0) ?? -1;
      if (target === undefined || target.length === 0) return -E.io;
      return restorer.symlink(path, end === -1 ? target : target.subarray(0, end), attributes);
    }
    yield* this.#reader.skip(record);
    xattrs.push(...(yield* this.#reader.xattrs(inodeNumber)));
    const { device } = inode;
    const major = (device >>> 8) & 0xfff;
    const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
    if (fileType !== S.fifo && fileType !== S.character && fileType !== S.block && fileType !== S.socket) {
      return -E.notSupported;
    }
    return restorer.node(path, { fileType, device: [major, minor] }, attributes);
  }
  *#file(record: InodeRecord, file: NewFile | Exclude<Made, 'made'>, xattrs: Xattr[]): Steps<Made> {
    const { inode, inodeNumber } = record.header;
    if (typeof file !== 'object') {
      yield* this.#reader.skip(record);
      return file;
    }
    let isWhole = false;
    try {
      const error = yield* this.#fill(file, record);
      xattrs.push(...(yield* this.#reader.xattrs(inodeNumber)));
      if (error < 0) return error;
      const cut = file.truncate(inode.size);
      if (cut < 0) return cut;
      isWhole = true;
      return file.finish();
    } finally {
      if (!isWhole) file.giveUp();
    }
  }
  *#fill(file: NewFile, record: InodeRecord): Steps<number> {
    let at = 0;
    return yield* this.#reader.content(record, {
      data: (bytes) => {
        at += bytes.length;
        return file.write(bytes);
      },
      hole: (lengthBytes) => {
        at += lengthBytes;
        return file.seek(at);
      },
    });
  }
}

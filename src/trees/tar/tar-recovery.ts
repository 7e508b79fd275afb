/**
 * TarRecovery: files of an archive, or all of them: in one reading of it, or gone to directly where it is known where they begin.
 *
 * A name may turn out to be a hard link to a file that nobody asked for. Its data was in the archive before it, and is read in
 * a second reading.
 */
import { E } from '#env';
import { treeLinkBytes, treeLinksBytes } from '../../limits.js';
import { type Match, RecoverNames, type Wanted } from '../restore/recover-names.js';
import { Damage, type RecoveryParts, wantedNames } from '../restore/recovery-parts.js';
import type { NewFile } from '../restore/new-file.js';
import type { Made } from '../restore/restorer.js';
import type { Steps } from '../steps.js';
import type { RecoverRequest } from '../tree-engine.js';
import { plain } from '../tree-root.js';
import type { ReadMember } from './read-member.js';
import { TarReader } from './tar-reader.js';

/** Names that are links of a file that was not asked for. */
interface LostLinks {
  /** The file, which goes where the first of them belongs. */
  readonly file: Wanted;
  readonly links: { readonly wanted: Wanted; readonly destination: Buffer }[];
}

export class TarRecovery {
  readonly #parts: RecoveryParts;
  readonly #reader: TarReader;
  /** By where the data is. */
  #lost = new Map<string, LostLinks>();
  /** Files whose places are taken by others: kept, or still there because these failed. Links of them want data of their own. */
  readonly #unmade = new Set<string>();
  /** Memory that both take, about. */
  #lostBytes = 0;
  readonly #damage: Damage;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
    this.#damage = new Damage(parts);
    this.#reader = new TarReader(parts.input, (offset, text) => this.#damage.note(offset, text));
  }

  /** What was found wrong with the image, if anything. */
  *run(request: RecoverRequest): Steps<string | undefined> {
    const wanted = wantedNames(request, this.#parts);
    const isDirect = ({ fhInfo }: Wanted): boolean => request.direct && fhInfo !== undefined;
    const direct = wanted.filter(isDirect).sort((a, b) => (a.fhInfo ?? 0) - (b.fhInfo ?? 0));
    for (const one of direct) yield* this.#direct(one, one.fhInfo ?? 0, request.recursive);
    const others = wanted.filter((one) => !isDirect(one));
    if (others.length > 0) yield* this.#read(new RecoverNames(others, request.recursive));
    if (this.#lost.size > 0) yield* this.#findLost();
    for (const one of wanted) this.#parts.settling.settle(one);
    return this.#damage.first;
  }

  /** One reading, from the beginning. Says which names are not known to be complete. */
  *#read(names: RecoverNames): Steps<ReadonlySet<Wanted>> {
    const { input, settling } = this.#parts;
    yield* input.openWhole();
    this.#reader.jumped();
    const missing = new Set(names.all);
    for (;;) {
      const member = yield* this.#reader.next();
      if (member === undefined) return missing;
      yield* this.#breathe();
      const path = plain(member.name);
      if (path === undefined) {
        settling.trouble(member.name, 'Its name leads out of the tree: left out', 'permission');
        continue;
      }
      const match = names.match(path);
      if (match === undefined) continue;
      yield* this.#recover(member, match, names);
      // A folder may go on to the end of the archive; a file is complete.
      if (match.isItself && member.kind !== 'folder') missing.delete(match.wanted);
      if (missing.size === 0) return missing;
    }
  }

  /** One file, or one folder with all that follows and is in it. */
  *#direct(wanted: Wanted, fhInfo: number, isRecursive: boolean): Steps<void> {
    const { input, settling } = this.#parts;
    yield* input.openAt(fhInfo, TarReader.leadBytes);
    this.#reader.jumped();
    const first = yield* this.#reader.next();
    const base = first === undefined ? undefined : plain(first.name);
    if (first === undefined || base === undefined || first.from !== fhInfo) {
      settling.failed(wanted, wanted.original, -E.io, 'There is no file where it should be in the image');
      return;
    }
    const isFolder = first.kind === 'folder';
    if (!isAsWanted(first, base, wanted)) {
      const what = isFolder ? 'another directory' : 'another file';
      settling.failed(wanted, wanted.original, -E.io, `There is ${what} where it should be in the image`);
      return;
    }
    const names = new RecoverNames([{ ...wanted, original: base }], isRecursive);
    if (!isFolder) input.need(this.#reader.dataLeft);
    yield* this.#recover(first, { wanted, path: wanted.destination, isItself: true }, names);
    if (!isFolder && this.#reader.dataLeft > 0 && input.isEnded) {
      this.#damage.note(input.position, 'The image ends within a file');
    }
    if (!isFolder || !isRecursive) return;
    input.grow();
    for (;;) {
      const member = yield* this.#reader.next();
      const path = member === undefined ? undefined : plain(member.name);
      const match = path === undefined ? undefined : names.match(path);
      if (member === undefined || match === undefined) return;
      yield* this.#breathe();
      yield* this.#recover(member, match, names);
    }
  }

  /** The files that lost links are names of. */
  *#findLost(): Steps<void> {
    const { restorer, settling } = this.#parts;
    const lost = this.#lost;
    this.#lost = new Map();
    const files = [...lost.values()].map(({ file }) => file);
    const missing = yield* this.#read(new RecoverNames(files, false));
    for (const { file, links } of lost.values()) {
      for (const { wanted, destination } of links) {
        const isFirst = destination.equals(file.destination);
        let made: Made = missing.has(file) ? -E.noEntry : 'made';
        if (made === 'made' && !isFirst) made = restorer.link(destination, file.destination);
        if (typeof made === 'number') {
          settling.failed(wanted, destination, made, 'The file that it is a link to cannot be recovered');
        } else if (!isFirst) this.#made(wanted);
      }
    }
  }
  #made(wanted: Wanted): void {
    this.#parts.settling.found(wanted);
    this.#parts.tally.files += 1;
  }

  *#recover(member: ReadMember, match: Match, names: RecoverNames): Steps<void> {
    const { restorer, settling } = this.#parts;
    const { wanted, path, missingIn } = match;
    if (missingIn !== undefined) {
      const text = `It goes where its own name says, and is missing in /${missingIn.toString()}`;
      this.#parts.events.log({ level: 'warning', text, path: Buffer.from(wanted.original) });
    }
    let made: Made | 'later';
    switch (member.kind) {
      case 'folder':
        made = restorer.folder(path, member.attributes);
        break;
      case 'file':
        made = yield* this.#file(member, path);
        if (made !== 'made') this.#noteUnmade(path);
        break;
      case 'symlink':
        made = restorer.symlink(path, member.linkName, member.attributes);
        break;
      case 'node':
        made = restorer.node(path, member, member.attributes);
        break;
      case 'link':
        made = this.#link(member, match, names);
        break;
      case 'other':
        settling.failed(wanted, path, -E.notSupported, 'It is of a type that is not known here');
        return;
    }
    if (made === 'later') return;
    if (typeof made === 'number') {
      settling.failed(wanted, path, made, undefined);
      return;
    }
    this.#made(wanted);
  }

  *#file(member: ReadMember, path: Buffer): Steps<Made> {
    const file = this.#parts.restorer.file(path, member.attributes);
    if (typeof file !== 'object') return file;
    let isWhole = false;
    try {
      const error = yield* this.#fill(file, member);
      if (error < 0) return error;
      isWhole = true;
      return file.finish();
    } finally {
      if (!isWhole) file.giveUp();
    }
  }
  *#fill(file: NewFile, { extents, size }: ReadMember): Steps<number> {
    for (const { offset, length } of extents ?? [{ offset: 0, length: size }]) {
      const sought = extents === undefined || length === 0 ? 0 : file.seek(offset);
      if (sought < 0) return sought;
      for (let left = length; left > 0;) {
        const data = yield* this.#reader.data();
        if (data.length === 0) return -E.io; // the reader says at the next header that the image has ended
        const part = data.length > left ? data.subarray(0, left) : data;
        const error = file.write(part);
        if (error < 0) return error;
        this.#reader.took(part.length);
        left -= part.length;
      }
    }
    return extents === undefined ? 0 : file.truncate(size);
  }

  #link(member: ReadMember, { wanted, path }: Match, names: RecoverNames): Made | 'later' {
    const target = plain(member.linkName);
    if (target === undefined) return -E.crossDevice;
    const match = names.match(target);
    if (match !== undefined && !this.#isUnmade(match.path)) {
      const made = this.#parts.restorer.link(path, match.path);
      if (made !== -E.noEntry) return made;
    }
    const key = target.toString('latin1');
    if (this.#lostBytes >= treeLinksBytes) return -E.noMemory;
    const destination = Buffer.from(path);
    this.#lostBytes += treeLinkBytes + destination.length;
    const lost = this.#lost.get(key);
    if (lost !== undefined) lost.links.push({ wanted, destination });
    else {
      this.#lostBytes += treeLinkBytes + 2 * target.length;
      const file = { ...wanted, original: target, destination, fhInfo: undefined };
      this.#lost.set(key, { file, links: [{ wanted, destination }] });
    }
    return 'later';
  }

  #noteUnmade(path: Buffer): void {
    if (this.#lostBytes >= treeLinksBytes) return;
    this.#lostBytes += treeLinkBytes + path.length;
    this.#unmade.add(path.toString('latin1'));
  }
  /** Or nobody knows any more. */
  #isUnmade(path: Buffer): boolean {
    return this.#lostBytes >= treeLinksBytes || this.#unmade.has(path.toString('latin1'));
  }

  *#breathe(): Steps<void> {
    const { events, input, tally } = this.#parts;
    tally.bytes = input.position;
    yield events.isFull ? 'events' : 'breath';
  }
}

/** The names of one file all lead to the one under which it was saved, which says then that there are others. */
function isAsWanted({ kind, sharedInode }: ReadMember, path: Buffer, { original, node }: Wanted): boolean {
  if (path.equals(original)) return true;
  if (kind === 'folder' || sharedInode === undefined) return false;
  return node === undefined || node === sharedInode;
}

/**
 * TarBackup: a tree as an archive that GNU tar reads.
 *
 * A header tells how long its file is before the file has been read. So whatever happens to the file meanwhile, that many bytes
 * follow: what is missing is filled with zeros, and logged, and the archive stays whole. A file that cannot be read at
 * all is left out and logged. Neither ends the backup.
 */
import { E, S } from '#env';
import { treeLinkBytes, treeLinksBytes } from '../../limits.js';
import type { FileStat } from '../file-stat.js';
import { entryType } from '../folder-names.js';
import type { Increment } from '../known-folders.js';
import { SourceFiles, type SourceParts } from '../source-files.js';
import type { Steps } from '../steps.js';
import { errorText } from '../tree-root.js';
import type { Place, TreeVisitor } from '../tree-walk.js';
import type { Xattr } from '../xattrs.js';
import { type Member, MemberHeader, memberName } from './member-header.js';
import { type Extent, extentsOf, sparseMap } from './sparse-map.js';
import { blockBytes, typeFlag } from './ustar.js';

/** Files up to that are read before their header is written: one that cannot be read leaves no trace. */
const wholeBytesMax = 64 * 1024;
/** GNU tar writes, and likes to read, records of 20 blocks. */
const recordBytes = 20 * blockBytes;
const noTarget = Buffer.alloc(0);

/** A file of several names, which has been saved under one. */
interface SavedLink {
  /** Bytes as latin1: a buffer takes more memory. */
  readonly path: string;
  readonly fhInfo: number;
  namesLeft: number;
}

const SPECIAL: Readonly<Record<number, string>> = {
  [S.symlink]: typeFlag.symlink,
  [S.character]: typeFlag.character,
  [S.block]: typeFlag.block,
  [S.fifo]: typeFlag.fifo,
};

export interface TarBackupParts extends SourceParts {
  readonly increment: Increment;
  readonly history: boolean;
}

export class TarBackup implements TreeVisitor {
  readonly #parts: TarBackupParts;
  readonly #header = new MemberHeader();
  readonly #files: SourceFiles;
  readonly #links = new Map<string, SavedLink>();
  /** Memory that they take, about. */
  #linksBytes = 0;

  constructor(parts: TarBackupParts) {
    this.#parts = parts;
    this.#files = new SourceFiles(parts);
  }

  /** Two blocks of zeros end an archive. */
  *end(): Steps<void> {
    const { output } = this.#parts;
    yield* output.zeros(2 * blockBytes);
    yield* output.align(recordBytes);
  }

  trouble(path: Uint8Array, text: string, error: number): void {
    this.#files.trouble(path, text, error);
  }

  *folder(place: Place, handle: number, stat: FileStat, notEntered: string | undefined): Steps<void> {
    const at = this.#parts.output.position;
    const xattrs = this.#files.xattrs(place.path, handle);
    yield* this.#parts.output.put(
      this.#encode({ path: place.path, stat, type: typeFlag.folder, size: 0, xattrs }),
    );
    if (notEntered !== undefined) this.#files.note(place.path, notEntered);
    yield* this.#done(place, stat, at);
  }

  *file(place: Place, type: number): Steps<boolean> {
    const { calls, increment } = this.#parts;
    const { stat } = this.#files;
    if (type !== entryType.regular || !increment.isFull) {
      if (!this.#files.look(place)) return false;
      if (stat.fileType === S.folder) return true;
      if (!place.isMoved && !increment.takes(stat)) return false;
      if (stat.fileType !== S.regular) {
        yield* this.#special(place, stat);
        return false;
      }
    }
    const handle = this.#files.open(place);
    if (handle < 0) return false;
    try {
      yield* this.#regular(place, handle);
    } finally {
      calls.close(handle);
    }
    return false;
  }

  *#regular(place: Place, handle: number): Steps<void> {
    const { stat } = this.#files;
    const key = linkKey(stat);
    const saved = key === undefined ? undefined : this.#links.get(key);
    if (key !== undefined && saved !== undefined) {
      yield* this.#link(place, stat, key, saved);
      return;
    }
    const at = this.#parts.output.position;
    const isSaved = yield* this.#data(place, handle, stat);
    if (!isSaved) return;
    this.#remember(key, place, at);
    yield* this.#done(place, stat, at);
  }
  #remember(key: string | undefined, place: Place, fhInfo: number): void {
    if (key === undefined || this.#linksBytes >= treeLinksBytes) return;
    const path = Buffer.from(place.path).toString('latin1');
    this.#links.set(key, { path, fhInfo, namesLeft: this.#files.stat.links - 1 });
    this.#linksBytes += treeLinkBytes + path.length;
  }
  /** Another name of what has been saved. Its history leads to where the data is. */
  *#link(place: Place, stat: FileStat, key: string, saved: SavedLink): Steps<void> {
    const linkName = memberName(Buffer.from(saved.path, 'latin1'));
    const member = { path: place.path, stat, type: typeFlag.link, size: 0, linkName, xattrs: [] };
    yield* this.#parts.output.put(this.#encode(member));
    saved.namesLeft -= 1;
    if (saved.namesLeft <= 0) {
      this.#links.delete(key);
      this.#linksBytes -= treeLinkBytes + saved.path.length;
    }
    yield* this.#done(place, stat, saved.fhInfo);
  }

  /** False: it could not be read, and there is nothing of it in the archive. */
  *#data(place: Place, handle: number, stat: FileStat): Steps<boolean> {
    const { calls, output } = this.#parts;
    const { size } = stat;
    const xattrs = this.#files.xattrs(place.path, handle);
    const extents = stat.blocks * 512 < size ? extentsOf(calls, handle, size) : undefined;
    if (extents !== undefined) {
      yield* this.#sparse(place, handle, { extents, size, xattrs });
    } else {
      const member = { path: place.path, stat, type: typeFlag.regular, size, xattrs };
      if (size <= wholeBytesMax) return yield* this.#whole(place, handle, member);
      yield* output.put(this.#encode(member));
      yield* this.#files.copy(place.path, handle, size);
      yield* output.align(blockBytes);
    }
    this.#files.compare(place.path, handle);
    return true;
  }
  *#sparse(
    place: Place,
    handle: number,
    file: { readonly extents: readonly Extent[]; readonly size: number; readonly xattrs: readonly Xattr[] },
  ): Steps<void> {
    const { calls, output } = this.#parts;
    const map = sparseMap(file.extents, file.size);
    const size = file.extents.reduce((sum, { length }) => sum + length, map.length);
    const { path } = place;
    const { stat } = this.#files;
    const realSize = file.size;
    const type = typeFlag.regular;
    yield* output.put(this.#encode({ path, stat, type, size, realSize, xattrs: file.xattrs }));
    yield* output.put(map);
    for (const { offset, length } of file.extents) {
      if (calls.seek(handle, offset, 'offset') < 0) yield* output.zeros(length);
      else yield* this.#files.copy(place.path, handle, length);
    }
    yield* output.align(blockBytes);
  }
  /** Header and data of a small file into one chunk: the data first. */
  *#whole(place: Place, handle: number, member: Member): Steps<boolean> {
    const { calls, output } = this.#parts;
    const header = this.#encode(member);
    const dataBytes = Math.ceil(member.size / blockBytes) * blockBytes;
    if (header.length + dataBytes > output.chunk.length) {
      yield* output.put(header); // of attributes
      yield* this.#files.copy(place.path, handle, member.size);
      yield* output.align(blockBytes);
      return true;
    }
    if (output.room < header.length + dataBytes) yield 'image';
    const room = output.place(header.length + dataBytes);
    const data = room.subarray(header.length);
    let filled = 0;
    while (filled < member.size) {
      const bytes = calls.read(handle, data.subarray(filled, member.size));
      if (bytes <= 0) {
        if (bytes < 0) this.trouble(place.path, `Cannot be read: ${errorText(bytes)}`, bytes);
        else this.#files.shrank(place.path, member.size - filled);
        if (bytes < 0 && filled === 0) return false;
        break;
      }
      filled += bytes;
    }
    data.fill(0, filled);
    room.set(header);
    output.took(room.length);
    if (member.size > 0) this.#files.compare(place.path, handle);
    return true;
  }
  *#special(place: Place, stat: FileStat): Steps<void> {
    const { output } = this.#parts;
    const type = SPECIAL[stat.fileType];
    if (type === undefined) {
      const isSocket = stat.fileType === S.socket;
      const text = isSocket ? 'Sockets are not backed up' : 'Of a type that cannot be backed up';
      this.#files.note(place.path, text);
      return;
    }
    const target = type === typeFlag.symlink ? this.#files.target(place) : noTarget;
    if (target === undefined) return;
    const key = linkKey(stat);
    const saved = key === undefined ? undefined : this.#links.get(key);
    if (key !== undefined && saved !== undefined) {
      yield* this.#link(place, stat, key, saved);
      return;
    }
    const at = output.position;
    const xattrs = this.#files.xattrsAt(place);
    const linkName = type === typeFlag.symlink ? { linkName: target } : {};
    yield* output.put(this.#encode({ path: place.path, stat, type, size: 0, xattrs, ...linkName }));
    this.#remember(key, place, at);
    yield* this.#done(place, stat, at);
  }

  #encode(member: Member): Buffer {
    return this.#header.encode(member, (xattr) => {
      this.trouble(member.path, `The extended attribute ${xattr} does not fit`, -E.range);
    });
  }
  *#done(place: Place, stat: FileStat, fhInfo: number): Steps<void> {
    const { events, history, tally } = this.#parts;
    tally.files += 1;
    if (history) events.history(place.path, stat, place.parentNode, fhInfo);
    if (events.isFull) yield 'events';
  }
}

/** Of a file of several names. */
function linkKey(stat: FileStat): string | undefined {
  return stat.links > 1 ? `${stat.onDevice}:${stat.inode}` : undefined;
}

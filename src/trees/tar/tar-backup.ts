/**
 * TarBackup: a tree as an archive that GNU tar reads.
 *
 * A header tells how long its file is before the file has been read. So whatever happens to the file meanwhile, that many bytes
 * follow: what is missing is filled with zeros, and logged, and the archive stays whole. A file that cannot be read at
 * all is left out and logged. Neither ends the backup.
 */
import { E, S, type TreeCalls } from '#env';
import { treeLinksMax } from '../../limits.js';
import type { Events } from '../events.js';
import { FileStat } from '../file-stat.js';
import { entryType } from '../folder-names.js';
import type { ImageOutput } from '../image-output.js';
import type { Increment } from '../known-folders.js';
import type { Steps, Tally } from '../steps.js';
import { errorText } from '../tree-root.js';
import type { Place, TreeVisitor } from '../tree-walk.js';
import { xattrsOf, type Xattr } from '../xattrs.js';
import { type Member, MemberHeader, memberName } from './member-header.js';
import { type Extent, extentsOf, sparseMap } from './sparse-map.js';
import { blockBytes, typeFlag } from './ustar.js';

/** Files up to that are read before their header is written: one that cannot be read leaves no trace. */
const wholeBytesMax = 64 * 1024;
/** GNU tar writes, and likes to read, records of 20 blocks. */
const recordBytes = 20 * blockBytes;
const linkTargetBytesMax = 4096;

/** A file of several names, which has been saved under one. */
interface SavedLink {
  readonly path: Buffer;
  readonly fhInfo: number;
  namesLeft: number;
}

const SPECIAL: Readonly<Record<number, string>> = {
  [S.symlink]: typeFlag.symlink,
  [S.character]: typeFlag.character,
  [S.block]: typeFlag.block,
  [S.fifo]: typeFlag.fifo,
};

export interface TarBackupParts {
  readonly calls: TreeCalls;
  readonly output: ImageOutput;
  readonly events: Events;
  readonly tally: Tally;
  readonly increment: Increment;
  readonly history: boolean;
}

export class TarBackup implements TreeVisitor {
  readonly #parts: TarBackupParts;
  readonly #header = new MemberHeader();
  readonly #stat = new FileStat();
  readonly #after = new FileStat();
  readonly #target = Buffer.alloc(linkTargetBytesMax + 1);
  readonly #links = new Map<string, SavedLink>();

  constructor(parts: TarBackupParts) {
    this.#parts = parts;
  }

  /** Two blocks of zeros end an archive. */
  *end(): Steps<void> {
    const { output } = this.#parts;
    yield* output.zeros(2 * blockBytes);
    yield* output.align(recordBytes);
    yield* output.flush();
  }

  trouble(path: Uint8Array, text: string, error: number): void {
    const { events, tally } = this.#parts;
    const isGone = error === -E.noEntry;
    tally.troubles += 1;
    events.log({
      level: isGone ? 'warning' : 'error',
      text: isGone ? 'Vanished before it was read' : text,
      path: Buffer.from(path),
      status: statusOf(error),
    });
  }

  *folder(place: Place, handle: number, stat: FileStat, notEntered: string | undefined): Steps<void> {
    const at = this.#parts.output.position;
    const xattrs = this.#xattrs(place, handle);
    yield* this.#parts.output.put(
      this.#encode({ path: place.path, stat, type: typeFlag.folder, size: 0, xattrs }),
    );
    if (notEntered !== undefined) this.#note(place, notEntered);
    yield* this.#done(place, stat, at);
  }

  *file(place: Place, type: number): Steps<boolean> {
    const { calls, increment } = this.#parts;
    const stat = this.#stat;
    if (type !== entryType.regular || !increment.isFull) {
      const error = calls.statAt(place.folder, place.name, stat.bytes);
      if (error < 0) {
        this.trouble(place.path, `Cannot be looked at: ${errorText(error)}`, error);
        return false;
      }
      if (stat.fileType === S.folder) return true;
      if (!place.isMoved && !increment.takes(stat)) return false;
      if (stat.fileType !== S.regular) {
        yield* this.#special(place, stat);
        return false;
      }
    }
    const handle = this.#open(place);
    if (handle < 0) return false;
    try {
      yield* this.#regular(place, handle);
    } finally {
      calls.close(handle);
    }
    return false;
  }

  /** Opens a regular file and looks at it; below zero when that is not to be, which has been logged then. */
  #open(place: Place): number {
    const { calls } = this.#parts;
    const handle = this.#openWaiting(place);
    const error = handle < 0 ? handle : calls.stat(handle, this.#stat.bytes);
    if (error < 0) this.trouble(place.path, `Cannot be opened: ${errorText(error)}`, error);
    const isRegular = error >= 0 && this.#stat.fileType === S.regular;
    if (isRegular) return handle;
    if (error >= 0) this.trouble(place.path, 'Became something else while it was looked at', -E.stale);
    if (handle >= 0) calls.close(handle);
    return -1;
  }
  /** A file server may hold a lease, which it gives back only when somebody waits for it. */
  #openWaiting({ folder, name }: Place): number {
    const { calls } = this.#parts;
    const handle = calls.openFile(folder, name);
    if (handle !== -E.again) return handle;
    const node = calls.openNode(folder, name);
    if (node < 0) return node;
    const isRegular = calls.stat(node, this.#stat.bytes) >= 0 && this.#stat.fileType === S.regular;
    const waited = isRegular ? calls.reopenFile(node) : handle;
    calls.close(node);
    return waited;
  }

  *#regular(place: Place, handle: number): Steps<void> {
    const stat = this.#stat;
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
    if (key === undefined || this.#links.size >= treeLinksMax) return;
    this.#links.set(key, { path: Buffer.from(place.path), fhInfo, namesLeft: this.#stat.links - 1 });
  }
  /** Another name of what has been saved. Its history leads to where the data is. */
  *#link(place: Place, stat: FileStat, key: string, saved: SavedLink): Steps<void> {
    const linkName = memberName(saved.path);
    const member = { path: place.path, stat, type: typeFlag.link, size: 0, linkName, xattrs: [] };
    yield* this.#parts.output.put(this.#encode(member));
    saved.namesLeft -= 1;
    if (saved.namesLeft <= 0) this.#links.delete(key);
    yield* this.#done(place, stat, saved.fhInfo);
  }

  /** False: it could not be read, and there is nothing of it in the archive. */
  *#data(place: Place, handle: number, stat: FileStat): Steps<boolean> {
    const { calls, output } = this.#parts;
    const { size } = stat;
    const xattrs = this.#xattrs(place, handle);
    const extents = stat.blocks * 512 < size ? extentsOf(calls, handle, size) : undefined;
    if (extents !== undefined) {
      yield* this.#sparse(place, handle, { extents, size, xattrs });
    } else {
      const member = { path: place.path, stat, type: typeFlag.regular, size, xattrs };
      if (size <= wholeBytesMax) return yield* this.#whole(place, handle, member);
      yield* output.put(this.#encode(member));
      yield* this.#copy(place, handle, size);
      yield* output.align(blockBytes);
    }
    this.#compare(place, handle);
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
    const stat = this.#stat;
    const realSize = file.size;
    const type = typeFlag.regular;
    yield* output.put(this.#encode({ path, stat, type, size, realSize, xattrs: file.xattrs }));
    yield* output.put(map);
    for (const { offset, length } of file.extents) {
      if (calls.seek(handle, offset, 'offset') < 0) yield* output.zeros(length);
      else yield* this.#copy(place, handle, length);
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
      yield* this.#copy(place, handle, member.size);
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
        else this.#shrank(place, member.size - filled);
        if (bytes < 0 && filled === 0) return false;
        break;
      }
      filled += bytes;
    }
    data.fill(0, filled);
    room.set(header);
    output.took(room.length);
    if (member.size > 0) this.#compare(place, handle);
    return true;
  }
  /** That many bytes of the file, whatever it gives. */
  *#copy(place: Place, handle: number, lengthBytes: number): Steps<void> {
    const { calls, output } = this.#parts;
    for (let left = lengthBytes; left > 0;) {
      if (output.room === 0) yield 'image';
      const bytes = calls.read(handle, output.place(left));
      if (bytes <= 0) {
        const text = `Cannot be read: ${errorText(bytes)}; the last ${left} bytes are zeros instead`;
        if (bytes < 0) this.trouble(place.path, text, bytes);
        else this.#shrank(place, left);
        yield* output.zeros(left);
        return;
      }
      output.took(bytes);
      left -= bytes;
    }
  }
  #shrank(place: Place, missingBytes: number): void {
    const text = `Became shorter while it was read: the last ${missingBytes} bytes are zeros instead`;
    this.trouble(place.path, text, -E.stale);
  }
  #compare(place: Place, handle: number): void {
    const { calls, events, tally } = this.#parts;
    if (calls.stat(handle, this.#after.bytes) >= 0 && this.#after.isAs(this.#stat)) return;
    tally.troubles += 1;
    const path = Buffer.from(place.path);
    events.log({ level: 'warning', text: 'Changed while it was read', path });
  }

  *#special(place: Place, stat: FileStat): Steps<void> {
    const { calls, output } = this.#parts;
    const type = SPECIAL[stat.fileType];
    if (type === undefined) {
      this.#note(
        place,
        stat.fileType === S.socket ? 'Sockets are not backed up' : 'Of a type that cannot be backed up',
      );
      return;
    }
    const length = type === typeFlag.symlink ? calls.readLink(place.folder, place.name, this.#target) : 0;
    if (length < 0 || length > linkTargetBytesMax) {
      this.trouble(place.path, `The link cannot be read: ${errorText(length)}`, length);
      return;
    }
    const key = linkKey(stat);
    const saved = key === undefined ? undefined : this.#links.get(key);
    if (key !== undefined && saved !== undefined) {
      yield* this.#link(place, stat, key, saved);
      return;
    }
    const at = output.position;
    const node = calls.openNode(place.folder, place.name);
    const xattrs = node < 0 ? [] : this.#xattrs(place, node);
    if (node >= 0) calls.close(node);
    const linkName = type === typeFlag.symlink ? { linkName: this.#target.subarray(0, length) } : {};
    yield* output.put(this.#encode({ path: place.path, stat, type, size: 0, xattrs, ...linkName }));
    this.#remember(key, place, at);
    yield* this.#done(place, stat, at);
  }

  #xattrs(place: Place, handle: number): readonly Xattr[] {
    const xattrs = xattrsOf(this.#parts.calls, handle);
    if (xattrs === undefined) this.trouble(place.path, 'Its extended attributes cannot be read', -E.io);
    return xattrs ?? [];
  }
  #encode(member: Member): Buffer {
    return this.#header.encode(member, (xattr) => {
      this.trouble(member.path, `The extended attribute ${xattr} does not fit`, -E.range);
    });
  }
  #note(place: Place, text: string): void {
    this.#parts.events.log({ level: 'normal', text, path: Buffer.from(place.path) });
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

function statusOf(error: number): 'permission' | 'not-found' | 'out-of-memory' | 'io' {
  if (error === -E.access || error === -E.perm) return 'permission';
  if (error === -E.noEntry) return 'not-found';
  return error === -E.noMemory ? 'out-of-memory' : 'io';
}

/**
 * SourceFiles: files of a tree while they are saved: opened, looked at, copied into the image. What goes wrong is logged and counted
 * here, and ends nothing: an image that said how long a file is gets so many bytes.
 */
import { E, S, type TreeCalls } from '#env';
import type { Events } from './events.js';
import { FileStat } from './file-stat.js';
import type { ImageOutput } from './image-output.js';
import type { Steps, Tally } from './steps.js';
import { errorText } from './tree-root.js';
import { type Xattr, xattrsOf } from './xattrs.js';

/** PATH_MAX: Linux has no longer targets. */
const linkTargetBytesMax = 4096;

/** One name in an opened folder, and its path in the tree. */
export interface FilePlace {
  readonly folder: number;
  readonly name: Uint8Array;
  readonly path: Uint8Array;
}

export interface SourceParts {
  readonly calls: TreeCalls;
  readonly output: ImageOutput;
  readonly events: Events;
  readonly tally: Tally;
}

export class SourceFiles {
  /** Of the file that was opened or looked at last. */
  readonly stat = new FileStat();
  readonly #parts: SourceParts;
  readonly #after = new FileStat();
  readonly #target = Buffer.alloc(linkTargetBytesMax + 1);

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  /** Something is not in the image, or not as it should be. */
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
  note(path: Uint8Array, text: string): void {
    this.#parts.events.log({ level: 'normal', text, path: Buffer.from(path) });
  }

  /** Fills `stat`. False: it has been logged. */
  look({ folder, name, path }: FilePlace): boolean {
    const error = this.#parts.calls.statAt(folder, name, this.stat.bytes);
    if (error < 0) this.trouble(path, `Cannot be looked at: ${errorText(error)}`, error);
    return error >= 0;
  }
  /** Opens a regular file and fills `stat`; below zero when that is not to be, which has been logged then. */
  open(place: FilePlace): number {
    const { calls } = this.#parts;
    const handle = this.#openWaiting(place);
    const error = handle < 0 ? handle : calls.stat(handle, this.stat.bytes);
    if (error < 0) this.trouble(place.path, `Cannot be opened: ${errorText(error)}`, error);
    if (error >= 0 && this.stat.fileType === S.regular) return handle;
    if (error >= 0) this.trouble(place.path, 'Became something else while it was looked at', -E.stale);
    if (handle >= 0) calls.close(handle);
    return -1;
  }
  /** A file server may hold a lease, which it gives back only when somebody waits for it. */
  #openWaiting({ folder, name }: FilePlace): number {
    const { calls } = this.#parts;
    const handle = calls.openFile(folder, name);
    if (handle !== -E.again) return handle;
    const node = calls.openNode(folder, name);
    if (node < 0) return node;
    const isRegular = calls.stat(node, this.stat.bytes) >= 0 && this.stat.fileType === S.regular;
    const waited = isRegular ? calls.reopenFile(node) : handle;
    calls.close(node);
    return waited;
  }
  /** Target of a symbolic link, a loan until the next; undefined: it has been logged. */
  target({ folder, name, path }: FilePlace): Buffer | undefined {
    const length = this.#parts.calls.readLink(folder, name, this.#target);
    if (length >= 0 && length <= linkTargetBytesMax) return this.#target.subarray(0, length);
    this.trouble(path, `The link cannot be read: ${errorText(length)}`, length);
    return undefined;
  }
  xattrs(path: Uint8Array, handle: number): readonly Xattr[] {
    const xattrs = xattrsOf(this.#parts.calls, handle, (name, error) => {
      this.trouble(path, `The extended attribute ${name} cannot be read: ${errorText(error)}`, error);
    });
    if (xattrs === undefined) this.trouble(path, 'Its extended attributes cannot be read', -E.io);
    return xattrs ?? [];
  }
  /** Of what is not opened for reading. */
  xattrsAt({ folder, name, path }: FilePlace): readonly Xattr[] {
    const node = this.#parts.calls.openNode(folder, name);
    if (node < 0) return [];
    const xattrs = this.xattrs(path, node);
    this.#parts.calls.close(node);
    return xattrs;
  }

  /** That many bytes of the file, whatever it gives. */
  *copy(path: Uint8Array, handle: number, lengthBytes: number): Steps<void> {
    const { calls, output } = this.#parts;
    for (let left = lengthBytes; left > 0;) {
      if (output.room === 0) yield 'image';
      const bytes = calls.read(handle, output.place(left));
      if (bytes <= 0) {
        const text = `Cannot be read: ${errorText(bytes)}; the last ${left} bytes are zeros instead`;
        if (bytes < 0) this.trouble(path, text, bytes);
        else this.shrank(path, left);
        yield* output.zeros(left);
        return;
      }
      output.took(bytes);
      left -= bytes;
    }
  }
  shrank(path: Uint8Array, missingBytes: number): void {
    const text = `Became shorter while it was read: the last ${missingBytes} bytes are zeros instead`;
    this.trouble(path, text, -E.stale);
  }
  /** Whether the file is still what `stat` says. */
  compare(path: Uint8Array, handle: number): void {
    const { calls, events, tally } = this.#parts;
    if (calls.stat(handle, this.#after.bytes) >= 0 && this.#after.isAs(this.stat)) return;
    tally.troubles += 1;
    events.log({ level: 'warning', text: 'Changed while it was read', path: Buffer.from(path) });
  }
}

function statusOf(error: number): 'permission' | 'not-found' | 'out-of-memory' | 'io' {
  if (error === -E.access || error === -E.perm) return 'permission';
  if (error === -E.noEntry) return 'not-found';
  return error === -E.noMemory ? 'out-of-memory' : 'io';
}

/**
 * TreeEngine: trees of files into an image and back. It knows formats and files, and neither tapes nor protocols.
 *
 * Names of files are bytes. Paths of the machine are absolute; paths in an image are relative to the tree that was backed up,
 * without a slash at either end, and the tree itself is the empty path. Times are nanoseconds since 1970.
 * Numbers that may exceed 2^53 are bigints.
 */

import type { FileSystemFigures, PlaceKind } from '#env';

export type { FileSystemFigures } from '#env';
export type TreeFormat = 'tar' | 'dump';

export interface TreeEngine {
  /** Formats that work here; empty where the machine lacks what the engine needs. */
  readonly formats: readonly TreeFormat[];
  /** A job will soon be begun: what takes long to load may be loaded. */
  prepare?(): void;
  backup(request: BackupRequest, sink: BackupSink): TreeJob;
  recover(request: RecoverRequest, source: ImageSource, sink: RecoverSink): TreeJob;
  /** What is in an image, as its backup told it: headers are read, and nothing else is done. */
  list(request: ListRequest, source: ImageSource, sink: ListSink): TreeJob;
  /** What is at `path`, which is `root` or below it. No link below `root` is followed: what lies behind one is missing. */
  kindOf(root: Buffer, path: Buffer): Promise<PlaceKind>;
  /** Figures of the file system that holds `path`; undefined when it cannot be looked at. */
  fileSystem(path: Buffer): Promise<FileSystemFigures | undefined>;
}

export interface TreeJob {
  /** Never rejects. Nothing of the sink or source is called after it. When it was successful, all that was lent was given back. */
  readonly done: Promise<TreeResult>;
  /** Ends the job at once: the outcome is `aborted`, unless it has ended already. */
  abort(): void;
  /** What has been done so far; may be looked at any time. */
  readonly progress: TreeProgress;
}

export interface TreeResult {
  readonly outcome: 'successful' | 'aborted' | 'failed';
  /** Why it failed: one line for people. */
  readonly message?: string;
  /** Of the image. */
  readonly bytes: bigint;
  readonly files: number;
  /** Files that were skipped, cut short or filled up, each of them logged. They do not make a backup fail. */
  readonly troubles: number;
  /** Of a backup: which directories there were, for `since.directories` of the next level. Undefined when there are too many. */
  readonly directories?: Uint8Array;
}

export interface TreeProgress {
  /** Bytes of the image that have been made or taken. */
  readonly bytes: bigint;
  readonly files: number;
  /** All that a backup will make, about; 0 when unknown (`BackupRequest.estimate`). */
  readonly estimateBytes: bigint;
}

export interface BackupRequest {
  readonly format: TreeFormat;
  /** The configured root that contains `path`, absolute. It may be reached through symbolic links, nothing below it may. */
  readonly root: Buffer;
  /** The tree, absolute: `root` or below it. */
  readonly path: Buffer;
  /** 0 to 9; 0 is everything. */
  readonly level: number;
  /** What a level above 0 is based on: files whose data or inode changed since then, and every directory. */
  readonly since?: IncrementalBase;
  /** When this backup began, in nanoseconds: the date of the next `since`. Written into formats that hold it. */
  readonly startedAt: bigint;
  /**
   * Shell patterns of what to leave out. With a slash in it, a pattern means paths in the tree (`cache/*`, `**` for any depth),
   * else names at any depth (`*.o`). What is left out of directories is left out wholly.
   */
  readonly exclude: readonly string[];
  /** Paths in the tree to back up, with all below them, and the directories that lead to them; empty: everything. */
  readonly files: readonly Buffer[];
  /** Whether the sink wants history entries. */
  readonly history: boolean;
  /** Goes into file systems that are mounted in the tree, but for those of the kernel (/proc and the like). */
  readonly crossMounts: boolean;
  /** Walks the tree beforehand to tell how much there will be. */
  readonly estimate: boolean;
  /** Folders that are passed over wherever they are met, absolute: what only the daemon itself reads. */
  readonly closed?: readonly Buffer[];
}

export interface IncrementalBase {
  /** `startedAt` of the backup it is based on. */
  readonly date: bigint;
  /** Its `TreeResult.directories`. Without it, directories that may have been renamed are taken with all below them. */
  readonly directories?: Uint8Array;
}

export interface BackupSink {
  /**
   * The next bytes of the image, in order. A loan until the promise resolves; a few calls may be outstanding at a time, and
   * that is the backpressure. A rejection ends the job: `failed`, with the error's message.
   */
  image(bytes: Uint8Array): Promise<void>;
  /** What has come into the image, in order; a batch at a time. The job waits for a promise. Ours no more: entries may be kept. */
  history(entries: readonly HistoryEntry[]): void | Promise<void>;
  /** The job waits for a promise. */
  log(entry: TreeLogEntry): void | Promise<void>;
}

export interface TreeLogEntry {
  readonly level: 'normal' | 'warning' | 'error';
  /** One line for people. */
  readonly text: string;
  /** The path in the tree or image that it is about, and what befell it. */
  readonly path?: Buffer;
  readonly status?: RecoverStatus;
}

export type TreeFileType =
  'directory' | 'fifo' | 'character-device' | 'block-device' | 'regular' | 'symlink' | 'socket' | 'other';

export interface HistoryEntry {
  /** In the image; empty for the tree itself. */
  readonly path: Buffer;
  /** Inode number. Names that are links of one file have the same. */
  readonly node: bigint;
  /** Of the directory that holds it; of the tree itself: its own. */
  readonly parentNode: bigint;
  /** Byte in the image from which it can be recovered by itself: where its header begins. All links of a file have the same. */
  readonly fhInfo: bigint;
  readonly type: TreeFileType;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: bigint;
  readonly mtime: bigint;
  readonly atime: bigint;
  readonly ctime: bigint;
  readonly links: number;
}

/** Where the image comes from. Parts are read one after another, each to its end; the engine asks for few and large ones. */
export interface ImageSource {
  /**
   * The next part to read: `lengthBytes` from `offset` of the image (a NOTIFY_DATA_READ); `toTheEnd` means as far as there is
   * something. Only called at the end of the part before, or first.
   */
  ask(offset: bigint, lengthBytes: bigint): void;
  /** What comes next of the part, at least a byte; empty when the image ends here. A loan until the next call. May reject: the job fails. */
  read(): Promise<Uint8Array>;
}
export const toTheEnd = 0xffff_ffff_ffff_ffffn;

export interface RecoverRequest {
  readonly format: TreeFormat;
  /** The configured root, absolute. Nothing outside it is reached, whatever the image holds. */
  readonly root: Buffer;
  /** Where everything goes when `names` is empty: `root` or below it. Made when it is missing. */
  readonly prefix: Buffer;
  /** What to recover; empty: everything. */
  readonly names: readonly RecoverName[];
  /** Goes to the `fhInfo` of names that have one, and reads nothing else of the image. */
  readonly direct: boolean;
  /** How long the image is, when that is known (`TreeResult.bytes` of the backup): nothing behind it is asked for. */
  readonly imageBytes?: bigint;
  /** Directories among the names come with all below them. */
  readonly recursive: boolean;
  /** What happens to a file that is there already. Directories that are there stay, with what else is in them. */
  readonly existing: 'replace' | 'keep' | 'keep-newer';
  /** Folders into which nothing is recovered, absolute: what only the daemon itself writes. */
  readonly closed?: readonly Buffer[];
}

export interface RecoverName {
  /** Path in the image. */
  readonly original: Buffer;
  /** Absolute path that it gets: `root` or below it. */
  readonly destination: Buffer;
  readonly node?: bigint;
  readonly fhInfo?: bigint;
}

export interface ListRequest {
  readonly format: TreeFormat;
  /** Paths in the image, with all below them; empty: everything. */
  readonly names: readonly Buffer[];
}
/** Nodes of entries are made up: what is in an image does not tell the inodes that there were. */
export type ListSink = Pick<BackupSink, 'history' | 'log'>;

export type RecoverStatus =
  'ok' | 'permission' | 'not-found' | 'no-directory' | 'out-of-memory' | 'io' | 'undefined';

export interface RecoverSink {
  /** Once for each of the names, when it is settled. Not called when all was asked for. */
  settled(name: RecoverName, status: RecoverStatus): void | Promise<void>;
  /** The job waits for a promise. */
  log(entry: TreeLogEntry): void | Promise<void>;
}

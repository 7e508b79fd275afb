/**
 * The outside world as small interfaces. Nothing outside `src/env` touches clock, randomness, disk, network, database
 * files or timers: that one rule makes the simulator in `test/sim` possible (invariant E1).
 */
import type { Logger } from './log.js';

export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly net: Net;
  readonly databases: Databases;
  readonly secrets: Secrets;
  readonly log: Logger;
}

export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. May jump. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start. Never goes back; may be fractional. */
  monotonicMs(): number;
  /** Calls `fire` once after `delayMs` (24 days at most), unless cancelled. Pending timers do not keep the process alive. */
  after(delayMs: number, fire: () => void): Timer;
  /** Resolves after `delayMs`; rejects with CanceledError when `signal` is aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}
export interface Timer {
  cancel(): void;
}

export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Buffer;
  /** Uniform in 0 … below − 1. */
  integer(below: number): number;
  uuid(): string;
}

/** Addresses, lengths and offsets that the system can hand to a disk as they are (open(2), O_DIRECT). */
export const bulkAlignBytes = 512;

export interface Disk {
  /**
   * `create` makes the file when it is missing; `existing` throws StoreError 'missing'. Opens for reading and writing, mode 0600.
   * `bulk`: much is written that nobody will read soon, so it need not go by way of the system's cache, which costs more
   * than everything else about it. For that, memory, length and offset have to be multiples of `bulkAlignBytes`.
   */
  open(path: string, how: 'existing' | 'create', use?: 'bulk'): Promise<DiskFile>;
  exists(path: string): Promise<boolean>;
  /** Makes the folder and its parents, mode 0700. */
  makeDirectory(path: string): Promise<void>;
  /** Names in the folder, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  /** Removes a file, or a folder with all in it. No error when it is not there. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes creations, removals and renames in the folder durable. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that an unprivileged writer may still use in the file system holding `path`. */
  freeBytes(path: string): Promise<number>;
  /** Makes a folder private (mode 0700) and claims it for this process's life; StoreError 'locked' when another process has it. */
  claim(path: string): Promise<() => Promise<void>>;
}

export interface DiskFile {
  readonly path: string;
  /** The system's number for it while it is open, for `PageCache`; undefined where there is none. */
  readonly descriptor?: number;
  /** Reads up to target.length bytes; fewer only at the end of the file. */
  readAt(target: Uint8Array, offset: number): Promise<number>;
  /** Writes all of it. StoreError 'full' when there is no space, 'io' for anything else. */
  writeAt(source: Uint8Array, offset: number): Promise<void>;
  /** fdatasync: what was written before is durable when it resolves. After a failure the file must not be trusted. */
  sync(): Promise<void>;
  size(): Promise<number>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** Where people keep keys. What goes wrong is said without a word of the secret. */
export interface Secrets {
  /** A file that a person names, and its permissions. Rejects when it is longer. */
  file(path: string, bytesMax: number): Promise<{ readonly bytes: Buffer; readonly mode: number }>;
  /** What a program prints. Rejects with what it said on standard error when it fails. */
  command(command: readonly string[], timeoutMs: number, bytesMax: number): Promise<Buffer>;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}
export interface Net {
  /** Port 0 is any free port. `address` of the listener tells which. */
  listen(at: Address, accept: (link: Link) => void): Promise<Listener>;
  /**
   * TLS 1.2 or later. A link is handed over when its handshake is done; peers that do not get there are dropped. Throws when
   * certificate and key are not what they should be (`readIdentity` says what is wrong).
   */
  listenTls(at: Address, identity: TlsIdentity, accept: (link: Link) => void): Promise<TlsListener>;
  /** A unix socket, mode 0660. Replaces a stale socket file. */
  listenPath(path: string, accept: (link: Link) => void): Promise<Listener>;
  connect(to: Address): Promise<Link>;
  connectPath(path: string): Promise<Link>;
}
export interface Listener {
  readonly address: Address;
  close(): Promise<void>;
}
/** What a server proves itself with: texts in PEM form, the certificate with those that lead to its root, if there are any. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
}
export interface TlsListener extends Listener {
  /** For connections from now on. */
  use(identity: TlsIdentity): void;
}

/** One byte stream in both directions. Handlers are set once with `start`; nothing is delivered before that. */
export interface Link {
  readonly remote: Address;
  readonly local: Address;
  start(handlers: LinkHandlers): void;
  /**
   * Queues the slices in order. The memory is lent until `sent` is called (also when the link dies).
   * Returns false while more than the high-water mark is queued: wait for `drained`.
   */
  write(slices: readonly Uint8Array[], sent?: () => void): boolean;
  /** Bytes queued and not yet taken by the kernel. */
  readonly queuedBytes: number;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
export interface LinkHandlers {
  /** `chunk` is a loan until the call returns. */
  data(chunk: Buffer): void;
  /**
   * Where the next bytes would best be put, asked for when those before were taken: `data` gets them as a part of that memory, and
   * then or when the link is closed it is not written any more. Undefined, or a link that does not ask: they come anywhere.
   */
  room?(): Buffer | undefined;
  drained?(): void;
  /** Called exactly once. */
  closed(error?: Error): void;
}

/** SQL databases, for the catalog only. */
export interface Databases {
  open(path: string): Promise<Database>;
}
export type SqlValue = string | number | bigint | Buffer | null;
export interface Database {
  run(sql: string, parameters?: readonly SqlValue[]): Promise<void>;
  all<Row>(sql: string, parameters?: readonly SqlValue[]): Promise<Row[]>;
  /** Runs several statements given as one text. */
  script(sql: string): Promise<void>;
  close(): Promise<void>;
}

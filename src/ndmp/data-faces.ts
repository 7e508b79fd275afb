/** What the data service needs of its neighbours, and what its runs have in common. */
import type { Env, Link, Logger } from '#env';
import type { Extensions } from './extensions.js';
import type { AskedPart } from './image-reader.js';
import type { PostName, PostOf } from './messages.js';
import type { DataOptions } from './server-options.js';
import type { Address, DataHaltReason, LogType, MoverHaltReason, MoverMode, MoverState } from './types.js';
import type { NdmpVersion } from './xdr.js';

export interface DataParts {
  readonly env: Env;
  readonly log: Logger;
  /** Of the session, as negotiated. */
  readonly version: () => NdmpVersion;
  readonly extensions: Extensions;
  readonly options: DataOptions | undefined;
  readonly mover: () => MoverForData;
  readonly connector: StreamConnector;
  readonly posts: DataPosts;
}
/** What a run has. */
export interface RunParts extends DataOptions {
  readonly env: Env;
  readonly log: Logger;
  readonly posts: DataPosts;
}

/** Says things to the DMA, unasked and in order. */
export interface DataPosts {
  post<K extends PostName>(name: K, body: PostOf<K>): void;
  /** Undefined while there is room for more; else resolves when there is, or the session has ended. */
  readonly postRoom: Promise<void> | undefined;
}

/** The mover of the same session. */
export interface MoverForData {
  readonly isIdle: boolean;
  /** In LISTEN for the data service of its session. */
  readonly listensLocal: boolean;
  readonly view: {
    readonly mode: MoverMode;
    readonly state: MoverState;
    readonly haltReason: MoverHaltReason;
    readonly bytesMoved: bigint;
  };
  /** Our end of the stream; the mover is ACTIVE then. Throws NdmpError 'illegal-state'. */
  acceptLocal(): Link;
  /** MOVER_READ of the local side. Throws NdmpError 'illegal-state'. */
  readLocal(offset: bigint, length: bigint): void | Promise<void>;
}

export interface StreamListening {
  readonly address: Address;
  /** A connection that waited in the kernel has been accepted when this resolves. */
  settle(): Promise<void>;
  close(): void;
}
/** Image streams over the network, for one session. */
export interface StreamConnector {
  /** `accept` is called once at most. */
  listen(accept: (link: Link) => void, type: 'tcp' | 'tcp-ipv6'): Promise<StreamListening>;
  /** Throws NdmpError 'connect' or 'illegal-args'. */
  connect(address: Address): Promise<Link>;
  /** Closes a link in order. What is returned is to be called when it is closed. */
  linger(link: Link): () => void;
}

/** The stream of one run. */
export interface ImageStream {
  readonly link: Link;
  /** The other end is the mover of this session. */
  readonly isLocal: boolean;
  /** Has the bytes of a part sent: by that mover, or by whoever the DMA tells. */
  readonly ask: (part: AskedPart) => void | Promise<void>;
}
/** How a run ended. */
export interface Ending {
  readonly reason: Exclude<DataHaltReason, 'na'>;
  /** For people: the text of NOTIFY_DATA_HALTED in versions 2 and 3. */
  readonly text: string;
  /** Remembers the backup as a base for others. Called when the DMA has taken note of it (DATA_STOP). */
  readonly keep?: () => Promise<void>;
}
/** A backup or recovery under way. */
export interface DataRun {
  /** Never rejects. */
  readonly done: Promise<Ending>;
  /** At once: nothing is sent or said by it after that. */
  abort(): void;
  readonly view: {
    readonly bytes: bigint;
    /** Of the image, about; 0 when unknown. */
    readonly estimateBytes: bigint;
    readonly files: number;
    readonly part: AskedPart;
  };
}

/**
 * A DMA that does not read what it is told holds up the run: nothing is dropped, and nothing piles up. Undefined: there is room.
 */
export function roomFor(posts: DataPosts, isOver: () => boolean): Promise<void> | undefined {
  return posts.postRoom === undefined ? undefined : waitForRoom(posts, isOver);
}
async function waitForRoom(posts: DataPosts, isOver: () => boolean): Promise<void> {
  for (let room = posts.postRoom; room !== undefined && !isOver(); room = posts.postRoom) await room;
}

/** `1 file`, `2 files`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** LOG messages to the DMA, numbered; and into the log of the daemon. */
export class DmaLog {
  readonly #posts: DataPosts;
  readonly #log: Logger;
  #messageId = 0;
  constructor(posts: DataPosts, log: Logger) {
    this.#posts = posts;
    this.#log = log;
  }
  /** `path`: in the tree or image, what it is about. */
  say(logType: LogType, text: string, path?: Buffer): void {
    const entry = oneLine(path === undefined ? text : `/${path.toString()}: ${text}`);
    this.#messageId += 1;
    this.#posts.post('logMessage', {
      logType,
      messageId: this.#messageId,
      entry: `${entry}\n`,
      associatedMessageValid: 'no',
      associatedMessageSequence: 0,
    });
    if (logType === 'error') this.#log.warn(entry);
    else this.#log.debug(entry);
  }
}

/** A name with a line feed in it must not look like a message of ours. */
const oneLine = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`);

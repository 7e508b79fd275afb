/** A data service among things that do what a test says: a mover, a network, a DMA that listens, a tree engine. */
import { type Clock, type Link, realEnv, silentLog, type Timer } from '#env';
import { SimDisk } from '#support';
import type {
  BackupRequest,
  BackupSink,
  FileSystemFigures,
  ImageSource,
  ListRequest,
  ListSink,
  RecoverRequest,
  RecoverSink,
  TreeEngine,
  TreeJob,
  TreeResult,
} from '#trees';
import type { DataParts } from '../../../src/ndmp/data-faces.js';
import { DataService } from '../../../src/ndmp/data-service.js';
import { DumpDates } from '../../../src/ndmp/dump-dates.js';
import { NdmpError } from '../../../src/ndmp/errors.table.js';
import { Extensions } from '../../../src/ndmp/extensions.js';
import { localLinks } from '../../../src/ndmp/local-links.js';
import type { PostName, PostOf } from '../../../src/ndmp/messages.js';
import type { Address, MoverHaltReason, MoverState } from '../../../src/ndmp/types.js';

export const tcp: Address = { type: 'tcp', endpoints: [{ host: '127.0.0.1', port: 1, env: [] }] };
export const local: Address = { type: 'local' };

/** Everything that can happen without time has happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

interface HeldJob {
  readonly backup?: { readonly request: BackupRequest; readonly sink: BackupSink };
  readonly recover?: {
    readonly request: RecoverRequest;
    readonly source: ImageSource;
    readonly sink: RecoverSink;
  };
  readonly list?: { readonly request: ListRequest; readonly source: ImageSource; readonly sink: ListSink };
  aborted: boolean;
  end(result: Partial<TreeResult>): void;
}
/** The engine does and ends what the test says. */
export class HeldTrees implements TreeEngine {
  readonly formats = ['tar', 'dump'] as const;
  job: HeldJob | undefined;
  progress = { bytes: 0n, files: 0, estimateBytes: 0n };
  backup(request: BackupRequest, sink: BackupSink): TreeJob {
    return this.#hold({ backup: { request, sink } });
  }
  recover(request: RecoverRequest, source: ImageSource, sink: RecoverSink): TreeJob {
    return this.#hold({ recover: { request, source, sink } });
  }
  list(request: ListRequest, source: ImageSource, sink: ListSink): TreeJob {
    return this.#hold({ list: { request, source, sink } });
  }
  async kindOf(_root: Buffer, path: Buffer): Promise<'directory' | 'file' | 'missing'> {
    const text = String(path);
    return await Promise.resolve(
      text.includes('missing') ? 'missing' : text.endsWith('.c') ? 'file' : 'directory',
    );
  }
  async fileSystem(path: Buffer): Promise<FileSystemFigures | undefined> {
    const figures = { type: 'ext4', device: '/dev/sda1', mountPoint: '/', totalBytes: 9n, usedBytes: 4n };
    const known = { ...figures, availableBytes: 5n, totalInodes: 3n, usedInodes: 1n };
    return await Promise.resolve(String(path).includes('missing') ? undefined : known);
  }
  #hold(what: Pick<HeldJob, 'backup' | 'recover' | 'list'>): TreeJob {
    let settleJob: (result: TreeResult) => void = () => undefined;
    const done = new Promise<TreeResult>((resolve) => (settleJob = resolve));
    const job: HeldJob = {
      ...what,
      aborted: false,
      end: (result) => settleJob({ outcome: 'successful', bytes: 0n, files: 0, troubles: 0, ...result }),
    };
    this.job = job;
    const abort = (): void => {
      job.aborted = true;
      job.end({ outcome: 'aborted' });
    };
    const progress = (): typeof this.progress => this.progress;
    return {
      done,
      abort,
      get progress() {
        return progress();
      },
    };
  }
}

/** The far end of a stream. */
export class Peer {
  readonly link: Link;
  received = Buffer.alloc(0);
  closed: { readonly error?: Error } | undefined;
  constructor(link: Link) {
    this.link = link;
    link.start({
      data: (chunk) => (this.received = Buffer.concat([this.received, chunk])),
      closed: (error) => (this.closed = error === undefined ? {} : { error }),
    });
  }
}

export type Post = { [K in PostName]: { readonly name: K; readonly body: PostOf<K> } }[PostName];

/** Time stands still; timers come due when the test says so. */
class HeldClock implements Clock {
  nowMs = 1_700_000_000_500;
  readonly timers = new Set<() => void>();
  wallMs(): number {
    return this.nowMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
  after(_delayMs: number, fire: () => void): Timer {
    this.timers.add(fire);
    return { cancel: () => void this.timers.delete(fire) };
  }
  async sleep(): Promise<void> {
    await Promise.resolve();
  }
  fire(): void {
    const due = [...this.timers];
    this.timers.clear();
    for (const fire of due) fire();
  }
}

export class DataWorld {
  readonly trees = new HeldTrees();
  readonly clock = new HeldClock();
  readonly posts: Post[] = [];
  /** What the DMA has no room for waits for it. */
  room: Promise<void> | undefined;
  moverState: MoverState = 'idle';
  moverMode: 'read' | 'write' = 'read';
  moverHaltReason: MoverHaltReason = 'na';
  moverBytes = 0n;
  /** Parts that the mover of the session was asked for. */
  readonly localReads: [offset: bigint, length: bigint][] = [];
  accept: ((link: Link) => void) | undefined;
  /** The other ends of streams. */
  peers: Peer[] = [];
  readonly dates: DumpDates;
  readonly service: DataService;

  constructor({ version = 4, dates }: { readonly version?: 2 | 3 | 4; readonly dates?: DumpDates } = {}) {
    this.dates = dates ?? new DumpDates(new SimDisk({ dice: { integer: () => 0 } }).begin(), '/dates');
    this.service = new DataService({
      env: { ...realEnv(), clock: this.clock },
      log: silentLog,
      version: () => version,
      extensions: new Extensions(),
      options: {
        trees: this.trees,
        roots: () => [
          { name: 'data', path: '/data', readOnly: false },
          { name: 'kept', path: '/kept', readOnly: true },
        ],
        ownFolders: () => ['/data/own'],
        dumpDates: this.dates,
      },
      mover: () => this.#mover(),
      connector: this.#connector(),
      posts: this.#posts(),
    });
  }
  #mover(): ReturnType<DataParts['mover']> {
    return {
      isIdle: this.moverState === 'idle',
      listensLocal: this.moverState === 'listen',
      view: {
        mode: this.moverMode,
        state: this.moverState,
        haltReason: this.moverHaltReason,
        bytesMoved: this.moverBytes,
      },
      acceptLocal: () => {
        this.moverState = 'active';
        return this.stream();
      },
      readLocal: (offset, length) => void this.localReads.push([offset, length]),
    };
  }
  #connector(): DataParts['connector'] {
    return {
      listen: async (accept) => {
        this.accept = accept;
        return await Promise.resolve({
          address: tcp,
          settle: async () => await Promise.resolve(),
          close: () => (this.accept = undefined),
        });
      },
      linger: (link) => {
        link.end();
        return () => undefined;
      },
      connect: async (address) => {
        if (address.type === 'tcp' && address.endpoints[0]?.port === 9) throw new NdmpError('connect');
        return await Promise.resolve(this.stream());
      },
    };
  }
  #posts(): DataParts['posts'] {
    const room = (): Promise<void> | undefined => this.room;
    return {
      post: (name, body) => this.posts.push({ name, body } as Post),
      get postRoom() {
        return room();
      },
    };
  }
  /** Our end of a new stream. */
  stream(): Link {
    const [ours, theirs] = localLinks();
    this.join(theirs);
    return ours;
  }
  /** Somebody connects to where the service listens. */
  connectPeer(): void {
    this.accept?.(this.stream());
  }
  join(theirs: Link): void {
    this.peers.push(new Peer(theirs));
  }

  // --- what tests ask for again and again

  /** Connected over TCP, and a backup under way. */
  async backup(variables: Readonly<Record<string, string>> = {}, buType = 'tar') {
    await this.service.connect(tcp);
    const env = Object.entries({ FILESYSTEM: '/data/tree', ...variables });
    await this.service.startBackup({
      mover: local,
      buType,
      env: env.map(([name, value]) => ({ name, value })),
    });
    return this.underway();
  }
  underway() {
    const { job } = this.trees;
    const [peer] = this.peers;
    if (job === undefined || peer === undefined) throw new Error('Nothing is under way');
    return { job, peer, request: job.backup?.request, sink: job.backup?.sink };
  }
  named<K extends PostName>(name: K): PostOf<K>[] {
    return this.posts.flatMap((post) => (post.name === name ? [post.body as PostOf<K>] : []));
  }
  get log(): string[] {
    return this.named('logMessage').map(({ logType, entry }) => `${logType}: ${entry.trimEnd()}`);
  }
}

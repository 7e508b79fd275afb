/** A mover with tapes made of arrays, a pool that is counted, and a data service that is only a pair of ends. */
import { setImmediate as turn } from 'node:timers/promises';
import { type Address, type Link, type Net, realEnv, silentLog } from '#env';
import type { ReadResult } from '#vtl';
import { copyOf, ownedSlab, type Slab, SlabPool } from '#wire';
import { addressPolicy, type PolicyOptions } from '../../../src/ndmp/address-policy.js';
import { DataConnector } from '../../../src/ndmp/data-connection.js';
import { NdmpError } from '../../../src/ndmp/errors.table.js';
import { Lingering } from '../../../src/ndmp/lingering.js';
import { Mover } from '../../../src/ndmp/mover.js';
import type { DataForMover, TapeForMover } from '../../../src/ndmp/mover-faces.js';
import type { NdmpVersion } from '../../../src/ndmp/xdr.js';
import { type Cut, linkPair } from '#support';
import { FakeLandings, type LandingKind } from './fake-landings.js';

export type TapeObject = Buffer | 'filemark';
export const allOnes = 0xffff_ffff_ffff_ffffn;

/** A cartridge: what is on it, and how much fits. */
export class FakeCartridge {
  objects: TapeObject[];
  /** Objects up to early warning, and up to the end. */
  earlyAfter = Infinity;
  endsAfter = Infinity;
  constructor(objects: readonly TapeObject[] = []) {
    this.objects = [...objects];
  }
  /** The records of file `index`, as one. */
  file(index: number): Buffer {
    const files: Buffer[][] = [[]];
    for (const object of this.objects) {
      if (object === 'filemark') files.push([]);
      else files.at(-1)?.push(object);
    }
    return Buffer.concat(files[index] ?? []);
  }
}

export class FakeTape implements TapeForMover {
  open: { readonly mode: 'read' | 'read-write' } | undefined = { mode: 'read-write' };
  readonly quiet = undefined;
  cartridge = new FakeCartridge();
  at = 0;
  version: NdmpVersion = 4;
  synchronized = 0;
  /** Objects up to here were there when it was synchronized. */
  durable = 0;
  failure: Error | undefined;
  syncFailure: Error | undefined;
  /** What is lent out by readRecord and has not been released. */
  lent = 0;
  readonly landings = new FakeLandings();
  /** Every operation waits for it. */
  gate: Promise<void> | undefined;
  #warned = false;

  change(cartridge: FakeCartridge, at = 0): void {
    this.cartridge = cartridge;
    this.at = at;
    this.durable = at;
    this.#warned = false;
  }
  get position(): { readonly object: number } {
    if (this.open === undefined) throw new NdmpError('dev-not-open');
    return { object: this.at };
  }
  async #work(): Promise<void> {
    await this.gate;
    if (this.open === undefined) throw new NdmpError('dev-not-open');
    if (this.failure !== undefined) throw this.failure;
  }
  async writeRecord(record: Slab): Promise<'written' | 'eom' | 'end'> {
    const copy = copyOf(record);
    await this.#work();
    if (this.open?.mode === 'read') throw new NdmpError('permission');
    if (!copyOf(record).equals(copy)) throw new Error('The record changed while it was written');
    const { cartridge } = this;
    if (this.at >= cartridge.endsAfter) return 'end';
    if (this.at >= cartridge.earlyAfter && !this.#warned) {
      this.#warned = true;
      return 'eom';
    }
    cartridge.objects.length = this.at;
    cartridge.objects.push(copy);
    this.at += 1;
    this.landings.wrote(record);
    record.release();
    return 'written';
  }
  landing(bytes: number): Slab | undefined {
    return this.landings.take(bytes);
  }
  async readRecord(): Promise<ReadResult> {
    await this.#work();
    const object = this.cartridge.objects[this.at];
    if (object === undefined) return { kind: 'eod' };
    if (object === 'filemark') {
      if (this.version < 4) this.at += 1;
      return { kind: 'filemark' };
    }
    this.at += 1;
    this.lent += 1;
    const lent = Buffer.from(object);
    let released = false;
    const release = (): void => {
      if (released) throw new Error('A record is released once');
      released = true;
      this.lent -= 1;
      lent.fill(0xdb); // whoever sends it later is found out
    };
    return { kind: 'record', record: { ...ownedSlab(lent), release } };
  }
  async spaceRecords(count: number): Promise<number> {
    await this.#work();
    let moved = 0;
    for (; moved < count; moved++) {
      const object = this.cartridge.objects[this.at];
      if (object === undefined) break;
      if (object === 'filemark') {
        if (this.version < 4) this.at += 1;
        break;
      }
      this.at += 1;
    }
    return moved;
  }
  async locate(object: number): Promise<boolean> {
    await this.#work();
    this.at = Math.min(object, this.cartridge.objects.length);
    return this.at === object;
  }
  async synchronize(): Promise<void> {
    await this.#work();
    if (this.syncFailure !== undefined) throw this.syncFailure;
    this.synchronized += 1;
    this.durable = this.at;
  }
}

export type Notice = `paused ${string} ${bigint}` | `halted ${string}`;
export const user = { host: '192.0.2.9', port: 1000 };
export const us = { host: '192.0.2.2', port: 10_000 };

/** Listeners by port; what connects is a pair of links that tells a cut from an end. */
class StreamNet implements Pick<Net, 'listen' | 'connect'> {
  /** In which pieces bytes arrive where somebody listens. */
  cut: Cut | undefined;
  readonly #listeners = new Map<number, (link: Link) => void>();
  #lastPort = 40_000;
  get ports(): readonly number[] {
    return [...this.#listeners.keys()];
  }
  async listen({ host }: Address, accept: (link: Link) => void): ReturnType<Net['listen']> {
    const port = ++this.#lastPort;
    this.#listeners.set(port, accept);
    const close = async (): Promise<void> => {
      this.#listeners.delete(port);
      await Promise.resolve();
    };
    return await Promise.resolve({ address: { host, port }, close });
  }
  async connect({ port }: Address): Promise<Link> {
    const accept = this.#listeners.get(port);
    if (accept === undefined) return await Promise.reject(new Error(`Nobody listens on port ${port}`));
    const { near, far } = linkPair(this.cut, us.host);
    accept(Object.assign(far, { remote: user }));
    return near;
  }
}

export interface WorldOptions {
  readonly version?: NdmpVersion;
  readonly blockBytes?: number;
  readonly blocksMax?: number;
  readonly policy?: PolicyOptions;
  /** Real sockets on the loopback. */
  readonly sockets?: boolean;
  /** What the client came to. */
  readonly local?: Address;
  /** Where it is listened for image streams. */
  readonly hosts?: readonly string[];
  /** What the drive has for records on their way, in turns. */
  readonly landings?: readonly LandingKind[];
  /** In which pieces bytes arrive from TCP. */
  readonly cut?: Cut | undefined;
}
export class MoverWorld {
  readonly pool: SlabPool;
  readonly tape = new FakeTape();
  readonly net = new StreamNet();
  readonly connector: DataConnector;
  readonly mover: Mover;
  readonly notices: Notice[] = [];
  /** What the mover was when each notice came. */
  readonly statesAtNotices: string[] = [];
  data: DataForMover = {
    isIdle: true,
    listensLocal: false,
    acceptLocal() {
      throw new NdmpError('illegal-state');
    },
  };
  readonly #allBytes: number;
  allowsIpv6 = false;

  constructor(options: WorldOptions = {}) {
    const { version = 4, blockBytes = 65_536, blocksMax = 32, policy } = options;
    this.pool = new SlabPool({ blockBytes, blocksMax });
    this.#allBytes = this.pool.freeBytes;
    this.tape.version = version;
    this.tape.landings.kinds = options.landings ?? ['none'];
    this.net.cut = options.cut;
    const { clock } = realEnv();
    const { sockets = false } = options;
    const env = { clock, net: sockets ? realEnv().net : (this.net as unknown as Net) };
    const loopback = { host: '127.0.0.1', port: 10_000 };
    this.connector = new DataConnector({
      lingering: new Lingering(),
      env,
      log: silentLog,
      policy: addressPolicy(policy),
      ...(options.hosts === undefined ? {} : { hosts: () => options.hosts ?? [] }),
      session: sockets ? { peer: loopback, local: loopback } : { peer: user, local: options.local ?? us },
    });
    this.mover = new Mover({
      env,
      log: silentLog,
      pool: this.pool,
      tape: this.tape,
      data: dataOf(() => this.data),
      connector: this.connector,
      version: () => version,
      allowsIpv6: () => this.allowsIpv6,
      notices: {
        paused: (reason, seek) => this.#note(`paused ${reason} ${seek}`),
        halted: (reason) => this.#note(`halted ${reason}`),
      },
    });
  }
  #note(notice: Notice): void {
    this.notices.push(notice);
    const { state, pauseReason, haltReason } = this.mover.view;
    this.statesAtNotices.push(`${state} ${state === 'paused' ? pauseReason : haltReason}`);
  }
  /** Nothing of the pool or the drive is taken, no record is lent. */
  get isClean(): boolean {
    const { lent, landings } = this.tape;
    return this.pool.freeBytes === this.#allBytes && lent === 0 && landings.isClean;
  }
  /** LISTEN for LOCAL, and the data service's end of the stream. */
  async local(mode: 'read' | 'write'): Promise<Peer> {
    await this.mover.listen(mode, 'local');
    return new Peer(this.mover.acceptLocal());
  }
  /** LISTEN for TCP, and a connection to it. */
  async tcp(mode: 'read' | 'write'): Promise<Peer> {
    const address = await this.mover.listen(mode, 'tcp');
    const [endpoint] = address.type === 'tcp' ? address.endpoints : [];
    return new Peer(await this.net.connect(endpoint ?? us));
  }
}

/** What `now` gives at each question. */
const dataOf = (now: () => DataForMover): DataForMover => ({
  get isIdle() {
    return now().isIdle;
  },
  get listensLocal() {
    return now().listensLocal;
  },
  acceptLocal: () => now().acceptLocal(),
});

/** The other end of the image stream. */
export class Peer {
  readonly link: Link;
  readonly #chunks: Buffer[] = [];
  closed: { readonly error: Error | undefined } | undefined;
  constructor(link: Link) {
    this.link = link;
    link.start({
      data: (chunk) => void this.#chunks.push(Buffer.from(chunk)),
      closed: (error) => (this.closed = { error }),
    });
  }
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }
  /** Resolves when the other side has taken it. */
  async send(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve) => {
      this.link.write([bytes], resolve);
    });
  }
}

/** Byte `offset` of the image is a function of its offset, with no short period. */
export function image(from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  for (let at = 0; at < bytes.length; at++) {
    const offset = from + at;
    bytes[at] = ((offset * 0x9e37) >>> 4) ^ (offset >>> 11) ^ offset;
  }
  return bytes;
}
/** The image cut into records, the last one filled with zeros. */
export function recordsOf(bytes: Buffer, recordBytes: number): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += recordBytes) {
    const record = Buffer.alloc(recordBytes);
    bytes.copy(record, 0, at, at + recordBytes);
    records.push(record);
  }
  return records;
}

/** Everything that can happen without anybody doing anything has happened. */
export async function quiet(turns = 12): Promise<void> {
  for (let at = 0; at < turns; at++) await turn();
}
/** The kernel may take its time with real sockets, on a machine that is busy. */
const patienceMs = 20_000;
export async function until(condition: () => boolean): Promise<void> {
  for (const start = performance.now(); performance.now() - start < patienceMs;) {
    if (condition()) return;
    await turn();
  }
  throw new Error('It does not come');
}

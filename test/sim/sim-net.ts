/**
 * A network in memory: bytes arrive in order, cut into pieces as TCP may, each piece after a while. A link can be cut
 * (both ends learn it), go half open (one end learns nothing more) and end with the process that has it.
 */
import { StoreError } from '#errors';
import type { Address, Link, LinkHandlers, Listener, Net } from '#env';
import type { Life, Scheduler } from './sim-clock.js';

/** Bytes an end may have under way before `write` asks to wait. */
const highWaterBytes = 256 * 1024;
const pieceBytesMax = 96 * 1024;

interface Piece {
  readonly bytes: Buffer;
  readonly sent: (() => void) | undefined;
}

class SimLink implements Link {
  readonly remote: Address;
  readonly local: Address;
  readonly #world: SimNetWorld;
  readonly #life: Life;
  peer: SimLink | undefined;
  #handlers: LinkHandlers | undefined;
  #outgoing: Piece[] = [];
  #queuedBytes = 0;
  #delivering = false;
  #ending = false;
  #paused = true;
  #gone = false;
  #wantsDrain = false;
  /** Bytes that came while we were paused. */
  readonly #waiting: Buffer[] = [];
  /** Where the next bytes go: asked for when those before were taken. */
  #room: Buffer | undefined;
  #goneWith: Error | undefined;
  #farEnded = false;

  constructor(world: SimNetWorld, life: Life, local: Address, remote: Address) {
    this.#world = world;
    this.#life = life;
    this.local = local;
    this.remote = remote;
  }
  get gone(): boolean {
    return this.#gone;
  }
  start(handlers: LinkHandlers): void {
    this.#handlers = handlers;
    if (this.#gone) queueMicrotask(() => this.#tellClosed());
    else this.resume();
  }

  // --- sending --------------------------------------------------------------------------------------------------

  write(slices: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.#gone) {
      if (sent !== undefined) queueMicrotask(sent);
      return true;
    }
    slices.forEach((slice, index) => {
      // Copied only when the "kernel" takes it: whoever writes to lent memory too early is found out.
      const bytes = Buffer.from(slice.buffer, slice.byteOffset, slice.byteLength);
      this.#outgoing.push({ bytes, sent: index === slices.length - 1 ? sent : undefined });
      this.#queuedBytes += bytes.length;
    });
    this.#deliverSoon();
    this.#wantsDrain = this.#queuedBytes > highWaterBytes;
    return !this.#wantsDrain;
  }
  get queuedBytes(): number {
    return this.#queuedBytes;
  }
  #deliverSoon(): void {
    if (this.#delivering || this.#gone) return;
    if (this.#outgoing.length === 0) {
      if (this.#ending) this.#finish();
      return;
    }
    this.#delivering = true;
    this.#world.scheduler.schedule(this.#life, this.#world.latencyMs(), () => {
      this.#delivering = false;
      this.#deliver();
      this.#deliverSoon();
    });
  }
  /** One piece of arbitrary size, over the borders of writes. */
  #deliver(): void {
    if (this.#gone) return;
    let room = this.#world.pieceBytes(pieceBytesMax);
    const parts: Buffer[] = [];
    const taken: (() => void)[] = [];
    while (room > 0) {
      const first = this.#outgoing[0];
      if (first === undefined) break;
      const part = first.bytes.subarray(0, room);
      parts.push(Buffer.from(part));
      room -= part.length;
      this.#queuedBytes -= part.length;
      if (part.length === first.bytes.length) {
        this.#outgoing.shift();
        if (first.sent !== undefined) taken.push(first.sent);
      } else this.#outgoing[0] = { bytes: first.bytes.subarray(part.length), sent: first.sent };
    }
    this.peer?.receive(Buffer.concat(parts));
    for (const sent of taken) sent();
    if (this.#wantsDrain && this.#queuedBytes === 0) {
      this.#wantsDrain = false;
      this.#handlers?.drained?.();
    }
  }

  // --- receiving ------------------------------------------------------------------------------------------------

  receive(bytes: Buffer): void {
    if (this.#gone || bytes.length === 0) return;
    if (this.#paused || this.#handlers === undefined) {
      this.#waiting.push(bytes);
      return;
    }
    this.#world.observe?.(this, bytes);
    let at = 0;
    while (at < bytes.length && !this.#paused && !this.#gone) at += this.#give(bytes, at);
    if (at < bytes.length) this.#waiting.unshift(Buffer.from(bytes.subarray(at)));
    bytes.fill(0xdb); // a chunk is a loan: whoever keeps it reads this
  }
  /** What fits where they want it, as a socket does; their number. */
  #give(bytes: Buffer, at: number): number {
    const room = this.#room;
    const length = room === undefined ? bytes.length - at : bytes.copy(room, 0, at);
    this.#handlers?.data(room?.subarray(0, length) ?? bytes.subarray(at));
    this.#room = this.#handlers?.room?.();
    return length;
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#world.scheduler.schedule(this.#life, 0, () => this.#flushWaiting());
  }
  #flushWaiting(): void {
    while (!this.#paused && !this.#gone) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.receive(next);
    }
    if (this.#farEnded && this.#waiting.length === 0) this.close();
  }

  // --- ending ---------------------------------------------------------------------------------------------------

  end(): void {
    this.#ending = true;
    this.#deliverSoon();
  }
  #finish(): void {
    this.#world.scheduler.schedule(this.#life, this.#world.latencyMs(), () => {
      this.peer?.farEnd();
      this.close();
    });
  }
  /** The other end has said its last byte. */
  farEnd(): void {
    this.#farEnded = true;
    if (this.#waiting.length === 0) this.close();
  }
  destroy(): void {
    const { peer } = this;
    if (this.#gone) return;
    this.close();
    if (peer !== undefined) this.#world.later(() => peer.close(new Error('Connection reset')));
  }
  /** This end is closed, and told so. */
  close(error?: Error): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#goneWith = error;
    this.peer = undefined;
    const lent = this.#outgoing.flatMap(({ sent }) => (sent === undefined ? [] : [sent]));
    this.#outgoing = [];
    this.#queuedBytes = 0;
    for (const sent of lent) queueMicrotask(sent);
    queueMicrotask(() => this.#tellClosed());
  }
  #tellClosed(): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    if (this.#life.alive) handlers?.closed(this.#goneWith);
  }
  /** From now on this end hears nothing, not even that the other is gone. */
  goDeaf(): void {
    this.#paused = true;
    if (this.peer !== undefined) this.peer.peer = undefined;
    this.peer = undefined;
  }
}

interface Bound {
  readonly life: Life;
  readonly accept: (link: Link) => void;
}

/** The wires between all simulated processes. */
export class SimNetWorld {
  readonly scheduler: Scheduler;
  /** Called with every piece that arrives: for traces. */
  observe: ((link: Link, bytes: Buffer) => void) | undefined;
  /** By port number or path. */
  readonly #listeners = new Map<number | string, Bound>();
  readonly #links = new Set<SimLink>();
  readonly #always: Life;
  #lastPort = 40_000;

  constructor(scheduler: Scheduler, always: Life) {
    this.scheduler = scheduler;
    this.#always = always;
  }
  latencyMs(): number {
    const { random } = this.scheduler;
    return random.chance(0.02) ? random.fraction() * 50 : random.fraction() * 0.2;
  }
  pieceBytes(max: number): number {
    const { random } = this.scheduler;
    return random.chance(0.1) ? random.between(1, 100) : random.between(1, max);
  }
  later(fire: () => void): void {
    this.scheduler.schedule(this.#always, this.latencyMs(), fire);
  }

  /** Cuts every link: both ends learn it, each in its own time. */
  cutAll(): void {
    for (const link of this.#take()) link.destroy();
  }
  /** Every link goes half open: the accepting end hears nothing more, the other learns it. */
  halfOpenAll(): void {
    for (const link of this.#take()) {
      const { peer } = link;
      if (peer === undefined) continue;
      peer.goDeaf();
      link.destroy();
    }
  }
  #take(): SimLink[] {
    const links = [...this.#links].filter((link) => !link.gone);
    this.#links.clear();
    return links;
  }
  /** A process has died: its ports are free, its links are reset. */
  endLife(life: Life): void {
    for (const [port, bound] of this.#listeners) if (bound.life === life) this.#listeners.delete(port);
    this.cutAll();
  }

  netOf(life: Life): Net {
    return {
      listen: async (at, accept) => await Promise.resolve(this.#listenAt(at, { life, accept })),
      // Nobody listens in on a network in memory.
      listenTls: async (at, _identity, accept) =>
        await Promise.resolve({ ...this.#listenAt(at, { life, accept }), use: () => undefined }),
      listenPath: async (path, accept) =>
        await Promise.resolve(this.#listen(path, { host: '', port: 0 }, { life, accept })),
      connect: async (to) => await this.#connect(life, to.port, to),
      connectPath: async (path) => await this.#connect(life, path, { host: '', port: 0 }),
    };
  }
  #listenAt({ host, port: wanted }: Address, bound: Bound): Listener {
    const port = wanted === 0 ? ++this.#lastPort : wanted;
    return this.#listen(port, { host, port }, bound);
  }
  #listen(key: number | string, address: Address, bound: Bound): Listener {
    if (this.#listeners.has(key)) throw new StoreError('io', `${key} is in use`, { errno: 'EADDRINUSE' });
    this.#listeners.set(key, bound);
    return {
      address,
      close: async () => {
        this.#listeners.delete(key);
        await Promise.resolve();
      },
    };
  }
  async #connect(life: Life, key: number | string, to: Address): Promise<Link> {
    await this.scheduler.delay(life, 0.01, 1);
    const bound = this.#listeners.get(key);
    if (bound === undefined) throw new StoreError('io', 'Connection refused', { errno: 'ECONNREFUSED' });
    const from = { host: '127.0.0.1', port: ++this.#lastPort };
    const near = new SimLink(this, life, from, to);
    const far = new SimLink(this, bound.life, to, from);
    near.peer = far;
    far.peer = near;
    this.#links.add(near);
    bound.accept(far);
    return near;
  }
}

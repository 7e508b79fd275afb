/** A socket of node:net or node:tls as a Link, and what listening comes to. */
import type net from 'node:net';
import { StoreError } from '../errors.js';
import { tcpKeepaliveIdleMs } from '../limits.js';
import type { Address, Link, LinkHandlers, Listener } from './env.js';

export class SocketLink implements Link {
  readonly remote: Address;
  readonly local: Address;
  readonly #socket: net.Socket;
  #handlers: LinkHandlers | undefined;
  #error: Error | undefined;
  /** What is written waits for the end of this turn of the event loop. */
  #isHeld = false;
  readonly #release = (): void => {
    this.#isHeld = false;
    this.#socket.uncork();
  };

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    socket.setNoDelay(true);
    // A host that has lost its power says nothing: an image stream may wait for hours, and a drive for who had it.
    socket.setKeepAlive(true, tcpKeepaliveIdleMs);
    socket.pause();
    socket.on('error', (error) => (this.#error = error));
    socket.on('drain', () => this.#handlers?.drained?.());
    socket.on('close', () => this.#closed());
  }
  /** Where the next bytes would best be put. */
  room(): Buffer | undefined {
    return this.#handlers?.room?.();
  }
  received(chunk: Buffer): void {
    this.#handlers?.data(chunk);
  }
  #closed(): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(this.#error);
  }
  start(handlers: LinkHandlers): void {
    this.#handlers = handlers;
    if (this.#socket.destroyed) queueMicrotask(() => this.#closed());
    else this.#socket.resume();
  }
  write(slices: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.#socket.destroyed) {
      if (sent !== undefined) queueMicrotask(sent);
      return true;
    }
    let room = true;
    this.#hold();
    let left = slices.length;
    for (const slice of slices) {
      left -= 1;
      room = left === 0 ? this.#socket.write(slice, sent) : this.#socket.write(slice);
    }
    return room;
  }
  /** All that comes of one turn leaves in one call: calls cost as much as the bytes, and so does waking the peer for each. */
  #hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#socket.cork();
    setImmediate(this.#release);
  }
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  end(): void {
    this.#socket.end();
  }
  destroy(): void {
    this.#release(); // what was written before, a reason for instance, is not taken back
    this.#socket.destroy();
  }
}

/** Over a socket that reads by itself: paused until the link starts. */
export function overSocket(socket: net.Socket): Link {
  const link = new SocketLink(socket);
  socket.on('data', (chunk: Buffer) => link.received(chunk));
  return link;
}

/** Throws StoreError 'io' with the system's error. */
export async function bound(server: net.Server, options: net.ListenOptions): Promise<Listener> {
  await new Promise<void>((resolve, reject) => {
    // Stays when we listen: that one connection cannot be accepted (no descriptors, no memory) ends nothing but that one.
    server.on('error', (cause: NodeJS.ErrnoException) => {
      const where = options.path ?? `${options.host}:${options.port}`;
      reject(
        new StoreError(
          'io',
          `Listening on ${where} failed: ${cause.code}`,
          { where, errno: cause.code },
          { cause },
        ),
      );
    });
    server.listen(options, resolve);
  });
  const at = server.address();
  const address =
    at !== null && typeof at === 'object' ? { host: at.address, port: at.port } : { host: '', port: 0 };
  return {
    address,
    close: async () => {
      // Node calls back only when all accepted sockets are closed, and those rebuilt by `linkOver` it does not count any
      // more. Nothing is accepted from here on, which is what closing means here.
      server.close();
      await Promise.resolve();
    },
  };
}

/** Sockets through node:net; the only place that touches it. */
import net from 'node:net';
import { chmod, rm } from 'node:fs/promises';
import { alignedBuffer } from '#wire';
import { StoreError } from '../errors.js';
import type { Address, Link, LinkHandlers, Listener, Net } from './env.js';

/**
 * Bytes asked of the kernel at a time. Page-aligned, because copies out of the kernel are four times slower into memory at
 * 16 mod 32, which is where most Buffers lie. All links share it: a chunk is a loan until `data` returns.
 */
const receiveBytes = 256 * 1024;
const receiveBuffer = alignedBuffer(receiveBytes);

class SocketLink implements Link {
  readonly remote: Address;
  readonly local: Address;
  readonly #socket: net.Socket;
  #handlers: LinkHandlers | undefined;
  #error: Error | undefined;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    socket.setNoDelay(true);
    socket.pause();
    socket.on('error', (error) => (this.#error = error));
    socket.on('drain', () => this.#handlers?.drained?.());
    socket.on('close', () => this.#closed());
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
    this.#socket.cork();
    slices.forEach((slice, index) => {
      room = index === slices.length - 1 ? this.#socket.write(slice, sent) : this.#socket.write(slice);
    });
    this.#socket.uncork();
    return room;
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
    this.#socket.destroy();
  }
}

/** A socket that reads into our aligned buffer where Node lets us, else one that hands out its own chunks. */
function linkOver(accepted: net.Socket): SocketLink {
  const inner = accepted as unknown as { _handle: unknown; _server: unknown };
  const handle = inner._handle;
  if (handle === null || handle === undefined) return listening(accepted);
  // Node offers `onread` only to sockets that it connects itself; an accepted one is rebuilt around its handle.
  inner._handle = null;
  let link: SocketLink | undefined = undefined;
  const onread = {
    buffer: receiveBuffer,
    callback: (length: number) => {
      link?.received(receiveBuffer.subarray(0, length));
      return true;
    },
  };
  const options = { handle, onread } as unknown as net.SocketConstructorOpts;
  const rebuilt = new net.Socket(options);
  // The server counts its connections by this, and closes when there are none.
  Object.assign(rebuilt, { _server: inner._server });
  inner._server = null;
  link = new SocketLink(rebuilt);
  return link;
}
function listening(socket: net.Socket): SocketLink {
  const link = new SocketLink(socket);
  socket.on('data', (chunk: Buffer) => link.received(chunk));
  return link;
}

async function listen(options: net.ListenOptions, accept: (link: Link) => void): Promise<Listener> {
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
    accept(linkOver(socket)),
  );
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
async function connect(options: net.NetConnectOpts): Promise<Link> {
  const socket = net.connect(options);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return listening(socket);
}

export const realNet: Net = {
  listen: async ({ host, port }, accept) => await listen({ host, port }, accept),
  async listenPath(path, accept) {
    await rm(path, { force: true });
    const listener = await listen({ path }, accept);
    await chmod(path, 0o660);
    return listener;
  },
  connect: async ({ host, port }) => await connect({ host, port }),
  connectPath: async (path) => await connect({ path }),
};

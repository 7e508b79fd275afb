/** TCP and unix sockets through node:net. */
import net from 'node:net';
import { chmod, rm } from 'node:fs/promises';
import { alignedBuffer } from '#wire';
import type { Link, Listener, Net } from './env.js';
import { bound, overSocket, SocketLink } from './socket-link.js';
import { listenTls } from './tls.js';

/**
 * Bytes asked of the kernel at a time. Page-aligned, because copies out of the kernel are four times slower into memory at
 * 16 mod 32, which is where most Buffers lie. All links share it: a chunk is a loan until `data` returns.
 */
const receiveBytes = 256 * 1024;
const receiveBuffer = alignedBuffer(receiveBytes);

/** What a socket does with what it receives: into memory of its link's, or our aligned buffer, and to the link. */
function receiving(): { readonly onread: net.OnReadOpts; of: SocketLink | undefined } {
  const receiver = {
    of: undefined as SocketLink | undefined,
    onread: {
      buffer: () => receiver.of?.room() ?? receiveBuffer,
      callback: (length: number, buffer: Uint8Array) => {
        const memory = buffer as Buffer; // as it was given above
        receiver.of?.received(length === memory.length ? memory : memory.subarray(0, length));
        return true;
      },
    },
  };
  return receiver;
}

/** A socket that reads into our aligned buffer where Node lets us, else one that hands out its own chunks. */
function linkOver(accepted: net.Socket): Link {
  const inner = accepted as unknown as { _handle: unknown; _server: unknown };
  const handle = inner._handle;
  if (handle === null || handle === undefined) return overSocket(accepted);
  // Node offers `onread` only to sockets that it connects itself; an accepted one is rebuilt around its handle.
  inner._handle = null;
  const receiver = receiving();
  const options = { handle, onread: receiver.onread } as unknown as net.SocketConstructorOpts;
  const rebuilt = new net.Socket(options);
  // The server counts its connections by this, and closes when there are none.
  Object.assign(rebuilt, { _server: inner._server });
  inner._server = null;
  receiver.of = new SocketLink(rebuilt);
  return receiver.of;
}
async function listen(options: net.ListenOptions, accept: (link: Link) => void): Promise<Listener> {
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
    accept(linkOver(socket)),
  );
  return await bound(server, options);
}
async function connect(options: net.NetConnectOpts): Promise<Link> {
  const receiver = receiving();
  const socket = net.connect({ ...options, onread: receiver.onread });
  return await new Promise<Link>((resolve, reject) => {
    // Made before anything can be read: it stops the reading until it is started.
    socket.once('connect', () => resolve((receiver.of = new SocketLink(socket))));
    socket.once('error', reject);
  });
}

export const realNet: Net = {
  listen: async ({ host, port }, accept) => await listen({ host, port }, accept),
  listenTls,
  async listenPath(path, accept) {
    await rm(path, { force: true });
    const listener = await listen({ path }, accept);
    await chmod(path, 0o660);
    return listener;
  },
  connect: async ({ host, port }) => await connect({ host, port }),
  connectPath: async (path) => await connect({ path }),
};

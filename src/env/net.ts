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

/** A socket that reads into our aligned buffer where Node lets us, else one that hands out its own chunks. */
function linkOver(accepted: net.Socket): Link {
  const inner = accepted as unknown as { _handle: unknown; _server: unknown };
  const handle = inner._handle;
  if (handle === null || handle === undefined) return overSocket(accepted);
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
async function listen(options: net.ListenOptions, accept: (link: Link) => void): Promise<Listener> {
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
    accept(linkOver(socket)),
  );
  return await bound(server, options);
}
async function connect(options: net.NetConnectOpts): Promise<Link> {
  const socket = net.connect(options);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return overSocket(socket);
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

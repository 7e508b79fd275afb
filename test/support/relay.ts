/** A TCP relay that remembers what passed: for dissectors. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { Address } from '#env';

export interface Passed {
  readonly from: 'initiator' | 'target';
  readonly bytes: Buffer;
}

export class Relay {
  readonly address: Address;
  /** Where connections go on to; set before the first one comes. */
  upstream: Address | undefined;
  /** One list for each connection, in the order in which they came. */
  readonly conversations: Passed[][] = [];
  constructor(address: Address) {
    this.address = address;
  }

  static async start(t: Pick<ExecutionContext, 'teardown'>): Promise<Relay> {
    const sockets = new Set<Socket>();
    const server: Server = createServer((near) => {
      const { upstream } = relay;
      if (upstream === undefined) return near.destroy();
      relay.#join(near, connect(upstream), sockets);
      return undefined;
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const at = server.address();
    const relay = new Relay({ host: '127.0.0.1', port: typeof at === 'object' ? (at?.port ?? 0) : 0 });
    t.teardown(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return relay;
  }

  #join(near: Socket, far: Socket, sockets: Set<Socket>): void {
    const passed: Passed[] = [];
    this.conversations.push(passed);
    const one = (from: Socket, to: Socket, name: Passed['from']): void => {
      sockets.add(from);
      from.on('data', (bytes: Buffer) => {
        passed.push({ from: name, bytes });
        to.write(bytes);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    };
    one(near, far, 'initiator');
    one(far, near, 'target');
  }
}

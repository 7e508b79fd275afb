/** The NDMP server over the real stack, in this process: its network is in memory, and its trees hold no files. */
import type { Link } from '#env';
import { addressPolicy, type NdmpDevice, type NdmpDevices, NdmpServer, type NdmpVersion } from '#ndmp';
// Not through their face, which needs a test runner: this runs by itself too.
import { FakeTrees } from '../support/fake-trees.js';
import { type Cut, linkPair } from '../support/link-pair.js';
import { MemoryNet } from '../support/memory-net.js';
import { NdmpClient } from '../support/ndmp-client.js';
import { realStack, settle, type Stack } from './stack.js';

export const ndmpUser = 'dma';
export const ndmpSecret = 'nobody guesses this';
const dmaHost = '192.0.2.1';
const portal = { host: '192.0.2.2', port: 10_000 };

export interface NdmpStack {
  readonly stack: Stack;
  readonly server: NdmpServer;
  readonly net: MemoryNet;
  readonly trees: FakeTrees;
  readonly tapes: readonly string[];
  readonly changers: readonly string[];
  connect(version: NdmpVersion, cut?: Cut): NdmpClient;
  /** Whatever was lent, opened or begun is over; a text says what is not. */
  leftovers(): string[];
  /** Lets time pass until nothing is left that ends by itself. */
  calm(): Promise<void>;
  close(): Promise<void>;
}

export async function ndmpStack(
  seed: number,
  sizes: readonly number[] = [700, 20_000, 0, 300_000],
): Promise<NdmpStack> {
  const stack = await realStack(seed, { FZ0001L8: 'drive0', FZ0002L8: 'drive1', GD0001L8: 'drive3' });
  const net = new MemoryNet(portal.host);
  const trees = new FakeTrees(sizes);
  const devices = devicesOf(stack);
  let accept: (link: Link) => void = () => undefined;
  const server = new NdmpServer({
    env: { ...stack.env, net },
    pool: stack.pool,
    devices,
    access: {
      secretOf: (user) => (user === ndmpUser ? Buffer.from(ndmpSecret) : undefined),
      versionMax: 4,
      allows: (type) => type !== 'none',
    },
    policy: addressPolicy(),
    identity: {
      hostName: 'host',
      osType: 'Linux',
      osVersion: '6',
      hostId: '1',
      vendor: 'tapesilo',
      product: 'tapesilo',
      revision: '0',
    },
  });
  const timersBefore = stack.clock.pending;
  const listen = net.listen.bind(net);
  net.listen = async (at, taker) => {
    if (at.port === portal.port) accept = taker;
    return await listen(at, taker);
  };
  await server.addPortal({ address: portal });
  const named = (kind: NdmpDevice['kind']): string[] =>
    devices.list().flatMap((one) => (one.kind === kind ? [one.name] : []));
  const leftovers = (): string[] => [
    ...stack.complaints,
    ...server.sessions().map(({ id }) => `session ${id} is left`),
    ...(stack.isAtRest ? [] : [`${stack.pool.freeBytes} bytes of gather memory are free, not all`]),
    ...net.ports.filter((port) => port !== portal.port).map((port) => `somebody listens on port ${port}`),
    ...(trees.running === 0 ? [] : [`${trees.running} jobs of trees are left`]),
    ...(stack.clock.pending === timersBefore
      ? []
      : [`${stack.clock.pending - timersBefore} timers are left`]),
  ];
  return {
    stack,
    server,
    net,
    trees,
    tapes: named('tape'),
    changers: named('changer'),
    connect(version, cut) {
      const { near, far } = linkPair(cut, dmaHost, portal);
      accept(far);
      return new NdmpClient(near, version);
    },
    leftovers,
    async calm() {
      for (let turn = 0; turn < 60 && leftovers().length > 0; turn++) {
        await settle(4);
        if (turn % 10 === 9) stack.clock.pass(30_000);
      }
    },
    async close() {
      const closing = server.close(10);
      await settle();
      stack.clock.pass(10);
      await closing;
      await stack.close();
    },
  };
}

function devicesOf({ installation }: Stack): NdmpDevices {
  const list = (): NdmpDevice[] =>
    installation.libraries.flatMap(({ row, changer, drives }) => [
      {
        kind: 'changer' as const,
        name: `${row.name}/changer`,
        model: '',
        serial: row.serial,
        unit: changer.unit,
      },
      ...[...drives.values()].map(({ row: { index, serial }, drive, face }) => ({
        kind: 'tape' as const,
        name: `${row.name}/drive${index}`,
        model: '',
        serial,
        drive,
        unit: face.unit,
        prepare: () => undefined,
      })),
    ]);
  return { list, find: (name) => list().find((one) => one.name === name || one.serial === name) };
}

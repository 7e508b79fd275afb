/** The NDMP server over the real stack, in this process: its network is in memory, and its trees hold no files. */
import type { Link } from '#env';
import {
  addressPolicy,
  DumpDates,
  type NdmpDevice,
  type NdmpDevices,
  NdmpServer,
  type NdmpVersion,
} from '#ndmp';
// Not through their face, which needs a test runner: this runs by itself too.
import { FakeTrees } from '../support/fake-trees.js';
import { type Cut, linkPair } from '../support/link-pair.js';
import { MemoryNet } from '../support/memory-net.js';
import { NdmpClient } from '../support/ndmp-client.js';
import { realStack, settle, type Stack } from './stack.js';

export const ndmpUser = 'dma';
export const ndmpSecret = 'nobody guesses this';
/** The folder that the data service may use. */
export const ndmpRoot = '/root';
const dmaHost = '192.0.2.1';
const calmTurns = 60;
const portal = { host: '192.0.2.2', port: 10_000 };

const identity = {
  hostName: 'host',
  osType: 'Linux',
  osVersion: '6',
  hostId: '1',
  vendor: 'tapesilo',
  product: 'tapesilo',
  revision: '0',
};
const access = {
  secretOf: (user: string) => (user === ndmpUser ? Buffer.from(ndmpSecret) : undefined),
  versionMax: 4 as const,
  allows: (type: string) => type !== 'none',
};

export class NdmpStack {
  readonly stack: Stack;
  readonly server: NdmpServer;
  readonly net: MemoryNet;
  readonly trees: FakeTrees;
  readonly tapes: readonly string[];
  readonly changers: readonly string[];
  #accept: (link: Link) => void = () => undefined;
  readonly #timersBefore: number;

  private constructor(stack: Stack, trees: FakeTrees) {
    this.stack = stack;
    this.trees = trees;
    this.net = new MemoryNet(portal.host);
    const devices = devicesOf(stack);
    const env = { ...stack.env, net: this.net };
    this.server = new NdmpServer({
      env,
      pool: stack.pool,
      devices,
      access,
      policy: addressPolicy(),
      identity,
      data: {
        trees,
        roots: () => [{ name: 'root', path: ndmpRoot, readOnly: false }],
        ownFolders: () => [`${ndmpRoot}/own`],
        dumpDates: new DumpDates(env.disk, '/dates'),
      },
    });
    this.#timersBefore = stack.clock.pending;
    const named = (kind: NdmpDevice['kind']): string[] =>
      devices.list().flatMap((one) => (one.kind === kind ? [one.name] : []));
    this.tapes = named('tape');
    this.changers = named('changer');
  }
  /** Tapes are in the first two drives and in the last one. `sizes`: of the members that every tree has. */
  static async open(
    seed: number,
    sizes: readonly number[] = [700, 20_000, 0, 300_000],
    store: 'plain' | 'dedup' = 'plain',
  ): Promise<NdmpStack> {
    const tapes = { FZ0001L8: 'drive0', FZ0002L8: 'drive1', GD0001L8: 'drive3' };
    const ndmp = new NdmpStack(await realStack(seed, tapes, store), new FakeTrees(sizes));
    await ndmp.#listen();
    return ndmp;
  }
  async #listen(): Promise<void> {
    const { net } = this;
    const listen = net.listen.bind(net);
    net.listen = async (at, accept) => {
      if (at.port === portal.port) this.#accept = accept;
      return await listen(at, accept);
    };
    await this.server.addPortal({ address: portal });
  }

  connect(version: NdmpVersion, cut?: Cut): NdmpClient {
    const { near, far } = linkPair(cut, dmaHost, portal);
    this.#accept(far);
    return new NdmpClient(near, version);
  }
  /** What was lent, opened or begun and is not over. */
  leftovers(): string[] {
    const { stack, server, net, trees } = this;
    const timers = stack.clock.pending - this.#timersBefore;
    return [
      ...stack.complaints,
      ...server.sessions().map(({ id }) => `session ${id} is left`),
      ...(stack.isAtRest ? [] : [`${stack.pool.freeBytes} bytes of gather memory are free, not all`]),
      ...net.ports.filter((port) => port !== portal.port).map((port) => `somebody listens on port ${port}`),
      ...(trees.running === 0 ? [] : [`${trees.running} jobs of trees are left`]),
      ...(timers === 0 ? [] : [`${timers} timers are left`]),
    ];
  }
  /** Lets time pass until nothing is left that ends by itself. */
  async calm(): Promise<void> {
    for (let turn = 0; turn < calmTurns && this.leftovers().length > 0; turn++) {
      await settle(4);
      if (turn % 10 === 9) this.stack.clock.pass(30_000);
    }
  }
  async close(): Promise<void> {
    const closing = this.server.close(10);
    await settle();
    this.stack.clock.pass(10);
    await closing;
    await this.stack.close();
  }
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

/** Where image streams are awaited: hosts and ports that an operator named, and those that are to be had of them. */
import test from 'ava';
import { type Listener, type Net, silentLog } from '#env';
import { StoreError } from '#errors';
import { addressPolicy } from '../../../src/ndmp/address-policy.js';
import { DataConnector } from '../../../src/ndmp/data-connection.js';
import { Lingering } from '../../../src/ndmp/lingering.js';
import { HandClock } from '#support';

interface Tried {
  readonly host: string;
  readonly port: number;
}
/** `errorOf`: why the system does not let us listen there; undefined: it does. */
function connector(
  errorOf: (at: Tried) => string | undefined,
  places: { readonly hosts?: readonly string[]; readonly ports?: readonly [number, number] } = {},
) {
  const tried: Tried[] = [];
  const listen = async (at: Tried): Promise<Listener> => {
    tried.push(at);
    const errno = errorOf(at);
    if (errno !== undefined) throw new StoreError('io', 'Listening failed', { errno });
    const address = { host: at.host, port: at.port === 0 ? 40_000 : at.port };
    return await Promise.resolve({ address, close: async () => await Promise.resolve() });
  };
  const { hosts = [], ports } = places;
  const range = ports === undefined ? undefined : { first: ports[0], last: ports[1] };
  const made = new DataConnector({
    lingering: new Lingering(),
    env: { clock: new HandClock(), net: { listen } as unknown as Net },
    log: silentLog,
    policy: addressPolicy(),
    session: { peer: { host: '192.0.2.7', port: 700 }, local: { host: '::ffff:192.0.2.1', port: 10_000 } },
    hosts: () => hosts,
    ports: () => range,
  });
  const placesTold = async (): Promise<string[]> => {
    const { address } = await made.listen(() => undefined);
    return address.type === 'tcp' ? address.endpoints.map(({ host, port }) => `${host}:${port}`) : [];
  };
  return { listen: placesTold, tried };
}
const taken =
  (...ports: number[]) =>
  (at: Tried) =>
    ports.includes(at.port) ? 'EADDRINUSE' : undefined;

test('where nothing is said, it is the address that the session came to, and any port', async (t) => {
  const { listen, tried } = connector(taken());
  t.deepEqual(await listen(), ['192.0.2.1:40000']);
  t.deepEqual(tried, [{ host: '192.0.2.1', port: 0 }]);
});

test('the lowest port of the range that is free, on each host', async (t) => {
  const { listen } = connector(taken(5000, 5001), { hosts: ['192.0.2.1', '192.0.2.2'], ports: [5000, 5009] });
  t.deepEqual(await listen(), ['192.0.2.1:5002', '192.0.2.2:5002']);
});

test('when all of them are taken, or a host is not ours, the others are told; when there is none, CONNECT', async (t) => {
  const full = connector(taken(5000, 5001), { ports: [5000, 5001] });
  await t.throwsAsync(full.listen(), { code: 'connect' });
  t.deepEqual(
    full.tried.map(({ port }) => port),
    [5000, 5001],
  );
  const strange = ({ host }: Tried) => (host === '198.51.100.1' ? 'EADDRNOTAVAIL' : undefined);
  const some = connector(strange, { hosts: ['198.51.100.1', '192.0.2.2'], ports: [5000, 5999] });
  t.deepEqual(await some.listen(), ['192.0.2.2:5000']);
  t.is(some.tried.length, 2, 'no other port would help');
});

test('of several hosts those of the wanted family', async (t) => {
  const { listen } = connector(taken(), { hosts: ['2001:db8::1', '192.0.2.2'] });
  t.deepEqual(await listen(), ['192.0.2.2:40000']);
});

test('who has left is connected to nothing more', async (t) => {
  const tried: number[] = [];
  const connect = async ({ port }: Tried): Promise<never> => {
    tried.push(port);
    return await new Promise<never>(() => undefined);
  };
  const made = new DataConnector({
    lingering: new Lingering(),
    env: { clock: new HandClock(), net: { connect } as unknown as Net },
    log: silentLog,
    policy: addressPolicy(),
    session: { peer: { host: '192.0.2.7', port: 700 }, local: { host: '192.0.2.1', port: 10_000 } },
  });
  const endpoints = [1, 2, 3].map((port) => ({ host: '192.0.2.7', port, env: [] }));
  const connected = made.connect({ type: 'tcp', endpoints });
  made.end();
  await t.throwsAsync(connected, { code: 'connect' });
  t.deepEqual(tried, [1]);
});

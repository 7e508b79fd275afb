/** What only real sockets show: orderly ends, resets, connections that wait to be accepted. */
import net from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { allOnes, FakeCartridge, image, MoverWorld, quiet, recordsOf, until } from './mover-world.js';

const recordBytes = 100_000;
const records = 120;

async function listening(world: MoverWorld, mode: 'read' | 'write'): Promise<number> {
  const address = await world.mover.listen(mode, 'tcp');
  return address.type === 'tcp' ? (address.endpoints[0]?.port ?? 0) : 0;
}
async function dial(t: ExecutionContext, port: number): Promise<net.Socket> {
  const socket = net.connect({ host: '127.0.0.1', port });
  t.teardown(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}
async function toRead(): Promise<MoverWorld> {
  const world = new MoverWorld({ sockets: true });
  world.tape.change(new FakeCartridge(recordsOf(image(0, recordBytes * records), recordBytes)));
  await world.mover.setRecordSize(recordBytes);
  return world;
}

test('a connection that waits is accepted when the next request is judged', async (t) => {
  for (let round = 0; round < 20; round++) {
    const world = new MoverWorld({ sockets: true });
    const port = await listening(world, 'read');
    const socket = net.connect({ host: '127.0.0.1', port });
    const { state } = await new Promise<{ state: string }>((resolve) => {
      socket.once('connect', () => resolve(world.mover.getState()));
    });
    t.is(state, 'active');
    socket.destroy();
    world.mover.end();
  }
});

test('everything that was read reaches a slow peer, and then an orderly end, though the session is gone', async (t) => {
  const world = await toRead();
  const socket = await dial(t, await listening(world, 'write'));
  await world.mover.getState();
  const length = 90 * recordBytes + 17;
  await world.mover.read(0n, BigInt(length));
  const chunks: Buffer[] = [];
  const failures: Error[] = [];
  socket.on('error', (error) => failures.push(error));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await until(() => world.mover.view.bytesLeftToRead === 0n);
  socket.pause();
  await world.mover.close();
  t.deepEqual(world.notices, ['halted connect-closed']);
  world.mover.end();
  world.connector.end();
  await quiet();
  socket.resume();
  await closed;
  t.deepEqual(failures, []);
  t.true(Buffer.concat(chunks).equals(image(0, length)));
  t.true(world.isClean);
});

test('a reader that closes with bytes unread has what it wanted; a writer that resets has lost its stream', async (t) => {
  const reading = await toRead();
  const reader = await dial(t, await listening(reading, 'write'));
  await reading.mover.getState();
  await reading.mover.read(0n, allOnes);
  reader.once('data', () => reader.destroy());
  await until(() => reading.mover.state !== 'active');
  // It may have come to the end of the tape before it heard.
  if (reading.mover.state === 'paused') await reading.mover.continue();
  await until(() => reading.mover.state === 'halted');
  t.is(reading.notices.at(-1), 'halted connect-closed');
  t.true(reading.isClean);

  const writing = new MoverWorld({ sockets: true });
  const writer = await dial(t, await listening(writing, 'read'));
  await new Promise((resolve) => writer.write(image(0, 30_000), resolve));
  await until(() => writing.tape.cartridge.objects.length === 2);
  writer.resetAndDestroy();
  await until(() => writing.mover.state === 'halted');
  t.deepEqual(writing.notices, ['halted connect-error']);
  t.true(writing.isClean);
});

test('a stream that is paused for a tape goes on where it was, and ends in order', async (t) => {
  const world = new MoverWorld({ sockets: true });
  await world.mover.setRecordSize(recordBytes);
  world.tape.cartridge.earlyAfter = 40;
  const first = world.tape.cartridge;
  const whole = image(0, recordBytes * records - 1);
  const socket = await dial(t, await listening(world, 'read'));
  socket.end(whole);
  await until(() => world.mover.state === 'paused');
  world.tape.change(new FakeCartridge());
  await world.mover.continue();
  await until(() => world.mover.state === 'halted');
  t.deepEqual(world.notices, [`paused eom ${BigInt(40 * recordBytes)}`, 'halted connect-closed']);
  const onTapes = Buffer.concat([first.file(0), world.tape.cartridge.file(0)]);
  t.true(onTapes.equals(Buffer.concat([whole, Buffer.alloc(1)])));
});

test('connecting to where a data service listens, and what comes in large chunks', async (t) => {
  const world = new MoverWorld({ sockets: true });
  await world.mover.setRecordSize(recordBytes);
  const whole = image(0, recordBytes * records);
  const server = net.createServer((socket) => socket.end(whole));
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await world.mover.connect('read', { type: 'tcp', endpoints: [{ host: '127.0.0.1', port, env: [] }] });
  await until(() => world.mover.state === 'halted');
  t.true(world.tape.cartridge.file(0).equals(whole));
});

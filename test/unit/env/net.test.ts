import test from 'ava';
import { type Link, realEnv } from '#env';
import { runProgram, testWith } from '#support';

const { net } = realEnv();
const loopback = { host: '127.0.0.1', port: 0 };

function collect(link: Link): { bytes: () => Buffer; closed: Promise<Error | undefined> } {
  const chunks: Buffer[] = [];
  const closed = new Promise<Error | undefined>((resolve) => {
    link.start({ data: (chunk) => chunks.push(Buffer.from(chunk)), closed: resolve });
  });
  return { bytes: () => Buffer.concat(chunks), closed };
}

test('what is sent arrives in order, in both directions, and both ends learn the close', async (t) => {
  const accepted = new Promise<Link>((resolve) => {
    void net.listen(loopback, resolve).then(async (listener) => {
      const client = await net.connect(listener.address);
      const heard = collect(client);
      const large = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 7) & 0xff));
      client.write([Buffer.from('ab'), Buffer.from('cd'), large], () => client.end());
      await heard.closed;
      t.is(heard.bytes().toString(), 'answer');
      await listener.close();
    });
  });
  const server = await accepted;
  t.is(server.remote.host, '127.0.0.1');
  t.true(server.local.port > 0);
  const heard = collect(server);
  server.write([Buffer.from('ans'), Buffer.from('wer')]);
  await heard.closed;
  t.is(heard.bytes().length, 700_004);
  t.is(heard.bytes().toString('latin1', 0, 4), 'abcd');
  t.is(heard.bytes()[4 + 699_999], (699_999 * 7) & 0xff);
});

test('what comes is put where its owner wants it, and nowhere else', async (t) => {
  const memory = Buffer.from(new SharedArrayBuffer(100_000)); // threads may see it
  const sent = Buffer.from(Array.from({ length: 150_000 }, (_, i) => (i * 7) & 0xff));
  const partBytes = 10_000;
  const heard: Buffer[] = [];
  const heardBytes = (): number => heard.reduce((sum, { length }) => sum + length, 0);
  let at = 0;
  let straight = 0;
  const accept = (link: Link): void => {
    let room: Buffer | undefined;
    const closed = (): void => undefined;
    const data = (chunk: Buffer): void => {
      heard.push(Buffer.from(chunk));
      if (room !== undefined) {
        t.true(chunk.buffer === room.buffer && chunk.byteOffset === room.byteOffset);
        t.true(chunk.length <= room.length);
        straight += chunk.length;
        at += chunk.length;
      }
      if (heardBytes() % partBytes === 0) link.write([Buffer.from('.')]);
    };
    // Of two readings one goes where it comes.
    const asked = (): Buffer | undefined =>
      (room = heard.length % 2 === 0 ? undefined : memory.subarray(at, at + 20_000));
    link.start({ data, room: asked, closed });
  };
  const listener = await net.listen(loopback, accept);
  const client = await net.connect(listener.address);
  await new Promise<void>((resolve) => {
    const next = (): void => {
      const from = heardBytes();
      if (from === sent.length) resolve();
      else client.write([sent.subarray(from, from + partBytes)]);
    };
    client.start({ data: next, closed: () => undefined });
    next();
  });
  t.true(Buffer.concat(heard).equals(sent));
  t.true(straight > 0);
  client.destroy();
  await listener.close();
});

test('what one turn writes leaves together, and also when the link is destroyed or ended in the same turn', async (t) => {
  for (const last of ['destroy', 'end'] as const) {
    const accepted: Link[] = [];
    const listener = await net.listen(loopback, (link) => accepted.push(link));
    const client = await net.connect(listener.address);
    const heard = collect(client);
    while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [server] = accepted;
    if (server === undefined) return t.fail();
    collect(server);
    let sent = 0;
    for (const word of ['why ', 'it ', 'ends']) server.write([Buffer.from(word)], () => (sent += 1));
    t.is(sent, 0);
    t.is(server.queuedBytes, 11);
    server[last]();
    await heard.closed;
    t.is(heard.bytes().toString(), 'why it ends');
    t.is(sent, 3);
    client.destroy();
    await listener.close();
  }
  return t.pass();
});

test('nothing is delivered before start, and pause stops delivery', async (t) => {
  const seen: string[] = [];
  let done = (): void => undefined;
  const finished = new Promise<void>((resolve) => (done = resolve));
  const listener = await net.listen(loopback, (link) => {
    queueMicrotask(() => {
      seen.push('started');
      link.start({
        data: (chunk) => {
          seen.push(chunk.toString());
          link.pause();
          setImmediate(() => {
            seen.push('resumed');
            link.resume();
          });
        },
        closed: done,
      });
    });
  });
  const client = await net.connect(listener.address);
  const sent = new Promise<void>((resolve) => {
    client.start({ data: () => undefined, closed: () => resolve() });
  });
  client.write([Buffer.from('one')], () => client.end());
  await finished;
  await sent;
  await listener.close();
  t.is(seen[0], 'started');
  t.is(seen.filter((word) => word !== 'started' && word !== 'resumed').join(''), 'one');
});

test('writing to a link that is gone still gives the memory back', async (t) => {
  const listener = await net.listen(loopback, (link) => link.destroy());
  const client = await net.connect(listener.address);
  await collect(client).closed;
  await new Promise<void>((resolve) => {
    client.write([Buffer.from('x')], resolve);
  });
  await listener.close();
  t.pass();
});

test('a port in use is refused with its address and the system error', async (t) => {
  const listener = await net.listen(loopback, () => undefined);
  const error = await t.throwsAsync(
    net.listen(listener.address, () => undefined),
    { code: 'io' },
  );
  t.regex(error?.message ?? '', /EADDRINUSE/);
  await listener.close();
});

testWith(['ss'], 'a silent peer is asked whether it is there, on both sides', async (t) => {
  let accept = (_link: Link): void => undefined;
  const accepted = new Promise<Link>((resolve) => (accept = resolve));
  const listener = await net.listen(loopback, (link) => accept(link));
  const client = await net.connect(listener.address);
  const server = await accepted;
  const { port } = listener.address;
  const { stdout } = await runProgram('ss', ['-Htno', `( sport = :${port} or dport = :${port} )`]);
  t.is(stdout.match(/timer:\(keepalive,/g)?.length, 2, stdout);
  client.destroy();
  server.destroy();
  await listener.close();
});

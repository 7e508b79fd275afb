/** One control connection: who speaks when, what is refused by the header, and how long we wait for a peer. */
import { inspect } from 'node:util';
import test from 'ava';
import { type NdmpHeader, parseMessage, RecordFramer } from '#ndmp';
import {
  ndmpAuthorizeTimeoutMs,
  ndmpMessageBytesMax,
  ndmpSessionsMax,
  ndmpStalledMessageMs,
  ndmpStalledReaderMs,
  ndmpStrangersMax,
} from '../../../src/limits.js';
import { breathe, changerName, driveName, NdmpBench, ndmpSecret, ndmpUser } from '#support';

const ERROR = { notSupported: 1, notAuthorized: 4, xdrDecode: 18 } as const;
const header = (
  fields: Partial<Record<'sequence' | 'type' | 'code' | 'reply' | 'error', number>>,
): Buffer => {
  const { sequence = 1, type = 0, code = 0, reply = 0, error = 0 } = fields;
  const bytes = Buffer.alloc(24);
  for (const [index, value] of [sequence, 1_700_000_000, type, code, reply, error].entries())
    bytes.writeUInt32BE(value, index * 4);
  return bytes;
};
const marked = (message: Buffer, last = true): Buffer => {
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE(((last ? 0x8000_0000 : 0) | message.length) >>> 0);
  return Buffer.concat([mark, message]);
};

test('the server speaks first, and offers its highest version', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.connect();
  t.deepEqual(await client.nextPost('notifyConnectionStatus'), {
    reason: 'connected',
    protocolVersion: 4,
    textReason: '',
  });
  t.is(await client.errorOf('connectOpen', { protocolVersion: 5 }), 'illegal-args');
  t.is(await client.errorOf('connectOpen', { protocolVersion: 1 }), 'illegal-args');
  t.is(await client.errorOf('connectOpen', { protocolVersion: 3 }), 'no-err');
  t.is(await client.errorOf('connectOpen', { protocolVersion: 3 }), 'no-err');
  t.is(await client.errorOf('connectOpen', { protocolVersion: 4 }), 'illegal-args');
});

test('who skips CONNECT_OPEN has taken the version that was offered', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.connect();
  t.is((await client.must('configGetHostInfo', {})).hostname, 'silo.example');
  t.is(await client.errorOf('connectOpen', { protocolVersion: 3 }), 'illegal-args');
  t.is(await client.errorOf('connectOpen', { protocolVersion: 4 }), 'no-err');
});

test('what a message may not be is said by its header', async (t) => {
  const bench = await NdmpBench.make(t);
  const stranger = await bench.connect();
  t.is(
    await stranger.errorOf('tapeOpen', { device: driveName, mode: 'read' }),
    `header ${ERROR.notAuthorized}`,
  );
  t.is(await stranger.errorOf('moverGetState', {}), `header ${ERROR.notAuthorized}`);
  const client = await bench.login(2);
  const none = Buffer.alloc(0);
  t.is((await client.callRaw('tapeClose', 0x0306, none)).header.error, ERROR.notSupported, 'reserved');
  t.is((await client.callRaw('tapeClose', 0xa09, none)).header.error, ERROR.notSupported, 'of version 3');
  t.is((await client.callRaw('tapeMtio', 0x303, Buffer.alloc(4))).header.error, ERROR.xdrDecode, 'short');
  t.is((await client.callRaw('tapeMtio', 0x303, Buffer.alloc(12))).header.error, ERROR.xdrDecode, 'long');
  t.is(await client.errorOf('tapeClose', {}), 'dev-not-open', 'and it goes on');
});

test('replies and notices from a client are not answered', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  client.sendRaw(marked(header({ type: 1, code: 0x300, reply: 1 })));
  client.sendRaw(marked(header({ code: 0x503 })));
  client.sendRaw(marked(Buffer.concat([header({ code: 0x603 }), Buffer.alloc(7)])));
  t.is(await client.errorOf('tapeClose', {}), 'dev-not-open');
  t.is(client.fault, undefined);
});

test('what has no header, and no kind that there is, ends the connection', async (t) => {
  const bench = await NdmpBench.make(t);
  for (const bytes of [marked(Buffer.alloc(23)), marked(Buffer.alloc(0)), marked(header({ type: 2 }))]) {
    const client = await bench.login();
    client.sendRaw(bytes);
    await client.closed;
    t.is(client.fault, undefined);
  }
});

test('thousands of small messages at once are answered one by one', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  const asked = Array.from({ length: 3000 }, async () => await client.errorOf('tapeClose', {}));
  t.deepEqual(new Set(await Promise.all(asked)), new Set(['dev-not-open']));
});

test('before somebody is known, messages are short', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.connect();
  const long = { authData: { type: 'text', authId: 'x'.repeat(20_000), authPassword: '' } } as const;
  t.is(await client.errorOf('connectClientAuth', long), `header ${ERROR.xdrDecode}`);
  t.is(await client.errorOf('configGetServerInfo', {}), 'no-err');
  const dataOut = Buffer.alloc(20_000);
  t.is(await client.errorOf('tapeWrite', { dataOut }), `header ${ERROR.notAuthorized}`, 'however long it is');
  const known = await bench.opened();
  const { header: answer } = await known.callRaw('tapeWrite', 0x304, Buffer.alloc(ndmpMessageBytesMax));
  t.is(answer.error, ERROR.xdrDecode);
});

test('a post waits for the reply of the request that is being handled', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  await client.must('moverListen', { mode: 'read', addrType: 'tcp' });
  const { header: reply } = await client.call('moverAbort', {});
  await client.nextPost('notifyMoverHalted');
  const { header: next } = await client.call('moverGetState', {});
  t.is(next.sequence, reply.sequence + 2, 'the notice is between them');
});

test('a post that comes while the client does not read its reply needs no other request to go out', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  await client.must('tapeWrite', { dataOut: Buffer.alloc(6_000_000) });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  const { dataConnectionAddr: at } = await client.must('moverListen', { mode: 'read', addrType: 'tcp' });
  client.link.pause();
  const reading = client.must('tapeRead', { count: 6_000_000 });
  await breathe();
  const [endpoint] = at.type === 'tcp' ? at.endpoints : [];
  if (endpoint === undefined) throw new Error('The mover listens nowhere');
  const peer = await bench.env.net.connect(endpoint);
  peer.start({ data: () => undefined, closed: () => undefined });
  peer.end();
  await breathe();
  client.link.resume();
  await reading;
  await breathe();
  t.true(client.posts.some(({ name }) => name === 'notifyMoverHalted'));
});

// --- patience -------------------------------------------------------------------------------------------------------------

test('who does not say who they are in time has to go, whatever else they say', async (t) => {
  const bench = await NdmpBench.make(t);
  const [silent, busy, known] = [await bench.connect(), await bench.connect(), await bench.login()];
  bench.clock.pass(ndmpAuthorizeTimeoutMs - 1);
  await busy.must('configGetServerInfo', {});
  t.false(silent.isClosed);
  bench.clock.pass(1);
  await Promise.all([silent.closed, busy.closed]);
  bench.clock.pass(24 * 3600_000);
  t.is(await known.errorOf('tapeClose', {}), 'dev-not-open', 'a DMA may be silent for a day');
});

test('a message that is not ended ends the connection', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  const message = client.encode('tapeOpen', { device: driveName, mode: 'read' });
  client.sendRaw(message.subarray(0, 30));
  await breathe();
  bench.clock.pass(ndmpStalledMessageMs - 1);
  client.sendRaw(message.subarray(30, 31));
  await breathe();
  bench.clock.pass(ndmpStalledMessageMs - 1);
  await breathe();
  t.false(client.isClosed);
  bench.clock.pass(ndmpStalledMessageMs);
  await client.closed;
});

test('a peer that does not read is not served, and after a long time not kept', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  await client.must('tapeWrite', { dataOut: Buffer.alloc(4_000_000) });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  client.link.pause();
  for (let i = 0; i < 10; i++) {
    client.sendRaw(client.encode('tapeRead', { count: 8_000_000 }));
    client.sendRaw(client.encode('tapeMtio', { tapeOp: 'rew', count: 1 }));
  }
  await breathe(50);
  const [session] = bench.server.sessions();
  t.true((session?.requests ?? 0) < 16, 'requests wait');
  bench.clock.pass(ndmpStalledReaderMs + 60_000);
  await breathe();
  t.deepEqual(bench.server.sessions(), []);
  t.is(bench.tape.unit.reservations.reservedBy, undefined);
});

test('too many who do not say who they are: one of the busiest address goes, others stay', async (t) => {
  const bench = await NdmpBench.make(t);
  const known = await bench.login();
  const first = await bench.connect();
  for (let i = 1; i < ndmpStrangersMax; i++) await bench.connect();
  t.false(first.isClosed);
  const last = await bench.connect();
  await first.closed;
  t.is(await last.errorOf('configGetServerInfo', {}), 'no-err');
  t.is(await known.errorOf('configGetServerInfo', {}), 'no-err');
});

test('when there is no room for more connections, the next one is told so', async (t) => {
  const bench = await NdmpBench.make(t);
  for (let i = 0; i < ndmpSessionsMax; i++) await bench.login();
  const client = await bench.connect();
  t.like(await client.nextPost('notifyConnectionStatus'), { reason: 'refused' });
  await client.closed;
  t.is(bench.server.sessions().length, ndmpSessionsMax);
});

// --- the end of the server ------------------------------------------------------------------------------------------------

test('a stopping server tells its clients, and does not wait for those who stay', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  const closing = bench.server.close(5000);
  t.like(await client.nextPost('notifyConnectionStatus'), {
    reason: 'shutdown',
    textReason: 'the server is stopping',
  });
  bench.clock.pass(5000);
  await closing;
  await client.closed;
  await t.throwsAsync(async () => await bench.connect());
});

test('sessions are shown as they are', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(3, 'read');
  const robot = await bench.login();
  await robot.must('scsiOpen', { device: changerName });
  const [one, two] = bench.server.sessions();
  t.like(one, {
    id: 1,
    peer: { host: '192.0.2.7', port: 40_000 },
    tls: false,
    version: 3,
    user: ndmpUser,
    authorized: true,
    tape: driveName,
    tapeMode: 'read',
    scsi: undefined,
    mover: { state: 'idle' },
    data: { state: 'idle' },
  });
  t.true((one?.requests ?? 0) >= 4 && (one?.bytesIn ?? 0) > 100 && (one?.bytesOut ?? 0) > 100);
  t.like(two, { id: 2, tape: undefined, scsi: changerName });
  t.is(await client.errorOf('tapeClose', {}), 'no-err');
  t.false(inspect(bench.server.sessions(), { depth: 9 }).includes(ndmpSecret));
});

/** The headers of what the server sends while `bytes` are sent to it. */
async function answers(bench: NdmpBench, bytes: readonly Buffer[]): Promise<NdmpHeader[]> {
  const link = await bench.env.net.connect({ host: '192.0.2.1', port: bench.port });
  const heads: NdmpHeader[] = [];
  const take = (message: Buffer): void => void heads.push(parseMessage(message, 4).header);
  const framer = new RecordFramer({ message: take, tooLong: take }, 10_000);
  link.start({ data: (chunk) => framer.push(chunk), closed: () => undefined });
  link.write(bytes);
  await breathe();
  link.destroy();
  return heads;
}

test('what the server sends are whole records, by their marks', async (t) => {
  const bench = await NdmpBench.make(t);
  const asked = [marked(header({ sequence: 77, code: 0x108 })), marked(header({ sequence: 3, code: 0x999 }))];
  const heads = await answers(bench, asked);
  t.deepEqual(
    heads.map((head) => [head.sequence, head.type, head.code, head.replySequence, head.error]),
    [
      [1, 'request', 0x502, 0, 0],
      [2, 'reply', 0x108, 77, 0],
      [3, 'reply', 0x999, 3, ERROR.notSupported],
    ],
  );
  t.is(heads[0]?.timeStamp, 1_700_000_000);
});

test('messages in fragments, byte by byte, are messages', async (t) => {
  const bench = await NdmpBench.make(t, { cut: () => 1 });
  const message = header({ sequence: 9, code: 0x108 });
  const fragments = [0, 7, 14].flatMap((at) => [
    marked(message.subarray(at, at + 7), false),
    marked(Buffer.alloc(0), false),
  ]);
  const heads = await answers(bench, [...fragments, marked(message.subarray(21)), marked(message)]);
  t.deepEqual(
    heads.map(({ code, replySequence }) => [code, replySequence]),
    [
      [0x502, 0],
      [0x108, 9],
      [0x108, 9],
    ],
  );
});

test('memory of messages comes back: of those that are handled, and of those that are never ended', async (t) => {
  const bench = await NdmpBench.make(t);
  const { messageMemory } = bench.server;
  const free = messageMemory.freeBytes;
  const client = await bench.opened();
  t.is(messageMemory.freeBytes, free);
  const message = client.encode('tapeWrite', { dataOut: Buffer.alloc(1_000_000) });
  client.sendRaw(message.subarray(0, 700_000));
  await breathe();
  const taken = free - messageMemory.freeBytes;
  t.true(taken >= 699_000 && taken < 2_000_000, `${taken}`);
  client.close();
  await client.closed;
  await breathe();
  t.is(messageMemory.freeBytes, free);
});

/** Movers of whole sessions over a real drive: what clients do, and what the tape holds then for everybody. */
import test, { type ExecutionContext } from 'ava';
import type { Link } from '#env';
import type { NdmpVersion, ReplyOf } from '#ndmp';
import { ownedSlab } from '#wire';
import { breathe, NdmpBench, type NdmpClient } from '#support';
import { allOnes, image, Peer } from './mover-world.js';

const MB = 1_000_000;
const recordBytes = 32_768;
const header = (part: number): Buffer => Buffer.alloc(recordBytes, part);

/** The other end of the image stream. */
async function dial(bench: NdmpBench, { dataConnectionAddr }: ReplyOf<'moverListen'>): Promise<Peer> {
  const [endpoint] = dataConnectionAddr.type === 'tcp' ? dataConnectionAddr.endpoints : [];
  const link: Link = await bench.env.net.connect(endpoint ?? { host: '', port: 0 });
  return new Peer(link);
}
const stateOf = async (client: NdmpClient): Promise<ReplyOf<'moverGetState'>> =>
  await client.must('moverGetState', {});

/** Parts with a header record and a filemark each, every part in a window of its own, as Amanda writes its volumes. */
async function writeParts(
  t: ExecutionContext,
  bench: NdmpBench,
  client: NdmpClient,
  whole: Buffer,
): Promise<number> {
  await client.must('moverSetRecordSize', { len: recordBytes });
  await client.must('moverSetWindow', { offset: 0n, length: 0n });
  const peer = await dial(bench, await client.must('moverListen', { mode: 'read', addrType: 'tcp' }));
  peer.link.write([whole]);
  peer.link.end();
  const asked = await client.nextPost('notifyMoverPaused');
  t.is(asked.reason, client.version === 2 ? 'eof' : 'eow');
  const partBytes = 10 * recordBytes;
  let offset = 0n;
  for (let part = 1; ; part++) {
    await client.must('tapeWrite', { dataOut: header(part) });
    await client.must('moverSetWindow', { offset, length: BigInt(partBytes) });
    await client.must('moverContinue', {});
    const last = offset + BigInt(partBytes) >= BigInt(whole.length);
    if (last) t.is((await client.nextPost('notifyMoverHalted')).reason, 'connect-closed');
    else
      t.deepEqual(await client.nextPost('notifyMoverPaused'), {
        reason: asked.reason,
        seekPosition: offset + BigInt(partBytes),
      });
    const { bytesMoved } = await stateOf(client);
    offset = bytesMoved;
    await client.must('tapeMtio', { tapeOp: 'eof', count: 1 });
    if (last) return part;
  }
}

for (const version of [2, 3, 4] as const) {
  test(`parts with headers of their own, as Amanda has them (v${version})`, async (t) => {
    const bench = await NdmpBench.make(t);
    const client = await bench.opened(version);
    const whole = image(0, 1_000_000);
    const parts = await writeParts(t, bench, client, whole);
    await client.must('moverStop', {});
    t.is(parts, 4);

    await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
    t.deepEqual(Buffer.concat(await readRecord(client)), header(1));
    await client.must('moverSetRecordSize', { len: recordBytes });
    const asked = { offset: 0n, length: allOnes };
    if (version === 4) await client.must('moverSetWindow', asked);
    const listening = await client.must('moverListen', { mode: 'write', addrType: 'tcp' });
    if (version < 4) await client.must('moverSetWindow', asked);
    const peer = await dial(bench, listening);
    await client.must('moverRead', asked);
    for (let part = 1; ; part++) {
      const { reason, seekPosition } = await client.nextPost('notifyMoverPaused');
      t.is(reason, 'eof');
      t.is(BigInt(peer.received.length), seekPosition, 'sent before it is said');
      if (part === parts) break;
      const { fileNum } = await client.must('tapeGetState', {});
      t.is(fileNum, version === 4 ? part - 1 : part);
      if (version === 4) await client.must('tapeMtio', { tapeOp: 'fsf', count: 1 });
      t.deepEqual(Buffer.concat(await readRecord(client)), header(part + 1));
      await client.must('moverSetWindow', { offset: seekPosition, length: allOnes - seekPosition });
      await client.must('moverContinue', {});
    }
    await client.must('moverClose', {});
    await client.must('moverStop', {});
    t.true(peer.received.subarray(0, whole.length).equals(whole));
    t.is(peer.received.length, Math.ceil(whole.length / recordBytes) * recordBytes);
  });
}
async function readRecord(client: NdmpClient): Promise<readonly Uint8Array[]> {
  return (await client.must('tapeRead', { count: recordBytes })).dataIn;
}

test('a tape that ends, another one, and both read by an initiator afterwards', async (t) => {
  const bench = await NdmpBench.make(t, { cartridge: { sizeBytes: 2 * MB } });
  const { drive } = bench.tape;
  const client = await bench.opened(4);
  const whole = image(0, 5 * MB);
  await client.must('moverSetRecordSize', { len: 60_000 });
  const peer = await dial(bench, await client.must('moverListen', { mode: 'read', addrType: 'tcp' }));
  peer.link.write([whole]);
  peer.link.end();
  const ends: bigint[] = [];
  const cartridges = [];
  for (;;) {
    await breathe(40);
    const { state, pauseReason, recordNum } = await stateOf(client);
    if (state === 'halted') break;
    t.is(pauseReason, 'eom');
    ends.push(BigInt(recordNum) * 60_000n);
    await client.must('tapeClose', {});
    cartridges.push(await drive.remove());
    await drive.insert(await bench.tape.cartridge({ sizeBytes: 2 * MB }));
    t.is(await client.errorOf('moverContinue', {}), 'dev-not-open');
    await client.must('tapeOpen', { device: 'library0/drive0', mode: 'read-write' });
    await client.must('moverSetWindow', { offset: ends.at(-1) ?? 0n, length: allOnes - (ends.at(-1) ?? 0n) });
    await client.must('moverContinue', {});
  }
  await client.must('tapeClose', {});
  cartridges.push(await drive.remove());
  t.is(cartridges.length, 3);
  const records: Buffer[] = [];
  for (const cartridge of cartridges) {
    await drive.insert(cartridge);
    bench.tape.calm(bench.tape.nexus);
    for (;;) {
      const { status, data } = await bench.tape.read(60_000);
      if (status !== 0) break;
      records.push(data);
    }
    await drive.remove();
  }
  t.true(Buffer.concat(records).subarray(0, whole.length).equals(whole));
  t.is(records.length, Math.ceil(whole.length / 60_000));
});

test('while the mover is at work the tape is its own, and the drive nobody else’s', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(4);
  const peer = await dial(bench, await client.must('moverListen', { mode: 'read', addrType: 'tcp' }));
  await peer.send(image(0, 25_000));
  await breathe();
  t.is((await stateOf(client)).recordNum, 2);
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'rew', count: 1 }), 'illegal-state');
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(10) }), 'illegal-state');
  t.is(await client.errorOf('tapeClose', {}), 'illegal-state');
  t.is((await bench.tape.write(Buffer.alloc(10))).status, 0x18, 'RESERVATION CONFLICT');
  const { blockno } = await client.must('tapeGetState', {});
  t.is(blockno, 2);
  await client.must('moverAbort', {});
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  await client.must('tapeClose', {});
  t.is((await bench.tape.write(Buffer.alloc(10))).status, 0);
});

test('a client that vanishes while its mover writes frees the drive at once', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(4);
  const peer = await dial(bench, await client.must('moverListen', { mode: 'read', addrType: 'tcp' }));
  peer.link.write([image(0, 300_000)]);
  await breathe(2);
  client.close();
  await breathe();
  t.truthy(peer.closed);
  const next = await bench.opened(4);
  t.is((await stateOf(next)).state, 'idle');
});

test('a medium that is changed under a mover, and one that may not be written, halt it', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(4, 'raw');
  const { drive } = bench.tape;
  const peer = await dial(bench, await client.must('moverListen', { mode: 'read', addrType: 'tcp' }));
  await peer.send(image(0, 10_240));
  await breathe();
  await drive.remove();
  await drive.insert(await bench.tape.cartridge());
  await peer.send(image(10_240, 20_480));
  const halted = await client.nextPost('notifyMoverHalted');
  t.is(halted.reason, 'media-error');
  t.is(drive.position.object, 0, 'nothing of it is on the other one');
  t.true(
    client.posts.some(({ name }) => name === 'logMessage'),
    'version 4 has no text in the notice',
  );
});

test('a medium that is changed under a recovery halts it: no byte comes from the other one', async (t) => {
  const bench = await NdmpBench.make(t);
  await bench.tape.record(10_240, 10_240, 10_240, 0);
  await bench.tape.rewind();
  const client = await bench.opened(4, 'read');
  const { drive } = bench.tape;
  const peer = await dial(bench, await client.must('moverListen', { mode: 'write', addrType: 'tcp' }));
  await client.must('moverRead', { offset: 0n, length: 10_240n });
  await breathe();
  t.is(peer.received.length, 10_240);
  await drive.remove();
  const other = await bench.tape.cartridge();
  await drive.insert(other);
  for (let at = 0; at < 3; at++) await drive.writeRecord(ownedSlab(Buffer.alloc(10_240, 'other')));
  await client.must('moverRead', { offset: 10_240n, length: 10_240n });
  t.is((await client.nextPost('notifyMoverHalted')).reason, 'media-error');
  await breathe();
  t.is(peer.received.length, 10_240);
});

test('what was lost when the medium went away is told before a stream is said to have ended', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(4);
  const { drive, group } = bench.tape;
  const peer = await dial(bench, await client.must('moverListen', { mode: 'read', addrType: 'tcp' }));
  await peer.send(image(0, 10_240));
  await breathe();
  group.failing = 'io';
  await drive.remove();
  group.failing = undefined;
  await drive.insert(await bench.tape.cartridge());
  peer.link.end();
  t.is((await client.nextPost('notifyMoverHalted')).reason, 'media-error');
});

test('a stream that comes while a request moves the tape waits for it', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(4);
  const listening = await client.must('moverListen', { mode: 'read', addrType: 'tcp' });
  const marks = client.must('tapeMtio', { tapeOp: 'eof', count: 20_000 });
  await breathe(1);
  const peer = await dial(bench, listening);
  await peer.send(image(0, 10_240));
  peer.link.end();
  await marks;
  await client.nextPost('notifyMoverHalted');
  const { position } = bench.tape.drive;
  t.is(position.object, 20_001);
  t.is((await client.must('tapeGetState', {})).blockno, 1, 'the record is behind all of the filemarks');
});

test('records that cannot be read halt a recovery', async (t) => {
  for (const version of [2, 4] as const satisfies readonly NdmpVersion[]) {
    const bench = await NdmpBench.make(t);
    await bench.tape.record(10_240, 10_240, 20_000, 0);
    await bench.tape.rewind();
    const client = await bench.opened(version, 'read');
    const peer = await dial(bench, await client.must('moverListen', { mode: 'write', addrType: 'tcp' }));
    await client.must('moverRead', { offset: 0n, length: allOnes });
    const { reason, textReason } = await client.nextPost('notifyMoverHalted');
    t.is(reason, version === 4 ? 'media-error' : 'internal-error');
    if (version === 2) t.regex(textReason, /20000/);
    await breathe();
    t.is(peer.received.length, 20_480);
  }
});

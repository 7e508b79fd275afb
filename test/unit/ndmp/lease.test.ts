/** An open tape is reserved as an initiator reserves it, and free again in every way in which a session can end. */
import test, { type ExecutionContext } from 'ava';
import { STATUS } from '#scsi';
import { parseHex } from '#wire';
import { breathe, changerName, driveName, NdmpBench, type NdmpClient, reserveOut } from '#support';

const rewind = '01 00 00 00 00 00';
const reserve = '16 00 00 00 00 00';
const release = '17 00 00 00 00 00';
const testUnitReady = '00 00 00 00 00 00';

const hostStatus = async (bench: NdmpBench, cdb: string): Promise<number | undefined> =>
  (await bench.tape.send(cdb)).status;
const isFree = async (t: ExecutionContext, bench: NdmpBench): Promise<void> => {
  t.is(bench.tape.unit.reservations.reservedBy, undefined);
  t.is(await hostStatus(bench, rewind), STATUS.good);
  t.is(bench.server.sessions().filter(({ tape }) => tape !== undefined).length, 0);
};

test('hosts on iSCSI are kept out while a tape is open, and not longer', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  t.is(await hostStatus(bench, rewind), STATUS.reservationConflict);
  t.is(await hostStatus(bench, reserve), STATUS.reservationConflict);
  await client.must('tapeClose', {});
  await isFree(t, bench);
  t.is(await hostStatus(bench, testUnitReady), STATUS.good, 'no unit attention came of it');
});

test('a reservation of a host keeps NDMP out, and not longer', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  t.is(await hostStatus(bench, reserve), STATUS.good);
  t.is(await client.errorOf('tapeOpen', { device: driveName, mode: 'raw' }), 'device-busy');
  t.is(bench.tape.unit.nexuses.length, 1, 'nothing of the attempt is left');
  t.is(await hostStatus(bench, release), STATUS.good);
  t.is(await client.errorOf('tapeOpen', { device: driveName, mode: 'raw' }), 'no-err');
});

test('so does a registration of a host', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  const { unit, nexus } = bench.tape;
  t.is((await reserveOut(unit, nexus, 'register', { serviceKey: 7 })).status, STATUS.good);
  t.is(await client.errorOf('tapeOpen', { device: driveName, mode: 'read' }), 'device-busy');
});

/** Each ends the session of a client that has the drive open. */
const endings: Readonly<Record<string, (bench: NdmpBench, client: NdmpClient) => void>> = {
  CONNECT_CLOSE: (_, client) => client.sendRaw(client.encode('connectClose', {})),
  'the end of the connection': (_, client) => client.link.end(),
  'a reset of the connection': (_, client) => client.close(),
  'bytes that are no NDMP': (_, client) => client.sendRaw(Buffer.from('GET / HTTP/1.0\r\n\r\n')),
  'an operator': (bench) => void bench.server.dropSession(1),
  'a message that is never ended': (bench, client) => {
    client.sendRaw(Buffer.from([0x80, 0, 0, 24, 0]));
    setImmediate(() => bench.clock.pass(120_000));
  },
};
for (const [what, end] of Object.entries(endings)) {
  test(`a session ends, and the tape is free: ${what}`, async (t) => {
    const bench = await NdmpBench.make(t);
    const client = await bench.opened();
    await client.must('tapeWrite', { dataOut: Buffer.alloc(100) });
    end(bench, client);
    await client.closed;
    await breathe();
    await isFree(t, bench);
    const next = await bench.opened();
    t.is((await next.must('tapeGetState', {})).blockno, 0, 'where the host has left it');
  });
}

test('an operator ends a session: the client is told, the tape is free at once', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  t.true(bench.server.dropSession(1));
  t.is(bench.tape.unit.reservations.reservedBy, undefined);
  t.like(await client.nextPost('notifyConnectionStatus'), { reason: 'shutdown' });
  await client.closed;
  t.false(bench.server.dropSession(1));
});

test('the session ends while the tape is being opened', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  client.sendRaw(client.encode('tapeOpen', { device: driveName, mode: 'read-write' }));
  client.close();
  await client.closed;
  await breathe();
  await isFree(t, bench);
});

test('the session ends while the tape is being written', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  client.sendRaw(client.encode('tapeWrite', { dataOut: Buffer.alloc(1_000_000) }));
  client.sendRaw(client.encode('tapeMtio', { tapeOp: 'eof', count: 100_000 }));
  client.close();
  await client.closed;
  await breathe();
  await isFree(t, bench);
});

test('a client that has asked for more vanishes in the middle of something long, and is not waited for', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  const eof = client.encode('tapeMtio', { tapeOp: 'eof', count: 10_000_000 });
  client.sendRaw(eof);
  await breathe(2);
  for (let i = 0; i < 3; i++) {
    client.sendRaw(client.encode('tapeGetState', {}));
    await breathe(2);
  }
  client.link.end();
  await breathe(2);
  t.is(bench.tape.unit.reservations.reservedBy, undefined);
  await breathe();
  t.true(bench.tape.drive.position.object < 10_000_000, 'and no more is written for it');
});

test('a unit that fails in a way that nobody expects leaves nothing behind', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  const { unit } = bench.tape;
  unit.checkReady = () => {
    throw new Error('a bug');
  };
  t.is(await client.errorOf('tapeOpen', { device: driveName, mode: 'read' }), 'undefined');
  Reflect.deleteProperty(unit, 'checkReady');
  await isFree(t, bench);
  t.is(await client.errorOf('tapeOpen', { device: driveName, mode: 'read' }), 'no-err');
});

test('a reset by a host ends the reservation: the next write is not done, then the tape is ours again', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  await client.must('tapeWrite', { dataOut: Buffer.alloc(100) });
  await bench.tape.unit.reset('logical-unit', bench.tape.nexus);
  bench.tape.calm(bench.tape.nexus);
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(100) }), 'io');
  t.is(await hostStatus(bench, rewind), STATUS.reservationConflict);
  t.is((await client.must('tapeGetState', {})).blockno, 1);
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(100) }), 'no-err');
});

test('a DMA may reserve and release with CDBs of its own: the lease is there when it is needed', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  const execute = async (cdb: string, dataout = ''): Promise<number> => {
    const bytes = parseHex(dataout);
    const flags = bytes.length === 0 ? 0 : 2;
    const request = { flags, timeout: 0, datainLen: 0, cdb: parseHex(cdb), dataout: bytes };
    return (await client.must('tapeExecuteCdb', request)).status;
  };
  await client.must('tapeWrite', { dataOut: Buffer.alloc(100) });
  t.is(await execute(release), STATUS.good);
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(100) }), 'no-err');
  t.is(await hostStatus(bench, rewind), STATUS.reservationConflict);

  t.is(await execute(release), STATUS.good);
  const list = '0000000000000000 0000000000000009 00000000 00 000000';
  t.is(await execute('5f 00 00 0000 00000018 00', list), STATUS.good, 'REGISTER');
  const held = '0000000000000009 0000000000000000 00000000 00 000000';
  t.is(await execute('5f 01 03 0000 00000018 00', held), STATUS.good, 'RESERVE, exclusive access');
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(100) }), 'no-err');
  t.is(await hostStatus(bench, rewind), STATUS.reservationConflict);
  t.is(await execute('5f 03 00 0000 00000018 00', held), STATUS.good, 'CLEAR');
});

test('after a reset another may have been faster', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  await bench.tape.unit.reset('logical-unit', bench.tape.nexus);
  bench.tape.calm(bench.tape.nexus);
  t.is(await hostStatus(bench, reserve), STATUS.good);
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(100) }), 'device-busy');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'rew', count: 1 }), 'device-busy');
  t.is(await hostStatus(bench, release), STATUS.good);
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'rew', count: 1 }), 'no-err');
});

test('a host that preempts the persistent reservation of a DMA has the tape', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  const execute = async (cdb: string, dataout: string): Promise<void> => {
    const bytes = parseHex(dataout);
    const request = { flags: bytes.length === 0 ? 0 : 2, timeout: 0, datainLen: 0, cdb: parseHex(cdb) };
    t.is((await client.must('tapeExecuteCdb', { ...request, dataout: bytes })).status, STATUS.good);
  };
  const held = '0000000000000009 0000000000000000 00000000 00 000000';
  await execute(release, '');
  await execute('5f 00 00 0000 00000018 00', '0000000000000000 0000000000000009 00000000 00 000000');
  await execute('5f 01 03 0000 00000018 00', held);
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(100) }), 'no-err');
  const { unit, nexus } = bench.tape;
  await reserveOut(unit, nexus, 'register', { serviceKey: 7 });
  t.is((await reserveOut(unit, nexus, 'preempt', { key: 7, serviceKey: 9, type: 3 })).status, STATUS.good);
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(100) }), 'device-busy');
  t.is((await reserveOut(unit, nexus, 'clear', { key: 7 })).status, STATUS.good);
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'tur', count: 1 }), 'no-err');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'rew', count: 1 }), 'no-err');
  t.is(await hostStatus(bench, rewind), STATUS.reservationConflict, 'it is ours again');
});

test('the session ends while its reservation is taken again', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  const { unit, nexus } = bench.tape;
  await unit.reset('logical-unit', nexus);
  bench.tape.calm(nexus);
  const reserved = unit.reservations.reserve.bind(unit.reservations);
  let goOn = (): void => undefined;
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  unit.reservations.reserve = async (of) => {
    await gate;
    await reserved(of);
  };
  client.sendRaw(client.encode('tapeWrite', { dataOut: Buffer.alloc(100) }));
  await breathe();
  client.close();
  await client.closed;
  await breathe();
  goOn();
  await breathe();
  t.is(bench.tape.drive.position.object, 0, 'nothing is written for who has gone');
  await isFree(t, bench);
});

const moves = {
  'spacing forwards': ['tapeMtio', { tapeOp: 'fsr', count: 5 }],
  reading: ['tapeRead', { count: 100 }],
} as const;
for (const [what, [name, request]] of Object.entries(moves)) {
  test(`the session ends in the middle of ${what}: the tape of the next one is not moved`, async (t) => {
    const bench = await NdmpBench.make(t);
    await bench.tape.filemarks(1);
    await bench.tape.rewind();
    const client = await bench.opened(4);
    const { drive } = bench.tape;
    const dropAfter =
      <A extends unknown[], R>(motion: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        const result = await motion(...args);
        bench.server.dropSession(1);
        return result;
      };
    Object.assign(drive, {
      space: dropAfter(drive.space.bind(drive)),
      readRecord: dropAfter(drive.readRecord.bind(drive)),
    });
    client.sendRaw(client.encode<'tapeMtio' | 'tapeRead'>(name, request));
    await client.closed;
    await breathe();
    await isOurs(t, bench);
  });
}
async function isOurs(t: ExecutionContext, bench: NdmpBench): Promise<void> {
  t.is(bench.tape.unit.reservations.reservedBy, undefined);
  t.is(
    bench.tape.drive.position.object,
    1,
    'behind the filemark, where the last motion of the session ended',
  );
}

test('a changer is open in one session, and hosts use it all the same', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  const other = await bench.login();
  await client.must('scsiOpen', { device: changerName });
  t.is(await other.errorOf('scsiOpen', { device: changerName }), 'device-busy');
  t.is(bench.changer.reservations.reservedBy, undefined);
  client.close();
  await client.closed;
  await breathe();
  t.deepEqual(bench.changer.nexuses, []);
  t.is(await other.errorOf('scsiOpen', { device: changerName }), 'no-err');
});

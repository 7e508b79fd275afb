/** `npm start`, and how the daemon ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { PDU, STAGE } from '#iscsi';
import { type Daemon, mainModule, runProgram, startDaemon, tempFolder, top } from '#support';

/** Lines of standard output up to the first, and the rest as they come. */
async function firstLine(child: ChildProcess): Promise<string[]> {
  const lines: string[] = [];
  if (child.stdout === null) return lines;
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  await once(reader, 'line');
  return lines;
}

function npmStart(t: ExecutionContext, home: string): ChildProcess {
  const args = ['start', '--silent', '--', '--home', home, '--listen', '127.0.0.1:0', '--json'];
  const child = spawn('npm', args, { cwd: top, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  t.teardown(() => child.exitCode === null && process.kill(-(child.pid ?? 0), 'SIGKILL'));
  return child;
}

for (const [how, send] of [
  ['SIGTERM to npm', (child: ChildProcess) => child.kill('SIGTERM')],
  [
    'Ctrl-C, which reaches npm and the daemon, and npm passes it on',
    (child: ChildProcess) => process.kill(-(child.pid ?? 0), 'SIGINT'),
  ],
] as const) {
  test(`npm start prints one line when it is ready, and ends in order: ${how}`, async (t) => {
    const child = npmStart(t, await tempFolder(t));
    const lines = await firstLine(child);
    t.like(JSON.parse(lines[0] ?? ''), { ready: true });
    const exit = once(child, 'exit');
    send(child);
    const [code] = (await exit) as [number | null];
    t.is(code, 0);
    t.is(lines.length, 1);
  });
}

/** A discovery session of an initiator that does nothing more; resolves when it is logged in. */
async function idleInitiator(
  t: ExecutionContext,
  { host, port }: Daemon['portal'],
): Promise<{ opcodes: number[] }> {
  const text = Buffer.from('InitiatorName=iqn.2026-11.com.example:idle\0SessionType=Discovery\0');
  const header = PDU.loginRequest.bhs.encode({
    immediate: true,
    opcode: PDU.loginRequest.opcode,
    totalAhsLength: 0,
    dataSegmentLength: text.length,
    transit: true,
    continues: false,
    currentStage: STAGE.operational,
    nextStage: STAGE.fullFeature,
    versionMax: 0,
    versionMin: 0,
    isid: Buffer.from('800000000001', 'hex'),
    tsih: 0,
    initiatorTaskTag: 1,
    cid: 0,
    cmdSN: 1,
    expStatSN: 0,
  });
  const socket = createConnection({ host, port });
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined); // the daemon ends
  const opcodes: number[] = [];
  let left = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    left = Buffer.concat([left, chunk]);
    while (left.length >= 48) {
      const length = 48 + Math.ceil(left.readUIntBE(5, 3) / 4) * 4;
      if (left.length < length) return;
      opcodes.push(left.readUInt8(0) & 0x3f);
      left = left.subarray(length);
      socket.emit('pdu');
    }
  });
  socket.write(Buffer.concat([header, text, Buffer.alloc(-text.length & 3)]));
  await once(socket, 'pdu');
  t.deepEqual(opcodes, [PDU.loginResponse.opcode]);
  return { opcodes };
}

test('the first signal asks initiators to log out, and does not wait for one that does not for ever', async (t) => {
  const daemon = await startDaemon(t, await tempFolder(t));
  const initiator = await idleInitiator(t, daemon.portal);
  const startedMs = performance.now();
  t.is(await daemon.end('SIGTERM'), 0);
  const tookMs = performance.now() - startedMs;
  t.true(tookMs > 1000 && tookMs < 9500, `${tookMs} ms`);
  t.is(initiator.opcodes[1], PDU.asyncMessage.opcode);
});

test('a second signal ends the daemon at once', async (t) => {
  const daemon = await startDaemon(t, await tempFolder(t));
  await idleInitiator(t, daemon.portal);
  process.kill(daemon.pid, 'SIGTERM');
  await setTimeout(500); // one press of Ctrl-C may come as two signals: those are within 100 ms
  const startedMs = performance.now();
  t.is(await daemon.end('SIGTERM'), 130);
  t.true(performance.now() - startedMs < 1000);
});

test('a home with a long path has its admin socket elsewhere, and says so', async (t) => {
  const home = join(await tempFolder(t), 'd'.repeat(120));
  await mkdir(home);
  const daemon = await startDaemon(t, home);
  t.regex(daemon.log, /\/tmp\/tapesilo-[0-9a-f]{16}\/admin\.sock.*The admin socket is elsewhere/);
  t.is((await daemon.json<unknown[]>('tape', 'list')).length, 20);
  t.is(await daemon.end(), 0);
  t.false((await readdir(home)).includes('admin.path'));
});

test('a home is private, ours alone, and says when its catalog is damaged', async (t) => {
  const folder = await tempFolder(t);
  const serve = async (home: string) =>
    await runProgram(process.execPath, [mainModule, 'serve', '--listen', '127.0.0.1:0', '--home', home]);
  const open = join(folder, 'open');
  await mkdir(open, { mode: 0o755 });
  const daemon = await startDaemon(t, open);
  t.is((await stat(open)).mode & 0o777, 0o700);
  await daemon.end();

  const others = join(folder, 'others');
  await mkdir(others, { mode: 0o755 });
  await writeFile(join(others, 'letter.txt'), 'Dear Sir');
  const refused = await serve(others);
  t.is(refused.status, 5);
  t.regex(refused.stderr, /holds other things and no catalog: choose a new or an empty folder/);
  t.is((await stat(others)).mode & 0o777, 0o755);

  await writeFile(join(open, 'catalog.db'), 'x'.repeat(5000));
  const damaged = await serve(open);
  t.is(damaged.status, 9);
  t.regex(damaged.stderr, /catalog\.db cannot be opened: .*not a database/);
});

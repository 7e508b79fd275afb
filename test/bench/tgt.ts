/** tgt from Debian, tuned, with one tape: the peer that we measure ourselves against. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from '../support/programs.js';

/** What makes tgt about twice as fast as its defaults do. */
const tuning = {
  MaxRecvDataSegmentLength: '262144',
  InitialR2T: 'No',
  FirstBurstLength: '262144',
  MaxBurstLength: '1048576',
};
const name = 'iqn.2024-01.test.host:tgt';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}

export class Tgt {
  readonly url: string;
  readonly pid: number;
  readonly #process: ChildProcess;
  constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.pid = process.pid ?? -1;
    this.url = `iscsi://127.0.0.1:${port}/${name}/1`;
  }

  static async start(folder: string, capacityMB: number): Promise<Tgt> {
    const port = await freePort();
    const control = String(1 + (port % 30_000));
    const media = join(folder, 'tgt.img');
    await must('tgtimg', ['--op', 'new', '--device-type', 'tape', '--barcode', 'TGT001L5']
      .concat(['--size', String(capacityMB), '--type', 'data', '--file', media])); // prettier-ignore
    const child = spawn('tgtd', ['-C', control, '-f', '--iscsi', `portal=127.0.0.1:${port}`], {
      stdio: 'ignore',
    });
    const admin = async (...args: string[]): Promise<void> => {
      await must('tgtadm', ['-C', control, '--lld', 'iscsi', ...args]);
    };
    await until(async () => await admin('--op', 'show', '--mode', 'target'));
    await admin('--mode', 'target', '--op', 'new', '--tid', '1', '-T', name);
    await admin(
      ...'--mode logicalunit --op new --tid 1 --lun 1 --device-type tape --bstype ssc -b'.split(' '),
      media,
    );
    await admin(...'--mode target --op bind --tid 1 -I ALL'.split(' '));
    for (const [key, value] of Object.entries(tuning)) {
      await admin(...'--mode target --op update --tid 1 --name'.split(' '), key, '--value', value);
    }
    return new Tgt(child, port);
  }
  /** It ignores SIGTERM while it has a target. */
  stop(): void {
    this.#process.kill('SIGKILL');
  }
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { status, stderr, stdout } = await runProgram(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}${stdout}`);
}
async function until(attempt: () => Promise<void>): Promise<void> {
  for (let left = 50; ; left--) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await sleep(100);
    }
  }
}

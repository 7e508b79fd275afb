/** The daemon's first drive over NDMP: what a DMA does around a stream of data, for measuring. */
import { readFileSync } from 'node:fs';
import { realEnv } from '../../src/env/index.js';
import { NdmpClient } from '../support/ndmp-client.js';
import { runProgram } from '../support/programs.js';

const allOnes = 0xffff_ffff_ffff_ffffn;
const ticksPerSecond = 100; // USER_HZ, the same on every Linux

export interface NdmpPass {
  readonly mbs: number;
  readonly cpuSecPerGB: number;
}
export interface NdmpTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly secret: string;
  readonly device: string;
  /** Of the daemon. */
  readonly pid: number;
}

/** Processor time of a process so far, in seconds. */
function cpuSec(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export class NdmpDrive {
  readonly #target: NdmpTarget;
  readonly #dma: NdmpClient;
  private constructor(target: NdmpTarget, dma: NdmpClient) {
    this.#target = target;
    this.#dma = dma;
  }
  /** The tape is rewound, and open for writing in records of `recordBytes`. */
  static async open(target: NdmpTarget, recordBytes: number): Promise<NdmpDrive> {
    const dma = await NdmpClient.connect(realEnv().net, target);
    await dma.login(target);
    await dma.must('tapeOpen', { device: target.device, mode: 'read-write' });
    await dma.must('tapeMtio', { tapeOp: 'rew', count: 1 });
    await dma.must('moverSetRecordSize', { len: recordBytes });
    await dma.must('moverSetWindow', { offset: 0n, length: allOnes });
    return new NdmpDrive(target, dma);
  }
  async close(): Promise<void> {
    this.#dma.close();
    await this.#dma.closed;
  }

  /** The client's bytes come over TCP, as those of a filer. Timed until they are durable, as a pass over iSCSI is. */
  async moverPass(client: string, args: readonly string[]): Promise<NdmpPass> {
    const { dataConnectionAddr: to } = await this.#dma.must('moverListen', { mode: 'read', addrType: 'tcp' });
    const [end] = to.type === 'tcp' ? to.endpoints : [];
    if (end === undefined) throw new Error('The mover listens nowhere');
    return await this.#timed(async () => {
      const url = `tcp://${end.host}:${end.port}`;
      const { status, stderr } = await runProgram(client, ['-j', ...args, url], { timeoutMs: 600_000 });
      if (status !== 0) throw new Error(stderr);
    });
  }
  /** Our own DATA service backs a folder up on the same connection. */
  async dataPass(folder: string): Promise<NdmpPass> {
    const dma = this.#dma;
    await dma.must('moverListen', { mode: 'read', addrType: 'local' });
    await dma.must('dataConnect', { addr: { type: 'local' } });
    const pass = await this.#timed(async () => {
      const env = [
        { name: 'FILESYSTEM', value: folder },
        { name: 'HIST', value: 'y' },
      ];
      await dma.must('dataStartBackup', { mover: { type: 'local' }, buType: 'tar', env });
      const { reason } = await dma.nextPost('notifyDataHalted');
      if (reason !== 'successful') throw new Error(`The backup ended: ${reason}`);
    });
    await dma.must('dataStop', {});
    return pass;
  }
  async #timed(stream: () => Promise<void>): Promise<NdmpPass> {
    const dma = this.#dma;
    const cpuBefore = cpuSec(this.#target.pid);
    const started = performance.now();
    await stream();
    const { reason } = await dma.nextPost('notifyMoverHalted');
    if (reason !== 'connect-closed') throw new Error(`The mover halted: ${reason}`);
    await dma.must('tapeMtio', { tapeOp: 'eof', count: 1 });
    const seconds = (performance.now() - started) / 1000;
    const cpu = cpuSec(this.#target.pid) - cpuBefore;
    const { bytesMoved } = await dma.must('moverGetState', {});
    const bytes = Number(bytesMoved);
    return { mbs: bytes / 1e6 / seconds, cpuSecPerGB: cpu / (bytes / 1e9) };
  }
}

/** NDMP beside iSCSI on the same drive of the same daemon, in turns: a filer's stream to a mover, and our own DATA service. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from '../support/daemon.js';
import { runProgram } from '../support/programs.js';
import { type Contender, median, pass, type Shape } from './client.js';
import { NdmpDrive, type NdmpPass, type NdmpTarget } from './ndmp-drive.js';

/** Of the speed of an iSCSI write of as much and such data. */
const LIMITS = { mover: { floor: 0.9, aim: 1 }, data: { floor: 0.8, aim: 1 } } as const;
type Way = keyof typeof LIMITS;
const WAYS: Readonly<Record<Way, string>> = { mover: 'NDMP mover over TCP', data: 'NDMP DATA, local' };

const recordBytes = 256 * 1024;
const shape: Shape = { name: 'NDMP', block: '256K', inFlight: 8 };
const user = 'bench';
const secret = 'a secret for the bench';

export interface NdmpParts {
  /** The program. */
  readonly client: string;
  readonly ours: Contender & { readonly daemon: Daemon };
  readonly store: string;
  readonly folder: string;
  readonly rounds: number;
  readonly size: string;
}
export interface NdmpLine {
  readonly name: string;
  readonly mbs: number;
  readonly cpuSecPerGB: number;
  readonly iscsiMbs: number;
  readonly ratio: number;
  readonly floor: number;
  readonly aim: number;
  /** All of it, for people. */
  readonly text: string;
}

/** New data that does not compress, other each time. */
const random = (seed: number, size: string): string[] => ['-s', 'random', '-S', String(seed), '-n', size];

export async function measureNdmp(parts: NdmpParts): Promise<NdmpLine[]> {
  const { client, ours, rounds, size, folder, store } = parts;
  const source = join(folder, `source-${store}`);
  mkdirSync(source);
  const target = await prepare(ours.daemon, source);
  const iscsi: NdmpPass[] = [];
  const seen: Record<Way, NdmpPass[]> = { mover: [], data: [] };
  for (let round = -1; round < rounds; round++) {
    const seed = 5000 + 10 * round;
    const [wrote] = await pass(client, ours, shape, {
      ops: 'w',
      source: random(seed, size),
      verify: false,
    });
    const moved = await onDrive(target, async (drive) => {
      return await drive.moverPass(client, ['-b', shape.block, ...random(seed + 1, size)]);
    });
    const check = { ops: 'r', source: random(seed + 1, size), verify: true };
    if (round === rounds - 1) await pass(client, ours, shape, check);
    await fill(client, join(source, 'data'), random(seed + 2, size));
    const saved = await onDrive(target, async (drive) => await drive.dataPass(source));
    if (round < 0 || wrote === undefined) continue; // so that all of them meet written media and warm code
    iscsi.push({ mbs: wrote.mbs, cpuSecPerGB: wrote.targetCpuSecPerGB });
    seen.mover.push(moved);
    seen.data.push(saved);
  }
  return (['mover', 'data'] as const).map((way) => lineOf(way, store, seen[way], iscsi));
}

async function prepare(daemon: Daemon, source: string): Promise<NdmpTarget> {
  await daemon.json('ndmp', 'user', 'create', user, '--secret', secret);
  await daemon.json('ndmp', 'root', 'add', source);
  const devices = await daemon.json<{ name: string; kind: string }[]>('ndmp', 'device', 'list');
  const device = devices.find(({ kind }) => kind === 'tape')?.name ?? '';
  return { ...daemon.ndmpPortal, user, secret, device, pid: daemon.pid };
}
async function onDrive(target: NdmpTarget, work: (drive: NdmpDrive) => Promise<NdmpPass>): Promise<NdmpPass> {
  const drive = await NdmpDrive.open(target, recordBytes);
  try {
    return await work(drive);
  } finally {
    await drive.close();
  }
}
async function fill(client: string, path: string, source: readonly string[]): Promise<void> {
  const { status, stderr } = await runProgram(client, ['-j', '-b', '1M', ...source, `file://${path}`]);
  if (status !== 0) throw new Error(stderr);
}

function lineOf(way: Way, store: string, passes: readonly NdmpPass[], iscsi: readonly NdmpPass[]): NdmpLine {
  const mbs = median(passes.map((one) => one.mbs));
  const cpuSecPerGB = median(passes.map((one) => one.cpuSecPerGB));
  const iscsiMbs = median(iscsi.map((one) => one.mbs));
  const iscsiCpu = median(iscsi.map((one) => one.cpuSecPerGB));
  const ratio = mbs / iscsiMbs;
  const { floor, aim } = LIMITS[way];
  const name = `${WAYS[way]}, ${store}`;
  const verdict = ratio >= aim ? 'aim reached' : ratio >= floor ? 'above the floor' : 'BELOW THE FLOOR';
  const part = (who: string, speed: number, cpu: number): string =>
    `${who} ${speed.toFixed(0).padStart(5)} MB/s ${cpu.toFixed(2)} CPU s/GB`;
  const text = `${name.padEnd(32)} ${shape.block}     ${part('NDMP', mbs, cpuSecPerGB)}  ${part('iSCSI', iscsiMbs, iscsiCpu)}  ratio ${ratio.toFixed(2)} (floor ${floor}, aim ${aim}): ${verdict}`;
  return { name, mbs, cpuSecPerGB, iscsiMbs, ratio, floor, aim, text };
}

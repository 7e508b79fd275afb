/** Backup programs that we measure ourselves against: a stream into a repository, once. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isInstalled, runProgram } from '../support/programs.js';

export interface Taken {
  /** Of the clock, and of all processors. */
  readonly seconds: number;
  readonly cpuSeconds: number;
}
export interface Peer {
  readonly name: string;
  /** A new repository in the folder. */
  begin(folder: string): Promise<void>;
  /** The file, as a stream, under a name of its own. */
  store(folder: string, name: string, file: string): Promise<Taken>;
  /** All of it is on disk. */
  end(): Promise<void>;
}
const ended = async (): Promise<void> => await Promise.resolve(); // each run of these programs ends by itself

async function timed(
  program: string,
  args: readonly string[],
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<Taken> {
  const input = openSync(file, 'r');
  try {
    // bash tells the processor time of what it ran.
    const script = `TIMEFORMAT='%R %U %S'; time "$@" >/dev/null 2>&1`;
    const child = spawn('bash', ['-c', script, 'bash', program, ...args], {
      stdio: [input, 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    let said = '';
    child.stderr?.on('data', (part: Buffer) => (said += part.toString()));
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`);
    const [seconds = NaN, user = NaN, system = NaN] = said.trim().split(' ').map(Number);
    return { seconds, cpuSeconds: user + system };
  } finally {
    closeSync(input);
  }
}
async function must(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { status, stderr } = await runProgram(program, args, { env, timeoutMs: 600_000 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

const resticEnv = { RESTIC_PASSWORD: 'bench' };
const restic: Peer = {
  name: 'restic',
  async begin(folder) {
    await rm(folder, { recursive: true, force: true });
    await must('restic', ['-r', folder, '--no-cache', 'init'], resticEnv);
  },
  async store(folder, name, file) {
    const args = ['-r', folder, '--no-cache', 'backup', '--stdin', '--stdin-filename', name];
    return await timed('restic', args, file, resticEnv);
  },
  end: ended,
};
const borgEnv = (folder: string): NodeJS.ProcessEnv => ({
  BORG_BASE_DIR: `${folder}-base`,
  BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
});
const borg: Peer = {
  name: 'borg',
  async begin(folder) {
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}-base`, { recursive: true, force: true });
    await must('borg', ['init', '-e', 'none', folder], borgEnv(folder));
  },
  async store(folder, name, file) {
    return await timed('borg', ['create', `${folder}::${name}`, '-'], file, borgEnv(folder));
  },
  end: ended,
};
export const peers: readonly Peer[] = [restic, borg].filter(({ name }) => isInstalled(name));
export const absent: readonly string[] = [restic, borg]
  .map(({ name }) => name)
  .filter((name) => !isInstalled(name));

/** Of all files below, as long as they are. */
export async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    bytes += entry.isDirectory() ? await bytesBelow(path) : (await lstat(path)).size;
  }
  return bytes;
}

/** The real daemon as a process of its own, on a free port of the loopback, with a home of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { cliHere } from './cli-here.js';
import { type Ended, runProgram } from './programs.js';
import { top } from './top.js';

export const mainModule = join(top, 'dist/src/main.js');

/** The line that `serve --json` prints when it is ready. */
export interface Ready {
  readonly portals: readonly { readonly address: string; readonly port: number }[];
  readonly ndmpPortals: readonly {
    readonly address: string;
    readonly port: number;
    readonly tls: boolean;
    readonly kept: boolean;
  }[];
  readonly targets: readonly {
    readonly name: string;
    readonly luns: readonly { readonly lun: number; readonly kind: string; readonly serial?: string }[];
  }[];
}

const readyMs = 20_000;
const stopMs = 15_000;

export class Daemon {
  readonly home: string;
  readonly ready: Ready;
  readonly #process: ChildProcess;
  readonly #said: string[];
  constructor(home: string, ready: Ready, process: ChildProcess, said: string[]) {
    this.home = home;
    this.ready = ready;
    this.#process = process;
    this.#said = said;
  }
  get pid(): number {
    return this.#process.pid ?? -1;
  }
  /** What it wrote to stderr. */
  get log(): string {
    return this.#said.join('\n');
  }
  get portal(): { readonly host: string; readonly port: number } {
    const first = this.ready.portals[0];
    if (first === undefined) throw new Error('The daemon has no portal');
    return { host: first.address, port: first.port };
  }
  get ndmpPortal(): { readonly host: string; readonly port: number } {
    const first = this.ready.ndmpPortals[0];
    if (first === undefined) throw new Error('The daemon has no portal for NDMP');
    return { host: first.address, port: first.port };
  }
  get targetName(): string {
    const first = this.ready.targets[0];
    if (first === undefined) throw new Error('The daemon has no target');
    return first.name;
  }
  /** Runs a command of the CLI against this daemon. */
  async cli(...args: string[]): Promise<Ended> {
    return await runProgram(process.execPath, [mainModule, ...args, '--home', this.home]);
  }
  /** The same with `--json`; throws when it fails. */
  async json<T>(...args: string[]): Promise<T> {
    const { status, stdout, stderr } = await this.cli(...args, '--json');
    if (status !== 0) throw new Error(`tapesilo ${args.join(' ')} ended with ${status}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }
  /** It has ended, or was killed. */
  get isGone(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null || this.#process.killed;
  }
  /** The same two in the process of the test: where it is the daemon that is asked, not the program. */
  async cliHere(...args: string[]): Promise<Ended> {
    return await cliHere([...args, '--home', this.home]);
  }
  async jsonHere<T>(...args: string[]): Promise<T> {
    const { status, stdout, stderr } = await this.cliHere(...args, '--json');
    if (status !== 0) throw new Error(`tapesilo ${args.join(' ')} ended with ${status}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }
  /** Sends the signal and resolves with the exit code (null: ended by the signal). */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return this.#process.exitCode;
    const exit = once(this.#process, 'exit', { signal: AbortSignal.timeout(stopMs) });
    this.#process.kill(signal);
    await exit.catch(() => this.#process.kill('SIGKILL'));
    return this.#process.exitCode;
  }
}

/** Starts `tapesilo serve` and waits until it is ready. It is killed when the test ends. */
export async function startDaemon(
  t: Pick<ExecutionContext, 'teardown'>,
  home: string,
  args: readonly string[] = [],
): Promise<Daemon> {
  const listen = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, [mainModule, 'serve', '--home', home, '--json', ...listen, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, 'line', { signal: AbortSignal.timeout(readyMs) }).then(([line]) => String(line)),
    once(child, 'exit').then(() => undefined),
  ]).catch(() => undefined);
  if (first === undefined) {
    child.kill('SIGKILL');
    throw new Error(`The daemon did not become ready: ${said.join('\n')}`);
  }
  return new Daemon(home, JSON.parse(first) as Ready, child, said);
}

/** Debian's ndmjob (amanda-common) as NDMP client: its conformance tests and its jobs. */
import { join } from 'node:path';
import { isInstalled, runProgram } from './programs.js';
import { top } from './top.js';

export const ndmjobProgram = '/usr/lib/amanda/ndmjob';
const shimSource = join(top, 'test/conformance/peers/ndmjob-shim.c');

export type NdmpVersionNumber = 2 | 3 | 4;
export type NdmjobAuth = 'none' | 'text' | 'md5';
/** Somebody whom ndmjob talks to. */
export interface NdmjobAgent {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly secret: string;
}

/** Builds what mends the tool itself (ndmjob-shim.c says what); undefined without a C compiler. */
export async function buildNdmjobShim(folder: string): Promise<string | undefined> {
  if (!isInstalled('gcc')) return undefined;
  const library = join(folder, 'ndmjob-shim.so');
  const how = ['-shared', '-fPIC', '-O2', '-Wall', '-Werror'];
  const { status, stderr } = await runProgram('gcc', [...how, '-o', library, shimSource, '-ldl']);
  if (status !== 0) throw new Error(`gcc: ${stderr}`);
  return library;
}

/** HOST:PORT/FLAGS,USER,SECRET as ndmjob takes it. */
export function agentText(
  { host, port, user, secret }: NdmjobAgent,
  version: NdmpVersionNumber,
  auth: NdmjobAuth | 'unasked' = 'md5',
): string {
  const flag = { none: 'n', text: 't', md5: 'm', unasked: 'v' }[auth];
  return `${host}:${port}/${version}${flag},${user},${secret}`;
}

/** What became of one phase of a conformance test. */
export interface NdmjobPhase {
  readonly steps: number;
  /** What was wrong, one line each. */
  readonly faults: readonly string[];
  /** All that was said in it. */
  readonly text: string;
}

/** What one run printed. The exit status says nothing: it is 0 after failed jobs too. */
export class NdmjobReport {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  get lines(): string[] {
    return this.text.split('\n');
  }
  /** A job that moves no data went well. */
  get isComplete(): boolean {
    return this.text.includes('Operation complete"');
  }
  get hadProblems(): boolean {
    return this.text.includes('had problems');
  }
  /** A backup, a restore or a listing went well. */
  get endedOkay(): boolean {
    return this.text.includes('Operation ended OKAY');
  }
  /** By phase; one that did not come to its end is not here. */
  phases(): Map<string, NdmjobPhase> {
    const found = new Map<string, NdmjobPhase>();
    let said: string[] = [];
    for (const line of this.lines) {
      said.push(line);
      const [, phase, steps] =
        /"Test (\S+) \S+ -- pass=\d+ warn=\d+ fail=\d+ \(total (\d+)\)"/.exec(line) ?? [];
      if (phase === undefined) continue;
      const faults = said.flatMap((one) => /^STEP (.*)$/.exec(one)?.[1]?.trim() ?? []);
      found.set(phase, { steps: Number(steps), faults, text: said.join('\n') });
      said = [];
    }
    return found;
  }
  /** Its last lines: why it ended as it did. */
  get end(): string {
    return this.lines.slice(-30).join('\n');
  }
}

export class Ndmjob {
  readonly #folder: string;
  readonly #shim: string | undefined;
  constructor(folder: string, shim: string | undefined) {
    this.#folder = folder;
    this.#shim = shim;
  }
  /** One run, in the folder given; `-vv` is among its arguments. */
  async run(...args: readonly (string | readonly string[])[]): Promise<NdmjobReport> {
    const all = [...args.flat(), '-vv', '-o', 'no-time-stamps'];
    const { stdout, stderr } = await runProgram(ndmjobProgram, all, {
      cwd: this.#folder,
      timeoutMs: 60_000,
      ...(this.#shim === undefined ? {} : { env: { LD_PRELOAD: this.#shim } }),
    });
    return new NdmjobReport(`${stdout}${stderr}`);
  }
}

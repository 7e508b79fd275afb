/** The command line in the process of the test: what it prints and how it ends, without the time that a process takes to start. */
import { run } from '#cli';
import { type Process, realEnv, realProcess } from '#env';
import type { Ended } from './programs.js';

const real = realProcess();

export async function cliHere(args: readonly string[]): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const process: Process = {
    ...real,
    isInteractive: false,
    out: (text) => void (stdout += text),
    err: (text) => void (stderr += text),
    hideArguments: () => undefined,
  };
  const serve = async (): Promise<never> => await Promise.reject(new Error('Not from here'));
  const status = await run(args, { process, env: realEnv(), serve, version: '0' });
  return { status, stdout, stderr };
}

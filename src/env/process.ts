/** This process: its environment variables, standard streams, signals and end. Not part of Env: a simulated run has none. */
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { availableParallelism, hostname, release, type } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { resolve } from 'node:path';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** What this machine calls itself and its system: `Linux`, `6.1.0-18-amd64`. */
export interface Machine {
  readonly hostName: string;
  readonly system: string;
  readonly systemVersion: string;
}

export interface Process {
  /** Of the command line, without the program. */
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Undefined where the system has no such thing. */
  readonly userId: number | undefined;
  readonly pid: number;
  /** That may be used at a time. */
  readonly processors: number;
  readonly machine: Machine;
  /** A person sits at standard input and standard error. */
  readonly isInteractive: boolean;
  /** Absolute form of a path given by a person. */
  absolutePath(path: string): string;
  out(text: string): void;
  err(text: string): void;
  /** One question on standard error, one line of answer. */
  ask(question: string): Promise<string>;
  /** The same, and what is typed is not shown. */
  askSecret(question: string): Promise<string>;
  /** A file that a person names: secrets, not state (that is Disk). Rejects with Node's own error. */
  readFile(path: string, bytesMax: number): Promise<Buffer>;
  /** All of standard input, up to `bytesMax`. */
  input(bytesMax: number): Promise<Buffer>;
  /** What a program prints; it gets no shell, no input, and `timeoutMs`. Rejects when it fails, with no word of its output. */
  outputOf(program: string, args: readonly string[], timeoutMs: number): Promise<Buffer>;
  /** Replaces the arguments that `ps` shows, as far as the system allows: they may hold secrets. */
  hideArguments(): void;
  /** Until called back, the signal no longer ends the process. */
  onSignal(signal: Signal, listener: () => void): () => void;
  /** What nobody caught. The process must end after it. */
  onFatal(listener: (error: unknown) => void): void;
  /** Resolves when what was printed has been taken: a pipe takes only so much at once. */
  flushed(): Promise<void>;
  /** At once: what was printed may be cut short. */
  exit(code: number): never;
}

/** Standard output into a pipe whose reader went away (`| head`) is no failure. */
function ignoreBrokenPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/**
 * This process is a server: what it does often is compiled well after a fifth of V8's usual hesitation, so that the first gigabytes
 * are not the slow ones; and its heap, which is small beside its buffers, doubles before all of it is marked again, which V8 did
 * for every gigabyte that was written. Before any of its modules are loaded.
 */
export function expectLongLife(): void {
  setFlagsFromString('--interrupt-budget=25000');
  setFlagsFromString('--heap-growing-percent=100');
}

export function realProcess(): Process {
  ignoreBrokenPipe(process.stdout);
  ignoreBrokenPipe(process.stderr);
  return {
    args: process.argv.slice(2),
    variables: process.env,
    userId: process.getuid?.(),
    pid: process.pid,
    processors: availableParallelism(),
    machine: { hostName: hostname(), system: type(), systemVersion: release() },
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
    absolutePath: (path) => resolve(path),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    ask,
    askSecret,
    readFile: readSmallFile,
    input: readInput,
    outputOf,
    hideArguments: () => void (process.title = 'tapesilo'),
    onSignal(signal, listener) {
      process.on(signal, listener);
      return () => void process.off(signal, listener);
    },
    onFatal(listener) {
      process.on('uncaughtException', listener);
      process.on('unhandledRejection', listener);
    },
    flushed: async () => {
      await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
    },
    exit: (code) => process.exit(code),
  };
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((done) => {
    stream.write('', () => done()); // also when nobody reads it any more
  });
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

async function askSecret(question: string): Promise<string> {
  process.stderr.write(question);
  // As a terminal, so that keys come one by one, and with no output, so that nothing shows them.
  const lines = createInterface({ input: process.stdin, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

async function readInput(bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax);
}

async function readSmallFile(path: string, bytesMax: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(bytesMax);
    const { bytesRead } = await file.read(bytes, 0, bytesMax);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function outputOf(program: string, args: readonly string[], timeoutMs: number): Promise<Buffer> {
  return await new Promise((resolveOutput, reject) => {
    const options = { encoding: 'buffer' as const, timeout: timeoutMs, maxBuffer: 64 * 1024 };
    const child = execFile(program, args, options, (error, stdout) => {
      if (error === null) resolveOutput(stdout);
      else reject(new Error(`${program} failed: ${error.code ?? error.signal ?? 'unknown'}`)); // `cause` would show its output
    });
    child.stdin?.end();
  });
}

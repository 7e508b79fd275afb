/** Secrets from where people keep them: a file, or what a program prints. The only place that fetches keys. */
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import type { Secrets } from './env.js';

/** Of what a failed program says on standard error, so much is told on. */
const wordsMax = 300;

async function file(
  path: string,
  bytesMax: number,
): Promise<{ readonly bytes: Buffer; readonly mode: number }> {
  const handle = await open(path, 'r');
  try {
    const { mode } = await handle.stat();
    const bytes = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === bytes.length) break;
    }
    if (length > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`);
    return { bytes: bytes.subarray(0, length), mode: mode & 0o777 };
  } finally {
    await handle.close();
  }
}

/** No shell: the program gets its arguments as they are, and nothing on standard input. */
async function command(
  [program = '', ...args]: readonly string[],
  timeoutMs: number,
  bytesMax: number,
): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const options = {
      encoding: 'buffer' as const,
      timeout: timeoutMs,
      killSignal: 'SIGKILL' as const,
      maxBuffer: bytesMax,
    };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      stdout.fill(0);
      const why =
        error.killed === true ? `no answer in ${timeoutMs / 1000} s` : `${error.code ?? error.signal}`;
      const words = stderr
        .toString('utf8')
        .replaceAll(/[\p{Cc}\s]+/gu, ' ')
        .trim()
        .slice(0, wordsMax);
      // Without `cause`: that error has the command line, and what was printed.
      reject(new Error(words === '' ? why : `${why}: ${words}`));
    });
    child.stdin?.on('error', () => undefined); // it may not wait for its end
    child.stdin?.end();
  });
}

export const realSecrets: Secrets = { file, command };

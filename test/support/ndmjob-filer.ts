/** ndmjob as a filer: a DATA agent of other people's making, for three-way backups. It reads and writes trees through `wrap-tar.ts`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { type NdmjobAgent, ndmjobProgram } from './ndmjob.js';
import { top } from './top.js';

const wrapper = join(top, 'dist/test/support/wrap-tar.js');
/** As ndmjob's own attributes are: backup and recovery with file lists, history and direct access. */
const butypes = '[butype tar]\n\tv2attr 0x0000\n\tv3attr 0x001F\n\tv4attr 0x021E\n\tdefault_env HIST y\n';
const startMs = 10_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  server.close();
  await once(server, 'close');
  return typeof at === 'object' ? (at?.port ?? 0) : 0;
}

/** Starts it on the loopback, which takes the shim; it ends with the test, or when we do. */
export async function startNdmjobFiler(
  t: Pick<ExecutionContext, 'teardown'>,
  folder: string,
  shim: string,
): Promise<NdmjobAgent> {
  const programs = join(folder, 'programs');
  await mkdir(programs);
  const program = join(programs, 'wrap_tar');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${wrapper}' "$@"\n`);
  await chmod(program, 0o755);
  const settings = join(folder, 'ndmjob.conf');
  await writeFile(settings, butypes);
  const port = await freePort();
  const args = ['-o', 'test-daemon', '-p', String(port), '-o', `config-file=${settings}`];
  const child = spawn(ndmjobProgram, args, {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${programs}:${process.env['PATH'] ?? ''}`, LD_PRELOAD: shim },
  });
  t.teardown(() => child.kill('SIGKILL'));
  child.stderr.resume();
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(startMs);
  for (;;) {
    const [line] = (await once(lines, 'line', { signal })) as [string];
    if (line.includes('READY')) break;
  }
  lines.on('line', () => undefined);
  return { host: '127.0.0.1', port, user: 'ndmp', secret: 'ndmp' };
}

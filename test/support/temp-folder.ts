/** A folder for one test, gone when the test ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

export async function tempFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tapesilo-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

#!/usr/bin/env node
/** Hands the arguments to the command line; nothing else. */
import { expectLongLife, type Level, realEnv, realProcess } from '#env';
import { run } from './cli/index.js';

const process = realProcess();

function logLevel(): Level {
  const wanted = process.variables['TAPESILO_LOG'];
  return (['debug', 'info', 'warn', 'error'] as const).find((level) => level === wanted) ?? 'info';
}

/** From dist/src/main.js. */
async function version(): Promise<string> {
  const manifest = await process.readFile(new URL('../../package.json', import.meta.url).pathname, 64 * 1024);
  return (JSON.parse(manifest.toString()) as { readonly version: string }).version;
}

const status = await run(process.args, {
  process,
  env: realEnv(),
  version: await version(),
  // The daemon's modules are loaded by the one command that needs them: the others start four times faster.
  serve: async (options) => {
    expectLongLife();
    const { serve } = await import('./daemon/index.js');
    return await serve(process, realEnv(logLevel()), options);
  },
});
await process.flushed();
process.exit(status);

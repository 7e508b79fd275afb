#!/usr/bin/env node
/** Hands the arguments to the command line; nothing else. */
import { type Level, realEnv, realProcess } from '#env';
import { run } from './cli/index.js';

const process = realProcess();

function logLevel(): Level {
  const wanted = process.variables['TAPESILO_LOG'];
  return (['debug', 'info', 'warn', 'error'] as const).find((level) => level === wanted) ?? 'info';
}

const status = await run(process.args, {
  process,
  env: realEnv(),
  version: '0.1.0',
  // The daemon's modules are loaded by the one command that needs them: the others start four times faster.
  serve: async (options) =>
    await (await import('./daemon/index.js')).serve(process, realEnv(logLevel()), options),
});
await process.flushed();
process.exit(status);

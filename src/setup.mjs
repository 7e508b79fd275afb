/**
 * What a fresh clone needs before anything of ours can run: dependencies installed, sources compiled. Plain JavaScript and
 * Node's own modules only, because `npm start` and `npm test` both begin here. Does nothing that is done already.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKernels } from './build-kernels.mjs';

/** The folder of the clone. */
export const top = dirname(dirname(fileURLToPath(import.meta.url)));

const sqliteBinding = 'node_modules/sqlite3/build/Release/node_sqlite3.node';

/** Installs and builds. `say` gets one line before each thing that takes time. Throws when a step fails. */
export function setUp(say = () => undefined) {
  checkNode();
  install(say);
  build(say);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(`tapesilo needs Node 20.19 or later; this is ${process.versions.node}`);
}

function install(say) {
  if (!installed()) {
    say('Installing dependencies (sqlite3 may be compiled: up to some minutes, once)');
    // The versions of package-lock.json. Not `npm ci`: it refuses a lock without the optional packages of platforms that the
    // registry at hand does not carry. sqlite3's install script is allowed in package.json ("allowScripts").
    run('npm', ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund']);
  }
  if (!existsSync(join(top, sqliteBinding))) {
    say('Building sqlite3');
    run('npm', ['rebuild', 'sqlite3', '--foreground-scripts']);
    if (!existsSync(join(top, sqliteBinding))) {
      throw new Error('sqlite3 has no native part: its install script was not run, or failed (see above)');
    }
  }
}

/** What npm noted as installed is what package-lock.json wants, but for packages of other platforms. */
function installed() {
  const wanted = packagesIn('package-lock.json');
  const present = packagesIn('node_modules/.package-lock.json');
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || present[path]?.version === version || (optional === true && present[path] === undefined),
  );
}
function packagesIn(file) {
  const path = join(top, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined;
}

function build(say) {
  say('Building');
  run(process.execPath, [join(top, 'node_modules/typescript/bin/tsc'), '-b']);
  buildKernels(top);
}

/** Its output goes to stderr: stdout belongs to what comes after us. */
function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: top, stdio: ['ignore', 2, 2] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`);
}

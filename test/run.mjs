/**
 * `npm test`: installs what is missing, builds, checks the format, lints, runs ava and ends with `N passed, N failed`.
 * Arguments are handed to ava: `npm test -- test/unit/wire/**`. Exit status 0 only when all of it went well.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setUp, top } from '../src/setup.mjs';

/** Programs of other people that tests talk to, and the Debian package of each. */
const peers = {
  'iscsi-ls': 'libiscsi-bin',
  'iscsi-inq': 'libiscsi-bin',
  tshark: 'tshark',
  text2pcap: 'tshark',
  '/usr/lib/amanda/ndmjob': 'amanda-common',
  getfattr: 'attr',
  getfacl: 'acl',
  restore: 'dump',
};

const count = { passed: 0, failed: 0 };
const skipped = [];
const failures = [];
const started = performance.now();

const say = (line) => process.stdout.write(`# ${line}\n`);

function fail(what) {
  count.failed += 1;
  failures.push(what);
  process.stdout.write(`not ok - ${what}\n`);
}

/** One check that is a program of its own. */
function check(what, program, args) {
  say(what);
  const { status } = spawnSync(process.execPath, [join(top, program), ...args], {
    cwd: top,
    stdio: ['ignore', 1, 1],
  });
  if (status === 0) count.passed += 1;
  else fail(what);
}

/** As root on Debian the peers are installed; elsewhere tests that need them skip themselves by name. */
function installPeers() {
  const missing = Object.keys(peers).filter((program) => !onPath(program));
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  const packages = [...new Set(missing.map((program) => peers[program]))];
  say(`Installing ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const get = (...args) =>
    spawnSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 2, 2] }).status === 0;
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  if (!get(...install) && !(get('update') && get(...install)))
    say('apt-get failed: the tests that need them are skipped');
}
function onPath(program) {
  if (isAbsolute(program)) return existsSync(program);
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/** Reads ava's TAP as it comes: counts, and shows what failed. */
async function runAva(args) {
  say('Running the tests');
  const ava = spawn(process.execPath, [join(top, 'node_modules/ava/entrypoints/cli.mjs'), '--tap', ...args], {
    cwd: top,
    stdio: ['ignore', 'pipe', 2],
  });
  let showing = false;
  let failedHere = 0;
  for await (const line of createInterface({ input: ava.stdout })) {
    const result = /^(not )?ok \d+ - (.*?)( # SKIP| # TODO)?$/.exec(line);
    if (result !== null) {
      const [, not, title, directive] = result;
      showing = not !== undefined;
      if (directive !== undefined) skipped.push(title);
      else if (showing) failedHere += 1;
      else count.passed += 1;
      if (showing) failures.push(title);
    }
    if (showing) process.stdout.write(`${line}\n`);
  }
  count.failed += failedHere;
  const status = ava.exitCode ?? (await new Promise((resolve) => ava.on('exit', resolve)));
  if (status !== 0 && failedHere === 0) fail(`ava ended with status ${status}`);
}

function finish() {
  for (const title of skipped) process.stdout.write(`skipped: ${title}\n`);
  for (const title of failures) process.stdout.write(`failed: ${title}\n`);
  say(`${skipped.length} skipped, ${Math.round((performance.now() - started) / 1000)} s`);
  process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`);
  process.exitCode = count.failed === 0 ? 0 : 1;
}

try {
  setUp(say);
  installPeers();
  const folders = ['src', 'targets', 'vtl', 'test'];
  check('Format', 'node_modules/prettier/bin/prettier.cjs', [
    '--check',
    '--log-level=warn',
    '--no-error-on-unmatched-pattern',
    ...folders,
  ]);
  check('Lint', 'node_modules/oxlint/bin/oxlint', ['--type-aware', '--deny-warnings', ...folders]);
  await runAva(process.argv.slice(2));
} catch (error) {
  fail(String(error.message));
}
finish();

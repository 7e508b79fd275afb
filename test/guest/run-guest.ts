/**
 * `npm run test:guest`: the Linux kernel's own initiator, st, ch, mt, mtx, tar and sg3-utils against a daemon of ours, in a
 * Debian guest under QEMU. Arguments choose scripts; without any all are run, one after the other.
 *
 * Needs root, QEMU, debootstrap and e2fsprogs for building the guest once (GUEST_DIR, else .cache/guest).
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { realEnv } from '#env';
import { NdmpClient } from '../support/ndmp-client.js';
import { ndmpBackup, ndmpRecover, type NdmpRoute } from '../support/ndmp-jobs.js';
import { isInstalled, runProgram } from '../support/programs.js';
import { makeTree } from '../support/tree.js';
import { top } from '../support/top.js';

interface Run {
  readonly script: string;
  /** More arguments of `serve`. */
  readonly serve?: readonly string[];
  /** Sets the daemon up, and says what the script should know. */
  readonly prepare?: (daemon: Daemon) => Promise<Readonly<Record<string, string>>>;
  /** After the script: what else must hold; a text for each that does not. */
  readonly after?: (daemon: Daemon) => Promise<readonly string[]>;
  /** Seconds. */
  readonly limit: number;
}

const chap = {
  CHAP_USER: 'guest',
  CHAP_PASS: 'one-long-secret',
  MUTUAL_USER: 'target',
  MUTUAL_PASS: 'another-secret',
};
/** Where the guest finds the host's loopback. */
const hostInGuest = '10.0.2.2';

async function requireChap(daemon: Daemon): Promise<Readonly<Record<string, string>>> {
  const one = ['--user', chap.CHAP_USER, '--secret', chap.CHAP_PASS];
  const both = [...one, '--mutual-user', chap.MUTUAL_USER, '--mutual-secret', chap.MUTUAL_PASS];
  await mustDo(daemon, 'target', 'chap', daemon.targetName, ...both);
  return chap;
}
async function specialTapes(daemon: Daemon): Promise<Readonly<Record<string, string>>> {
  await mustDo(daemon, 'tape', 'create', '--barcode', 'SM0001L8', '--size', '16M');
  await mustDo(daemon, 'tape', 'create', '--barcode', 'WP0001L8', '--size', '512M');
  await mustDo(daemon, 'tape', 'protect', 'WP0001L8');
  await mustDo(daemon, 'tape', 'create', '--barcode', 'WM0001LY', '--worm', '--size', '512M');
  await mustDo(daemon, 'tape', 'create', '--barcode', 'CLN001CU');
  return { SMALL_TAPE: 'SM0001L8', WP_TAPE: 'WP0001L8', WORM_TAPE: 'WM0001LY', CLEAN_TAPE: 'CLN001CU' };
}
async function mustDo(daemon: Daemon, ...args: string[]): Promise<void> {
  const { status, stderr } = await daemon.cli(...args);
  if (status !== 0)
    process.stdout.write(`# tapesilo ${args.join(' ')} ended with ${status}: ${stderr.trim()}\n`);
}

// --- NDMP and st ----------------------------------------------------------------------------------------------------------

const ndmp = { user: 'guest', secret: 'one-long-secret', device: 'library0/drive0' };
const ndmpRecordBytes = 126 * 512;
const tarScript = join(top, 'test/guest/scripts/ndmp-tar.sh');
const rootOf = (daemon: Daemon): string => join(daemon.home, '../root');
const sumOf = async (folder: string): Promise<string> =>
  (await runProgram('bash', [tarScript, '--sum', folder])).stdout.trim();

/** Works on the first drive with a cartridge in it, over NDMP on one connection. */
async function withNdmp<T>(
  daemon: Daemon,
  barcode: string,
  work: (route: NdmpRoute) => Promise<T>,
): Promise<T> {
  await mustDo(daemon, 'tape', 'move', barcode, '--to', 'drive0');
  const client = await NdmpClient.connect(realEnv().net, daemon.ndmpPortal);
  await client.login(ndmp);
  const { device } = ndmp;
  const done = await work({ data: client, tape: client, device, recordBytes: ndmpRecordBytes });
  client.close();
  await client.closed;
  await mustDo(daemon, 'drive', 'unload', 'drive0', '--to', 'home');
  return done;
}
async function writtenByNdmp(daemon: Daemon): Promise<Readonly<Record<string, string>>> {
  const tree = join(rootOf(daemon), 'tree');
  await makeTree(tree);
  await runProgram('cp', ['-a', join(top, 'src'), join(tree, 'src')]);
  await mustDo(daemon, 'ndmp', 'user', 'create', ndmp.user, '--secret', ndmp.secret);
  await mustDo(daemon, 'ndmp', 'root', 'add', rootOf(daemon));
  for (const barcode of ['ND0001L8', 'ND0002L8'])
    await mustDo(daemon, 'tape', 'create', '--barcode', barcode, '--size', '512M');
  await withNdmp(daemon, 'ND0001L8', async (route) => await ndmpBackup(route, { FILESYSTEM: tree }));
  return { NDMP_TAPE: 'ND0001L8', NDMP_SUM: await sumOf(tree), TAR_TAPE: 'ND0002L8' };
}
async function restoredByNdmp(daemon: Daemon): Promise<readonly string[]> {
  const out = join(rootOf(daemon), 'out');
  const image = { env: [] };
  await withNdmp(daemon, 'ND0002L8', async (route) => await ndmpRecover(route, image, { PREFIX: out }));
  const [is, was] = [await sumOf(out), await sumOf(join(rootOf(daemon), 'tree'))];
  return is === was ? [] : ['what GNU tar wrote in the guest comes back by NDMP'];
}

const RUNS: Readonly<Record<string, Run>> = {
  'discover-login': { script: 'discover-login', limit: 300 },
  'discover-login+announce': { script: 'discover-login', serve: ['--announce', hostInGuest], limit: 300 },
  'discover-login+chap': { script: 'discover-login', prepare: requireChap, limit: 300 },
  'changer-mtx': { script: 'changer-mtx', prepare: specialTapes, limit: 600 },
  'tape-mt': { script: 'tape-mt', prepare: specialTapes, limit: 1500 },
  'ndmp-tar': {
    script: 'ndmp-tar',
    serve: ['--ndmp-listen', '127.0.0.1:0'],
    prepare: writtenByNdmp,
    after: restoredByNdmp,
    limit: 600,
  },
  'tape-sg': { script: 'tape-sg', prepare: specialTapes, limit: 600 },
};

const here = join(top, 'test/guest');
const guestFolder = process.env['GUEST_DIR'] ?? join(top, '.cache/guest');
const logFolder = join(top, '.cache/guest-logs');

/** Runs a program, shows its lines through `line`, returns its status. */
async function follow(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  line: (text: string) => void,
): Promise<number> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  createInterface({ input: child.stdout }).on('line', line);
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? -1));
  });
}

interface Score {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

async function score(name: string, run: Run): Promise<Score> {
  const home = mkdtempSync(join(tmpdir(), 'tapesilo-guest-'));
  const ends: (() => unknown)[] = [];
  const log = createWriteStream(join(logFolder, `${name}.log`));
  try {
    const daemon = await startDaemon({ teardown: (end) => ends.push(end) }, join(home, 'home'), run.serve);
    const said = await run.prepare?.(daemon);
    const drives = daemon.ready.targets[0]?.luns.filter(({ lun }) => lun > 0).length ?? 0;
    const known = { EXPECT_TAPES: String(drives), EXPECT_CHANGERS: '1', EXPECT_DISKS: '0', ...said };
    const options = Object.entries(known).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    const env = { TARGET_PORT: String(daemon.portal.port), IQN: daemon.targetName, GUEST_DIR: guestFolder };
    const count = { passed: 0, failed: 0, skipped: 0 };
    const script = join(here, 'scripts', `${run.script}.sh`);
    const args = ['-v', '-t', String(run.limit), '-o', join(logFolder, name), ...options, script];
    const status = await follow(join(here, 'guest-run'), args, env, (text) => {
      log.write(`${text}\n`);
      if (text.startsWith('not ok ')) {
        count.failed += 1;
        process.stdout.write(`${name}: ${text}\n`);
      } else if (/^ok .*# SKIP/.test(text)) count.skipped += 1;
      else if (text.startsWith('ok ')) count.passed += 1;
    });
    if (status !== 0 && count.failed === 0) {
      process.stdout.write(`${name}: not ok - the guest ended with ${status}\n`);
      count.failed += 1;
    }
    for (const fault of (await run.after?.(daemon)) ?? []) {
      process.stdout.write(`${name}: not ok - ${fault}\n`);
      count.failed += 1;
    }
    await daemon.end();
    log.write(daemon.log);
    return count;
  } finally {
    for (const end of ends) end();
    log.end();
    rmSync(home, { recursive: true, force: true });
  }
}

async function main(chosen: readonly string[]): Promise<number> {
  const missing = ['qemu-system-x86_64', 'debootstrap', 'mke2fs'].filter((program) => !isInstalled(program));
  if (missing.length > 0) {
    process.stdout.write(`skipped: the guest needs ${missing.join(', ')}\n0 passed, 0 failed\n`);
    return 0;
  }
  const built = await follow(join(here, 'build-guest'), [guestFolder, 'base'], {}, (text) =>
    process.stdout.write(`# ${text}\n`),
  );
  if (built !== 0) return built;
  mkdirSync(logFolder, { recursive: true });
  const total = { passed: 0, failed: 0 };
  for (const name of chosen.length > 0 ? chosen : Object.keys(RUNS)) {
    const run = RUNS[name];
    if (run === undefined) throw new Error(`No script ${name}; there are ${Object.keys(RUNS).join(', ')}`);
    const { passed, failed, skipped } = await score(name, run);
    process.stdout.write(`${name.padEnd(24)} ${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    total.passed += passed;
    total.failed += failed;
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));

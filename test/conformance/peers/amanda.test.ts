/**
 * Amanda's own NDMP device and changer, another client than ndmjob: it speaks version 4, opens tapes in raw mode, and does not
 * try again what was refused by a unit attention.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Daemon, runProgram, startDaemon, tempFolder, testWith, top } from '#support';

const programs = ['/usr/lib/amanda/ndmjob', 'perl'];
const user = 'amanda';
const secret = 'what only Amanda knows';
const here = join(top, 'test/conformance/peers');

async function served(t: ExecutionContext): Promise<Daemon> {
  const daemon = await startDaemon(t, join(await tempFolder(t), 'home'), ['--ndmp-listen', '127.0.0.1:0']);
  await daemon.jsonHere('ndmp', 'user', 'create', user, '--secret', secret);
  return daemon;
}
/** Every step of the script is done. */
async function allSteps(
  t: ExecutionContext,
  name: string,
  args: readonly string[],
  cwd: string,
): Promise<void> {
  const { status, stdout, stderr } = await runProgram('perl', [join(here, name), ...args], { cwd });
  const steps = stdout.split('\n').filter((line) => line !== '');
  t.true(steps.length >= 10, stdout + stderr);
  t.deepEqual(
    steps.filter((line) => !line.startsWith('ok ')),
    [],
  );
  t.is(status, 0, stderr);
}

testWith(
  programs,
  'Amanda writes tapes by NDMP, finds its files again, and knows where a tape ends',
  async (t) => {
    const daemon = await served(t);
    await daemon.jsonHere('tape', 'create', '--barcode', 'SM0001L8', '--size', '1M');
    await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive0');
    await daemon.jsonHere('tape', 'move', 'SM0001L8', '--to', 'drive1');
    const { host, port } = daemon.ndmpPortal;
    const device = (drive: string): string => `ndmp:${host}:${port}@library0/${drive}`;
    await allSteps(
      t,
      'amanda-device',
      [device('drive0'), device('drive1'), user, secret],
      await tempFolder(t),
    );
  },
);

testWith(programs, 'Amanda streams a dump in parts through the mover, and reads it back', async (t) => {
  const daemon = await served(t);
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive0');
  const { host, port } = daemon.ndmpPortal;
  const device = `ndmp:${host}:${port}@library0/drive0`;
  await allSteps(t, 'amanda-stream', [device, user, secret], await tempFolder(t));
});

testWith(programs, 'Amanda moves tapes by NDMP', async (t) => {
  const daemon = await served(t);
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'logs'));
  const { host, port } = daemon.ndmpPortal;
  const at = `${host}:${port}@library0`;
  const lines = [
    'org "test"',
    `logdir "${folder}/logs"`,
    'define changer robot {',
    `  tpchanger "chg-ndmp:${at}/changer"`,
    `  property "tape-device" "0=ndmp:${at}/drive0"`,
    `  property append "tape-device" "1=ndmp:${at}/drive1"`,
    `  property "ndmp-username" "${user}"`,
    `  property "ndmp-password" "${secret}"`,
    `  changerfile "${folder}/changer.state"`,
    '}',
  ];
  await writeFile(join(folder, 'amanda.conf'), `${lines.join('\n')}\n`);
  await allSteps(t, 'amanda-changer', [], folder);
});

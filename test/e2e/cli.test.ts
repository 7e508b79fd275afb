/** The command line against the real daemon, each in a process of its own. */
import { stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Daemon, mainModule, mustRun, runProgram, startDaemon, tempFolder, testWith } from '#support';

interface Tape {
  readonly barcode: string;
  readonly elementAddress: number | null;
  readonly location: string;
  readonly size: number;
  readonly used: number;
  readonly protected: boolean;
  readonly worm: boolean;
}

async function start(t: ExecutionContext, args: readonly string[] = []): Promise<Daemon> {
  return await startDaemon(t, await tempFolder(t), args);
}
const tapes = async (daemon: Daemon): Promise<Tape[]> => await daemon.json<Tape[]>('tape', 'list');
const locationOf = async (daemon: Daemon, barcode: string): Promise<string | undefined> =>
  (await tapes(daemon)).find((tape) => tape.barcode === barcode)?.location;

test('a first start makes a library behind one target, and all of it is there again after a restart', async (t) => {
  const home = await tempFolder(t);
  const first = await startDaemon(t, home);
  t.is(first.ready.targets.length, 1);
  t.regex(first.targetName, /^iqn\.2026-11\.org\.tapesilo:[0-9a-f]{8}:library0$/);
  t.deepEqual(
    first.ready.targets[0]?.luns.map(({ lun, kind }) => [lun, kind]),
    [
      [0, 'changer'],
      [1, 'tape'],
      [2, 'tape'],
      [3, 'tape'],
      [4, 'tape'],
    ],
  );
  const [library] = await first.json<Record<string, unknown>[]>('library', 'list');
  t.like(library, { name: 'library0', type: 'IBM 03584L32', drives: 4, slots: 40, mailSlots: 4, tapes: 20 });
  await first.json('tape', 'move', 'TS0003L8', '--to', 'drive1');
  await first.json('tape', 'create', '--barcode', 'A00001L8', '--size', '16M', '--to', 'slot40');
  await first.json('tape', 'protect', 'A00001L8');
  await first.json('tape', 'export', 'TS0004L8');
  await first.json('drive', 'set', 'drive2', '--serial', 'MYSERIAL01');
  const before = await tapes(first);
  t.is(await first.end('SIGTERM'), 0);

  const again = await startDaemon(t, home);
  t.deepEqual(again.ready.targets[0]?.luns, await lunsOf(again));
  t.is(again.targetName, first.targetName);
  t.deepEqual(await tapes(again), before);
  const drives = await again.json<{ serial: string; state: string; barcode: string | null }[]>(
    'drive',
    'list',
  );
  t.like(drives[1], { state: 'ready', barcode: 'TS0003L8' });
  t.is(drives[2]?.serial, 'MYSERIAL01');
  t.is(await again.end('SIGINT'), 0);
});

async function lunsOf(daemon: Daemon): Promise<readonly unknown[]> {
  const luns = await daemon.json<{ target: string }[]>('lun', 'list');
  return luns.map(({ target: _target, ...lun }) => lun);
}

test('cartridges are made, moved, exported, imported, protected, erased and destroyed', async (t) => {
  const daemon = await start(t);
  const made = await daemon.json<Tape[]>(
    'tape',
    'create',
    '--count',
    '3',
    '--prefix',
    'XY',
    '--suffix',
    'L7',
    '--size',
    '16M',
  );
  t.deepEqual(
    made.map(({ barcode, location, size }) => [barcode, location, size]),
    [
      ['XY0001L7', 'slot21', 16 * 1024 ** 2],
      ['XY0002L7', 'slot22', 16 * 1024 ** 2],
      ['XY0003L7', 'slot23', 16 * 1024 ** 2],
    ],
  );
  const address = made[0]?.elementAddress ?? 0;
  t.is((await tapes(daemon)).find(({ location }) => location === 'slot1')?.elementAddress, address - 20);

  await daemon.json('tape', 'move', 'XY0001L7', '--to', 'ie1');
  t.is(await locationOf(daemon, 'XY0001L7'), 'ie1');
  await daemon.json('tape', 'move', 'XY0001L7', '--to', 'shelf');
  t.like(
    (await tapes(daemon)).find(({ barcode }) => barcode === 'XY0001L7'),
    { location: 'shelf', elementAddress: null },
  );
  await daemon.json('tape', 'import', 'XY0001L7', '--to', 'slot30');
  t.is(await locationOf(daemon, 'XY0001L7'), 'slot30');

  await daemon.json('tape', 'move', 'XY0002L7', '--to', 'drive0');
  await daemon.json('drive', 'unload', 'drive0');
  t.is(await locationOf(daemon, 'XY0002L7'), 'drive0');
  await daemon.json('drive', 'unload', 'drive0', '--to', 'home');
  t.is(await locationOf(daemon, 'XY0002L7'), 'slot22');

  await daemon.json('tape', 'protect', 'XY0002L7');
  t.is((await daemon.cli('tape', 'erase', 'XY0002L7')).status, 6);
  t.is((await daemon.cli('tape', 'delete', 'XY0002L7')).status, 6);
  await daemon.json('tape', 'protect', 'XY0002L7', '--off');
  await daemon.json('tape', 'erase', 'XY0002L7');
  await daemon.json('tape', 'delete', 'XY0002L7');
  t.is(await locationOf(daemon, 'XY0002L7'), undefined);
});

test('what goes wrong has a status, a message that says what to do, and no stack', async (t) => {
  const daemon = await start(t);
  await daemon.json('tape', 'create', '--barcode', 'W00001LY');
  const wrong: readonly (readonly [string, number, RegExp])[] = [
    ['tape list --frobnicate', 2, /Unknown argument: frobnicate: see `tapesilo tape list --help`/],
    ['tape move TS0001L8 --to slot0x', 2, /--to|to: give drive0, slot12, ie1 or shelf/],
    ['tape create --count 0 --suffix L8', 2, /count: give a whole number from 1/],
    ['tape create --barcode NOSUFFIX', 2, /does not say what medium/],
    ['tape move NOPE --to slot30', 4, /no cartridge NOPE: see `tapesilo tape list`/],
    ['tape move TS0001L8 --to slot99', 4, /no slot99: see `tapesilo library map`/],
    ['library show other', 4, /no library other/],
    ['tape move TS0001L8 --to slot2', 5, /slot2 holds a cartridge/],
    ['tape create --barcode TS0001L8', 5, /TS0001L8 already/],
    ['tape erase W00001LY', 6, /WORM/],
    ['slot delete --count 40', 5, /slot20|move it/],
  ];
  for (const [command, status, message] of wrong) {
    const ended = await daemon.cli(...command.split(' '));
    t.is(ended.status, status, `${command}: ${ended.stderr}`);
    t.regex(ended.stderr, message);
    t.is(ended.stdout, '', command);
    t.notRegex(ended.stderr, /\n\s+at |Error:/, command);
  }
  const asJson = await daemon.cli('tape', 'show', 'NOPE', '--json');
  t.is(asJson.status, 4);
  t.like(JSON.parse(asJson.stdout), { error: { code: 'not-found' } });

  const nobody = await runProgram(process.execPath, [
    mainModule,
    'tape',
    'list',
    '--home',
    await tempFolder(t),
  ]);
  t.is(nobody.status, 8);
  t.regex(nobody.stderr, /No daemon runs on .*: start one with `tapesilo serve --home/);
});

test('secrets come from a file, a program or standard input, and are seen nowhere', async (t) => {
  const daemon = await start(t);
  const secret = 'correct horse battery';
  const cli = [mainModule, 'target', 'chap', '--home', daemon.home, '--json'];
  const fromInput = await runProgram(process.execPath, [...cli, '--user', 'one', '--secret', '-'], {
    input: `${secret}1\n`,
  });
  t.is(fromInput.status, 0, fromInput.stderr);
  await daemon.json(
    'target',
    'chap',
    '--user',
    'two',
    '--secret-command',
    `echo ${secret.replaceAll(' ', '-')}`,
  );
  await daemon.json('target', 'chap', '--mutual-user', 'silo', '--mutual-secret', `${secret}3`);
  const shown = await daemon.cli('target', 'show', '--json');
  t.like(JSON.parse(shown.stdout), {
    users: ['one', 'two'],
    mutualUser: 'silo',
    authentication: 'mutual CHAP',
  });
  t.notRegex(shown.stdout + daemon.log + fromInput.stdout, /horse/);

  const short = await daemon.cli('target', 'chap', '--user', 'x', '--secret', 'short');
  t.is(short.status, 2);
  t.regex(short.stderr, /12 to 255 bytes/);
  const same = await daemon.cli('target', 'chap', '--user', 'x', '--secret', `${secret}3`);
  t.is(same.status, 2);
  t.regex(same.stderr, /must not be that of a user/);
  for (const [name, mode] of [
    ['.', 0o700],
    ['catalog.db', 0o600],
    ['admin.sock', 0o660],
  ] as const) {
    t.is((await stat(join(daemon.home, name))).mode & 0o777, mode, name);
  }
});

test('strangers are kept out: other addresses need CHAP or a list', async (t) => {
  const home = await tempFolder(t);
  const serve = [mainModule, 'serve', '--home', home, '--json', '--listen', '0.0.0.0:0'];
  const refused = await runProgram(process.execPath, serve);
  t.is(refused.status, 7);
  t.regex(
    refused.stderr,
    /Anybody who reaches 0\.0\.0\.0 could use iqn\..*First serve on 127\.0\.0\.1 only.*tapesilo target chap/,
  );
  t.notRegex(refused.stderr, /\n\s+at /);

  const daemon = await startDaemon(t, home);
  t.is((await daemon.cli('portal', 'create', '0.0.0.0:0')).status, 7);
  await daemon.json('initiator', 'create', 'iqn.1993-08.org.debian:01:host', '--luns', '0-2');
  const portal = await daemon.json<{ portal: string; kept: boolean }>(
    'portal',
    'create',
    '0.0.0.0:0',
    '--announce',
    '192.0.2.9',
  );
  t.like(portal, { kept: true, announce: `192.0.2.9:${portal.portal.split(':')[1]}` });
  t.is((await daemon.cli('initiator', 'delete', '1')).status, 7);
  t.is((await daemon.cli('target', 'create', 'iqn.2026-11.com.example:open')).status, 7);
  t.is((await daemon.cli('library', 'create', 'library1')).status, 7);
  t.is(await daemon.end(), 0);

  const again = await startDaemon(t, home);
  const portals = await again.json<{ portal: string; state: string }[]>('portal', 'list');
  t.true(portals.some((one) => one.portal === portal.portal && one.state === 'open'));
});

test('libraries, drives, slots and LUNs come and go while others work', async (t) => {
  const daemon = await start(t);
  await daemon.json('drive', 'create', '--count', '2', '--type', 'ult3580-td9');
  const luns = await daemon.json<{ lun: number; name: string }[]>('lun', 'list');
  t.deepEqual(luns.map(({ lun, name }) => [lun, name]).slice(-2), [
    [5, 'drive4'],
    [6, 'drive5'],
  ]);
  await daemon.json('drive', 'delete', 'drive4');
  await daemon.json('slot', 'create', '--count', '10');
  await daemon.json('mail-slot', 'delete', '--count', '2');
  await daemon.json(
    'library',
    'create',
    'library1',
    '--type',
    'STK L700',
    '--drives',
    '2',
    '--drive-type',
    'ULT3580-TD5',
    '--slots',
    '6',
  );
  const libraries = await daemon.json<Record<string, unknown>[]>('library', 'list');
  t.like(libraries[0], { drives: 5, slots: 50, mailSlots: 2 });
  t.like(libraries[1], { name: 'library1', drives: 2, slots: 6, mailSlots: 4 });

  const ambiguous = await daemon.cli('slot', 'create');
  t.is(ambiguous.status, 2);
  t.regex(ambiguous.stderr, /Say which library with --library: library0, library1/);
  await daemon.json('tape', 'create', '--barcode', 'Z00001L5', '--library', 'library1', '--to', 'slot2');
  await daemon.json('library', 'delete', 'library1');
  t.is(await locationOf(daemon, 'Z00001L5'), 'shelf');
  const targets = await daemon.json<{ name: string; luns: number }[]>('target', 'list');
  t.deepEqual(
    targets.map(({ luns: count }) => count),
    [6, 0],
  );
});

test('output that fills the pipe arrives whole', async (t) => {
  const daemon = await start(t);
  await daemon.json('library', 'create', 'wide', '--slots', '10000', '--drives', '0');
  t.is((await daemon.json<unknown[]>('slot', 'list', '--library', 'wide')).length, 10_000);
  const map = await daemon.cli('library', 'map', 'wide');
  t.true(map.stdout.includes('slot10000'));
});

test('kill -9 leaves a home that starts by itself, and a second daemon is refused', async (t) => {
  const home = await tempFolder(t);
  const first = await startDaemon(t, home);
  await first.json('tape', 'move', 'TS0001L8', '--to', 'drive0');
  const second = await runProgram(process.execPath, [
    mainModule,
    'serve',
    '--home',
    home,
    '--listen',
    '127.0.0.1:0',
  ]);
  t.is(second.status, 5);
  t.regex(second.stderr, new RegExp(`is served by process ${first.pid} already`));
  await first.end('SIGKILL');
  const again = await startDaemon(t, home);
  t.is(await locationOf(again, 'TS0001L8'), 'drive0');
  t.regex(again.log, /The last run did not stop by itself/);
});

test('a home keeps the store that it was made with', async (t) => {
  const home = await tempFolder(t);
  const first = await startDaemon(t, home, ['--store', 'dedup']);
  await first.json('tape', 'move', 'TS0001L8', '--to', 'drive0');
  await first.end();
  const args = [mainModule, 'serve', '--home', home, '--listen', '127.0.0.1:0', '--store', 'plain'];
  const refused = await runProgram(process.execPath, args);
  t.is(refused.status, 5);
  t.regex(refused.stderr, /keeps its cartridges in a dedup store/);
  const again = await startDaemon(t, home);
  t.is(await locationOf(again, 'TS0001L8'), 'drive0');
});

test('the admin socket survives nonsense', async (t) => {
  const daemon = await start(t);
  const say = async (text: string): Promise<string> =>
    await new Promise((resolve) => {
      const socket = createConnection(join(daemon.home, 'admin.sock'));
      const heard: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => {
        heard.push(chunk);
        socket.end();
      });
      socket.on('close', () => resolve(Buffer.concat(heard).toString()));
      socket.on('error', () => undefined); // dropped while we still write
      socket.write(text);
    });
  t.like(JSON.parse(await say('nonsense\n')), { ok: false, error: { code: 'usage' } });
  t.like(JSON.parse(await say('{"verb":"__proto__"}\n')), { ok: false, error: { code: 'usage' } });
  t.like(JSON.parse(await say('{"verb":"tape.show","input":{"barcode":"TS0001L8","__proto__":{"x":1}}}\n')), {
    ok: false,
  });
  t.is(await say(`{"verb":"${'x'.repeat(2 * 1024 * 1024)}`), '');
  t.is((await tapes(daemon)).length, 20);
});

testWith(
  ['iscsi-ls', 'iscsi-inq'],
  'libiscsi sees the changer and the drives, and nothing without the secret',
  async (t) => {
    const daemon = await start(t);
    const url = `iscsi://${daemon.portal.host}:${daemon.portal.port}`;
    const listing = await mustRun(t, 'iscsi-ls', ['-s', url]);
    t.is(listing.match(/SEQUENTIAL_ACCESS/g)?.length, 4);
    t.regex(listing, /Lun:0 +Type:MEDIA_CHANGER/);
    const inquiry = await mustRun(t, 'iscsi-inq', [`${url}/${daemon.targetName}/1`]);
    t.regex(inquiry, /Vendor:IBM\s+\nProduct:ULT3580-TD8/);

    await daemon.json('target', 'chap', '--user', 'backup', '--secret', 'correct horse');
    t.not((await runProgram('iscsi-inq', [`${url}/${daemon.targetName}/0`])).status, 0);
    const withUser = `iscsi://backup%correct horse@${daemon.portal.host}:${daemon.portal.port}/${daemon.targetName}/0`;
    t.regex(await mustRun(t, 'iscsi-inq', [withUser]), /Product:03584L32/);
  },
);

testWith(['iscsi-ls'], 'a list of initiators admits by name and shows what its mask lets see', async (t) => {
  const daemon = await start(t);
  const url = `iscsi://${daemon.portal.host}:${daemon.portal.port}`;
  const list = async (initiator: string): Promise<string> =>
    (await runProgram('iscsi-ls', ['-s', '-i', initiator, url])).stdout;
  await daemon.json('initiator', 'create', 'iqn.2026-11.com.example:friend', '--luns', '0,2');
  const seen = await list('iqn.2026-11.com.example:friend');
  t.deepEqual(
    [...seen.matchAll(/Lun:(\d+)/g)].map(([, lun]) => lun),
    ['0', '2'],
  );
  t.notRegex(await list('iqn.2026-11.com.example:stranger'), /Lun:/);
  await daemon.json('initiator', 'create', '--address', '127.0.0.0/8');
  t.is((await list('iqn.2026-11.com.example:stranger')).match(/Lun:/g)?.length, 5);
});

testWith(['iscsi-ls'], 'discovery gives the announced address, which may change', async (t) => {
  const daemon = await start(t, ['--listen', '127.0.0.1:0', '--announce', '192.0.2.9']);
  const { port } = daemon.portal;
  t.regex(
    await mustRun(t, 'iscsi-ls', [`iscsi://127.0.0.1:${port}`]),
    new RegExp(`Portal:192\\.0\\.2\\.9:${port},1`),
  );
  const portal = `127.0.0.1:${port}`;
  await daemon.json('portal', 'set', portal, '--announce', '[2001:db8::9]:3333');
  t.regex(await mustRun(t, 'iscsi-ls', [`iscsi://127.0.0.1:${port}`]), /Portal:\[2001:db8::9\]:3333,1/);
  await daemon.json('portal', 'set', portal, '--no-announce');
  t.regex(
    await mustRun(t, 'iscsi-ls', [`iscsi://127.0.0.1:${port}`]),
    new RegExp(`Portal:127\\.0\\.0\\.1:${port},1`),
  );
});

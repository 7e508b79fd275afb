/** Storage groups of the real daemon: quotas, folders that are not mounted, work at length. */
import { chmod, mkdir, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { realEnv } from '#env';
import { type Daemon, startDaemon, tempFolder } from '#support';
import { Host } from '../sim/host.js';
import { InitiatorSession } from '../sim/session.js';
import { recordBytes } from '../sim/tape-model.js';

const MiB = 1024 * 1024;
const recordLength = 256 * 1024;
const keys = { InitialR2T: 'No', ImmediateData: 'Yes', MaxRecvDataSegmentLength: '262144' };

/** As `group show --json` tells it. */
interface GroupView {
  readonly name: string;
  readonly state: string;
  readonly problem?: string;
  readonly default: boolean;
  readonly tapes: number;
  readonly logicalBytes: number;
  readonly uniqueBytes: number;
  readonly compressedBytes: number;
  readonly physicalBytes: number;
  readonly reclaimableBytes: number;
  readonly freeBytes: number;
  readonly ratio: number | null;
}
interface TapeView {
  readonly barcode: string;
  readonly group: string | null;
}

async function login(
  t: ExecutionContext,
  daemon: Daemon,
): Promise<{ session: InitiatorSession; host: Host }> {
  const session = await InitiatorSession.login(realEnv().net, daemon.portal, {
    target: daemon.targetName,
    keys,
  });
  t.teardown(() => session.close());
  return { session, host: new Host(session) };
}
const record = (seed: number) => ({ kind: 'record', seed, length: recordLength }) as const;

/** Records until the tape is full; how many there are on it. */
async function fill(host: Host, lun: number, most: number): Promise<number> {
  for (let seed = 1; seed <= most; seed++) {
    const full = await host.write(lun, record(seed)).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (full?.includes('sense d/0002') === true) return seed - 1; // VOLUME OVERFLOW
    // EARLY WARNING: it is written.
    if (full !== undefined && !full.includes('sense 0/0002')) throw new Error(full);
  }
  return most;
}

test('a group of its own, with a quota: it fills up, and nobody else notices', async (t) => {
  const folder = join(await tempFolder(t), 'archive');
  const daemon = await startDaemon(t, await tempFolder(t));
  const made = await daemon.jsonHere<GroupView>(
    'group',
    'create',
    'archive',
    '--folder',
    folder,
    '--quota',
    '32M',
    '--density',
    'fast',
  );
  t.like(made, { name: 'archive', state: 'open', tapes: 0, quotaBytes: 32 * MiB, default: false });
  const [tape] = await daemon.jsonHere<TapeView[]>(
    'tape', 'create', '--barcode', 'A00001L8', '--group', 'archive', '--to', 'slot30',
  ); // prettier-ignore
  t.is(tape?.group, 'archive');
  await daemon.jsonHere('tape', 'move', 'A00001L8', '--to', 'drive0');
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive1');
  const { session, host } = await login(t, daemon);
  const written = await fill(host, 1, 200);
  t.true(written > 80 && written < 128, `${written} records of 256 KiB in 32 MiB`);
  await host.writeFilemarks(1, 0, false).catch(() => undefined); // what it can, it makes durable
  await host.write(2, record(1));
  await host.writeFilemarks(2, 1, false);
  const full = await daemon.jsonHere<GroupView>('group', 'show', 'archive');
  t.true(full.physicalBytes <= 32 * MiB, `${full.physicalBytes}`);
  t.true(full.logicalBytes >= written * recordLength, `${full.logicalBytes}`);
  await host.rewind(1);
  for (let seed = 1; seed <= written; seed += 20) {
    await host.locate(1, seed - 1);
    const got = await host.read(1, recordLength);
    t.true(typeof got === 'object' && got.record.equals(recordBytes(seed, recordLength)), `record ${seed}`);
  }
  // More room: the same tape takes more, at once.
  await daemon.jsonHere('group', 'set', 'archive', '--quota', '64M');
  await host.space(1, 'eod', 0);
  await host.write(1, record(1000)).catch((error: unknown) => t.true(String(error).includes('0/0002')));
  const less = await daemon.cliHere('group', 'set', 'archive', '--quota', '16M');
  t.is(less.status, 3);
  t.regex(less.stderr, /takes more than its quota already/);
  await daemon.jsonHere('group', 'set', 'archive', '--quota', '64M');
  t.deepEqual(
    (await daemon.jsonHere<TapeView[]>('tape', 'list', '--group', 'archive')).map(({ barcode }) => barcode),
    ['A00001L8'],
  );
  const whole = await daemon.jsonHere<GroupView & { quotaBytes: number }>('group', 'show', 'archive');
  t.is(whole.quotaBytes, 64 * MiB);
  await session.logout();
});

test('what is written twice is stored once, within a group and not across groups', async (t) => {
  const daemon = await startDaemon(t, await tempFolder(t));
  await daemon.jsonHere('group', 'create', 'other');
  await daemon.jsonHere('tape', 'create', '--barcode', 'B00001L8', '--group', 'other');
  const tapes = { 1: 'TS0001L8', 2: 'TS0002L8', 3: 'B00001L8' } as const;
  for (const [lun, barcode] of Object.entries(tapes))
    await daemon.jsonHere('tape', 'move', barcode, '--to', `drive${Number(lun) - 1}`);
  const { session, host } = await login(t, daemon);
  for (const lun of [1, 2, 3]) {
    for (let seed = 1; seed <= 16; seed++) await host.write(lun, record(seed));
    await host.writeFilemarks(lun, 1, false);
  }
  const bytes = 16 * recordLength;
  const both = await daemon.jsonHere<GroupView>('group', 'show');
  t.true(both.logicalBytes >= 2 * bytes && both.logicalBytes < 2.1 * bytes, `${both.logicalBytes}`);
  t.true(both.uniqueBytes < 1.2 * bytes, `${both.uniqueBytes}`);
  t.true((both.ratio ?? 0) > 1.6, `${both.ratio}`);
  const one = await daemon.jsonHere<GroupView>('group', 'show', 'other');
  t.true(one.uniqueBytes > 0.99 * bytes && one.physicalBytes >= bytes);
  const { capacity } = await daemon.jsonHere<{ capacity: Record<string, number> }>('daemon', 'show');
  t.is(capacity['logicalBytes'], both.logicalBytes + one.logicalBytes);
  await session.logout();

  // What is not needed any more is told, planned and freed.
  await daemon.jsonHere('drive', 'unload', 'drive2', '--to', 'home');
  await daemon.jsonHere('tape', 'erase', 'B00001L8');
  const plan = await daemon.jsonHere<{ freedBytes: number }>('group', 'collect', 'other', '--plan');
  t.true(plan.freedBytes >= bytes / 2, `${plan.freedBytes}`);
  t.true((await daemon.jsonHere<GroupView>('group', 'show', 'other')).physicalBytes >= bytes, 'only planned');
  const freed = await daemon.jsonHere<{ freedBytes: number }>('group', 'collect', 'other', '--wait');
  t.true(freed.freedBytes >= bytes / 2, `${freed.freedBytes}`);
  t.true((await daemon.jsonHere<GroupView>('group', 'show', 'other')).physicalBytes < bytes / 2);
  t.like(await daemon.jsonHere('group', 'scrub', '--wait'), { damagedContainers: 0, damage: [] });
  await daemon.jsonHere('group', 'optimize', '--wait');
  const shown = await daemon.jsonHere<{ progress: { work: string; state: string } }>('group', 'show');
  t.like(shown.progress, { work: 'optimize', state: 'done' });
});

test('a folder that is not mounted is no empty group: nothing is made in it, and all is there when it is back', async (t) => {
  const home = await tempFolder(t);
  const top = await tempFolder(t);
  const folder = join(top, 'disk');
  const first = await startDaemon(t, home);
  await first.jsonHere('group', 'create', 'away', '--folder', folder);
  await first.jsonHere('tape', 'create', '--barcode', 'A00001L8', '--group', 'away', '--to', 'slot30');
  await first.jsonHere('tape', 'move', 'A00001L8', '--to', 'drive0');
  const before = await login(t, first);
  await before.host.write(1, record(1));
  await before.host.writeFilemarks(1, 1, false);
  await before.session.logout();
  t.is(await first.end(), 0);
  await rename(folder, join(top, 'kept'));
  await mkdir(folder);

  const daemon = await startDaemon(t, home);
  const listed = await daemon.cliHere('group', 'list');
  t.is(listed.status, 0);
  t.regex(listed.stdout, /away +absent/);
  t.regex(
    listed.stderr,
    /away is not open: .* holds no storage group: mount its disk there, then `tapesilo group open away`/,
  );
  const { host } = await login(t, daemon);
  t.false(await host.isReady(1));
  const refused: readonly (readonly [string, number, RegExp])[] = [
    ['tape create --barcode A00002L8 --group away', 5, /away is not open: .*mount its disk/],
    ['tape delete A00001L8', 5, /drive0: take it out first/],
    ['group scrub away', 5, /away is not open/],
    ['group delete away', 5, /A cartridge is in storage group away: A00001L8/],
    ['group open away', 5, /holds no storage group/],
  ];
  for (const [command, status, message] of refused) {
    const ended = await daemon.cliHere(...command.split(' '));
    t.is(ended.status, status, `${command}: ${ended.stderr}`);
    t.regex(ended.stderr, message);
  }
  await daemon.jsonHere('drive', 'unload', 'drive0', '--to', 'home');
  const kept = await daemon.cliHere('tape', 'delete', 'A00001L8');
  t.is(kept.status, 5);
  t.regex(kept.stderr, /away is not open/);
  const moved = await daemon.cliHere('tape', 'move', 'A00001L8', '--to', 'drive0');
  t.is(moved.status, 3);
  t.regex(moved.stderr, /drive0 refuses A00001L8: its storage group is not open/);
  t.deepEqual(await readdir(folder), []);
  // The others work.
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive1');
  await host.write(2, record(2));
  await host.writeFilemarks(2, 1, false);

  // The wrong disk is as good as none.
  await rmdir(folder);
  await rename(join(home, 'store'), folder).then(async () => await rename(folder, join(home, 'store')));
  await rename(join(top, 'kept'), folder);
  const opened = await daemon.cliHere('group', 'open', 'away');
  t.is(opened.status, 0, opened.stderr);
  t.regex(opened.stderr, /Storage group away is open\nLoaded A00001L8 in drive0/);
  t.true(await host.isReady(1));
  const got = await host.read(1, recordLength);
  t.true(typeof got === 'object' && got.record.equals(recordBytes(1, recordLength)));
  t.is(await daemon.end(), 0);
});

test('another group where one was is not taken for it', async (t) => {
  const home = await tempFolder(t);
  const top = await tempFolder(t);
  const first = await startDaemon(t, home);
  await first.jsonHere('group', 'create', 'one', '--folder', join(top, 'one'));
  await first.jsonHere('group', 'create', 'two', '--folder', join(top, 'two'), '--kind', 'plain');
  await first.jsonHere('group', 'create', 'three', '--folder', join(top, 'three'));
  await first.jsonHere('group', 'create', 'four');
  await first.end();
  for (const name of ['superblock-0', 'superblock-1'])
    await writeFile(join(first.home, 'groups/four', name), 'not what was there');
  await rename(join(top, 'one'), join(top, 'was-one'));
  await rename(join(top, 'three'), join(top, 'one'));
  const daemon = await startDaemon(t, home);
  const groups = await daemon.jsonHere<GroupView[]>('group', 'list');
  t.deepEqual(
    groups.map(({ name, state }) => [name, state]),
    [
      ['default', 'open'],
      ['one', 'absent'],
      ['two', 'open'],
      ['three', 'absent'],
      ['four', 'damaged'],
    ],
  );
  t.regex(groups[1]?.problem ?? '', /holds another storage group/);
  t.is((await daemon.cliHere('group', 'delete', 'one')).status, 0);
  t.true((await readdir(join(top, 'one'))).includes('superblock-0'), 'it was not ours to remove');
  t.is((await daemon.cliHere('group', 'delete', 'two')).status, 0);
  t.deepEqual(await readdir(join(top, 'two')), []);
});

test('what a group may be, and may not', async (t) => {
  const daemon = await startDaemon(t, await tempFolder(t));
  await daemon.jsonHere('group', 'create', 'second');
  const wrong: readonly (readonly [string, number, RegExp])[] = [
    ['group create second', 5, /second already: choose another name/],
    ['group create x --folder /etc', 5, /holds other things: choose a new or an empty folder/],
    [`group create x --folder ${daemon.home}/store/inner`, 5, /kept by the home for itself/],
    [`group create x --folder ${daemon.home}/groups/second/inner`, 5, /of storage group second/],
    ['group create x --quota 1M', 2, /quota: give a size/],
    ['group create x --density thick', 2, /density: give one of "adaptive", "fast", "dense", "none"/],
    ['group delete default', 5, /first make another one that, with `tapesilo group set NAME --default`/],
    ['group show third', 4, /no storage group third: see `tapesilo group list`/],
    ['group set second', 2, /Say what to change/],
    ['group set second --rename default', 5, /default already/],
    ['tape create --barcode A00001L8 --group third', 4, /no storage group third/],
    ['group open second', 5, /second is open/],
  ];
  for (const [command, status, message] of wrong) {
    const ended = await daemon.cliHere(...command.split(' '));
    t.is(ended.status, status, `${command}: ${ended.stderr}`);
    t.regex(ended.stderr, message);
    t.notRegex(ended.stderr, /\n\s+at |Error:/, command);
  }
  await daemon.jsonHere('group', 'set', 'second', '--default', '--rename', 'main');
  const named = await daemon.jsonHere<{ folder: string }>('group', 'create', 'second');
  t.is(named.folder, join(daemon.home, 'groups/second-2'), 'the one that was renamed has kept its folder');
  const [made] = await daemon.jsonHere<TapeView[]>('tape', 'create', '--barcode', 'A00001L8');
  t.is(made?.group, 'main');
  const [cleaning] = await daemon.jsonHere<TapeView[]>('tape', 'create', '--barcode', 'CLN001CU');
  t.is(cleaning?.group, null);
  const shown = await daemon.jsonHere<TapeView>('tape', 'show', 'TS0001L8');
  t.is(shown.group, 'default');
});

test('an encrypted group opens with its key only, and a shredded cartridge with none', async (t) => {
  const home = await tempFolder(t);
  const keyFile = join(await tempFolder(t), 'vault.key');
  const secret = 'correct horse battery staple';
  const first = await startDaemon(t, home);
  const made = await first.cliHere('group', 'create', 'vault', '--passphrase', secret);
  t.is(made.status, 0, made.stderr);
  t.regex(
    made.stderr,
    /without it nobody can read.*\nAfter every start of the daemon: `tapesilo group unlock vault`/,
  );
  await first.jsonHere('tape', 'create', '--barcode', 'V00001L8', '--group', 'vault', '--to', 'slot30');
  await first.jsonHere('tape', 'move', 'V00001L8', '--to', 'drive0');
  const before = await login(t, first);
  await before.host.write(1, record(1));
  await before.host.writeFilemarks(1, 1, false);
  await before.session.logout();
  t.is(await first.end(), 0);

  const daemon = await startDaemon(t, home);
  const { host } = await login(t, daemon);
  t.false(await host.isReady(1));
  t.like(await daemon.jsonHere('group', 'show', 'vault'), { state: 'locked', encryption: 'passphrase' });
  const wrong = await daemon.cliHere('group', 'unlock', 'vault', '--passphrase', 'wrong horse battery');
  t.is(wrong.status, 7);
  t.regex(wrong.stderr, /does not open the storage group/);
  t.is((await daemon.cliHere('group', 'unlock', 'default', '--passphrase', secret)).status, 5);
  await daemon.jsonHere('group', 'unlock', 'vault', '--passphrase', secret);
  t.true(await host.isReady(1));
  const got = await host.read(1, recordLength);
  t.true(typeof got === 'object' && got.record.equals(recordBytes(1, recordLength)));
  t.like(await daemon.jsonHere('tape', 'verify', 'V00001L8', '--wait'), {
    sound: true,
    damaged: [],
    objects: 2,
  });

  await daemon.jsonHere('tape', 'fork', 'V00001L8', 'V00002L8', '--to', 'slot31');

  // Another key: from now on a file, which the daemon finds by itself.
  await writeFile(keyFile, Buffer.alloc(32, 7), { mode: 0o644 });
  const open = await daemon.cliHere('group', 'rotate-key', 'vault', '--key-file', keyFile);
  t.regex(open.stderr, /chmod 600/);
  await chmod(keyFile, 0o600);
  await daemon.jsonHere('group', 'rotate-key', 'vault', '--key-file', keyFile);
  t.is((await daemon.cliHere('group', 'rotate-key', 'default', '--key-file', keyFile)).status, 5);
  t.is(await daemon.end(), 0);
  t.notRegex(first.log + daemon.log, /horse/);

  const again = await startDaemon(t, home);
  t.like(await again.jsonHere('group', 'show', 'vault'), {
    state: 'open',
    encryption: 'file',
    keyPlace: keyFile,
  });
  t.is((await again.cliHere('tape', 'shred', 'V00001L8')).status, 5, 'it is in a drive');
  await again.jsonHere('drive', 'unload', 'drive0', '--to', 'home');
  t.regex((await again.cliHere('tape', 'shred', 'TS0001L8')).stderr, /not in an encrypted storage group/);
  await again.jsonHere('tape', 'shred', 'V00001L8');
  t.is((await again.cliHere('tape', 'show', 'V00001L8')).status, 4);
  // What was forked from it has a key of its own.
  await again.jsonHere('tape', 'move', 'V00002L8', '--to', 'drive1');
  const after = await login(t, again);
  const same = await after.host.read(2, recordLength);
  t.true(typeof same === 'object' && same.record.equals(recordBytes(1, recordLength)));
  const catalog = await readFile(join(home, 'catalog.db'));
  t.false(catalog.includes('horse'));
});

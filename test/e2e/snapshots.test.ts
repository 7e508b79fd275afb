/** Points in time of cartridges, through the real daemon: what a host reads after going back, and from a fork. */
import test, { type ExecutionContext } from 'ava';
import { realEnv } from '#env';
import { type Daemon, startDaemon, tempFolder } from '#support';
import { Host } from '../sim/host.js';
import { InitiatorSession } from '../sim/session.js';
import { recordBytes } from '../sim/tape-model.js';

const length = 64 * 1024;
const keys = { InitialR2T: 'No', ImmediateData: 'Yes', MaxRecvDataSegmentLength: '262144' };
const drive = 1; // its LUN

interface Snapshot {
  readonly name: string;
  readonly taken: string;
  readonly logicalBytes: number;
}

interface Bench {
  readonly daemon: Daemon;
  readonly host: Host;
  /** Loads it and writes the records at its beginning, synchronised. */
  readonly write: (barcode: string, seeds: readonly number[]) => Promise<void>;
  /** Loads it and reads what is on it: seeds of records. */
  readonly read: (barcode: string, candidates: readonly number[]) => Promise<(number | 'filemark')[]>;
  readonly away: () => Promise<void>;
}

async function setUp(t: ExecutionContext, args: readonly string[] = []): Promise<Bench> {
  const daemon = await startDaemon(t, await tempFolder(t), args);
  const to = { target: daemon.targetName, keys };
  const session = await InitiatorSession.login(realEnv().net, daemon.portal, to);
  t.teardown(() => session.close());
  const host = new Host(session);
  return {
    daemon,
    host,
    write: async (barcode, seeds) => {
      await daemon.jsonHere('tape', 'move', barcode, '--to', 'drive0');
      for (const seed of seeds) await host.write(drive, { kind: 'record', seed, length });
      await host.writeFilemarks(drive, 1, false);
    },
    read: async (barcode, candidates) => {
      await daemon.jsonHere('tape', 'move', barcode, '--to', 'drive0');
      const found: (number | 'filemark')[] = [];
      for (;;) {
        const got = await host.read(drive, length);
        if (got === undefined) break;
        if (got === 'filemark') found.push(got);
        else found.push(candidates.find((seed) => recordBytes(seed, length).equals(got.record)) ?? NaN);
      }
      await daemon.jsonHere('drive', 'unload', 'drive0', '--to', 'home');
      return found;
    },
    away: async () => void (await daemon.jsonHere('drive', 'unload', 'drive0', '--to', 'home')),
  };
}

test('a cartridge goes back to what it was, and forward again', async (t) => {
  const { daemon, host, write, read, away } = await setUp(t);
  await write('TS0001L8', [1, 2, 3]);
  await host.write(drive, { kind: 'record', seed: 4, length }); // a pause may commit it, or not
  const taken = await daemon.cliHere('tape', 'snapshot', 'TS0001L8', 'first');
  t.is(taken.status, 0, taken.stderr);
  t.regex(
    taken.stderr,
    /Kept TS0001L8 as it is under the name first\nIt is in drive0: what its host has not/,
  );
  const loaded = await daemon.cliHere('tape', 'rollback', 'TS0001L8', 'first');
  t.is(loaded.status, 5);
  t.regex(loaded.stderr, /is in drive0: take it out first with `tapesilo drive unload drive0 --to home`/);
  await away();
  await write('TS0001L8', [100]);
  await away();
  t.deepEqual(await read('TS0001L8', [100]), [100, 'filemark']);

  const back = await daemon.cliHere('tape', 'rollback', 'TS0001L8', 'first');
  t.is(back.status, 0, back.stderr);
  const before = /What it was until now is kept as (before-[\d-]+)\n/.exec(back.stderr)?.[1] ?? '';
  t.deepEqual((await read('TS0001L8', [1, 2, 3, 4])).slice(0, 4), [1, 2, 3, 'filemark']);
  const used = (await daemon.jsonHere<{ used: number }>('tape', 'show', 'TS0001L8')).used;
  t.true(used >= 3 * length && used < 5 * length, 'what is shown of it is what it is again');
  const list = await daemon.jsonHere<Snapshot[]>('tape', 'snapshots', 'TS0001L8');
  t.deepEqual(
    list.map(({ name }) => name),
    ['first', before],
  );
  t.regex(list[0]?.taken ?? '', /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  await daemon.jsonHere('tape', 'rollback', 'TS0001L8', before);
  t.deepEqual(await read('TS0001L8', [100]), [100, 'filemark']);
  t.is(await daemon.end(), 0);
  const again = await startDaemon(t, daemon.home);
  t.is((await again.jsonHere<Snapshot[]>('tape', 'snapshots', 'TS0001L8')).length, 3);
});

test('a fork is a cartridge of its own', async (t) => {
  const { daemon, write, read, away } = await setUp(t);
  await write('TS0001L8', [1, 2]);
  await away();
  await daemon.jsonHere('tape', 'snapshot', 'TS0001L8', 'two');
  await write('TS0001L8', [7]);
  const forked = await daemon.jsonHere<{ barcode: string; location: string; group: string; used: number }>(
    'tape', 'fork', 'TS0001L8', 'FK0001L8', '--at', 'two', '--to', 'slot35',
  ); // prettier-ignore
  t.like(forked, { barcode: 'FK0001L8', location: 'slot35', group: 'default' });
  t.true(forked.used >= 2 * length);
  t.like(await daemon.jsonHere('tape', 'fork', 'TS0001L8', 'FK0002L8'), { location: 'shelf' });
  await away();
  t.deepEqual(await read('FK0001L8', [1, 2]), [1, 2, 'filemark']);
  await write('FK0001L8', [9]);
  await away();
  t.deepEqual(await read('FK0001L8', [9]), [9, 'filemark']);
  t.deepEqual(await read('TS0001L8', [7]), [7, 'filemark']);
  await daemon.jsonHere('tape', 'import', 'FK0002L8', '--to', 'slot36');
  t.deepEqual(await read('FK0002L8', [7]), [7, 'filemark']);
  // All of that, three times over, is stored once.
  t.true((await daemon.jsonHere<{ uniqueBytes: number }>('group', 'show')).uniqueBytes < 6 * length);
});

test('snapshots outlive mistakes: erasing leaves them, destroying asks for more', async (t) => {
  const { daemon, write, read, away } = await setUp(t);
  await write('TS0001L8', [1]);
  await away();
  const named = await daemon.jsonHere<Snapshot>('tape', 'snapshot', 'TS0001L8');
  t.regex(named.name, /^20\d\d-\d\d-\d\d-\d{6}$/);
  await daemon.jsonHere('tape', 'erase', 'TS0001L8');
  const refused = await daemon.cliHere('tape', 'delete', 'TS0001L8');
  t.is(refused.status, 5);
  t.regex(refused.stderr, /has 1 snapshot \(20[\d-]+\), which would go with it: drop them first/);
  await daemon.jsonHere('tape', 'rollback', 'TS0001L8', named.name);
  t.deepEqual(await read('TS0001L8', [1]), [1, 'filemark']);
  await daemon.jsonHere('tape', 'drop-snapshot', 'TS0001L8', named.name);
  t.is((await daemon.jsonHere<Snapshot[]>('tape', 'snapshots', 'TS0001L8')).length, 1);
  await daemon.jsonHere('tape', 'delete', 'TS0001L8', '--with-snapshots');
  await daemon.jsonHere('tape', 'create', '--barcode', 'TS0001L8');
  t.deepEqual(await daemon.jsonHere('tape', 'snapshots', 'TS0001L8'), []);
});

test('what cannot be kept, taken back or forked says why', async (t) => {
  const { daemon } = await setUp(t);
  await daemon.jsonHere('group', 'create', 'files', '--kind', 'plain');
  await daemon.jsonHere('tape', 'create', '--barcode', 'P00001L8', '--group', 'files');
  await daemon.jsonHere('tape', 'create', '--barcode', 'CLN001CU');
  await daemon.jsonHere('tape', 'create', '--barcode', 'W00001LY');
  await daemon.jsonHere('tape', 'snapshot', 'W00001LY', 'a');
  await daemon.jsonHere('tape', 'snapshot', 'TS0002L8', 'a');
  await daemon.jsonHere('tape', 'protect', 'TS0002L8');
  const wrong: readonly (readonly [string, number, RegExp])[] = [
    ['tape snapshot P00001L8', 5, /storage group files, which keeps plain files: snapshots need/],
    ['tape snapshot CLN001CU', 5, /cleaning cartridge/],
    ['tape snapshot TS0002L8 a', 5, /has a snapshot a already/],
    ['tape snapshot TS0002L8 no/name', 2, /a name of letters/],
    ['tape rollback TS0001L8 nope', 4, /no snapshot nope: see `tapesilo tape snapshots TS0001L8`/],
    ['tape rollback W00001LY a', 6, /WORM cartridge: it cannot be taken back/],
    ['tape rollback TS0002L8 a', 6, /write-protected: allow writing first/],
    ['tape drop-snapshot TS0001L8 nope', 4, /no snapshot nope/],
    ['tape fork TS0001L8 TS0002L8', 5, /TS0002L8 already: choose another barcode/],
    ['tape fork TS0001L8 XX0001L9', 2, /another medium than TS0001L8: end it with L8/],
    ['tape fork TS0001L8 XX0001L8 --at nope', 4, /no snapshot nope/],
    ['tape fork TS0001L8 XX0001L8 --to slot3', 5, /slot3 holds TS0003L8/],
  ];
  for (const [command, status, message] of wrong) {
    const ended = await daemon.cliHere(...command.split(' '));
    t.is(ended.status, status, `${command}: ${ended.stderr}`);
    t.regex(ended.stderr, message);
    t.notRegex(ended.stderr, /\n\s+at |Error:/, command);
  }
});

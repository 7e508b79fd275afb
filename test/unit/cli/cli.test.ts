/** The command line over a world of fakes: what is asked of the daemon, what is printed, how it ends. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type FailureCode, type Verb, verbs } from '#admin';
import { type Link, type LinkHandlers, type Process, realEnv } from '#env';
import { RefusedError, type RefusedCode } from '#errors';
import { top } from '#support';
import { run } from '../../../src/cli/cli.js';
import { EXIT_OF } from '../../../src/cli/exit-codes.table.js';
import type { World } from '../../../src/cli/terminal.js';

interface Asked {
  readonly verb: string;
  readonly input: Readonly<Record<string, unknown>>;
}
class FakeWorld {
  out = '';
  err = '';
  readonly asked: Asked[] = [];
  readonly served: unknown[] = [];
  reply: unknown = { ok: true, result: {}, notes: [], warnings: [] };
  /** Given before `reply`, one after the other. */
  replies: unknown[] = [];
  failure: Error | undefined;
  interactive = false;
  answer = '';
  secrets: string[] = [];
  input = '';
  hidden = false;

  async run(line: string | readonly string[]): Promise<number> {
    const args = typeof line === 'string' ? splitWords(line) : line;
    return await run(args, this.#world());
  }
  #world(): World {
    const process: Process = {
      args: [],
      variables: { HOME: '/h' },
      userId: 1000,
      pid: 1,
      processors: 1,
      machine: { hostName: 'here', system: 'Linux', systemVersion: '6.1' },
      isInteractive: this.interactive,
      absolutePath: (path) => join('/somewhere', path),
      out: (text) => void (this.out += text),
      err: (text) => void (this.err += text),
      ask: async () => await Promise.resolve(this.answer),
      askSecret: async () => await Promise.resolve(this.secrets.shift() ?? ''),
      readFile: async (path) => await Promise.resolve(Buffer.from(`from ${path}\n`)),
      input: async () => await Promise.resolve(Buffer.from(this.input)),
      outputOf: async (program, args) =>
        await Promise.resolve(Buffer.from(`${program} ran with ${args.join(' ')}\n`)),
      hideArguments: () => void (this.hidden = true),
      onSignal: () => () => undefined,
      onFatal: () => undefined,
      flushed: async () => await Promise.resolve(),
      exit: () => {
        throw new Error('not from here');
      },
    };
    const { disk, clock, net } = realEnv();
    const connectPath = async (): Promise<Link> => {
      if (this.failure !== undefined) throw this.failure;
      return await Promise.resolve(this.#link());
    };
    const serve = async (options: unknown): Promise<number> =>
      await Promise.resolve(this.served.push(options) - 1);
    return { process, env: { disk, clock, net: { ...net, connectPath } }, serve, version: '9.9' };
  }
  #link(): Link {
    let handlers: LinkHandlers | undefined;
    const here = { host: '', port: 0 };
    return {
      remote: here,
      local: here,
      queuedBytes: 0,
      start: (given) => void (handlers = given),
      write: (slices) => {
        this.asked.push(JSON.parse(Buffer.concat(slices).toString()) as Asked);
        handlers?.data(Buffer.from(`${JSON.stringify(this.replies.shift() ?? this.reply)}\n`));
        return true;
      },
      pause: () => undefined,
      resume: () => undefined,
      end: () => undefined,
      destroy: () => undefined,
    };
  }
}
const splitWords = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

const rows = Object.values<Verb>(verbs);

test('every example of every verb is understood, and asks the daemon for that verb', async (t) => {
  for (const row of rows) {
    for (const example of row.examples) {
      const world = new FakeWorld();
      const ended = { state: 'done', report: { summary: 'Done' } };
      const result = row.view.as === 'table' ? [] : row.follow === undefined ? {} : ended;
      world.reply = { ok: true, result, notes: [], warnings: [] };
      world.interactive = Object.values(row.parameters).some(({ ask }) => ask !== undefined);
      world.secrets = ['a passphrase', 'a passphrase'];
      t.is(await world.run(`${row.noun} ${row.verb} ${example}`), 0, `${row.name} ${example}: ${world.err}`);
      t.deepEqual(
        world.asked.map(({ verb }) => verb),
        [row.name],
      );
    }
    t.true(row.examples.length > 0, row.name);
  }
});

test('help of everything ends with examples', async (t) => {
  for (const noun of new Set(rows.map((row) => row.noun))) {
    const world = new FakeWorld();
    t.is(await world.run(`${noun} --help`), 0);
    t.regex(world.out, /Examples:\n( {2}tapesilo .*\n?)+\s*$/, noun);
  }
  for (const row of rows) {
    const world = new FakeWorld();
    t.is(await world.run(`${row.noun} ${row.verb} --help`), 0);
    t.true(world.out.includes(row.about.slice(0, 60)), row.name);
    t.regex(world.out, /Examples:\n( {2}.*\n?)+\s*$/, row.name);
    t.is(world.asked.length, 0);
  }
});

test('docs/cli.md is what the program says', async (t) => {
  const world = new FakeWorld();
  await world.run('reference');
  t.is(
    world.out,
    readFileSync(join(top, 'docs/cli.md'), 'utf8'),
    'run: node dist/src/main.js reference > docs/cli.md',
  );
});

test('each kind of refusal has an exit status of its own', async (t) => {
  const statuses: Readonly<Record<RefusedCode, number>> = {
    usage: 2,
    'not-found': 4,
    conflict: 5,
    protected: 6,
    unauthorized: 7,
    unreachable: 8,
    damaged: 9,
  };
  t.is(EXIT_OF.failed, 1);
  for (const [code, status] of Object.entries(statuses) as [FailureCode & RefusedCode, number][]) {
    const far = new FakeWorld();
    far.reply = { ok: false, error: { code, message: 'Because', facts: { why: 1 } } };
    t.is(await far.run('tape list'), status, code);
    t.is(far.err, 'tapesilo: Because\n');
    t.is(far.out, '');
    t.is(await far.run('tape list --json'), status, code);
    t.deepEqual(JSON.parse(far.out), { error: { code, message: 'Because', facts: { why: 1 } } });
    const near = new FakeWorld();
    near.failure = new RefusedError(code, 'not used: any failure to connect is "unreachable"');
    t.is(await near.run('tape list'), 8);
  }
  const forbidden = new FakeWorld();
  forbidden.failure = Object.assign(new Error('no'), { code: 'EACCES' });
  t.is(await forbidden.run('tape list'), 7);
});

test('warnings are shown and change the exit status; notes do not', async (t) => {
  const world = new FakeWorld();
  world.reply = { ok: true, result: { barcode: 'A1L8', size: 2048 }, notes: ['Moved'], warnings: ['But'] };
  t.is(await world.run('tape move A1L8 --to drive0'), 3);
  t.is(world.err, 'Moved\ntapesilo: warning: But\n');
  t.is(world.out, 'barcode: A1L8\nsize:    2 KiB\n');
  world.out = '';
  t.is(await world.run('tape move A1L8 --to drive0 --json'), 3);
  t.deepEqual(JSON.parse(world.out), { barcode: 'A1L8', size: 2048 });
});

test('bytes are shown as sizes, whatever they are of; programs get numbers', async (t) => {
  const world = new FakeWorld();
  const result = {
    name: 'g',
    logicalBytes: 3 * 1024 ** 2,
    quotaBytes: null,
    plan: [{ pack: 4, freedBytes: 2048 }],
  };
  world.reply = { ok: true, result: { ...result, progress: { id: 1 } }, notes: [], warnings: [] };
  t.is(await world.run('group show'), 0);
  t.is(world.out, 'name:    g\nlogical: 3 MiB\nquota:   -\nplan:\n  PACK  FREED\n     4  2 KiB\n');
  world.out = '';
  t.is(await world.run('group show --json'), 0);
  t.deepEqual(JSON.parse(world.out), { ...result, progress: { id: 1 } });
});

test('waiting asks how far it is until it has ended; damage is a warning', async (t) => {
  const world = new FakeWorld();
  const work = { id: 3, group: 'g', work: 'scrub', seconds: 2 };
  const report = { summary: 'Read it all', warning: 'A1L8 is damaged', chunks: 9 };
  world.replies = [
    { ok: true, result: { ...work, state: 'running' }, notes: ['Begun'], warnings: [] },
    { ok: true, result: { progress: { ...work, state: 'running', percent: 50 } }, notes: [], warnings: [] },
    { ok: true, result: { progress: { ...work, state: 'done', report } }, notes: [], warnings: [] },
  ];
  t.is(await world.run('group scrub g --wait --json'), 3);
  t.deepEqual(JSON.parse(world.out), { group: 'g', chunks: 9, seconds: 2 });
  t.is(world.err, 'tapesilo: warning: A1L8 is damaged\n');
  t.deepEqual(
    world.asked.map(({ verb }) => verb),
    ['group.scrub', 'group.show', 'group.show'],
  );
  const stopped = new FakeWorld();
  stopped.replies = [{ ok: true, result: { ...work, state: 'stopped' }, notes: [], warnings: [] }];
  t.is(await stopped.run('group scrub g --wait'), 5);
  t.is(stopped.err, 'tapesilo: It was stopped\n');
});

test('tables line up, and hostile names cannot steer the terminal', async (t) => {
  const world = new FakeWorld();
  const session = {
    id: 7,
    initiatorName: 'iqn.x:\u001b[31mred',
    initiatorAddress: '::1',
    targetName: 'iqn.t',
    type: 'normal',
  };
  world.reply = { ok: true, result: [session], notes: [], warnings: [] };
  t.is(await world.run('session list'), 0);
  t.deepEqual(world.out.split('\n'), [
    'ID  INITIATOR       FROM  TARGET  KIND    USER',
    ' 7  iqn.x:?[31mred  ::1   iqn.t   normal  -',
    '',
  ]);
});

test('secrets are taken from where they are, and the arguments that hold one are hidden', async (t) => {
  const secretOf = async (line: string, input = ''): Promise<unknown> => {
    const world = new FakeWorld();
    world.input = input;
    t.is(await world.run(`target chap --user u ${line}`), 0, world.err);
    return { secret: world.asked[0]?.input['secret'], hidden: world.hidden };
  };
  t.deepEqual(await secretOf('--secret on-the-line'), { secret: 'on-the-line', hidden: true });
  t.deepEqual(await secretOf('--secret -', 'typed\n'), { secret: 'typed', hidden: true });
  t.deepEqual(await secretOf('--secret-file f.txt'), { secret: 'from f.txt', hidden: false });
  t.deepEqual(await secretOf('--secret-command "pass show x"'), {
    secret: 'pass ran with show x',
    hidden: false,
  });
  const twice = new FakeWorld();
  t.is(await twice.run('target chap --user u --secret a --secret-file b'), 2);
  t.regex(twice.err, /Give one of --secret, --secret-file and --secret-command/);
});

test('a passphrase is asked for at a terminal: twice when it is new, never when the key comes from elsewhere', async (t) => {
  const asked = async (line: string, ...secrets: string[]) => {
    const world = new FakeWorld();
    world.interactive = true;
    world.secrets = secrets;
    const status = await world.run(line);
    return { status, passphrase: world.asked[0]?.input['passphrase'], err: world.err, left: world.secrets };
  };
  t.like(await asked('group create g --encrypt', 'one two three', 'one two three'), {
    status: 0,
    passphrase: 'one two three',
  });
  const differ = await asked('group create g --encrypt', 'one', 'two');
  t.like(differ, { status: 2, passphrase: undefined });
  t.regex(differ.err, /The two are not the same: nothing was done/);
  t.like(await asked('group unlock g', 'one'), { status: 0, passphrase: 'one' });
  for (const line of [
    'group create g',
    'group create g --encrypt --key-file k',
    'group rotate-key g --key-command k',
  ])
    t.like(await asked(line, 'not asked'), { status: 0, passphrase: undefined, left: ['not asked'] }, line);
  const script = new FakeWorld();
  t.is(await script.run('group unlock g'), 2);
  t.regex(script.err, /passphrase is missing/);
});

test('a person at a terminal is asked before something is destroyed, a script is not', async (t) => {
  const person = new FakeWorld();
  person.interactive = true;
  person.answer = 'no';
  t.is(await person.run('tape delete A1L8'), 5);
  t.deepEqual(person.asked, []);
  person.answer = 'A1L8';
  t.is(await person.run('tape delete A1L8'), 0);
  t.is(await person.run('tape delete A1L8 --yes'), 0);
  const script = new FakeWorld();
  t.is(await script.run('tape delete A1L8'), 0);
  t.deepEqual(script.asked, [{ verb: 'tape.delete', input: { barcode: 'A1L8' } }]);
});

test('serve hands over where and how', async (t) => {
  const world = new FakeWorld();
  t.is(
    await world.run('serve --home h --listen 127.0.0.1:0 --listen [::1]:0 --announce 192.0.2.1 --json'),
    0,
  );
  const ndmp = { listen: [], tlsListen: [] };
  t.deepEqual(world.served, [
    {
      home: '/somewhere/h',
      listen: ['127.0.0.1:0', '[::1]:0'],
      announce: ['192.0.2.1'],
      ndmp,
      version: '9.9',
      json: true,
    },
  ]);
});

test('serve hands over where NDMP is listened for, and both files of a certificate or none', async (t) => {
  const world = new FakeWorld();
  const portals = '--ndmp-listen 127.0.0.1:0 --ndmp-listen ::1 --ndmp-tls-listen 192.0.2.1';
  const files = '--ndmp-tls-certificate tls.pem --ndmp-tls-key tls.key';
  t.is(await world.run(`serve ${portals} ${files}`), 0);
  t.like(world.served[0], {
    ndmp: {
      listen: ['127.0.0.1:0', '::1'],
      tlsListen: ['192.0.2.1'],
      identity: { certificate: '/somewhere/tls.pem', key: '/somewhere/tls.key' },
    },
  });
  t.is(await world.run('serve --ndmp-tls-listen ::1 --ndmp-tls-key x'), 2);
  t.regex(world.err, /Give both --ndmp-tls-certificate and --ndmp-tls-key/);
});

test('what is misspelt is met with a hint', async (t) => {
  const said = async (line: string): Promise<string> => {
    const world = new FakeWorld();
    t.is(await world.run(line), 2, line);
    t.is(world.out, '');
    return world.err;
  };
  t.is(await said('tpae list'), 'tapesilo: Did you mean tape? See `tapesilo --help`\n');
  t.is(await said('tape lst'), 'tapesilo: Did you mean list? See `tapesilo tape --help`\n');
  t.is(await said('tape'), 'tapesilo: Say what to do: see `tapesilo tape --help`\n');
  t.is(await said('ndmp user'), 'tapesilo: Say what to do: see `tapesilo ndmp user --help`\n');
  t.is(await said('ndmp usr list'), 'tapesilo: Did you mean user? See `tapesilo ndmp --help`\n');
  t.is(await said('ndmp user lst'), 'tapesilo: Did you mean list? See `tapesilo ndmp user --help`\n');
  t.is(await said(''), 'tapesilo: Say what to do: see `tapesilo --help`\n');
  t.is(
    await said('tape list --color'),
    'tapesilo: Unknown argument: color: see `tapesilo tape list --help`\n',
  );
  t.regex(await said('tape move A1L8'), /to is missing: give drive0, slot12, ie1 or shelf/);
});

test('sessions of NDMP are a line each: states with their reasons, bytes, how far', async (t) => {
  const world = new FakeWorld();
  const idle = { state: 'idle' };
  const row = { id: 1, peer: '192.0.2.7:700', user: 'backup', version: 4, tls: false, changer: null };
  const busy = {
    mover: { state: 'paused', reason: 'eom', records: 3 },
    data: { state: 'active', reason: null },
  };
  world.reply = {
    ok: true,
    result: [
      { ...row, ...busy, tape: 'library0/drive0', bytes: 3 * 1024 ** 3, percent: 34 },
      {
        ...row,
        id: 12,
        user: 'a\u001b[1m',
        tls: true,
        tape: null,
        mover: idle,
        data: idle,
        bytes: 0,
        percent: null,
      },
    ],
    notes: [],
    warnings: [],
  };
  t.is(await world.run('ndmp session list'), 0);
  t.is(
    world.out,
    [
      'ID  FROM           USER    VERSION  TLS  TAPE             CHANGER  MOVER         DATA    BYTES  DONE',
      ' 1  192.0.2.7:700  backup        4  -    library0/drive0  -        paused (eom)  active  3 GiB  34%',
      '12  192.0.2.7:700  a?[1m         4  yes  -                -        idle          idle      0 B  -',
      '',
    ].join('\n'),
  );
});

test('explain says what CDBs, PDUs and sense data say', async (t) => {
  const explained = async (line: string): Promise<string> => {
    const world = new FakeWorld();
    t.is(await world.run(`explain ${line}`), 0, world.err);
    return world.out;
  };
  t.regex(await explained('0a 01 00 02 00 00'), /^WRITE\(6\).*\nFixed: true\nTransfer length: 512/);
  t.regex(await explained('a5 00 00 01 04 00 01 01 00 00 00 00 --device changer'), /^MOVE MEDIUM/);
  t.regex(
    await explained('70 00 06 00 00 00 00 0a 00 00 00 00 28 00 00 00 00 00'),
    /UNIT ATTENTION[^]*\(28h\/00h\)/,
  );
  const pdu = `01 80 0000 00000000 0001000000000000 00000007 00000000 00000001 00000001 1200000024000000 ${'00'.repeat(8)}`;
  t.regex(
    await explained(pdu.replaceAll(' ', '')),
    /^SCSI Command \(RFC 7143 11\.3\), from the initiator[^]*CDB:\n {2}INQUIRY/,
  );
  const setRecordSize = '80000020 00000003 34e6cb80 00000000 00000a08 00000000 00000000 00010000';
  t.regex(
    await explained(`--as ndmp ${setRecordSize.replace('20', '1c')}`),
    /^MOVER_SET_RECORD_SIZE \(0xa08\), request, NDMP version 4\nsequence: 3\n[^]*\nlen: 65536\n$/,
  );
  for (const [line, message] of [
    [`--as ndmp ${setRecordSize}`, /no message of NDMP version 4/],
    ['zz', /not hexadecimal/],
    ['a5 00 00 01 04 00 01 01 00 00 00 00', /A tape has no command .*a changer has it, see --device changer/],
    ['0a 01', /has 6 bytes; here are 2/],
    ['00 --as sense', /no sense data/],
  ] as const) {
    const world = new FakeWorld();
    t.is(await world.run(`explain ${line}`), 2, line);
    t.regex(world.err, message);
  }
});

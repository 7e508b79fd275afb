/**
 * The command line: `tapesilo NOUN VERB`, made from the table of verbs. It holds no state: it asks the daemon over the admin
 * socket, prints data on standard output and messages on standard error, and ends with a documented status.
 */
import yargs, { type Argv } from 'yargs';
import {
  failureOf,
  type NdmpServeOptions,
  type ServeOptions,
  type StoreKind,
  storeKinds,
  typedName,
  type Verb,
  verbs,
} from '#admin';
import { RefusedError } from '#errors';
import { EXIT, EXIT_MEANINGS, EXIT_OF } from './exit-codes.table.js';
import { homeOf, performVerb } from './perform.js';
import { reference } from './reference.js';
import type { World } from './terminal.js';

/** What yargs found; names as they are typed. */
export type Given = Readonly<Record<string, unknown>>;

const helpWidth = 100;

/** Runs one command line (without the program's name). Returns the exit status; prints what there is to say. */
export async function run(args: readonly string[], world: World): Promise<number> {
  let status: number | undefined;
  const act = (work: (given: Given) => Promise<number>) => async (given: Given) => {
    status = await work(given).catch((error: unknown) => complain(world, given, error));
  };
  const parser = grammar(args, world, act);
  try {
    await parser.parseAsync(joinDashes(args), {}, (_error, _argv, output) => {
      if (output !== '') world.process.out(`${output}\n`); // help, version, completion
    });
  } catch (error) {
    return complain(world, {}, error);
  }
  return status ?? EXIT.ok;
}

type Act = (work: (given: Given) => Promise<number>) => (given: Given) => Promise<void>;

function grammar(args: readonly string[], world: World, act: Act): Argv {
  const nouns = [...new Set(Object.values(verbs).map(({ noun }) => noun))].filter(
    (noun) => !noun.includes(' '),
  );
  const parser = yargs()
    .scriptName('tapesilo')
    .usage(
      '$0 NOUN VERB [options]\n\nA tape library over iSCSI and NDMP: serves it, and changes it while it is in use.',
    )
    .locale('en')
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'dot-notation': false,
    })
    .option('home', { type: 'string', requiresArg: true, describe: 'Folder with all state', global: true })
    .option('json', { type: 'boolean', describe: 'One JSON document on standard output', global: true })
    .version(world.version)
    .help()
    .alias('help', 'h')
    .wrap(helpWidth)
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? usageError(message, args);
    })
    .demandCommand(1, 'Say what to do: see `tapesilo --help`')
    .recommendCommands()
    .completion('completion', 'Print a completion script for bash or zsh')
    .epilogue(exitStatusText());
  addServe(parser, world, act);
  for (const noun of nouns) addNoun(parser, noun, world, act);
  addExplain(parser, world, act);
  parser.command(
    'reference',
    false,
    {},
    act(async () => {
      world.process.out(reference());
      return EXIT.ok;
    }),
  );
  return parser
    .example('$0 serve', 'Serve the tape library on 127.0.0.1:3260')
    .example('$0 tape list', 'Cartridges and where they are')
    .example('$0 tape move A00001L8 --to drive0', 'Load a drive');
}

function usageError(message: string, args: readonly string[]): RefusedError {
  const [what = ''] = message.split('\n');
  if (what.includes('--help')) return new RefusedError('usage', what);
  const choice = /Argument: (\S+), .*Choices: (.*)/.exec(message);
  if (choice !== null) return new RefusedError('usage', `${choice[1]}: give one of ${choice[2]}`);
  const words = known(args);
  const help = `\`${['tapesilo', ...words, '--help'].join(' ')}\``;
  return new RefusedError('usage', what.endsWith('?') ? `${what} See ${help}` : `${what}: see ${help}`);
}

/** As much of the beginning as is a noun and its verb. */
function known(args: readonly string[]): string[] {
  const paths = Object.values<Verb>(verbs).map(({ noun, verb }) => [...noun.split(' '), verb]);
  const begins = (length: number): boolean =>
    paths.some(
      (path) => length <= path.length && path.slice(0, length).every((word, at) => word === args[at]),
    );
  let length = 0;
  while (length < args.length && begins(length + 1)) length += 1;
  const [first = ''] = args;
  return length === 0 && ['serve', 'explain'].includes(first) ? [first] : args.slice(0, length);
}

function exitStatusText(): string {
  const lines = EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`);
  return `Exit status:\n${lines.join('\n')}`;
}

// --- serve, explain ---------------------------------------------------------------------------------------------------

function addServe(parser: Argv, world: World, act: Act): void {
  const list = { type: 'string', array: true, requiresArg: true } as const;
  const file = { type: 'string', requiresArg: true } as const;
  parser.command(
    'serve',
    'Serve the libraries of a home until told to stop',
    (command) =>
      command
        .usage(
          '$0 serve [options]\n\nServe the libraries of a home until told to stop; the first start makes one.',
        )
        .option('listen', {
          ...list,
          nargs: 1,
          describe: 'ADDR[:PORT] to listen on (port 0: any free one); 127.0.0.1:3260 if not given',
        })
        .option('announce', {
          ...list,
          nargs: 1,
          describe: 'ADDR[:PORT] that discovery gives instead; one, or one for each --listen',
        })
        .option('store', {
          choices: storeKinds,
          requiresArg: true,
          describe: 'What a new home keeps its cartridges in: deduplicated (the default), or plain files',
        })
        .option('threads', {
          type: 'number',
          requiresArg: true,
          describe:
            'For cutting and compressing; one less than there are processors, at least two, if not given; 0: none',
        })
        .option('ndmp-listen', {
          ...list,
          nargs: 1,
          describe: 'ADDR[:PORT] to listen on for NDMP (port 10000 if none is given; 0: any free one)',
        })
        .option('ndmp-tls-listen', {
          ...list,
          nargs: 1,
          describe: 'ADDR[:PORT] to listen on for NDMP over TLS (port 30000 if none is given)',
        })
        .option('ndmp-tls-certificate', {
          ...file,
          describe: 'PEM file; else what `ndmp certificate` has kept',
        })
        .option('ndmp-tls-key', { ...file, describe: 'PEM file with its key' })
        .example('$0 serve', 'On 127.0.0.1:3260, for this machine only')
        .example(
          '$0 serve --home /tmp/silo --listen 127.0.0.1:0 --json',
          'Any free port; one line of JSON says which',
        )
        .example(
          '$0 serve --listen 192.0.2.7 --listen [2001:db8::7]',
          'For others: needs CHAP or a list of initiators',
        )
        .example('$0 serve --ndmp-listen 192.0.2.7', 'For filers and backup programs: needs an NDMP user')
        .epilogue(''),
    act(async (given) => await world.serve(serveOptions(world, given))),
  );
}

function serveOptions(world: World, given: Given): ServeOptions {
  const store = given['store'] as StoreKind | undefined; // yargs checks the choices
  const threads = threadsOf(given['threads'] as number | undefined); // likewise
  const list = (name: string): readonly string[] => (given[name] as string[] | undefined) ?? [];
  return {
    home: homeOf(world, given),
    listen: list('listen'),
    announce: list('announce'),
    ndmp: { listen: list('ndmp-listen'), tlsListen: list('ndmp-tls-listen'), ...identityFiles(world, given) },
    ...(store === undefined ? {} : { store }),
    ...(threads === undefined ? {} : { threads }),
    version: world.version,
    json: given['json'] === true,
  };
}
function identityFiles(world: World, given: Given): Pick<NdmpServeOptions, 'identity'> {
  const [certificate, key] = ['ndmp-tls-certificate', 'ndmp-tls-key'].map((name) => {
    const path = given[name] as string | undefined; // yargs: type string
    return path === undefined ? undefined : world.process.absolutePath(path);
  });
  if (certificate === undefined && key === undefined) return {};
  if (certificate !== undefined && key !== undefined) return { identity: { certificate, key } };
  throw new RefusedError('usage', 'Give both --ndmp-tls-certificate and --ndmp-tls-key');
}

const threadsMax = 64;
function threadsOf(given: number | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (Number.isInteger(given) && given >= 0 && given <= threadsMax) return given;
  throw new RefusedError('usage', `--threads is a whole number from 0 to ${threadsMax}`);
}

const explainOptions = (command: Argv): Argv =>
  command
    .usage(
      '$0 explain HEX [options]\n\nSay in words what a CDB, an iSCSI PDU, sense data or an NDMP message says. Needs no daemon.',
    )
    .positional('hex', { type: 'string', array: true, describe: 'Bytes: 0a 01 00 …' })
    .option('as', {
      choices: ['cdb', 'pdu', 'sense', 'ndmp'] as const,
      requiresArg: true,
      describe: 'What it is, when that is not found out',
    })
    .option('device', {
      choices: ['tape', 'changer'] as const,
      default: 'tape',
      requiresArg: true,
      describe: 'Whose CDB it is',
    })
    .option('ndmp-version', {
      choices: [2, 3, 4] as const,
      default: 4,
      requiresArg: true,
      describe: 'Which version the NDMP message is of',
    })
    .example('$0 explain 0a 01 00 02 00 00', 'A CDB')
    .example('$0 explain 70000600…', 'Sense data')
    .epilogue('');

function addExplain(parser: Argv, world: World, act: Act): void {
  parser.command(
    'explain <hex..>',
    'Say in words what a CDB, an iSCSI PDU, sense data or an NDMP message says',
    (command) => explainOptions(command),
    // Its tables are many, and no other command needs them.
    act(async (given) => await (await import('./explain.js')).performExplain(world, given)),
  );
}

// --- nouns and verbs --------------------------------------------------------------------------------------------------

const NOUNS: Readonly<Record<string, string>> = {
  daemon: 'What is served now',
  library: 'Tape libraries',
  drive: 'Tape drives',
  slot: 'Storage slots',
  'mail-slot': 'Mail slots (import and export elements)',
  group: 'Storage groups: where what is on cartridges is kept',
  tape: 'Cartridges',
  target: 'iSCSI targets and their CHAP users',
  lun: 'Logical units behind targets',
  portal: 'Addresses that the daemon listens on',
  initiator: 'Who may log in',
  session: 'Who is logged in',
  ndmp: 'NDMP: filers and backup programs on the same drives and changers',
  'ndmp user': 'Who may log in by NDMP',
  'ndmp root': 'Folders of this machine that may be backed up and restored',
  'ndmp network': 'Networks that image streams may go to and come from',
  'ndmp portal': 'Addresses that the NDMP server listens on',
  'ndmp certificate': 'What TLS portals prove themselves with',
  'ndmp device': 'Drives and changers by their NDMP names',
  'ndmp session': 'Who is logged in by NDMP, and what is moved',
};

function addNoun(parser: Argv, noun: string, world: World, act: Act): void {
  const all = Object.values<Verb>(verbs);
  const rows = all.filter((row) => row.noun === noun);
  const below = new Set(all.map((row) => row.noun).filter((other) => other.startsWith(`${noun} `)));
  const word = noun.split(' ').at(-1) ?? noun;
  parser.command(word, NOUNS[noun] ?? noun, (command) => {
    for (const row of rows) addVerb(command, row, world, act);
    for (const other of below) addNoun(command, other, world, act);
    for (const row of rows) command.example(exampleOf(row, row.examples[0] ?? ''), '');
    return command
      .usage(`$0 ${noun} VERB [options]\n\n${NOUNS[noun] ?? noun}`)
      .demandCommand(1, `Say what to do: see \`tapesilo ${noun} --help\``)
      .epilogue('');
  });
}

const exampleOf = ({ noun, verb }: Verb, rest: string): string => `$0 ${noun} ${verb} ${rest}`.trimEnd();

function addVerb(parser: Argv, row: Verb, world: World, act: Act): void {
  const places = row.places;
  const shape = places.map((name) =>
    isNeeded(row, name) ? ` <${typedName(name)}>` : ` [${typedName(name)}]`,
  );
  parser.command(
    `${row.verb}${shape.join('')}`,
    row.about,
    (command) => {
      command.usage(`$0 ${row.noun} ${row.verb}${shape.join('')} [options]\n\n${row.about}`).epilogue('');
      for (const name of Object.keys(row.parameters)) addParameter(command, row, name);
      if (row.destroys === true)
        command.option('yes', { alias: 'y', type: 'boolean', describe: 'Do not ask' });
      for (const example of row.examples) command.example(exampleOf(row, example), '');
      return command;
    },
    act(async (given) => await performVerb(world, row, given)),
  );
}

const isNeeded = (row: Verb, name: string): boolean => row.parameters[name]?.required === true;

function addParameter(command: Argv, row: Verb, name: string): void {
  const parameter = row.parameters[name];
  if (parameter === undefined) return;
  const typed = typedName(name);
  const described =
    parameter.byDefault === undefined ? parameter.about : `${parameter.about} [${parameter.byDefault}]`;
  if (row.places.includes(name)) {
    command.positional(typed, { type: 'string', describe: described });
  } else if (parameter.kind === 'flag') {
    command.option(typed, { type: 'boolean', describe: described });
  } else {
    const choices = parameter.choices === undefined ? {} : { choices: parameter.choices };
    command.option(typed, { type: 'string', requiresArg: true, describe: described, ...choices });
  }
  if (parameter.kind !== 'secret') return;
  const more = { type: 'string', requiresArg: true } as const;
  command.option(`${typed}-file`, { ...more, describe: 'Read it from this file ("-": standard input)' });
  command.option(`${typed}-command`, {
    ...more,
    describe: 'Read it from what this program prints (no shell)',
  });
}

/** yargs takes a lone "-" for an argument of its own: `--secret -` becomes `--secret=-`. */
function joinDashes(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    if (arg === '-' && args[at - 1]?.startsWith('--') === true) return [];
    return arg.startsWith('--') && !arg.includes('=') && args[at + 1] === '-' ? [`${arg}=-`] : [arg];
  });
}

/** Says what is wrong, in words on standard error or as JSON, and returns the exit status. */
function complain(world: World, given: Given, error: unknown): number {
  const failure = failureOf(error);
  if (given['json'] === true) world.process.out(`${JSON.stringify({ error: failure })}\n`);
  world.process.err(`tapesilo: ${failure.message}\n`);
  return EXIT_OF[failure.code];
}

/** The reference of the command line (docs/cli.md), from the table of verbs. */
import { typedName, type Parameter, type Verb, verbs } from '#admin';
import { EXIT_MEANINGS } from './exit-codes.table.js';

export function reference(): string {
  const rows = Object.values<Verb>(verbs);
  const nouns = [...new Set(rows.map(({ noun }) => noun))];
  return [
    '# The command line',
    '',
    'Made by `tapesilo reference > docs/cli.md`; a test holds it to the program.',
    '',
    ...introduction,
    ...exitStatus(),
    ...serve,
    ...nouns.flatMap((noun) => [
      `## ${noun}`,
      '',
      ...rows.filter((row) => row.noun === noun).flatMap(section),
    ]),
    ...explain,
  ].join('\n');
}

const introduction = [
  '`tapesilo NOUN VERB [options]`. Every command takes',
  '',
  '- `--home DIR`: the folder with all state. Without it: `TAPESILO_HOME`; `/var/lib/tapesilo` for a service (started by',
  '  systemd as root or with `StateDirectory=tapesilo`) and where there is no `HOME`; else `$XDG_DATA_HOME/tapesilo`, which is',
  '  `~/.local/share/tapesilo` by default.',
  '- `--json`: one JSON document on standard output. Sizes are bytes; what is not there is `null` or left out. After a failure it',
  '  is `{"error":{"code":…,"message":…}}`.',
  '- `--help`: with examples at its end.',
  '',
  'Data goes to standard output, messages to standard error. Commands but `serve` and `explain` ask the running daemon over a',
  'unix socket in its home, and act at once: initiators that are logged in are told by unit attentions.',
  '',
  'Elements are called `drive0`, `drive1` … , `slot1`, `slot2` … , `ie1` … (mail slots) and `shelf` (outside of every library):',
  'drives count from 0, the others from 1, as mtx does. Sizes are written `16M`, `2.5TiB` (binary) or `12TB` (decimal).',
  '',
];
const serve = [
  '## serve',
  '',
  '`tapesilo serve [--listen ADDR[:PORT]]… [--announce ADDR[:PORT]]… [--store plain|dedup]`',
  '`[--ndmp-listen ADDR[:PORT]]… [--ndmp-tls-listen ADDR[:PORT]]… [--ndmp-tls-certificate FILE --ndmp-tls-key FILE]`',
  '',
  'Serves the libraries of a home until SIGTERM or SIGINT. The first start makes a library with a changer, 4 LTO-8 drives, 40',
  'slots, 4 mail slots and 20 cartridges behind one target. It listens on what `--listen` names (127.0.0.1:3260 if nothing)',
  'and on portals that were made with `portal create`. Addresses other than those of this machine itself need CHAP or a',
  'list of initiators on every target. `--announce` is the address that discovery gives instead: one for all, or one for each',
  '`--listen` in order. A new home keeps its cartridges in a deduplicating storage group; with `--store plain` in plain files.',
  'A home stays with what it was made with; other groups are made with `group create`.',
  '',
  '`--ndmp-listen` opens the NDMP server there (port 10000 if none is given), `--ndmp-tls-listen` the same over TLS (port 30000),',
  'with the certificate and key of the two files, or what `ndmp certificate` has kept. Portals of `ndmp portal create` are opened',
  'besides; without any of these there is no NDMP. See [ndmp.md](ndmp.md).',
  '',
  'One line says when it is ready; with `--json` that line is JSON and the only one on standard output. The log goes to standard',
  'error. The first signal lets initiators log out, writes everything out and ends with status 0 within 10 s; a second one ends at',
  'once, and loses nothing that was synchronised.',
  '',
];
const explain = [
  '## explain',
  '',
  '`tapesilo explain HEX [--as cdb|pdu|sense|ndmp] [--device tape|changer] [--ndmp-version 2|3|4]`',
  '',
  'Says in words what bytes say. Needs no daemon.',
  '',
];

function exitStatus(): string[] {
  return [
    '| exit status | meaning |',
    '| ---: | --- |',
    ...EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
  ];
}

function section(row: Verb): string[] {
  const places = row.places.map((name) =>
    row.parameters[name]?.required === true ? ` <${typedName(name)}>` : ` [${typedName(name)}]`,
  );
  const parameters = Object.entries(row.parameters);
  const options = parameters.filter(([name]) => !row.places.includes(name));
  return [
    `### ${row.noun} ${row.verb}`,
    '',
    `\`tapesilo ${row.noun} ${row.verb}${places.join('')}${options.length > 0 ? ' [options]' : ''}\``,
    '',
    `${row.about}.`,
    '',
    ...(parameters.length === 0 ? [] : ['| | |', '| --- | --- |', ...parameters.map(parameterLine), '']),
    ...row.examples.map((example) => `    tapesilo ${row.noun} ${row.verb} ${example}`.trimEnd()),
    '',
  ];
  function parameterLine([name, parameter]: [string, Parameter]): string {
    const typed = typedName(name);
    const isPlace = row.places.includes(name);
    const written = isPlace
      ? `\`${typed}\``
      : `\`--${typed}${parameter.kind === 'flag' ? '' : ` ${parameter.placeholder ?? typed.toUpperCase()}`}\``;
    const also =
      parameter.kind === 'secret'
        ? ` (also \`--${typed}-file FILE\`, \`--${typed}-command CMD\`; \`-\`: standard input)`
        : '';
    const otherwise = parameter.byDefault === undefined ? '' : `; ${parameter.byDefault} if not given`;
    return `| ${written} | ${parameter.about}${also}${otherwise} |`;
  }
}

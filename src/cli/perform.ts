/** One verb: its input from the command line, its result to the terminal. */
import { AdminClient, defaultHome, readParameters, type Success, typedName, type Verb } from '#admin';
import { RefusedError } from '#errors';
import { EXIT } from './exit-codes.table.js';
import { follow } from './follow.js';
import { render } from './output.js';
import { readSecret } from './secrets.js';
import type { World } from './terminal.js';

type Given = Readonly<Record<string, unknown>>;

export function homeOf(world: World, given: Given): string {
  const home = given['home'];
  return world.process.absolutePath(
    typeof home === 'string' && home !== '' ? home : defaultHome(world.process),
  );
}

/** Returns the exit status. */
export async function performVerb(world: World, row: Verb, given: Given): Promise<number> {
  const input = await inputOf(world, row, given);
  if (row.destroys === true && given['yes'] !== true) await confirm(world, row, input);
  const client = new AdminClient(world.env, homeOf(world, given));
  let reply = await client.call(row.name, input);
  if (row.follow !== undefined && (input['wait'] === true || input['plan'] === true)) {
    reply = await follow(world, client, { ...row, follow: row.follow }, reply);
  }
  if (given['json'] === true) world.process.out(`${JSON.stringify(reply.result)}\n`);
  else show(world, row, reply);
  for (const warning of reply.warnings) world.process.err(`tapesilo: warning: ${warning}\n`);
  return reply.warnings.length === 0 ? EXIT.ok : EXIT.warnings;
}

function show(world: World, row: Verb, { result, notes }: Success): void {
  for (const note of notes) world.process.err(`${note}\n`);
  const shown = render(row.view, result);
  if (shown !== '') world.process.out(shown);
  else if (row.view.as === 'table' && row.view.empty !== '') world.process.err(`${row.view.empty}\n`);
}

async function inputOf(world: World, row: Verb, given: Given): Promise<Record<string, unknown>> {
  const input: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(row.parameters)) {
    const typed = typedName(name);
    const value = parameter.kind === 'secret' ? await secretOf(world, row, name, given) : given[typed];
    if (value === undefined) continue;
    const isPath = parameter.kind === 'path' && typeof value === 'string' && value !== '';
    input[name] = isPath ? world.process.absolutePath(value) : value;
  }
  return readParameters(row.parameters, input);
}

async function secretOf(world: World, row: Verb, name: string, given: Given): Promise<string | undefined> {
  const typed = typedName(name);
  const flag = (name: string): string | undefined => given[name] as string | undefined; // yargs: type string
  if (flag(typed) !== undefined) world.process.hideArguments();
  const secret = await readSecret(world, typed, {
    plain: flag(typed),
    file: flag(`${typed}-file`),
    command: flag(`${typed}-command`),
  });
  const ask = row.parameters[name]?.ask;
  if (secret !== undefined || ask === undefined || !world.process.isInteractive) return secret;
  if (isNotNeeded(row, given)) return undefined;
  return await askFor(world, ask, typed);
}
/** A group that is not to be encrypted, or takes its key from somewhere else. */
const isNotNeeded = ({ parameters }: Verb, given: Given): boolean =>
  given['key-file'] !== undefined ||
  given['key-command'] !== undefined ||
  ('encrypt' in parameters && given['encrypt'] !== true);

/** `what`: the parameter as it is typed, "passphrase" or "secret". */
async function askFor(world: World, ask: 'known' | 'new', what: string): Promise<string> {
  const plain = `${what.charAt(0).toUpperCase()}${what.slice(1)}: `;
  const secret = await world.process.askSecret(ask === 'new' ? `New ${what}: ` : plain);
  if (ask === 'known') return secret;
  if ((await world.process.askSecret('The same once more: ')) === secret) return secret;
  throw new RefusedError('usage', 'The two are not the same: nothing was done');
}

/** Scripts mean what they say; a person at a terminal is asked. */
async function confirm(world: World, row: Verb, input: Given): Promise<void> {
  if (!world.process.isInteractive) return;
  const what = `${(input[row.places[0] ?? ''] as string | undefined) ?? row.noun}`;
  const answer = await world.process.ask(`${row.about}: ${what}. Type ${what} to go on: `);
  if (answer.trim() !== what) throw new RefusedError('conflict', 'Nothing was done');
}

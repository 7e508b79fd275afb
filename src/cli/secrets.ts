/**
 * Secrets from where a person keeps them: --secret S, --secret-file FILE, --secret-command CMD, or "-" for standard input.
 * They go to the daemon over its socket and nowhere else.
 */
import { RefusedError } from '#errors';
import type { World } from './terminal.js';

const secretBytesMax = 1024;
const commandTimeoutMs = 30_000;

export interface SecretFlags {
  readonly plain?: string | undefined;
  readonly file?: string | undefined;
  readonly command?: string | undefined;
}

/** The secret that the flags name; undefined when they name none. `name`: the flag as it is typed, for messages. */
export async function readSecret(
  world: World,
  name: string,
  flags: SecretFlags,
): Promise<string | undefined> {
  const given = Object.values(flags).filter((value) => value !== undefined);
  if (given.length === 0) return undefined;
  if (given.length > 1) {
    throw new RefusedError('usage', `Give one of --${name}, --${name}-file and --${name}-command`);
  }
  return text(name, await bytesOf(world, name, flags));
}

async function bytesOf(world: World, name: string, { plain, file, command }: SecretFlags): Promise<Buffer> {
  if (plain === '-' || file === '-') return await world.process.input(secretBytesMax);
  if (plain !== undefined) return Buffer.from(plain);
  if (file !== undefined) return await fileOf(world, name, file);
  const [program = '', ...args] = (command ?? '').trim().split(/\s+/);
  try {
    return await world.process.outputOf(program, args, commandTimeoutMs);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RefusedError('usage', `--${name}-command gave no secret: ${why}`, {}, { cause });
  }
}

async function fileOf(world: World, name: string, path: string): Promise<Buffer> {
  try {
    return await world.process.readFile(path, secretBytesMax);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new RefusedError('usage', `--${name}-file ${path} cannot be read: ${errno}`, {}, { cause });
  }
}

/** Without the line end that editors and programs put there. */
function text(name: string, bytes: Buffer): string {
  const secret = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (secret === '') throw new RefusedError('usage', `--${name}: the secret is empty`);
  return secret;
}

/**
 * KeySource: where the key that opens an encrypted group comes from. It is asked once when the group is opened, and once by
 * `rotateKey`; its secret is overwritten as soon as a key has been made of it.
 *
 *   passphrase  a person's; stretched by scrypt
 *   file        32 bytes or more that nobody but the owner may read: `head -c 32 /dev/urandom > FILE; chmod 600 FILE`
 *   command     a program and its arguments, no shell; what it prints (a line end behind it is dropped) is used as a passphrase
 *
 * `DedupGroup.open({ …, keySource })` makes an encrypted group of a folder that is none yet, and opens one that is; `rotateKey(source)`
 * changes what opens it; `shred(volume)` destroys the key of a volume. After a crash in rotateKey either source may be the right one:
 * try the new one, then the old.
 */
import type { Secrets } from '#env';
import { RefusedError } from '../errors.js';

export type KeySource =
  | { readonly kind: 'passphrase'; readonly passphrase: () => Promise<string> }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly command: readonly string[] };

/** `random`: nobody can guess it, so it need not be stretched. */
export interface Secret {
  readonly random: boolean;
  readonly bytes: Buffer;
}
export const keyFileBytesMin = 32;
const secretBytesMax = 4096;
const commandTimeoutMs = 60_000;
const othersMask = 0o077;

/** RefusedError says what to do about it, and nothing of the secret. */
export async function secretOf(secrets: Secrets, source: KeySource): Promise<Secret> {
  switch (source.kind) {
    case 'passphrase': {
      // The same letters have several spellings in Unicode; keyboards differ in which they type.
      const text = (await source.passphrase()).normalize('NFC');
      return { random: false, bytes: filled(Buffer.from(text, 'utf8'), 'The passphrase') };
    }
    case 'file':
      return { random: true, bytes: await keyFile(secrets, source.path) };
    case 'command':
      return { random: false, bytes: await printed(secrets, source.command) };
  }
}
function filled(bytes: Buffer, what: string): Buffer {
  if (bytes.length > 0) return bytes;
  throw new RefusedError('usage', `${what} is empty`);
}
async function keyFile(secrets: Secrets, path: string): Promise<Buffer> {
  let found: Awaited<ReturnType<Secrets['file']>>;
  try {
    found = await secrets.file(path, secretBytesMax);
  } catch (cause) {
    throw new RefusedError('not-found', `The key file ${path} cannot be read: ${reasonOf(cause)}`, { path });
  }
  const { bytes, mode } = found;
  if ((mode & othersMask) !== 0) {
    bytes.fill(0);
    const facts = { path, mode: mode.toString(8) };
    throw new RefusedError('usage', `Others than its owner may use the key file: chmod 600 ${path}`, facts);
  }
  if (bytes.length < keyFileBytesMin) {
    bytes.fill(0);
    const message = `The key file ${path} has ${bytes.length} bytes; it takes ${keyFileBytesMin} or more random ones`;
    throw new RefusedError('usage', message, { path });
  }
  return bytes;
}
async function printed(secrets: Secrets, command: readonly string[]): Promise<Buffer> {
  const program = command[0] ?? '';
  let bytes: Buffer;
  try {
    bytes = await secrets.command(command, commandTimeoutMs, secretBytesMax);
  } catch (cause) {
    // Its arguments are not told: people put secrets there.
    const message = `The key command ${program} gave no key: ${reasonOf(cause)}`;
    throw new RefusedError('unreachable', message, { program });
  }
  let end = bytes.length;
  if (bytes[end - 1] === 10) end -= bytes[end - 2] === 13 ? 2 : 1;
  return filled(bytes.subarray(0, end), `What the key command ${program} printed`);
}
function reasonOf(cause: unknown): string {
  const errno = (cause as NodeJS.ErrnoException).code;
  return errno ?? (cause instanceof Error ? cause.message : 'unknown');
}

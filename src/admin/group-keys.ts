/** Where the key of an encrypted storage group comes from. The catalog keeps where, never what. */
import type { GroupRow } from '#catalog';
import { RefusedError } from '#errors';
import type { KeySource } from '#store';

/** What an operator says of it. */
export interface GivenKey {
  readonly passphrase?: string;
  readonly keyFile?: string;
  readonly keyCommand?: string;
}
export type KeyPlace = Pick<GroupRow, 'keyKind' | 'keyPlace'>;

export interface Key {
  readonly place: KeyPlace;
  readonly source: KeySource;
}
const passphraseLengthMin = 8;

/** Undefined when nothing was said. RefusedError 'usage' when too much was. */
export function keyOf({ passphrase, keyFile, keyCommand }: GivenKey): Key | undefined {
  const given = [passphrase, keyFile, keyCommand].filter((one) => one !== undefined);
  if (given.length > 1)
    throw new RefusedError('usage', 'Give one of a passphrase, --key-file and --key-command');
  if (passphrase !== undefined) return { place: { keyKind: 'passphrase' }, source: spoken(passphrase) };
  if (keyFile !== undefined) {
    return { place: { keyKind: 'file', keyPlace: keyFile }, source: { kind: 'file', path: keyFile } };
  }
  if (keyCommand === undefined) return undefined;
  return { place: { keyKind: 'command', keyPlace: keyCommand }, source: runs(keyCommand) };
}
/** For a key that is new. RefusedError 'usage'. */
export function newKeyOf(given: GivenKey): Key | undefined {
  if (given.passphrase !== undefined && given.passphrase.length < passphraseLengthMin)
    throw new RefusedError('usage', `Give a passphrase of at least ${passphraseLengthMin} characters`);
  return keyOf(given);
}

/** What the catalog says of it; undefined when a person has to say it, or it is not encrypted. */
export function keptKeyOf({ keyKind, keyPlace }: KeyPlace): KeySource | undefined {
  if (keyPlace === undefined) return undefined;
  return keyKind === 'file' ? { kind: 'file', path: keyPlace } : runs(keyPlace);
}

const spoken = (passphrase: string): KeySource => ({
  kind: 'passphrase',
  passphrase: async () => await Promise.resolve(passphrase),
});
/** A program and its arguments, no shell. */
const runs = (command: string): KeySource => ({ kind: 'command', command: command.trim().split(/\s+/) });

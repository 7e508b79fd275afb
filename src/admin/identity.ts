/** Names that devices are born with. They are kept in the catalog: a device is the same one after every start. */
import type { Random } from '#env';
import { RefusedError } from '#errors';

const letters = '0123456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** Ten characters, as LTO drives have: TS and eight of chance. */
export const newSerial = (random: Random): string =>
  `TS${Array.from({ length: 8 }, () => letters.charAt(random.integer(letters.length))).join('')}`;

/** NAA 3h, locally assigned (SPC-5 7.7.6.6.4): the registered forms need a company number, and we are none. */
export const newNaa = (random: Random): string => `3${random.bytes(8).toString('hex').slice(1)}`;

/** What an operator may say about how a device names itself. */
export interface GivenIdentity {
  readonly vendor?: string;
  readonly product?: string;
  readonly revision?: string;
  readonly serial?: string;
  readonly naa?: string;
}
const properties = ['vendor', 'product', 'revision', 'serial', 'naa'] as const;

/** What was given of it, and nothing else. */
export const identityOf = (input: GivenIdentity): GivenIdentity =>
  Object.fromEntries(
    properties.flatMap((name) =>
      input[name] === undefined ? [] : [[name, name === 'naa' ? input[name].toLowerCase() : input[name]]],
    ),
  );

/** Serial numbers and NAA names are unique in an installation: programs tell devices apart by them. */
export function checkUnique(
  { serial, naa }: GivenIdentity,
  others: readonly { readonly id: string; readonly serial: string; readonly naa: string }[],
  id?: string,
): void {
  for (const other of others) {
    if (other.id === id) continue;
    if (other.serial === serial)
      throw new RefusedError('conflict', `Another device has the serial number ${serial}`);
    if (other.naa === naa?.toLowerCase())
      throw new RefusedError('conflict', `Another device has the NAA name ${naa}`);
  }
}

/** For `set`: at least one. */
export function someIdentityOf(input: GivenIdentity): GivenIdentity {
  const identity = identityOf(input);
  if (Object.keys(identity).length > 0) return identity;
  throw new RefusedError('usage', 'Say what to change: --vendor, --product, --revision, --serial or --naa');
}

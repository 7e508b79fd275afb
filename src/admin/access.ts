/**
 * TargetAccess: who may log in to one target and what they see (the AccessPolicy of src/iscsi). A snapshot of the catalog's
 * rows; `refresh` makes changes count: at the next login, and for LUN masks at once.
 */
import type { ChapAccountRow, InitiatorRow, TargetRow } from '#catalog';
import { isInside, parseIp, parseNetwork, type Network } from './ip.js';

interface Entry {
  /** In small letters; a * at the end stands for any rest. */
  readonly name: string | undefined;
  readonly network: Network | undefined;
  readonly luns: ReadonlySet<number> | undefined;
}

export class TargetAccess {
  #row: TargetRow;
  #entries: readonly Entry[] = [];
  #accounts: readonly ChapAccountRow[] = [];

  constructor(row: TargetRow) {
    this.#row = row;
  }

  refresh(row: TargetRow, accounts: readonly ChapAccountRow[], initiators: readonly InitiatorRow[]): void {
    this.#row = row;
    this.#accounts = accounts;
    this.#entries = initiators.map((entry) => ({
      name: entry.name?.toLowerCase(),
      network: entry.address === undefined ? undefined : parseNetwork(entry.address),
      luns: entry.luns === undefined ? undefined : new Set(entry.luns),
    }));
  }

  /** Neither a secret nor a list keeps strangers out. */
  get isOpen(): boolean {
    return this.#entries.length === 0 && this.#users.length === 0;
  }
  get #users(): readonly ChapAccountRow[] {
    return this.#accounts.filter(({ direction }) => direction === 'initiator');
  }

  admits(initiator: { readonly name: string; readonly address: string }): boolean {
    if (this.#entries.length === 0) return true;
    const address = parseIp(initiator.address);
    return this.#entries.some((entry) => matches(entry, initiator.name, address));
  }

  /** What CHAP asks for; undefined when it is not asked. */
  chap():
    | {
        secretOf(user: string): Buffer | undefined;
        mutual?: { readonly user: string; readonly secret: Buffer };
      }
    | undefined {
    const users = this.#users;
    if (users.length === 0) return undefined;
    const secretOf = (user: string): Buffer | undefined => users.find((one) => one.user === user)?.secret;
    const ours = this.#accounts.find(({ direction }) => direction === 'target');
    return ours === undefined ? { secretOf } : { secretOf, mutual: { user: ours.user, secret: ours.secret } };
  }

  /** The union of what the entries that fit let it see. */
  sees(initiator: { readonly name: string; readonly address: string }, lun: number): boolean {
    if (this.#entries.length === 0) return true;
    const address = parseIp(initiator.address);
    return this.#entries.some(
      (entry) => matches(entry, initiator.name, address) && (entry.luns === undefined || entry.luns.has(lun)),
    );
  }

  redirect(): { readonly address: string; readonly permanent: boolean } | undefined {
    const { redirectAddress: address, redirectPermanent: permanent } = this.#row;
    return address === undefined ? undefined : { address, permanent };
  }
}

function matches(entry: Entry, name: string, address: Buffer | undefined): boolean {
  return matchesName(entry.name, name.toLowerCase()) && matchesNetwork(entry.network, address);
}
function matchesName(pattern: string | undefined, name: string): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
const matchesNetwork = (network: Network | undefined, address: Buffer | undefined): boolean =>
  network === undefined || (address !== undefined && isInside(address, network));

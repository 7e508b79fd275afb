/** NdmpUsers: who may log in by NDMP, and how. A snapshot of the catalog; `refresh` makes changes count at the next login. */
import type { NdmpUserRow, Tables } from '#catalog';
import { isLoopback } from './ip.js';
import type { NdmpAccess, NdmpArrival, PortRange } from '#ndmp';

export type TextAuthentication = 'secure' | 'always' | 'never';
export type Anonymous = 'never' | 'loopback';

/**
 * `textAuthentication`: whether a password may come as it is: `secure` is from this machine or over TLS. `streamAddresses`: own
 * addresses on which image streams are awaited; none: the one that a session came to. `streamPorts`: the own ports
 * for them.
 */
export interface NdmpSettings {
  readonly textAuthentication: TextAuthentication;
  readonly anonymous: Anonymous;
  readonly versionMax: 2 | 3 | 4;
  readonly streamAddresses: readonly string[];
  readonly streamPorts: PortRange | 'any';
}
const byDefault: NdmpSettings = {
  textAuthentication: 'secure',
  anonymous: 'never',
  versionMax: 4,
  streamAddresses: [],
  streamPorts: 'any',
};
const key = 'ndmp';

export async function readNdmpSettings({ settings }: Pick<Tables, 'settings'>): Promise<NdmpSettings> {
  const kept = await settings.get(key);
  return kept === undefined ? byDefault : { ...byDefault, ...(JSON.parse(kept) as Partial<NdmpSettings>) }; // saved by us
}
export async function keepNdmpSettings(
  { settings }: Pick<Tables, 'settings'>,
  wanted: NdmpSettings,
): Promise<void> {
  await settings.set(key, JSON.stringify(wanted));
}

export class NdmpUsers implements NdmpAccess {
  #users: ReadonlyMap<string, NdmpUserRow> = new Map();
  #settings: NdmpSettings = byDefault;

  refresh(users: readonly NdmpUserRow[], settings: NdmpSettings): void {
    this.#users = new Map(users.map((row) => [row.name, row]));
    this.#settings = settings;
  }
  get all(): readonly NdmpUserRow[] {
    return [...this.#users.values()];
  }
  get settings(): NdmpSettings {
    return this.#settings;
  }
  get versionMax(): NdmpSettings['versionMax'] {
    return this.#settings.versionMax;
  }

  secretOf(user: string): Buffer | undefined {
    const row = this.#users.get(user);
    return row?.enabled === true ? row.secret : undefined;
  }
  allows(type: 'none' | 'text' | 'md5', { peer, isPrivate }: NdmpArrival): boolean {
    const { textAuthentication, anonymous } = this.#settings;
    switch (type) {
      case 'md5':
        return true;
      case 'text':
        if (textAuthentication === 'secure') return isPrivate;
        return textAuthentication === 'always';
      case 'none':
        return anonymous === 'loopback' && isLoopback(peer.host);
    }
  }
}

/**
 * NdmpPortals: where NDMP is listened for, plainly or by TLS. Those of `serve` are of this run; those of `ndmp portal create`
 * are kept in the catalog and opened at every start.
 */
import type { Catalog, NdmpPortalRow } from '#catalog';
import type { Address, TlsIdentity } from '#env';
import { RefusedError } from '#errors';
import { formatAddress, ndmpPort, ndmpTlsPort } from './address.js';
import type { NdmpServing } from './ndmp-face.js';
import { whyNotListening } from './network.js';

export const portOfNdmp = (tls: boolean): number => (tls ? ndmpTlsPort : ndmpPort);

interface NdmpPortal {
  /** Where it listens: the port is the one in use. */
  address: Address;
  readonly tls: boolean;
  isKept: boolean;
  /** The server's id; undefined when it could not be opened. */
  serverId: number | undefined;
  /** Why it is not open. */
  problem: string | undefined;
}

export function viewNdmpPortal({ address, tls, isKept, problem }: NdmpPortal) {
  return {
    portal: formatAddress(address),
    address: address.host,
    port: address.port,
    tls,
    kept: isKept,
    state: problem ?? 'open',
  };
}

export class NdmpPortals {
  readonly #server: NdmpServing;
  readonly #catalog: Catalog;
  #portals: NdmpPortal[] = [];
  #identity: TlsIdentity | undefined;

  constructor(server: NdmpServing, catalog: Catalog) {
    this.#server = server;
    this.#catalog = catalog;
  }
  /** Those of this run first: who asked for any free port looks there. */
  get all(): readonly NdmpPortal[] {
    return this.#portals.toSorted((a, b) => Number(a.isKept) - Number(b.isKept));
  }

  /** Opens one of this run. RefusedError when the system does not let us listen there, or there is no certificate. */
  async open(address: Address, tls: boolean): Promise<NdmpPortal> {
    this.#checkFree(address);
    const portal: NdmpPortal = { address, tls, isKept: false, serverId: undefined, problem: undefined };
    await this.#start(portal);
    this.#portals.push(portal);
    return portal;
  }
  #checkFree(address: Address): void {
    const wanted = formatAddress(address);
    const there = this.#portals.find((portal) => formatAddress(portal.address) === wanted);
    if (there === undefined) return;
    throw new RefusedError(
      'conflict',
      `There is an NDMP portal ${wanted} already: delete it first (\`tapesilo ndmp portal delete ${wanted}\`), or choose another port`,
    );
  }
  /** Opens one now and at every start. */
  async keep(address: Address, tls: boolean): Promise<NdmpPortal> {
    const portal = await this.open(address, tls);
    try {
      await this.#catalog.ndmp.addPortal({ ...portal.address, tls });
      portal.isKept = true;
      return portal;
    } catch (error) {
      await this.#close(portal);
      throw error;
    }
  }
  /** One that is kept. That it cannot be opened does not keep the others from work: it is shown in the list. */
  async reopen({ host, port, tls }: NdmpPortalRow): Promise<NdmpPortal> {
    const portal: NdmpPortal = {
      address: { host, port },
      tls,
      isKept: true,
      serverId: undefined,
      problem: undefined,
    };
    this.#portals.push(portal);
    await this.#tryStart(portal);
    return portal;
  }
  async #tryStart(portal: NdmpPortal): Promise<void> {
    try {
      await this.#start(portal);
      portal.problem = undefined;
    } catch (error) {
      portal.problem = error instanceof Error ? error.message : String(error);
    }
  }
  async #start(portal: NdmpPortal): Promise<void> {
    const { address } = portal;
    const tls = portal.tls ? { tls: this.#identityFor(portal) } : {};
    const view = await this.#server.addPortal({ address, ...tls }).catch((cause: unknown) => {
      throw whyNotListening(address, cause);
    });
    portal.address = { host: address.host, port: view.address.port };
    portal.serverId = view.id;
  }
  #identityFor({ address }: NdmpPortal): TlsIdentity {
    if (this.#identity !== undefined) return this.#identity;
    throw new RefusedError(
      'conflict',
      `Cannot listen on ${formatAddress(address)} with TLS: there is no certificate. Make one with \`tapesilo ndmp certificate create NAME\` (while a daemon runs: start it without this portal), ` +
        'or use your own with `tapesilo ndmp certificate import` (or `serve --ndmp-tls-certificate FILE --ndmp-tls-key FILE`)',
    );
  }

  /** From the next connection on; portals that waited for a certificate are opened. */
  async identify(identity: TlsIdentity): Promise<void> {
    this.#identity = identity;
    for (const portal of this.#portals.filter(({ tls }) => tls)) {
      if (portal.serverId !== undefined) this.#server.renewTls(portal.serverId, identity);
      else await this.#tryStart(portal);
    }
  }

  /** By its address as it is listed. RefusedError 'not-found'. */
  find(address: Address): NdmpPortal {
    const wanted = formatAddress(address);
    const found = this.#portals.find((portal) => formatAddress(portal.address) === wanted);
    if (found !== undefined) return found;
    throw new RefusedError(
      'not-found',
      `There is no NDMP portal ${wanted}: see \`tapesilo ndmp portal list\``,
    );
  }
  async remove(portal: NdmpPortal): Promise<void> {
    if (portal.isKept) await this.#catalog.ndmp.removePortal(portal.address);
    await this.#close(portal);
  }
  async #close(portal: NdmpPortal): Promise<void> {
    this.#portals = this.#portals.filter((one) => one !== portal);
    if (portal.serverId !== undefined) await this.#server.removePortal(portal.serverId);
  }
}

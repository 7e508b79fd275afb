/**
 * Network: the portals, and the rule that nobody is served unasked. Portals of `serve --listen` are of this run; those of
 * `portal create` are kept in the catalog and opened at every start.
 */
import type { Catalog, PortalRow } from '#catalog';
import type { Address } from '#env';
import { RefusedError, StoreError } from '#errors';
import { formatAddress } from './address.js';
import type { TargetServer } from './factory.js';
import { isLoopback } from './ip.js';
import type { Installation, InstalledTarget } from './installation.js';

export interface Portal {
  /** Where it listens: the port is the one in use. */
  address: Address;
  readonly groupTag: number;
  /** What discovery gives instead; port 0 stands for its own. */
  announce: Address | undefined;
  /** Its id in the catalog, when it is kept. */
  rowId: number | undefined;
  /** The server's id; undefined when it could not be opened. */
  serverId: number | undefined;
  /** Why it could not be opened. */
  problem: string | undefined;
}
export function announcedAddress({ address, announce }: Portal): Address | undefined {
  return announce === undefined || announce.port !== 0
    ? announce
    : { host: announce.host, port: address.port };
}

export class Network {
  readonly #server: TargetServer;
  readonly #catalog: Catalog;
  readonly #installation: Installation;
  #portals: Portal[] = [];

  constructor(installation: Installation) {
    this.#server = installation.server;
    this.#catalog = installation.catalog;
    this.#installation = installation;
    installation.guard = this;
  }
  get portals(): readonly Portal[] {
    return this.#portals;
  }

  /** Opens a portal of this run. Throws StoreError 'io' when the system does not let us listen there. */
  async open(address: Address, groupTag: number, announce: Address | undefined): Promise<Portal> {
    this.checkMayServe(address.host);
    const portal = newPortal(address, groupTag, announce);
    await this.#start(portal);
    this.#portals.push(portal);
    return portal;
  }
  /** Opens a portal now and at every start. */
  async keep(address: Address, groupTag: number, announce: Address | undefined): Promise<Portal> {
    const portal = await this.open(address, groupTag, announce);
    try {
      const { host, port } = portal.address;
      portal.rowId = await this.#catalog.portals.create({ host, port, groupTag, ...announced(portal) });
      return portal;
    } catch (error) {
      await this.#close(portal);
      throw error;
    }
  }
  /** One that is kept. That it cannot be opened does not keep the others from work: it is shown in the list. */
  async reopen({ id, host, port, groupTag, announceHost, announcePort }: PortalRow): Promise<Portal> {
    const announce =
      announceHost === undefined || announcePort === undefined
        ? undefined
        : { host: announceHost, port: announcePort };
    const portal = { ...newPortal({ host, port }, groupTag, announce), rowId: id };
    this.#portals.push(portal);
    try {
      this.checkMayServe(host);
      await this.#start(portal);
    } catch (error) {
      portal.problem = error instanceof Error ? error.message : String(error);
    }
    return portal;
  }
  async kept(): Promise<readonly PortalRow[]> {
    return await this.#catalog.portals.list();
  }
  async #start(portal: Portal): Promise<void> {
    const view = await this.#listen(portal).catch((cause: unknown) => {
      throw whyNotListening(portal.address, cause);
    });
    portal.address = { host: portal.address.host, port: view.address.port };
    portal.serverId = view.id;
  }
  async #listen(portal: Portal): Promise<{ readonly id: number; readonly address: Address }> {
    return await this.#server.addPortal({
      address: portal.address,
      groupTag: portal.groupTag,
      get announce() {
        return announcedAddress(portal); // may be changed
      },
    });
  }

  /** By its address as it is listed. RefusedError 'not-found'. */
  find(address: Address): Portal {
    const wanted = formatAddress(address);
    const found = this.#portals.find((portal) => formatAddress(portal.address) === wanted);
    if (found !== undefined) return found;
    throw new RefusedError('not-found', `There is no portal ${wanted}: see \`tapesilo portal list\``);
  }
  async setAnnounce(portal: Portal, announce: Address | undefined): Promise<void> {
    portal.announce = announce;
    if (portal.rowId !== undefined) await this.#catalog.portals.set(portal.rowId, announced(portal));
  }
  async remove(portal: Portal): Promise<void> {
    if (portal.rowId !== undefined) await this.#catalog.portals.remove(portal.rowId);
    await this.#close(portal);
  }
  async #close(portal: Portal): Promise<void> {
    this.#portals = this.#portals.filter((one) => one !== portal);
    if (portal.serverId !== undefined) await this.#server.removePortal(portal.serverId);
  }

  // --- who may come ---------------------------------------------------------------------------------------------

  /** RefusedError 'unauthorized' when others could reach a target that asks them nothing. */
  checkMayServe(host: string): void {
    if (isLoopback(host)) return;
    const open = this.#installation.targets.filter(({ access }) => access.isOpen);
    if (open.length > 0) throw unguarded(formatHost(host), open);
  }
  #othersReach(): Address | undefined {
    return this.#portals.find(({ address }) => !isLoopback(address.host))?.address;
  }
  /** The same for a target that is about to be made without a list and CHAP. */
  checkMayAppear(name: string): void {
    const where = this.#othersReach();
    if (where === undefined) return;
    throw new RefusedError(
      'unauthorized',
      `Anybody who reaches ${formatAddress(where)} could use ${name} at once: make the target with a CHAP user or an initiator ` +
        `(\`tapesilo target create ${name} --user NAME --secret-file FILE\`), and name it with --target when you make a library`,
    );
  }
  /** The same for a target that is about to lose its last list or CHAP user. */
  checkMayOpen({ row }: InstalledTarget, isOpen: boolean): void {
    const where = this.#othersReach();
    if (!isOpen || where === undefined) return;
    throw new RefusedError(
      'unauthorized',
      `Anybody who reaches ${formatAddress(where)} could then use ${row.name}: first give it the other of CHAP and a list of ` +
        `initiators, or stop listening there (\`tapesilo portal delete ${formatAddress(where)}\`)`,
    );
  }
}

const formatHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

const newPortal = (address: Address, groupTag: number, announce: Address | undefined): Portal => ({
  address,
  groupTag,
  announce,
  rowId: undefined,
  serverId: undefined,
  problem: undefined,
});

/** Both or none, as the catalog wants it. */
function announced(portal: Portal): Pick<PortalRow, 'announceHost' | 'announcePort'> {
  const address = announcedAddress(portal);
  return { announceHost: address?.host, announcePort: address?.port };
}

/** Why the system does not let us listen there, and what to do. */
export function whyNotListening(address: Address, cause: unknown): unknown {
  if (!(cause instanceof StoreError)) return cause;
  const where = formatAddress(address);
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program has that port: stop it, or choose another port (0: any free one)',
    EADDRNOTAVAIL: 'this machine has no such address',
    EACCES: 'ports below 1024 are for root: choose another port',
    ENOTFOUND: 'no such host is known',
  };
  const errno = String(cause.facts['errno']);
  return new RefusedError('conflict', `Cannot listen on ${where}: ${advice[errno] ?? errno}`, cause.facts, {
    cause,
  });
}

function unguarded(where: string, open: readonly InstalledTarget[]): RefusedError {
  const names = open.map(({ row }) => row.name).join(', ');
  return new RefusedError(
    'unauthorized',
    `Anybody who reaches ${where} could use ${names}. First serve on 127.0.0.1 only (the default) and give ` +
      `${open.length === 1 ? 'that target' : 'each of them'} a CHAP user (\`tapesilo target chap --user NAME --secret-file FILE\`) ` +
      'or a list of initiators (`tapesilo initiator create NAME`)',
    { where, targets: names },
  );
}

/**
 * NdmpSite: what this installation is to NDMP clients: its devices under their names, who may log in, which folders and networks
 * they may use, and where they come in. Opened from the catalog; every verb changes the catalog first and then this.
 */
import type { Catalog, NdmpNetworkRow, NdmpRootRow } from '#catalog';
import type { TlsIdentity } from '#env';
import type { NdmpSessionView, PortRange } from '#ndmp';
import type { Installation } from './installation.js';
import { isInside, parseIp, parseNetwork } from './ip.js';
import { NdmpUsers, readNdmpSettings } from './ndmp-access.js';
import { keptIdentity } from './ndmp-certificate.js';
import { NdmpNames } from './ndmp-devices.js';
import type { MakeNdmpServer, NdmpRoot, NdmpServing, NdmpWorld } from './ndmp-face.js';
import { NdmpPortals } from './ndmp-portals.js';

export class NdmpSite implements NdmpWorld {
  readonly catalog: Catalog;
  readonly devices: NdmpNames;
  readonly access = new NdmpUsers();
  readonly portals: NdmpPortals;
  readonly server: NdmpServing;
  readonly #installation: Installation;
  readonly #home: string;
  identity: TlsIdentity | undefined;
  #roots: readonly NdmpRootRow[] = [];
  #networks: readonly NdmpNetworkRow[] = [];

  private constructor(installation: Installation, home: string, makeServer: MakeNdmpServer) {
    this.#installation = installation;
    this.#home = home;
    this.catalog = installation.catalog;
    this.devices = new NdmpNames(installation);
    this.server = makeServer(this);
    this.portals = new NdmpPortals(this.server, installation.catalog);
    installation.openDevices = { holderOf: (device) => this.holderOf(device) };
  }

  /** `home`: absolute. `identity`: what TLS proves itself with in this run, instead of the one that is kept. */
  static async open(
    installation: Installation,
    home: string,
    makeServer: MakeNdmpServer,
    identity?: TlsIdentity,
  ): Promise<NdmpSite> {
    const site = new NdmpSite(installation, home, makeServer);
    await site.refresh();
    const known = identity ?? (await keptIdentity(installation.catalog));
    if (known !== undefined) await site.identify(known);
    return site;
  }
  /** Reads again what the catalog says. */
  async refresh(): Promise<void> {
    const { ndmp } = this.catalog;
    this.#roots = await ndmp.roots();
    this.#networks = await ndmp.networks();
    this.access.refresh(await ndmp.users(), await readNdmpSettings(this.catalog));
  }
  async identify(identity: TlsIdentity): Promise<void> {
    this.identity = identity;
    await this.portals.identify(identity);
  }

  roots(): readonly NdmpRoot[] {
    return this.#roots;
  }
  ownFolders(): readonly string[] {
    return [this.#home, ...this.#installation.groups.all.map(({ folder }) => folder)];
  }
  streamHosts(): readonly string[] {
    return this.access.settings.streamAddresses;
  }
  streamPorts(): PortRange | undefined {
    const { streamPorts } = this.access.settings;
    return streamPorts === 'any' ? undefined : streamPorts;
  }
  isRestricted(): boolean {
    return this.#networks.length > 0;
  }
  mayAlsoReach(host: string): boolean {
    const address = parseIp(host);
    // Both ends may be ours: a backup of own folders to an own drive, by two sessions.
    const allowed = [...this.streamHosts(), ...this.#networks.map(({ network }) => network)];
    return address !== undefined && allowed.some((network) => isInside(address, parseNetwork(network)));
  }
  get networks(): readonly NdmpNetworkRow[] {
    return this.#networks;
  }

  /** The session that has the device of that name open. */
  holderOf(device: string): NdmpSessionView | undefined {
    return this.server.sessions().find(({ tape, scsi }) => tape === device || scsi === device);
  }
}

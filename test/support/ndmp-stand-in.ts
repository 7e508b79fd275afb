/** An NDMP server that listens nowhere and has the sessions that a test says. */
import type { MakeNdmpServer, NdmpServing, NdmpWorld } from '#admin';
import type { Address, TlsIdentity } from '#env';
import { StoreError } from '#errors';
import type { NdmpSessionView } from '#ndmp';

export class NdmpStandIn implements NdmpServing {
  readonly world: NdmpWorld;
  /** By id. */
  readonly portals = new Map<number, { readonly address: Address; tls: TlsIdentity | undefined }>();
  open: NdmpSessionView[] = [];
  /** Ports that other programs have. */
  readonly taken = new Set<number>();
  #last = 0;

  constructor(world: NdmpWorld) {
    this.world = world;
  }
  static readonly make: MakeNdmpServer = (world) => new NdmpStandIn(world);

  async addPortal({ address, tls }: { readonly address: Address; readonly tls?: TlsIdentity }) {
    if (this.taken.has(address.port)) {
      await Promise.reject(new StoreError('io', 'Listening failed', { errno: 'EADDRINUSE' }));
    }
    this.#last += 1;
    const found = { host: address.host, port: address.port === 0 ? 40_000 + this.#last : address.port };
    this.portals.set(this.#last, { address: found, tls });
    return { id: this.#last, address: found };
  }
  renewTls(id: number, identity: TlsIdentity): void {
    const portal = this.portals.get(id);
    if (portal !== undefined) portal.tls = identity;
  }
  async removePortal(id: number): Promise<void> {
    await Promise.resolve(this.portals.delete(id));
  }
  sessions(): readonly NdmpSessionView[] {
    return this.open;
  }
  dropSession(id: number): boolean {
    const before = this.open.length;
    this.open = this.open.filter((session) => session.id !== id);
    return this.open.length < before;
  }
  async close(): Promise<void> {
    await Promise.resolve(this.portals.clear());
  }
}

export const idleMover: NdmpSessionView['mover'] = {
  mode: 'noaction',
  state: 'idle',
  pauseReason: 'na',
  haltReason: 'na',
  recordSize: 10_240,
  recordNum: 0,
  bytesMoved: 0n,
  seekPosition: 0n,
  bytesLeftToRead: 0n,
  windowOffset: 0n,
  windowLength: 0xffff_ffff_ffff_ffffn,
  dataConnectionAddr: { type: 'local' },
};

/** A session that does nothing, but for what is said. */
export const ndmpSession = (id: number, more: Partial<NdmpSessionView> = {}): NdmpSessionView => ({
  id,
  peer: { host: '192.0.2.7', port: 700 + id },
  local: { host: '192.0.2.1', port: 10_000 },
  tls: false,
  openedAtMs: 0,
  version: 4,
  user: 'backup',
  authorized: true,
  tape: undefined,
  tapeMode: undefined,
  scsi: undefined,
  mover: idleMover,
  data: { state: 'idle', bytes: 0n, files: 0 },
  requests: 0,
  bytesIn: 0,
  bytesOut: 0,
  ...more,
});

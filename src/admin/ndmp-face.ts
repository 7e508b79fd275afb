/** What administration wants of the NDMP server, and what it hands to it. The daemon's wiring makes the server; tests make stand-ins. */
import type { Address, TlsIdentity } from '#env';
import type { NdmpAccess, NdmpDevices, NdmpSessionView, PortRange } from '#ndmp';

/** A folder that the DATA service may use. `path` is absolute. */
export interface NdmpRoot {
  readonly name: string;
  readonly path: string;
  readonly readOnly: boolean;
}
/** What the server is given. All of it may change at any time. */
export interface NdmpWorld {
  readonly devices: NdmpDevices;
  readonly access: NdmpAccess;
  roots(): readonly NdmpRoot[];
  /** What the daemon keeps itself: absolute paths that no job reads or writes, also where a root holds them. */
  ownFolders(): readonly string[];
  /** Own addresses on which image streams are awaited; none: the one that a session came to. */
  streamHosts(): readonly string[];
  /** Own ports for them; undefined: any free one. */
  streamPorts(): PortRange | undefined;
  /** May image streams go to and come from this IP address, besides what the server allows by itself? */
  mayAlsoReach(host: string): boolean;
  /** Somebody has said where they may come from: elsewhere they may not, but for the ends of the session. */
  isRestricted(): boolean;
}

export interface NdmpServing {
  /** `tls`: what it proves itself with. Rejects with StoreError 'io' when it cannot listen there. */
  addPortal(portal: { readonly address: Address; readonly tls?: TlsIdentity }): Promise<{
    readonly id: number;
    readonly address: Address;
  }>;
  /** From the next connection on. */
  renewTls(id: number, identity: TlsIdentity): void;
  removePortal(id: number): Promise<void>;
  sessions(): readonly NdmpSessionView[];
  /** Its devices are free when it returns; false when there is none of that id. */
  dropSession(id: number): boolean;
  /** Nobody comes in any more; sessions are told, and ended after `graceMs`. */
  close(graceMs: number): Promise<void>;
}
export type MakeNdmpServer = (world: NdmpWorld) => NdmpServing;

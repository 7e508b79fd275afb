/** What an NDMP server is given: devices, users, what it may reach, and what it says of itself. */
import type { Address, Env } from '#env';
import type { SlabPool } from '#wire';
import type { TreeEngine } from '#trees';
import type { AddressPolicy } from './address-policy.js';
import type { Reach } from './data-roots.js';
import type { NdmpDevices } from './devices.js';
import type { DumpDates } from './dump-dates.js';
import type { MoverView } from './mover.js';
import type { NdmpVersion } from './xdr.js';

/** How somebody has come. */
export interface NdmpArrival {
  readonly peer: Address;
  /** Nobody can listen on the way: TLS, or both ends on this host. */
  readonly isPrivate: boolean;
}
/** Who may in. Asked at each attempt, so a change counts at once. */
export interface NdmpAccess {
  /** Highest that clients are offered. */
  readonly versionMax: NdmpVersion;
  /** Undefined: there is no such user, or it may not in now. */
  secretOf(user: string): Buffer | undefined;
  /** May somebody who has come like this authenticate so? `none`: anybody may in without showing anything. */
  allows(type: 'none' | 'text' | 'md5', arrival: NdmpArrival): boolean;
}

/** CONFIG_GET_HOST_INFO and CONFIG_GET_SERVER_INFO. */
export interface ServerIdentity {
  readonly hostName: string;
  readonly osType: string;
  readonly osVersion: string;
  readonly hostId: string;
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
}

/** Trees of this machine that DATA may back up and recover. */
export interface DataOptions extends Reach {
  readonly trees: TreeEngine;
  readonly dumpDates: DumpDates;
}

/** Both ends belong to it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface NdmpServerOptions {
  readonly env: Env;
  /** Memory in which movers gather records. */
  readonly pool: SlabPool;
  readonly devices: NdmpDevices;
  readonly access: NdmpAccess;
  readonly identity: ServerIdentity;
  /** Where image streams may go to and come from. */
  readonly policy: AddressPolicy;
  /** Own hosts on which image streams are awaited; without any, the one that a session came to. */
  readonly streamHosts?: () => readonly string[];
  /** Own ports for them; any free one where nothing is said. */
  readonly streamPorts?: () => PortRange | undefined;
  /** Without it there are no backup types. */
  readonly data?: DataOptions;
}

export interface NdmpPortalView {
  readonly id: number;
  /** With the real port. */
  readonly address: Address;
  readonly tls: boolean;
}

/** What a data service does, for people. */
export interface DataView {
  readonly state: string;
  /** Why it is halted. */
  readonly reason?: string | undefined;
  readonly operation?: string | undefined;
  /** What is backed up, or restored into. */
  readonly path?: string | undefined;
  readonly bytes: bigint;
  /** All that there will be, as far as can be told. */
  readonly estimateBytes?: bigint | undefined;
  readonly files: number;
}

export interface NdmpSessionView {
  readonly id: number;
  readonly peer: Address;
  readonly local: Address;
  readonly tls: boolean;
  readonly openedAtMs: number;
  readonly version: number;
  /** Undefined before somebody has proved to be one. */
  readonly user: string | undefined;
  readonly authorized: boolean;
  /** Names of what is open. */
  readonly tape: string | undefined;
  readonly tapeMode: 'read' | 'read-write' | undefined;
  readonly scsi: string | undefined;
  readonly mover: MoverView;
  readonly data: DataView;
  readonly requests: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

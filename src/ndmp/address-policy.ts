/**
 * Which addresses image streams may go to and come from. A client names an address in DATA_CONNECT and MOVER_CONNECT: without
 * a rule we would open connections for strangers wherever they like.
 */
import type { Address as HostAndPort } from '#env';
import { plainHost } from './hosts.js';

/** Both ends of the connection over which the client speaks. */
export interface SessionEnds {
  readonly peer: HostAndPort;
  readonly local: HostAndPort;
}

export interface AddressPolicy {
  /** May we connect to this host for that session? */
  mayReach(host: string, session: SessionEnds): boolean;
  /** May this host connect to where that session listens? */
  mayAccept(host: string, session: SessionEnds): boolean;
}

export interface PolicyOptions {
  /** Hosts that an operator has named, beyond those of the session itself. */
  mayAlsoReach?(host: string): boolean;
  /** Has an operator named any? Then only those, and the session's own, may connect to us; before, any host may. */
  isRestricted?(): boolean;
}

/** The host that the client comes from and the one that it came to; more by configuration. */
export function addressPolicy(options: PolicyOptions = {}): AddressPolicy {
  const mayReach = (host: string, { peer, local }: SessionEnds): boolean =>
    [peer, local].some((end) => plainHost(end.host) === plainHost(host)) ||
    options.mayAlsoReach?.(plainHost(host)) === true;
  return {
    mayReach,
    mayAccept: (host, session) => options.isRestricted?.() !== true || mayReach(host, session),
  };
}

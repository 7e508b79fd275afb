/** SendTargets (RFC 7143 appendix C): which targets an initiator may know of, and where they are. */
import type { Address } from '#env';
import type { TargetNode } from './target-node.js';
import type { Pair } from './text.js';

/** A portal as others reach it. */
export interface ReachablePortal {
  readonly address: Address;
  readonly groupTag: number;
  readonly announce?: Address | undefined;
}
/** Who asks, on which connection. */
export interface Asker {
  readonly initiatorName: string;
  readonly remoteHost: string;
  /** The address of ours that the asker reached. */
  readonly localHost: string;
}

/** host:port, IPv6 in brackets. */
export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

const anyHosts: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

/** IPv4 in IPv6 clothes, as a dual-stack listener sees it. */
export const plainHost = (host: string): string => host.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');

/** Answers for one target: its name and an address for each portal. */
function describe(target: TargetNode, portals: readonly ReachablePortal[], asker: Asker): Pair[] {
  const local = plainHost(asker.localHost);
  const addresses = new Set<string>();
  for (const { address, groupTag, announce } of portals) {
    // A portal on every address is reached at the one that was reached now, if that is of its family.
    const wild = anyHosts.has(address.host);
    if (announce === undefined && wild && address.host === '0.0.0.0' && local.includes(':')) continue;
    const at = announce ?? (wild ? { host: local, port: address.port } : address);
    addresses.add(`${formatAddress(at)},${groupTag}`);
  }
  return [
    { key: 'TargetName', value: target.name },
    ...[...addresses].map((value) => ({ key: 'TargetAddress', value })),
  ];
}

/** `All`: every target that admits the asker; a name: that target, or nothing. */
export function sendTargets(
  what: string,
  targets: readonly TargetNode[],
  portals: readonly ReachablePortal[],
  asker: Asker,
): Pair[] {
  const who = { name: asker.initiatorName, address: asker.remoteHost };
  return targets
    .filter((target) => (what === 'All' || target.name === what) && target.access.admits(who))
    .flatMap((target) => describe(target, portals, asker));
}

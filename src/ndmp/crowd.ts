/** Who goes when there are too many: whoever opens many sockets and does not authenticate, and not those who come from elsewhere. */
import { plainHost } from './hosts.js';

interface Visitor {
  readonly peer: { readonly host: string };
}

/** The first of those that come from the address that has most of them. */
export function oldestOfBusiest<V extends Visitor>(visitors: readonly V[]): V | undefined {
  const counts = new Map<string, number>();
  for (const { peer } of visitors) {
    const host = plainHost(peer.host);
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  return visitors.find(({ peer }) => counts.get(plainHost(peer.host)) === most);
}

/** Addresses of hosts as sockets tell them. */
/** IPv4 in IPv6 ("::ffff:192.0.2.1") as the IPv4 address that it is. */
export const plainHost = (host: string): string => host.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');

/** Reached without leaving this machine. */
export function isLoopback(host: string): boolean {
  const plain = plainHost(host);
  return plain === '::1' || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** ADDR[:PORT] as a person writes it. */
import type { Address } from '#env';
import { RefusedError } from '#errors';

/** IANA's ports of iSCSI targets and of NDMP; by TLS, NDMP is usually found at the third. */
export const iscsiPort = 3260;
export const ndmpPort = 10_000;
export const ndmpTlsPort = 30_000;

/** RefusedError 'usage' when it is none. IPv6 with a port goes in brackets. */
export function parseAddress(text: string, portIfNone = iscsiPort): Address {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = /^([^\s:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const bare = /^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*(%[\w.-]+)?$/i.test(text) ? [text, text] : null;
  const [, host, port = `${portIfNone}`] = bracketed ?? plain ?? bare ?? [];
  if (host === undefined || Number(port) > 65535) {
    const example = portIfNone === 0 ? iscsiPort : portIfNone;
    throw new RefusedError(
      'usage',
      `${text} is no address: give one such as 192.0.2.7, 192.0.2.7:${example}, [2001:db8::7] or [2001:db8::7]:${example}`,
    );
  }
  return { host, port: Number(port) };
}

export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

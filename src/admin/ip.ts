/** IP addresses and networks as text. IPv4 is looked at as ::ffff:0:0/96, which is how a dual-stack socket reports it. */
import { RefusedError } from '#errors';

/** The 16 bytes of an address; undefined when it is none (a host name, for example). A zone such as %eth0 is left out. */
export function parseIp(text: string): Buffer | undefined {
  const plain = text.replace(/%.*$/, '');
  const four = parseIpv4(plain);
  if (four !== undefined) return Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), four]);
  return plain.includes(':') ? parseIpv6(plain) : undefined;
}

function parseIpv4(text: string): Buffer | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  return bytes.every((byte) => byte <= 255) ? Buffer.from(bytes) : undefined;
}

function parseIpv6(text: string): Buffer | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? Buffer.alloc(0) : groups(half.split(':'))));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  return Buffer.concat([head, Buffer.alloc(16 - head.length - tail.length), tail]);
}
/** The bytes of 16-bit groups, of which the last may be written as IPv4. */
function groups(parts: readonly string[]): Buffer | undefined {
  const bytes = parts.map((part, at) => {
    if (at === parts.length - 1 && part.includes('.')) return parseIpv4(part);
    return /^[0-9a-f]{1,4}$/i.test(part) ? Buffer.from(part.padStart(4, '0'), 'hex') : undefined;
  });
  return bytes.every((part) => part !== undefined) ? Buffer.concat(bytes) : undefined;
}

export interface Network {
  readonly address: Buffer;
  readonly prefixBits: number;
}

/** Of "192.0.2.0/24", "2001:db8::/32" or a single address. RefusedError 'usage' for anything else. */
export function parseNetwork(text: string): Network {
  const [host = '', prefix] = text.split('/');
  const address = parseIp(host);
  const bitsMax = host.includes(':') ? 128 : 32;
  const prefixBits = prefix === undefined ? bitsMax : /^\d{1,3}$/.test(prefix) ? Number(prefix) : NaN;
  if (address === undefined || !Number.isInteger(prefixBits) || prefixBits > bitsMax) {
    throw new RefusedError(
      'usage',
      `${text} is no address or network: give one such as 192.0.2.0/24 or 2001:db8::/32`,
    );
  }
  return { address, prefixBits: prefixBits + 128 - bitsMax };
}

export function isInside(address: Buffer, network: Network): boolean {
  const whole = network.prefixBits >> 3;
  if (!address.subarray(0, whole).equals(network.address.subarray(0, whole))) return false;
  const mask = 0xff00 >> (network.prefixBits % 8);
  return (((address[whole] ?? 0) ^ (network.address[whole] ?? 0)) & mask & 0xff) === 0;
}

const loopbacks = ['127.0.0.0/8', '::1'].map(parseNetwork);

/** Only programs of this machine reach it. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const address = parseIp(host);
  return address !== undefined && loopbacks.some((network) => isInside(address, network));
}

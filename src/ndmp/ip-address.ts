/** IP addresses between text and the bytes in which they travel. */
import { type Xdr, XdrError } from './xdr.js';

/** Sockets that listen on both families show IPv4 peers like this (RFC 4291 2.5.5.2). */
const mappedPrefix = /^::ffff:(?=\d+\.)/i;

function ipv4Parts(host: string): readonly number[] | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host)?.slice(1).map(Number);
  return parts?.every((part) => part <= 255) === true ? parts : undefined;
}

/** A u_long whose dotted form reads from its high byte: 127.0.0.1 is 7F000001h. */
export const Ipv4: Xdr<string> = {
  read(from) {
    const address = from.u32();
    return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
  },
  write(to, host) {
    const parts = ipv4Parts(host.replace(mappedPrefix, ''));
    if (parts === undefined) throw new XdrError('unencodable', `"${host}" is no IPv4 address`);
    to.u32(parts.reduce((address, part) => address * 256 + part, 0));
  },
  empty: () => '0.0.0.0',
};

const ipv6Groups = 8;
const ipv6Bytes = 16;

/** Eight groups of an address as RFC 4291 2.2 writes it; undefined when it is none. A zone (%eth0) is left out. */
function ipv6Parts(host: string): readonly number[] | undefined {
  const text = host.replace(/%.*$/, '').replace(/[\d.]+$/, (tail) => {
    const [a = 0, b = 0, c = 0, d = 0] = ipv4Parts(tail) ?? [];
    return ipv4Parts(tail) === undefined
      ? tail
      : `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const [head = [], tail] = halves;
  const missing = ipv6Groups - head.length - (tail?.length ?? 0);
  if (halves.length > 2 || (tail === undefined ? missing !== 0 : missing < 1)) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...(tail ?? [])];
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}

/** The form of RFC 5952: lower case, the first longest run of two or more zero groups as "::". */
function ipv6Text(groups: readonly number[]): string {
  let [from, length] = [0, 1];
  groups.forEach((_, start) => {
    const end = groups.findIndex((group, index) => index >= start && group !== 0);
    const run = (end === -1 ? ipv6Groups : end) - start;
    if (run > length) [from, length] = [start, run];
  });
  const hex = groups.map((group) => group.toString(16));
  if (length === 1) return hex.join(':');
  return `${hex.slice(0, from).join(':')}::${hex.slice(from + length).join(':')}`;
}

/** `opaque[16]`. */
export const Ipv6: Xdr<string> = {
  read(from) {
    const bytes = from.bytes(ipv6Bytes);
    return ipv6Text(Array.from({ length: ipv6Groups }, (_, index) => bytes.readUInt16BE(index * 2)));
  },
  write(to, host) {
    const groups = ipv6Parts(host);
    if (groups === undefined) throw new XdrError('unencodable', `"${host}" is no IPv6 address`);
    const bytes = Buffer.alloc(ipv6Bytes);
    groups.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
    to.bytes([bytes], ipv6Bytes);
  },
  empty: () => '::',
};

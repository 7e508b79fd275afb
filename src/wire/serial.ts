/** Serial number arithmetic of RFC 1982 on 32 bits, as CmdSN, StatSN and DataSN use it (RFC 7143 4.2.2). */
export type SerialNumber = number;

export const increment = (serial: SerialNumber, by = 1): SerialNumber => (serial + by) >>> 0;

/** Distance from `a` to `b` going forward: 0 … 2^32 − 1. */
export const distance = (a: SerialNumber, b: SerialNumber): number => (b - a) >>> 0;

/** a < b in serial arithmetic. */
export const isBefore = (a: SerialNumber, b: SerialNumber): boolean =>
  a !== b && distance(a, b) < 0x8000_0000;

/** first <= serial <= last in serial arithmetic; an empty window is last = first − 1. */
export const inWindow = (serial: SerialNumber, first: SerialNumber, last: SerialNumber): boolean =>
  !isBefore(serial, first) && !isBefore(last, serial);

/** Hexadecimal text for fixtures, traces and `tapesilo explain`. */
import { ProtocolError } from '../errors.js';

/** Bytes of a text such as "0a 01 00" or "0x0a:01:00"; blanks, colons, commas and 0x are ignored. */
export function parseHex(text: string): Buffer {
  const digits = text.replaceAll(/0x|[\s:,_-]/gi, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) {
    throw new ProtocolError('not-hex', `"${text.slice(0, 40)}" is not hexadecimal: give pairs of digits`);
  }
  return Buffer.from(digits, 'hex');
}

/** One line: "0a 01 00". */
export const formatHex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('hex')
    .replaceAll(/(..)(?=.)/g, '$1 ');

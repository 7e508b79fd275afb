/**
 * Records of pax extended headers (POSIX.1-2017 pax, "pax Extended Header"): `LENGTH KEY=VALUE\n`, the length in decimal
 * and its own digits included. Values are bytes.
 */
import type { FileTime } from '../file-stat.js';

/** Collects records in one buffer, which grows and is used again. */
export class PaxWriter {
  #bytes = Buffer.alloc(4096);
  #length = 0;

  get lengthBytes(): number {
    return this.#length;
  }
  /** A loan until the next record. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
  clear(): void {
    this.#length = 0;
  }
  add(key: string, value: Uint8Array | string): void {
    const length = lengthOf(key.length + value.length + 3);
    const end = this.#length + length;
    if (end > this.#bytes.length) this.#grow(end);
    const head = `${length} ${key}=`;
    if (typeof value === 'string') this.#bytes.write(`${head}${value}`, this.#length, 'latin1');
    else {
      this.#bytes.write(head, this.#length, 'latin1');
      this.#bytes.set(value, this.#length + head.length);
    }
    this.#bytes[end - 1] = 0x0a;
    this.#length = end;
  }
  #grow(bytes: number): void {
    const larger = Buffer.alloc(Math.max(bytes, 2 * this.#bytes.length)); // names and attributes are limited
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** Of the whole record, when all but its number has `others` bytes. */
function lengthOf(others: number): number {
  let digits = 1;
  for (let limit = 10; others + digits >= limit; limit *= 10) digits += 1;
  return others + digits;
}

/** The records of a header in order; undefined when it is not made of records. Values are views. */
export function paxRecordsOf(bytes: Buffer): (readonly [key: string, value: Buffer])[] | undefined {
  const records: (readonly [string, Buffer])[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const blank = bytes.indexOf(0x20, at);
    if (blank === -1 || blank - at > 10) return undefined;
    const digits = bytes.toString('latin1', at, blank);
    const end = at + (/^\d+$/.test(digits) ? Number(digits) : 0);
    const equals = bytes.indexOf(0x3d, blank);
    if (end > bytes.length || end <= blank + 2 || equals === -1 || equals >= end) return undefined;
    if (bytes[end - 1] !== 0x0a) return undefined;
    records.push([bytes.toString('latin1', blank + 1, equals), bytes.subarray(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** Decimal seconds with a fraction; -0.25 is {-1, 750 000 000}. */
export function paxTime({ seconds, nanoseconds }: FileTime): string {
  if (nanoseconds === 0) return String(seconds);
  const fraction = (value: number): string => String(value).padStart(9, '0').replace(/0+$/, '');
  if (seconds >= 0) return `${seconds}.${fraction(nanoseconds)}`;
  return `-${-seconds - 1}.${fraction(1_000_000_000 - nanoseconds)}`;
}

/** Undefined when it is no such number. Digits beyond nanoseconds are cut off. */
export function timeOfPax(text: string): FileTime | undefined {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '0', fraction = ''] = match;
  const seconds = Number(whole);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign === '') return { seconds, nanoseconds };
  if (nanoseconds === 0) return { seconds: seconds === 0 ? 0 : -seconds, nanoseconds };
  return { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

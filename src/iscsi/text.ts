/**
 * Text of login and text PDUs: key=value pairs ended by NUL (RFC 7143 6.1), and the negotiation of keys.table.ts (6.2).
 *
 * Everything here is input from peers that may not have logged in: names, values, pairs and bytes have limits, and an
 * answer is never longer than a constant per key asked.
 */
import { ProtocolError } from '#errors';
import {
  keyLargeValueBytesMax,
  keyNameBytesMax,
  keyValueBytesMax,
  loginKeysMax,
  textSequenceBytesMax,
} from '#limits';
import {
  defaultKeyValues,
  KEYS,
  type KeyName,
  type KeyRow,
  type KeyValues,
  type Stage,
} from './keys.table.js';

export interface Pair {
  readonly key: string;
  readonly value: string;
}

/** What this key may carry besides 255 bytes: binary values of authentication (12.1.3, "large binary value"). */
const largeKeys: ReadonlySet<string> = new Set(['CHAP_C', 'CHAP_R', 'TargetAddress']);
const nameForm = /^[A-Za-z][A-Za-z0-9.\-+@_/#]*$/;

/** The pairs of a whole text sequence. Throws ProtocolError 'text' when it is not text or beyond a limit. */
export function parseText(text: Buffer): Pair[] {
  const pairs: Pair[] = [];
  for (let at = 0; at < text.length;) {
    const nul = text.indexOf(0, at);
    const end = nul < 0 ? text.length : nul;
    if (end > at) {
      if (pairs.length >= loginKeysMax) throw textError('has too many keys');
      pairs.push(parsePair(text.subarray(at, end)));
    }
    at = end + 1;
  }
  return pairs;
}

function parsePair(bytes: Buffer): Pair {
  const equals = bytes.indexOf(0x3d);
  if (equals <= 0) throw textError('has a part that is not key=value');
  if (equals > keyNameBytesMax) throw textError('has a key name that is too long');
  const key = bytes.toString('latin1', 0, equals);
  if (!nameForm.test(key)) throw textError('has a key name with other than letters, digits and .-+@_/#');
  const max = largeKeys.has(key) ? keyLargeValueBytesMax : keyValueBytesMax;
  if (bytes.length - equals - 1 > max) throw textError(`has a value of ${key} that is too long`);
  return { key, value: bytes.toString('utf8', equals + 1) };
}
const textError = (what: string): ProtocolError => new ProtocolError('text', `The text ${what}`);

export const formatText = (pairs: readonly Pair[]): Buffer =>
  Buffer.from(pairs.map(({ key, value }) => `${key}=${value}\0`).join(''), 'utf8');

/** Puts a text sequence together from parts with the C bit. */
export class TextSequence {
  #parts: Buffer[] = [];
  #length = 0;

  /** Adds a part (copied). Throws ProtocolError 'text' when the sequence gets too long. */
  add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > textSequenceBytesMax) throw textError('sequence is too long');
    if (part.length > 0) this.#parts.push(Buffer.from(part));
  }
  /** The whole, and begins anew. */
  take(): Buffer {
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return whole;
  }
}

/** Yes, No, or neither. */
const parseBoolean = (value: string): boolean | undefined =>
  value === 'Yes' ? true : value === 'No' ? false : undefined;

/** Decimal or 0x hexadecimal (6.1); undefined for anything else. */
export function parseNumber(value: string): number | undefined {
  if (/^(0|[1-9][0-9]{0,9})$/.test(value)) return Number(value);
  return /^0[xX][0-9a-fA-F]{1,8}$/.test(value) ? Number.parseInt(value.slice(2), 16) : undefined;
}

const formatValue = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? 'Yes' : 'No') : String(value);

const isKnown = (key: string): key is KeyName => Object.hasOwn(KEYS, key);

/**
 * The operational negotiation of one login, or of the text requests after it. `values` are in force once the phase ends.
 */
export class Negotiator {
  readonly values: KeyValues;
  readonly #offered = new Set<string>();
  readonly #leading: boolean;

  constructor(leading: boolean, values: KeyValues = defaultKeyValues()) {
    this.#leading = leading;
    this.values = values;
  }

  /** Keys that the initiator has sent so far. */
  has(key: KeyName): boolean {
    return this.#offered.has(key);
  }

  /**
   * Our answers to the pairs of one sequence, in their order. Throws ProtocolError 'renegotiated' or 'bad-declaration',
   * which end a login.
   */
  answer(pairs: readonly Pair[], stage: Stage): Pair[] {
    // FirstBurstLength depends on two others, which may stand behind it (13.14).
    const ordered = pairs.toSorted(
      (a, b) => Number(a.key === 'FirstBurstLength') - Number(b.key === 'FirstBurstLength'),
    );
    const answers: Pair[] = [];
    for (const pair of ordered) {
      const value = this.#answerTo(pair, stage);
      if (value !== undefined) answers.push({ key: pair.key, value });
    }
    return answers;
  }

  #answerTo({ key, value }: Pair, stage: Stage): string | undefined {
    if (!isKnown(key)) return 'NotUnderstood';
    const row: KeyRow = KEYS[key];
    // 6.3: who declares or negotiates a key twice in one login is sent away.
    if (stage !== 'full-feature' && this.#offered.has(key)) {
      throw new ProtocolError('renegotiated', `${key} was sent twice`, { key });
    }
    this.#offered.add(key);
    if (row.by === 'target' || !row.stages.includes(stage)) return 'Reject';
    if (row.leadingOnly && !this.#leading) {
      // A further connection may say again what its session is: nobody answers a declaration.
      const repeated = row.type === 'declared-text' && value === this.values[key];
      return repeated ? undefined : 'Reject';
    }
    if (row.normalOnly && this.values.SessionType === 'Discovery') return 'Irrelevant';
    if (key === 'FirstBurstLength' && this.values.InitialR2T && !this.values.ImmediateData)
      return 'Irrelevant';
    return this.#settle(key, row, value);
  }

  #settle(key: KeyName, row: KeyRow, offer: string): string | undefined {
    switch (row.type) {
      case 'list': {
        // 6.2.1: the first value of the list that the responder supports.
        const choice = offer.split(',').find((one) => row.accepts.includes(one));
        return choice === undefined ? 'Reject' : this.#set(key, choice);
      }
      case 'boolean': {
        const theirs = parseBoolean(offer);
        return theirs === undefined ? 'Reject' : this.#set(key, row.result(theirs, row.ours));
      }
      case 'number': {
        const theirs = parseNumber(offer);
        if (theirs === undefined || theirs < row.range[0] || theirs > row.range[1]) return 'Reject';
        const result = row.result(theirs, row.ours);
        // 13.14: the first burst is part of a burst.
        const most = key === 'FirstBurstLength' ? this.values.MaxBurstLength : result;
        return this.#set(key, Math.min(result, most));
      }
      case 'declared-number': {
        const theirs = parseNumber(offer);
        if (theirs === undefined || theirs < row.range[0] || theirs > row.range[1]) {
          throw new ProtocolError('bad-declaration', `${key} is out of range`, { key, offer });
        }
        this.#set(key, theirs);
        return undefined;
      }
      case 'declared-text':
        this.#set(key, offer);
        return undefined;
      case 'obsolete':
        return row.answer;
      case 'special':
        return 'Reject';
    }
  }
  #set(key: KeyName, value: string | number | boolean): string {
    (this.values as Record<KeyName, string | number | boolean>)[key] = value; // the row's type is the key's type
    return formatValue(value);
  }
}

/**
 * What a verb may be told: parameters as values. The command line, the check of what comes over the socket, the reference in
 * docs/cli.md and (later) the REST schema all follow from these.
 *
 * Everything from outside passes `readParameters`: only names of the table are looked at, own properties only, and the
 * result is a fresh object, so a peer's "__proto__" is an unknown name like any other.
 */
import { RefusedError } from '#errors';
import { parseSize } from './size.js';

export type ParameterKind = 'text' | 'integer' | 'flag' | 'size' | 'secret' | 'path';

export interface Parameter<T = unknown> {
  readonly kind: ParameterKind;
  readonly about: string;
  readonly required: boolean;
  /** A list of values of the kind. */
  readonly many: boolean;
  /** For the help text. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  readonly pattern?: RegExp;
  /** What the pattern asks for, in words. */
  readonly form?: string;
  readonly min?: number;
  readonly max?: number;
  readonly byDefault?: string | number;
  /** A secret that a person at a terminal is asked for when it is needed and not given; twice when it is new. */
  readonly ask?: 'known' | 'new';
  /** Phantom: the type of the value that a handler gets. */
  readonly type?: T;
}
export type Parameters = Readonly<Record<string, Parameter>>;
type Optional<P extends Parameters> = {
  [K in keyof P]: P[K] extends Parameter<infer T> ? (undefined extends T ? K : never) : never;
}[keyof P];
/** The values of a table of parameters: what was not given and has no default is absent. */
export type ValuesOf<P extends Parameters> = {
  readonly [K in Exclude<keyof P, Optional<P>>]: P[K] extends Parameter<infer T> ? T : never;
} & { readonly [K in Optional<P>]?: P[K] extends Parameter<infer T> ? Exclude<T, undefined> : never };

interface TextOptions {
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  readonly pattern?: RegExp;
  readonly form?: string;
}
interface NumberOptions {
  readonly placeholder?: string;
  readonly min: number;
  readonly max: number;
}

const textLengthMax = 1024;
const listLengthMax = 1024;

export const text = (about: string, options: TextOptions = {}): Parameter<string> => ({
  kind: 'text',
  about,
  required: true,
  many: false,
  ...options,
});
export const integer = (about: string, options: NumberOptions): Parameter<number> => ({
  kind: 'integer',
  about,
  required: true,
  many: false,
  ...options,
});
/** Bytes, given as a number or as text such as 16M, 12TB or 2.5TiB. */
export const size = (about: string, options: NumberOptions): Parameter<number> => ({
  kind: 'size',
  about,
  required: true,
  many: false,
  ...options,
});
/** Of a file or folder on the daemon's machine. The command line takes it from where it is called. */
export const path = (about: string, placeholder: string): Parameter<string> => ({
  kind: 'path',
  about,
  required: true,
  many: false,
  placeholder,
  pattern: /^\/\P{Cc}{0,1000}$/u,
  form: 'an absolute path',
});
/** False unless given. */
export const flag = (about: string): Parameter<boolean | undefined> => ({
  kind: 'flag',
  about,
  required: false,
  many: false,
});
/** Never logged, never shown. The command line also takes it from a file, a program or standard input. */
export const secret = (about: string): Parameter<string> => ({
  kind: 'secret',
  about,
  required: true,
  many: false,
});
export const optional = <T>(parameter: Parameter<T>): Parameter<T | undefined> => ({
  ...parameter,
  required: false,
});
export const byDefault = <T extends string | number>(parameter: Parameter<T>, value: T): Parameter<T> => ({
  ...parameter,
  required: false,
  byDefault: value,
});
export const many = <T>(parameter: Parameter<T>): Parameter<readonly T[] | undefined> =>
  ({ ...(parameter as Parameter), required: false, many: true }) as Parameter<readonly T[] | undefined>;

/** The name as it is typed: mutualUser becomes mutual-user. */
export const typedName = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Checks what came from outside. Throws RefusedError 'usage' naming the parameter and what it should be. */
export function readParameters<P extends Parameters>(table: P, given: unknown): ValuesOf<P> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new RefusedError('usage', 'The input must be an object');
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name))
      throw new RefusedError('usage', `There is no parameter ${name.slice(0, 40)}`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(table)) {
    const raw: unknown = Object.hasOwn(given, name) ? (given as Record<string, unknown>)[name] : undefined;
    const value = raw === undefined || raw === null ? parameter.byDefault : readValues(name, parameter, raw);
    if (value !== undefined) values[name] = value;
    else if (parameter.required) {
      throw new RefusedError('usage', `${typedName(name)} is missing: ${wayToGive(name, parameter)}`, {
        parameter: name,
      });
    }
  }
  return values as ValuesOf<P>;
}

function readValues(name: string, parameter: Parameter, raw: unknown): unknown {
  if (!parameter.many) return readValue(name, parameter, raw);
  const list: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  if (list.length > listLengthMax) throw refusal(name, parameter);
  return list.map((one) => readValue(name, parameter, one));
}

function readValue(name: string, parameter: Parameter, raw: unknown): unknown {
  switch (parameter.kind) {
    case 'flag':
      if (typeof raw === 'boolean') return raw;
      throw refusal(name, parameter);
    case 'integer':
    case 'size': {
      const number = readNumber(parameter.kind, raw);
      if (number !== undefined && number >= (parameter.min ?? 0) && number <= (parameter.max ?? Infinity))
        return number;
      throw refusal(name, parameter);
    }
    case 'text':
    case 'path':
    case 'secret':
      if (typeof raw !== 'string' || raw.length > textLengthMax || !isAccepted(parameter, raw)) {
        throw refusal(name, parameter);
      }
      return raw;
  }
}
function readNumber(kind: 'integer' | 'size', raw: unknown): number | undefined {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) ? raw : undefined;
  if (typeof raw !== 'string') return undefined;
  if (kind === 'size') return parseSize(raw);
  return /^-?\d{1,15}$/.test(raw) ? Number(raw) : undefined;
}
function isAccepted(parameter: Parameter, value: string): boolean {
  if (parameter.choices !== undefined) return parameter.choices.includes(value);
  return parameter.pattern?.test(value) ?? true;
}

const refusal = (name: string, parameter: Parameter): RefusedError =>
  new RefusedError('usage', `${typedName(name)}: ${expectation(parameter)}`, { parameter: name });

/** A secret is better not typed into a command. */
const wayToGive = (name: string, parameter: Parameter): string =>
  parameter.kind === 'secret'
    ? `give it with --${typedName(name)}-file FILE or --${typedName(name)}-command CMD`
    : expectation(parameter);

function expectation(parameter: Parameter): string {
  const { min, max } = parameter;
  switch (parameter.kind) {
    case 'flag':
      return 'give true or false';
    case 'integer':
      return `give a whole number from ${min} to ${max}`;
    case 'size':
      return `give a size such as 16M, 2500GB or 12TB, from ${min} to ${max} bytes`;
    case 'secret':
      return 'give a secret';
    case 'text':
    case 'path':
      if (parameter.choices !== undefined) return `give one of ${parameter.choices.join(', ')}`;
      return `give ${parameter.form ?? lowered(parameter.about)}`;
  }
}
const lowered = (about: string): string => about.charAt(0).toLowerCase() + about.slice(1);

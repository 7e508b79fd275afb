/** What a DMA asks for by environment variables, read once: `data-variables.table.ts` says what each means. */
import { ndmpExcludesMax, ndmpLevelMax } from '#limits';
import { type VariableName, VARIABLES } from './data-variables.table.js';
import { NdmpError } from './errors.table.js';
import type { Pval } from './types.js';

export type HistoryForm = 'none' | 'file' | 'dir';

/** A place in a chain of backups that the DMA keeps: what BASE_DATE and DUMP_DATE hold. */
export interface DateToken {
  /** Backups before it in the chain. */
  readonly sequence: number;
  /** Seconds since 1970; 0: based on nothing. */
  readonly dateS: number;
}
export type BackupBase =
  { readonly kind: 'level'; readonly level: number } | { readonly kind: 'token'; readonly token: DateToken };

export interface BackupWishes {
  /** FILESYSTEM as it was given. */
  readonly tree: string;
  readonly base: BackupBase;
  /** Whether the level is remembered. */
  readonly update: boolean;
  readonly history: HistoryForm;
  readonly exclude: readonly string[];
  readonly files: readonly Buffer[];
  /** DMP_NAME. */
  readonly name: string;
}
export interface RecoverWishes {
  readonly prefix: string | undefined;
  readonly tree: string | undefined;
  readonly direct: boolean;
  readonly recursive: boolean;
  readonly everything: boolean;
  readonly overwrite: boolean;
  readonly history: HistoryForm;
  readonly imageBytes: bigint | undefined;
}

const YES = new Set(['y', 'yes', 't', 'true', '1']);
const NO = new Set(['n', 'no', 'f', 'false', '0']);

/** The variables of one request. Of a repeated name the first counts: ndmjob puts what its user said before what an index said. */
export class Variables {
  readonly all: readonly Pval[];
  constructor(all: readonly Pval[]) {
    this.all = all;
  }
  text(name: VariableName): string | undefined {
    return this.all.find((one) => one.name === name)?.value;
  }
  texts(name: VariableName): readonly string[] {
    return this.all.flatMap((one) => (one.name === name && one.value !== '' ? [one.value] : []));
  }
  /** What is neither yes nor no is the default. */
  flag(name: VariableName): boolean {
    const value = this.text(name)?.toLowerCase();
    if (value !== undefined && YES.has(value)) return true;
    if (value !== undefined && NO.has(value)) return false;
    const { default: fallback }: { readonly default?: string } = VARIABLES[name];
    return fallback === 'y';
  }
}

/** `f` is a form here, not false. */
function historyOf(variables: Variables, buType: string): HistoryForm {
  const value = (variables.text('HIST') ?? '').toLowerCase();
  if (value === 'f' || value === 'file') return 'file';
  if (value === 'd' || value === 'dir') return 'dir';
  if (!YES.has(value)) return 'none';
  return buType === 'dump' ? 'dir' : 'file';
}

/** Commas separate; a backslash before a comma or a backslash takes its meaning away. */
export function excludePatterns(value: string): string[] {
  const patterns = value.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? [];
  return patterns
    .map((pattern) => pattern.replaceAll(/\\([,\\])/g, '$1'))
    .filter((pattern) => pattern !== '');
}

const illegal = (name: VariableName, value: string): NdmpError =>
  new NdmpError('illegal-args', `${name}=${value} makes no sense`, { name, value });

const sequenceMax = 0x7fff_ffff;

function baseOf(variables: Variables): BackupBase {
  const date = variables.text('BASE_DATE')?.trim();
  if (date !== undefined && date !== '' && date !== '-1') return { kind: 'token', token: tokenOf(date) };
  const level = variables.text('LEVEL')?.trim() || '0';
  if (!/^\d{1,2}$/.test(level) || Number(level) > ndmpLevelMax) throw illegal('LEVEL', level);
  return { kind: 'level', level: Number(level) };
}
function tokenOf(text: string): DateToken {
  if (!/^(\d{1,20}|0x[\da-f]{1,16})$/i.test(text)) throw illegal('BASE_DATE', text);
  const value = BigInt(text);
  const sequence = Number(value >> 32n);
  if (sequence > sequenceMax) throw illegal('BASE_DATE', text);
  return { sequence, dateS: Number(value & 0xffff_ffffn) };
}

/** DUMP_DATE of the backup that follows on `base`. */
export const nextToken = (base: DateToken, dateS: number): DateToken => ({
  sequence: Math.min(base.sequence + 1, sequenceMax),
  dateS,
});
export const tokenText = ({ sequence, dateS }: DateToken): string =>
  ((BigInt(sequence) << 32n) | BigInt(dateS)).toString();

/** Throws NdmpError 'illegal-args' when a variable makes no sense, or there is no tree. */
export function backupWishes(variables: Variables, buType: string): BackupWishes {
  const tree = variables.text('FILESYSTEM') || variables.text('PREFIX');
  if (!tree) throw new NdmpError('illegal-args', 'FILESYSTEM is missing');
  const exclude = variables.texts('EXCLUDE').flatMap(excludePatterns);
  if (exclude.length > ndmpExcludesMax) throw illegal('EXCLUDE', `(${exclude.length} patterns)`);
  return {
    tree,
    base: baseOf(variables),
    update: variables.flag('UPDATE'),
    history: historyOf(variables, buType),
    exclude,
    files: variables.texts('FILES').map((path) => Buffer.from(path, 'utf8')),
    name: variables.text('DMP_NAME') ?? '',
  };
}

/** What is no length is none: it only saves questions. */
function imageBytesOf(variables: Variables): bigint | undefined {
  const text = variables.text('TAPESILO_IMAGE_BYTES') ?? '';
  return /^[1-9]\d{0,14}$/.test(text) ? BigInt(text) : undefined;
}

export function recoverWishes(variables: Variables, buType: string): RecoverWishes {
  return {
    prefix: variables.text('PREFIX') || undefined,
    tree: variables.text('FILESYSTEM') || undefined,
    direct: variables.flag('DIRECT'),
    recursive: variables.flag('RECURSIVE'),
    // `e` asks for the extended direct access of ONTAP.
    everything: !(variables.text('EXTRACT')?.toLowerCase() === 'e' || variables.flag('EXTRACT')),
    overwrite: variables.flag('RESTORE_OVERWRITE'),
    history: historyOf(variables, buType),
    imageBytes: imageBytesOf(variables),
  };
}

/** What DATA_GET_ENV gives: what was asked for, and what we found out. Ours take the place of the DMA's. */
export function resultVariables(
  asked: Variables,
  found: Partial<Record<VariableName, string>>,
): readonly Pval[] {
  const ours = Object.entries(found).map(([name, value]) => ({ name, value }));
  return [...asked.all.filter(({ name }) => !(name in found)), ...ours];
}

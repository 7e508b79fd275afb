/**
 * Environment variables of DATA_START_BACKUP and DATA_START_RECOVER: what each does here, and who sends it. NDMP names none of
 * them but leaves them to the backup type; these are what filers agree on (ONTAP, PowerScale, FluidFS, illumos) and what
 * clients send (ndmjob, Bareos, Amanda, NetBackup, NetWorker). Any other is kept, and given back by DATA_GET_ENV.
 */
export interface VariableRow {
  /** `result`: we add it to what DATA_GET_ENV gives. */
  readonly of: readonly ('backup' | 'recover' | 'result')[];
  /** When it is missing. */
  readonly default?: string;
  readonly peers: string;
  readonly effect: string;
}
const row = (
  of: string,
  peers: string,
  effect: string,
  ...[fallback]: readonly [string] | readonly []
): VariableRow => ({
  of: of.split(' ') as ('backup' | 'recover' | 'result')[],
  peers,
  effect,
  ...(fallback === undefined ? {} : { default: fallback }),
});

export const VARIABLES = {
  FILESYSTEM: row(
    'backup recover',
    'all',
    'the tree to back up, or a single file: an absolute path in a configured root, or the name of a root with a path behind it; when recovering, where names without a destination go',
  ),
  PREFIX: row(
    'backup recover',
    'ndmjob, illumos, NetWorker',
    'where relative destinations begin; for a backup, the tree when FILESYSTEM is missing',
  ),
  TYPE: row('backup recover result', 'all', 'the backup type; the field of the request counts'),
  HIST: row(
    'backup recover',
    'all',
    'file history: y as suits the type (tar: by path, dump: by node), f by path, d by directory and node, n none',
    'n',
  ),
  LEVEL: row(
    'backup result',
    'ONTAP, PowerScale, Bareos, NetBackup',
    '0 everything, n what changed since the newest backup of a lower level; up to 31',
    '0',
  ),
  UPDATE: row(
    'backup',
    'ONTAP, PowerScale, Bareos',
    'whether the date of this level is remembered for higher ones',
    'y',
  ),
  BASE_DATE: row(
    'backup',
    'ONTAP, PowerScale, NetWorker',
    'instead of LEVEL: the DUMP_DATE of the backup that this one is based on; 0 everything, with a DUMP_DATE; -1 as if it were missing',
  ),
  DUMP_DATE: row(
    'result',
    'ONTAP, PowerScale, NetWorker',
    'the token of this backup: its place in the chain in the high 32 bits, its date in the low ones; only when BASE_DATE was there',
  ),
  EXCLUDE: row(
    'backup',
    'all',
    'patterns of names to leave out, separated by commas (a backslash takes their meaning away); may repeat',
  ),
  FILES: row(
    'backup',
    'ndmjob, PowerScale',
    'one path in the tree to back up, with all below it; may repeat; none: the whole tree',
  ),
  DMP_NAME: row(
    'backup',
    'ONTAP, illumos',
    'tells apart several selections of one tree, each with levels of its own',
  ),
  DIRECT: row(
    'backup recover',
    'all',
    'y: names are read at the places that file history told; a backup always tells them',
    'n',
  ),
  RECURSIVE: row(
    'recover',
    'ONTAP, FluidFS',
    'n: of a directory that is named, itself only and not what is in it',
    'y',
  ),
  EXTRACT: row('recover', 'ONTAP, illumos', 'n: the whole image is recovered, whatever names there are', 'y'),
  RESTORE_OVERWRITE: row('recover', 'FluidFS', 'n: files that are there stay', 'y'),
  PATHNAME_SEPARATOR: row('result', 'ONTAP', 'what stands between the parts of a path: /'),
  TAPESILO_IMAGE_BYTES: row(
    'result recover',
    'ours',
    'how long the image is: direct access asks for nothing behind it, where a tape side would wait for another tape',
  ),
  NDMP_VERSION: row('result', 'ONTAP', 'the version that the session spoke'),
} as const satisfies Readonly<Record<string, VariableRow>>;

export type VariableName = keyof typeof VARIABLES;

/** LOG and FH: what a data service tells while it works (spec4 3.8, 3.9; ndmp2.x for the UNIX forms of version 2). */
import { ndmpHistoryEntriesMax, ndmpNamesOfEntryMax } from '#limits';
import { enumeration } from './enumeration.js';
import { Status } from './errors.table.js';
import { post } from './message.js';
import { allOnes, LogType, Path, Text } from './types.js';
import {
  array,
  clamped,
  type Infer,
  mapped,
  only,
  perVersion,
  since,
  struct,
  u16,
  u32,
  u64,
  type Xdr,
} from './xdr.js';

// --- log ----------------------------------------------------------------------------------------------------------------

export const RecoveryStatus = enumeration({
  successful: 0,
  'failed-permission': 1,
  'failed-not-found': 2,
  'failed-no-directory': 3,
  'failed-out-of-memory': 4,
  'failed-io-error': 5,
  'failed-undefined-error': 6,
  'failed-file-path-exists': 7,
});
export type RecoveryStatus = Infer<typeof RecoveryStatus>;

/** Versions 2 and 3 have an NDMP error in its place. */
const STATUS_OF = {
  successful: 'no-err',
  'failed-permission': 'permission',
  'failed-not-found': 'file-not-found',
  'failed-no-directory': 'bad-file',
  'failed-out-of-memory': 'no-mem',
  'failed-io-error': 'io',
  'failed-undefined-error': 'undefined',
  'failed-file-path-exists': 'illegal-args',
} as const satisfies Readonly<Record<RecoveryStatus, Infer<typeof Status>>>;
const recoveryOf = new Map(
  Object.entries(STATUS_OF).map(([name, status]) => [status, name as RecoveryStatus]),
);

const StatusAsRecovery = mapped<Infer<typeof Status>, RecoveryStatus>(
  Status,
  (status) => recoveryOf.get(status as never) ?? 'failed-undefined-error',
  (recovery) => STATUS_OF[recovery],
);

/** DBG_USER_INFO to DBG_PROG_DETAIL. */
export const DebugLevel = enumeration({
  'user-info': 0,
  'user-summary': 1,
  'user-detail': 2,
  'diag-info': 3,
  'diag-summary': 4,
  'diag-detail': 5,
  'prog-info': 6,
  'prog-summary': 7,
  'prog-detail': 8,
});
/** Nothing on the wire; what a reader learns is always the same. */
const HasAssociated = enumeration({ no: 0, yes: 1 });

// --- file history -------------------------------------------------------------------------------------------------------

export const FsType = enumeration({ unix: 0, nt: 1, other: 2 });
export type FsType = Infer<typeof FsType>;
export const FileType = enumeration({
  dir: 0,
  fifo: 1,
  cspec: 2,
  bspec: 3,
  reg: 4,
  slink: 5,
  sock: 6,
  registry: { value: 7, since: 3, instead: 'reg' },
  other: { value: 8, since: 3, instead: 'reg' },
});
export type FileType = Infer<typeof FileType>;

export type FileName =
  | { readonly type: 'unix' | 'other'; readonly path: Buffer }
  | { readonly type: 'nt'; readonly path: Buffer; readonly dosPath: Buffer };

/** Any other type of file system is read as `other`: the union's default. */
const FileNameCodec: Xdr<FileName> = {
  read(from) {
    const type = (['unix', 'nt'] as const)[from.u32()] ?? 'other';
    const path = Path.read(from);
    return type === 'nt' ? { type, path, dosPath: Path.read(from) } : { type, path };
  },
  write(to, name) {
    FsType.write(to, name.type);
    Path.write(to, name.path);
    if (name.type === 'nt') Path.write(to, name.dosPath);
  },
  empty: () => ({ type: 'unix', path: Buffer.alloc(0) }),
};

/** `unsupported`: bits of FILE_STAT_UNSUPPORTED. Times in seconds since 1970. `fattr`: mode. */
export const FileStat = struct({
  unsupported: u32,
  fsType: FsType,
  ftype: FileType,
  mtime: clamped,
  atime: clamped,
  ctime: clamped,
  owner: clamped,
  group: clamped,
  fattr: u32,
  size: u64,
  links: clamped,
});
export type FileStat = Infer<typeof FileStat>;

export interface HistoryNode {
  /** What is known of it; one entry for each kind of file system that it belongs to. */
  readonly stats: readonly FileStat[];
  readonly node: bigint;
  /** Byte offset of the file in the image; all ones: not known. */
  readonly fhInfo: bigint;
}
export interface HistoryFile extends HistoryNode {
  readonly names: readonly FileName[];
}
export interface HistoryDir {
  readonly names: readonly FileName[];
  readonly node: bigint;
  readonly parent: bigint;
}

const Names = array(FileNameCodec, ndmpNamesOfEntryMax);
const Stats = array(FileStat, ndmpNamesOfEntryMax);

/** Version 2 counts nodes with 32 bits: the low ones of ours. */
const ShortNode = mapped<number, bigint>(u32, BigInt, (node) => Number(BigInt.asUintN(32, node)));
const UnixStat = struct({
  ftype: FileType,
  mtime: clamped,
  atime: clamped,
  ctime: clamped,
  uid: clamped,
  gid: clamped,
  mode: u32,
  size: u64,
  fhInfo: u64,
});
type UnixStat = Infer<typeof UnixStat>;

function statOf({ ftype, mtime, atime, ctime, uid, gid, mode, size }: UnixStat): FileStat {
  const times = { mtime, atime, ctime };
  return {
    unsupported: 0,
    fsType: 'unix',
    ftype,
    ...times,
    owner: uid,
    group: gid,
    fattr: mode,
    size,
    links: 0,
  };
}
function unixStatOf({ stats, fhInfo }: HistoryNode): UnixStat {
  const { ftype, mtime, atime, ctime, owner, group, fattr, size } = stats[0] ?? FileStat.empty();
  return { ftype, mtime, atime, ctime, uid: owner, gid: group, mode: fattr, size, fhInfo };
}
const nameOf = ([first]: readonly FileName[]): Buffer => first?.path ?? Buffer.alloc(0);
const unixNames = (path: Buffer): readonly FileName[] => [{ type: 'unix', path }];

const UnixPath = struct({ name: Path, fstat: UnixStat });
const UnixDir = struct({ name: Path, node: ShortNode, parent: ShortNode });
const UnixNode = struct({ fstat: UnixStat, node: ShortNode });

const LongFile = struct({ names: Names, stats: Stats, node: u64, fhInfo: u64 });
const LongDir = struct({ names: Names, node: u64, parent: u64 });
const LongNode = struct({ stats: Stats, node: u64, fhInfo: u64 });

/** The same entries in the UNIX form of version 2 and the general one since version 3. */
const longAndShort = <T>(short: Xdr<T>, long: Xdr<T>) =>
  array(perVersion<T>({ 2: short, 3: long, 4: long }), ndmpHistoryEntriesMax);

const Files = longAndShort<HistoryFile>(
  mapped(
    UnixPath,
    ({ name, fstat }) => ({
      names: unixNames(name),
      stats: [statOf(fstat)],
      node: allOnes,
      fhInfo: fstat.fhInfo,
    }),
    (file) => ({ name: nameOf(file.names), fstat: unixStatOf(file) }),
  ),
  LongFile,
);
const Dirs = longAndShort<HistoryDir>(
  mapped(
    UnixDir,
    ({ name, node, parent }) => ({ names: unixNames(name), node, parent }),
    ({ names, node, parent }) => ({ name: nameOf(names), node, parent }),
  ),
  LongDir,
);
const Nodes = longAndShort<HistoryNode>(
  mapped(
    UnixNode,
    ({ fstat, node }) => ({ stats: [statOf(fstat)], node, fhInfo: fstat.fhInfo }),
    (node) => ({ fstat: unixStatOf(node), node: node.node }),
  ),
  LongNode,
);

export const historyMessages = {
  /** LOG_LOG in version 2, which has no types of entries; LOG_MESSAGE since version 3. */
  logMessage: post({
    title: 'LOG_MESSAGE',
    code: 0x603,
    codes: { 2: 0x600 },
    request: {
      logType: since(3, LogType),
      messageId: since(3, u32),
      entry: Text,
      associatedMessageValid: since(4, HasAssociated),
      associatedMessageSequence: since(4, u32),
    },
  }),
  logDebug: post({
    title: 'LOG_DEBUG',
    code: 0x601,
    versions: [2],
    request: { level: DebugLevel, message: Text },
  }),
  logFile: post({
    title: 'LOG_FILE',
    code: 0x602,
    request: {
      name: Path,
      ssid: only(2, u16),
      recoveryStatus: perVersion({ 2: StatusAsRecovery, 3: StatusAsRecovery, 4: RecoveryStatus }),
    },
  }),
  /** FH_ADD_UNIX_PATH, FH_ADD_UNIX_DIR and FH_ADD_UNIX_NODE in version 2. */
  fhAddFile: post({ title: 'FH_ADD_FILE', code: 0x703, codes: { 2: 0x700 }, request: { files: Files } }),
  fhAddDir: post({ title: 'FH_ADD_DIR', code: 0x704, codes: { 2: 0x701 }, request: { dirs: Dirs } }),
  fhAddNode: post({ title: 'FH_ADD_NODE', code: 0x705, codes: { 2: 0x702 }, request: { nodes: Nodes } }),
};

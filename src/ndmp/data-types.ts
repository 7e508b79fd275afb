/** Backup types that DATA has, and file systems that it may be asked for: answers to CONFIG. */
import type { FileSystemFigures, TreeEngine, TreeFormat } from '#trees';
import type { ButypeInfo, FsInfo } from './config-messages.table.js';
import type { NdmpRoot } from './data-roots.js';
import { type VariableName, VARIABLES } from './data-variables.table.js';
import { BUTYPE_V3, BUTYPE_V4, FS_INFO_UNSUPPORTED } from './flags.table.js';
import { allOnes, type Pval } from './types.js';
import type { NdmpVersion } from './xdr.js';

const all = (bits: Readonly<Record<string, number>>): number =>
  Object.values(bits).reduce((sum, bit) => sum | bit, 0);

/** All that a version has a bit for can be done. Version 2 has bits for what cannot. */
export const butypeAttributes: Readonly<Record<NdmpVersion, number>> = {
  2: 0,
  3: all(BUTYPE_V3),
  4: all(BUTYPE_V4),
};

const defaultEnv: readonly Pval[] = Object.entries<{ default?: string }>(VARIABLES).flatMap(([name, row]) =>
  row.default === undefined ? [] : [{ name: name as VariableName, value: row.default }],
);

/** CONFIG_GET_BUTYPE_INFO. */
export const butypes = (formats: readonly TreeFormat[], version: NdmpVersion): readonly ButypeInfo[] =>
  formats.map((format) => ({
    butypeName: format,
    defaultEnv: [...defaultEnv, { name: 'TYPE', value: format }],
    attrs: butypeAttributes[version],
  }));

const unknownFigures = all(FS_INFO_UNSUPPORTED);

/** CONFIG_GET_FS_INFO: each configured root. */
export const fileSystems = async (
  trees: TreeEngine,
  roots: readonly NdmpRoot[],
): Promise<readonly FsInfo[]> =>
  await Promise.all(
    roots.map(async (root) => fsInfo(root, await trees.fileSystem(Buffer.from(root.path, 'utf8')))),
  );

function fsInfo(root: NdmpRoot, figures: FileSystemFigures | undefined): FsInfo {
  return {
    unsupported: figures === undefined ? unknownFigures : 0,
    fsType: figures?.type ?? 'unknown',
    fsLogicalDevice: root.path,
    fsPhysicalDevice: figures?.device || (figures?.mountPoint ?? ''),
    totalSize: figures?.totalBytes ?? allOnes,
    usedSize: figures?.usedBytes ?? allOnes,
    availSize: figures?.availableBytes ?? allOnes,
    totalInodes: figures?.totalInodes ?? allOnes,
    usedInodes: figures?.usedInodes ?? allOnes,
    fsEnv: [
      { name: 'FILESYSTEM', value: root.path },
      { name: 'NAME', value: root.name },
      { name: 'READ_ONLY', value: root.readOnly ? 'y' : 'n' },
    ],
    fsStatus: figures === undefined ? 'offline' : 'online',
  };
}

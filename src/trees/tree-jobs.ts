/** A job from its request to its end, as steps: what a thread of its own or a simulation drives. */
import type { TreeCalls } from '#env';
import { treePathBytesMax } from '../limits.js';
import { ClosedFolders } from './closed-folders.js';
import type { Events } from './events.js';
import type { ImageInput } from './image-input.js';
import type { ImageOutput } from './image-output.js';
import { Increment } from './known-folders.js';
import { pathPatterns } from './path-pattern.js';
import { DumpBackup } from './dump/dump-backup.js';
import { DumpListing } from './dump/dump-listing.js';
import { DumpRecovery } from './dump/dump-recovery.js';
import { PathSelection } from './path-selection.js';
import { type Amiss, Restorer } from './restore/restorer.js';
import { Settling } from './restore/settling.js';
import type { SourceParts } from './source-files.js';
import { type Steps, type Tally, TreeFailure } from './steps.js';
import { TarBackup } from './tar/tar-backup.js';
import { TarEstimate } from './tar/tar-estimate.js';
import { TarRecovery } from './tar/tar-recovery.js';
import { TarListing } from './tar/tar-listing.js';
import type { BackupRequest, ListRequest, RecoverRequest, TreeFormat } from './tree-engine.js';
import { dotName, errorText, openRoot, pathBelow, plain, zeroEnded } from './tree-root.js';
import { holdsNoFiles, TreeWalk, type WalkRules } from './tree-walk.js';

export interface JobParts {
  readonly calls: TreeCalls;
  readonly events: Events;
  readonly tally: Tally;
}

/** What a job that went through has to say. Throws TreeFailure, or what the driver throws in. */
export interface JobEnd {
  /** It went through, and yet failed: why. */
  readonly failure?: string;
  readonly directories?: Uint8Array;
}

export function* backupSteps(parts: JobParts, output: ImageOutput, request: BackupRequest): Steps<JobEnd> {
  const { calls, events, tally } = parts;
  const closed = new ClosedFolders(calls, request.closed ?? []);
  const tree = openTree(calls, request.root, request.path);
  try {
    if (closed.hold(tree)) throw new TreeFailure(`${request.path.toString()} belongs to the server itself`);
    if (holdsNoFiles(calls, tree)) {
      throw new TreeFailure(`${request.path.toString()} shows what the kernel knows, and holds no files`);
    }
    const rules = { ...rulesOf(request), closed };
    if (request.estimate) {
      const estimate = new TarEstimate(calls, rules.increment);
      yield* new TreeWalk(calls, rules, estimate).run(tree);
      tally.estimateBytes = estimate.bytes;
    }
    const increment = new Increment(request.level, request.since);
    const saving = { calls, output, events, tally, increment, history: request.history };
    yield* FORMATS[request.format](saving, { ...rules, increment }, tree, request);
    for (const path of rules.selection.missing()) {
      tally.troubles += 1;
      events.log({ level: 'error', text: 'There is no such file in the tree', path, status: 'not-found' });
    }
    yield* output.flush();
    const directories = increment.known.result();
    return directories === undefined ? {} : { directories };
  } finally {
    calls.close(tree);
  }
}

type Save = (
  parts: SourceParts & { readonly increment: Increment; readonly history: boolean },
  rules: WalkRules,
  tree: number,
  request: BackupRequest,
) => Steps<void>;
const FORMATS: Readonly<Record<TreeFormat, Save>> = {
  *tar(parts, rules, tree) {
    const tar = new TarBackup(parts);
    yield* new TreeWalk(parts.calls, rules, tar).run(tree);
    yield* tar.end();
  },
  *dump(parts, rules, tree, { level, path, since, startedAt }) {
    const label = {
      dateSeconds: Number(startedAt / 1_000_000_000n),
      baseSeconds: level === 0 || since === undefined ? 0 : Number(since.date / 1_000_000_000n),
      level,
      fileSystem: path,
    };
    const dump = new DumpBackup({ ...parts, label });
    // Numbers of inodes are those of one file system.
    yield* new TreeWalk(parts.calls, { ...rules, crossMounts: false }, dump).run(tree);
    yield* dump.write(tree);
  },
};

/** The tree, opened. */
function openTree(calls: TreeCalls, root: Buffer, path: Buffer): number {
  const below = pathBelow(root, path);
  if (below === undefined) throw new TreeFailure(`${path.toString()} is not in ${root.toString()}`);
  const from = openRoot(calls, root);
  const tree = calls.openBeneath(from, below.length === 0 ? dotName : zeroEnded(below));
  calls.close(from);
  if (tree < 0) throw new TreeFailure(`${path.toString()} cannot be opened: ${errorText(tree)}`);
  return tree;
}

function rulesOf(request: BackupRequest): Omit<WalkRules, 'closed'> {
  const files = request.files.map((file) => {
    const path = plain(file);
    if (path === undefined || path.length > treePathBytesMax) {
      throw new TreeFailure(`${file.toString()} is no path in the tree`);
    }
    return path;
  });
  return {
    isExcluded: pathPatterns(request.exclude),
    selection: new PathSelection(files),
    increment: new Increment(request.level, request.since),
    crossMounts: request.crossMounts,
  };
}

export function* recoverSteps(parts: JobParts, input: ImageInput, request: RecoverRequest): Steps<JobEnd> {
  const { calls, events, tally } = parts;
  const root = openRoot(calls, request.root);
  try {
    const settling = new Settling(events, tally);
    const closed = new ClosedFolders(calls, request.closed ?? []);
    const amiss: Amiss = (path, what, error) => settling.amiss(path, what, error);
    const { existing, format } = request;
    const isFoldersFirst = format === 'dump';
    const restorer = new Restorer({ calls, root, existing, closed, amiss, isFoldersFirst });
    let failure: string | undefined;
    try {
      const making = { input, events, tally, settling, restorer };
      const recovery = format === 'dump' ? new DumpRecovery(making) : new TarRecovery(making);
      failure = yield* recovery.run(request);
    } finally {
      restorer.end();
      tally.bytes = input.position;
    }
    failure ??= synchronize(calls, root);
    return failure === undefined ? {} : { failure };
  } finally {
    calls.close(root);
  }
}

export function* listSteps(
  { events, tally }: Omit<JobParts, 'calls'>,
  input: ImageInput,
  request: ListRequest,
): Steps<JobEnd> {
  const parts = { input, events, tally };
  const listing = request.format === 'dump' ? new DumpListing(parts) : new TarListing(parts);
  const failure = yield* listing.run(request.names);
  return failure === undefined ? {} : { failure };
}

/** What is said to be recovered survives a loss of power. */
function synchronize(calls: TreeCalls, root: number): string | undefined {
  const folder = calls.openFolder(root, dotName);
  const error = folder < 0 ? folder : calls.syncFileSystem(folder);
  if (folder >= 0) calls.close(folder);
  return error < 0 ? `The files could not be made durable: ${errorText(error)}` : undefined;
}

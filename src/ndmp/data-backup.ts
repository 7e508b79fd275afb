/**
 * A backup: what was asked for becomes a plan, the plan a run of the engine.
 *
 * Invariant: a run ends 'successful' only when the image is whole on the stream; what is not in it although it should be has
 * been said in a LOG message. No single file ends a run.
 */
import { CanceledError, StoreError } from '#errors';
import { ndmpClockMarginS } from '#limits';
import type { BackupRequest, HistoryEntry, IncrementalBase, TreeFormat, TreeJob, TreeResult } from '#trees';
import {
  counted,
  type DataRun,
  DmaLog,
  type Ending,
  type ImageStream,
  roomFor,
  type RunParts,
} from './data-faces.js';
import { HistoryPoster } from './data-history.js';
import { rooted } from './data-roots.js';
import type { VariableName } from './data-variables.table.js';
import { type BackupWishes, backupWishes, nextToken, tokenText, type Variables } from './data-variables.js';
import type { DumpDate, DumpedTree } from './dump-dates.js';
import { NdmpError } from './errors.table.js';
import { ImageWriter } from './image-writer.js';

export interface BackupPlan {
  readonly request: BackupRequest;
  readonly wishes: BackupWishes;
  /** As what it will be remembered. */
  readonly tree: DumpedTree;
  readonly date: Omit<DumpDate, 'directories'>;
  /** What is told to the DMA beforehand. */
  readonly says: readonly string[];
}
interface Base {
  readonly since?: IncrementalBase;
  readonly says: string;
}

const ns = (seconds: number): bigint => BigInt(seconds) * 1_000_000_000n;
const inWords = (dateS: number): string => new Date(dateS * 1000).toISOString().replace('.000Z', 'Z');

/** Throws NdmpError: what may not be backed up, is not there, or makes no sense. */
export async function planBackup(
  parts: RunParts,
  buType: TreeFormat,
  variables: Variables,
): Promise<BackupPlan> {
  const wishes = backupWishes(variables, buType);
  const { root, path } = rooted(parts, Buffer.from(wishes.tree, 'utf8'));
  const chosen = await chosenOf(parts, Buffer.from(root.path, 'utf8'), path, wishes.files);
  // Stamps of files come from a clock that lags a little: what changes now may bear an earlier second.
  const dateS = Math.floor(parts.env.clock.wallMs() / 1000) - ndmpClockMarginS;
  const files = wishes.files.map((file) => file.toString('hex'));
  const tree = { path, selection: [buType, wishes.name, ...files, '', ...wishes.exclude] };
  const base = await baseOf(parts, wishes, tree, dateS);
  return {
    wishes,
    tree,
    date: { dateS, made: madeBy(wishes, dateS) },
    says: [`Backup of ${path.toString()} (${buType}): ${base.says}`],
    request: {
      format: buType,
      root: Buffer.from(root.path, 'utf8'),
      path: chosen.tree,
      level: base.since === undefined ? 0 : levelOf(wishes),
      ...(base.since === undefined ? {} : { since: base.since }),
      startedAt: ns(dateS),
      exclude: wishes.exclude,
      files: chosen.files,
      history: wishes.history !== 'none',
      crossMounts: true,
      estimate: true,
      closed: parts.ownFolders().map((folder) => Buffer.from(folder, 'utf8')),
    },
  };
}
/** A single file is the tree that it lies in, and nothing else of it. */
async function chosenOf(
  { trees }: RunParts,
  root: Buffer,
  path: Buffer,
  files: readonly Buffer[],
): Promise<{ readonly tree: Buffer; readonly files: readonly Buffer[] }> {
  const kind = await trees.kindOf(root, path);
  if (kind === 'missing') {
    // A variable is text: names of other bytes have been lost on the way.
    const why = path.includes('\u{fffd}') ? ', or its name is not UTF-8' : ', or behind a symbolic link';
    throw new NdmpError('file-not-found', `${path.toString()} is not there${why}`);
  }
  if (kind === 'directory') return { tree: path, files };
  if (files.length > 0) throw new NdmpError('illegal-args', `${path.toString()} is a file, and has no FILES`);
  const slash = path.lastIndexOf('/');
  return { tree: path.subarray(0, Math.max(slash, 1)), files: [path.subarray(slash + 1)] };
}
const madeBy = ({ base }: BackupWishes, dateS: number): DumpDate['made'] =>
  base.kind === 'level' ? base : { kind: 'token', token: nextToken(base.token, dateS) };
/** Formats have room for one digit. */
const levelOf = ({ base }: BackupWishes): number =>
  Math.min(9, Math.max(1, base.kind === 'level' ? base.level : base.token.sequence));

async function baseOf(parts: RunParts, wishes: BackupWishes, tree: DumpedTree, nowS: number): Promise<Base> {
  const { base } = wishes;
  if (base.kind === 'level') {
    if (base.level === 0) return { says: 'level 0, everything' };
    const date = await onRecord(parts, async () => await parts.dumpDates.below(tree, base.level));
    if (date === undefined) {
      return { says: `level ${base.level}, but no lower one of the same selection is on record: everything` };
    }
    return sinceOf(date, nowS, `level ${base.level}, based on level ${date.level}`);
  }
  const { token } = base;
  if (token.dateS === 0) return { says: 'everything, with a date for those that follow' };
  const date = await onRecord(parts, async () => await parts.dumpDates.of(tree, token));
  if (date !== undefined) return sinceOf(date, nowS, `based on the date ${tokenText(token)}`);
  return sinceOf(token, nowS, `based on the date ${tokenText(token)}, of which nothing else is known here`);
}
/** What cannot be looked up is not on record: a larger backup is better than none. */
async function onRecord<T>(parts: RunParts, lookUp: () => Promise<T>): Promise<T | undefined> {
  try {
    return await lookUp();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    parts.log.warn('The dates of earlier backups cannot be read', { error: error.message });
    return undefined;
  }
}
function sinceOf(base: { dateS: number; directories?: Uint8Array }, nowS: number, says: string): Base {
  if (base.dateS > nowS + ndmpClockMarginS) {
    return { says: `${says}, which lies in the future (${inWords(base.dateS)}): everything` };
  }
  const { dateS, directories } = base;
  return {
    since: { date: ns(dateS), ...(directories === undefined ? {} : { directories }) },
    says: `${says}: what changed since ${inWords(dateS)}`,
  };
}

export class BackupRun implements DataRun {
  readonly done: Promise<Ending>;
  readonly #parts: RunParts;
  readonly #plan: BackupPlan;
  readonly #log: DmaLog;
  readonly #history: HistoryPoster;
  readonly #writer: ImageWriter;
  readonly #isLocal: boolean;
  readonly #job: TreeJob;
  #isAborted = false;

  constructor(parts: RunParts, plan: BackupPlan, stream: ImageStream) {
    this.#parts = parts;
    this.#plan = plan;
    this.#isLocal = stream.isLocal;
    this.#log = new DmaLog(parts.posts, parts.log);
    this.#history = new HistoryPoster(parts.posts, plan.wishes.history);
    this.#writer = new ImageWriter(stream.link, parts.env.clock);
    for (const text of plan.says) this.#log.say('normal', text);
    this.#job = parts.trees.backup(plan.request, {
      image: async (bytes) => {
        await this.#room();
        await this.#writer.write(bytes);
      },
      history: async (entries) => await this.#addHistory(entries),
      log: ({ level, text, path }) => {
        if (!this.#isAborted) this.#log.say(level, text, path);
        return this.#room();
      },
    });
    this.done = this.#end();
  }
  get view(): DataRun['view'] {
    const { files, estimateBytes } = this.#job.progress;
    return { bytes: this.#writer.bytes, estimateBytes, files, part: { offset: 0n, length: 0n } };
  }
  abort(): void {
    this.#isAborted = true;
    this.#job.abort();
    this.#writer.destroy();
  }

  #room(): Promise<void> | undefined {
    return roomFor(this.#parts.posts, () => this.#isAborted);
  }
  async #addHistory(entries: readonly HistoryEntry[]): Promise<void> {
    await this.#room();
    if (!this.#isAborted) this.#history.add(entries);
  }

  async #end(): Promise<Ending> {
    const result = await this.#job.done;
    if (this.#isAborted || result.outcome === 'aborted') {
      this.#writer.destroy();
      return { reason: 'aborted', text: 'Aborted' };
    }
    this.#history.flush();
    if (result.outcome === 'failed') {
      this.#writer.destroy();
      return this.#fail(result.message ?? 'The backup failed');
    }
    if ((await this.#writer.finish(this.#isLocal ? 'unlimited' : 'limited')) === 'lost')
      return this.#fail('The image was not taken to its end');
    return this.#succeed(result);
  }
  #fail(text: string): Ending {
    if (this.#isAborted) return { reason: 'aborted', text: 'Aborted' };
    this.#log.say('error', text);
    return { reason: this.#writer.isLost ? 'connect-error' : 'internal-error', text };
  }
  #succeed({ bytes, files, troubles, directories }: TreeResult): Ending {
    const summary = `Backup of ${this.#plan.tree.path.toString()}: ${counted(files, 'file')}, ${bytes} bytes`;
    if (troubles === 0) this.#log.say('normal', summary);
    else
      this.#log.say(
        'warning',
        `${summary}; not in it, or not whole: ${counted(troubles, 'file')}, see above`,
      );
    const { base, update } = this.#plan.wishes;
    const isKept = base.kind === 'token' || update;
    const text = troubles === 0 ? 'Done' : `Done, with ${counted(troubles, 'file')} missing or not whole`;
    if (!isKept) return { reason: 'successful', text };
    return {
      reason: 'successful',
      text,
      keep: async () => {
        // Its tape side may have gone after we had waited for it long enough.
        if (this.#writer.isLost) throw new CanceledError('The image was not taken to its end');
        await this.#parts.dumpDates.keep(this.#plan.tree, {
          ...this.#plan.date,
          ...(directories === undefined ? {} : { directories }),
        });
      },
    };
  }
}

/**
 * What DATA_GET_ENV adds to what was asked. A date is given only when there is a backup with it, and then `imageBytes` is how
 * long it is.
 */
export function backupVariables(
  plan: BackupPlan,
  version: number,
  imageBytes: bigint | undefined,
): Partial<Record<VariableName, string>> {
  const { made } = plan.date;
  return {
    TYPE: plan.request.format,
    ...(made.kind === 'level' ? { LEVEL: String(made.level) } : {}),
    ...(made.kind === 'token' && imageBytes !== undefined ? { DUMP_DATE: tokenText(made.token) } : {}),
    ...(imageBytes === undefined ? {} : { TAPESILO_IMAGE_BYTES: String(imageBytes) }),
    PATHNAME_SEPARATOR: '/',
    NDMP_VERSION: String(version),
  };
}

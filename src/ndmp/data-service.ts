/**
 * DataService: DATA of one session (spec4 3.5): trees of this machine become an image on a stream, and back.
 *
 * Requests of one session come one after the other. Invariants: N6 a run belongs to ACTIVE, and what a run says after an abort
 * is not heard; N7 each halt is announced once, after the state has changed and the stream has been closed.
 */
import type { Link } from '#env';
import type { TreeFormat } from '#trees';
import { localLinks } from './local-links.js';
import { BackupRun, backupVariables, type BackupPlan, planBackup } from './data-backup.js';
import {
  type DataParts,
  type DataRun,
  DmaLog,
  type Ending,
  type ImageStream,
  type RunParts,
  type StreamListening,
} from './data-faces.js';
import { ListRun } from './data-listing.js';
import { DataMachine, type DataRequest } from './data-machine.js';
import { recoverPlan } from './data-names.js';
import { joined, pathParts } from './data-roots.js';
import { recoverRequest, RecoverRun } from './data-recovery.js';
import { fileSystems } from './data-types.js';
import type { DataView } from './server-options.js';
import { recoverWishes, resultVariables, Variables } from './data-variables.js';
import type { Extensions } from './extensions.js';
import type { FsInfo } from './config-messages.table.js';
import { NdmpError } from './errors.table.js';
import { DATA_UNSUPPORTED } from './flags.table.js';
import type { ReplyOf, RequestOf } from './messages.js';
import {
  type Address,
  type AddressType,
  allOnes,
  allOnes32,
  type DataOperation,
  type Pval,
} from './types.js';

const nowhere: Address = { type: 'local' };

export class DataService {
  readonly #parts: DataParts;
  readonly #machine = new DataMachine();
  #address: Address = nowhere;
  #listening: StreamListening | undefined;
  /** In CONNECTED, and of the run. */
  #link: Link | undefined;
  #run: DataRun | undefined;
  #startedMs = 0;
  #asked = new Variables([]);
  #plan: BackupPlan | undefined;
  /** What is backed up, or where to it is recovered. */
  #path: string | undefined;
  #ending: Ending | undefined;
  #isGone = false;

  constructor(parts: DataParts) {
    this.#parts = parts;
  }

  get extensions(): Extensions {
    return this.#parts.extensions;
  }
  get formats(): readonly TreeFormat[] {
    return this.#parts.options?.trees.formats ?? [];
  }
  async fileSystems(): Promise<readonly FsInfo[]> {
    const { options } = this.#parts;
    return options === undefined ? [] : await fileSystems(options.trees, options.roots());
  }
  get isIdle(): boolean {
    return this.#machine.state === 'idle';
  }
  /** In LISTEN for the mover of its session. */
  get listensLocal(): boolean {
    return this.#machine.state === 'listen' && this.#address.type === 'local';
  }
  /** For `ndmp session list`. */
  get view(): DataView {
    const { state, operation, haltReason } = this.#machine;
    const { bytes = 0n, files = 0, estimateBytes = 0n } = this.#run?.view ?? {};
    return {
      state,
      reason: haltReason === 'na' ? undefined : haltReason,
      operation: operation === 'noaction' ? undefined : operation,
      path: this.#path,
      bytes,
      estimateBytes: estimateBytes === 0n ? undefined : estimateBytes,
      files,
    };
  }

  // --- the stream -------------------------------------------------------------------------------------------------------

  /** DATA_LISTEN. */
  async listen(type: AddressType): Promise<Address> {
    this.#checkType(type);
    await this.#settle();
    this.#check('listen');
    if (!this.#parts.mover().isIdle) throw new NdmpError('illegal-state', 'The mover is not idle');
    // A peer may come before we are told that we listen.
    let early: Link | undefined;
    const accept = (link: Link): void => {
      if (this.#machine.state === 'listen') this.#connected(link);
      else early = link;
    };
    const listening = type === 'local' ? undefined : await this.#parts.connector.listen(accept, type);
    if (this.#isGone) {
      listening?.close();
      early?.destroy();
      throw new NdmpError('illegal-state', 'The session has ended');
    }
    this.#parts.options?.trees.prepare?.();
    this.#listening = listening;
    this.#address = listening?.address ?? nowhere;
    this.#machine.listen();
    if (early !== undefined) this.#connected(early);
    return this.#address;
  }
  /** MOVER_CONNECT of the same session: the mover's end of the stream. Throws NdmpError 'illegal-state'. */
  acceptLocal(): Link {
    if (!this.listensLocal) throw new NdmpError('illegal-state', 'DATA does not wait for its mover');
    const [ours, theirs] = localLinks();
    this.#connected(ours);
    return theirs;
  }
  /** DATA_CONNECT. */
  async connect(address: Address): Promise<void> {
    this.#checkType(address.type === 'unknown' ? { unknown: address.number } : address.type);
    await this.#settle();
    this.#check('connect');
    this.#parts.options?.trees.prepare?.();
    this.#connected(await this.#reach(address));
    this.#address = address;
  }
  async #reach(address: Address): Promise<Link> {
    const mover = this.#parts.mover();
    if (address.type === 'local') {
      if (mover.listensLocal) return mover.acceptLocal();
      throw new NdmpError('illegal-state', 'The mover does not wait for us');
    }
    // The mover that listens there may be that of this session: clients that know no LOCAL address connect the two so.
    const link = await this.#parts.connector.connect(address);
    if (!this.#isGone) return link;
    link.destroy();
    throw new NdmpError('connect', 'The session has ended');
  }
  #checkType(type: AddressType): asserts type is 'local' | 'tcp' | 'tcp-ipv6' {
    if (type === 'local' || type === 'tcp') return;
    if (type === 'tcp-ipv6' && this.#parts.extensions.hasConnectionAddresses) return;
    throw new NdmpError('illegal-args', 'Image streams are LOCAL or TCP');
  }
  #connected(link: Link): void {
    this.#listening = undefined;
    this.#link = link;
    this.#machine.connected();
  }

  // --- backup and recovery ----------------------------------------------------------------------------------------------

  /** DATA_START_BACKUP. In version 2 it connects to the mover that the request names. */
  async startBackup(request: RequestOf<'dataStartBackup'>): Promise<void> {
    await this.#explaining(async () => await this.#startBackup(request));
  }
  async #startBackup({ mover, buType, env }: RequestOf<'dataStartBackup'>): Promise<void> {
    const format = this.#format(buType);
    const variables = new Variables(env);
    await this.#settle();
    this.#check('start');
    const parts = this.#runParts();
    const plan = await planBackup(parts, format, variables);
    const stream = await this.#stream(mover, 'read');
    this.#plan = plan;
    this.#path = plan.tree.path.toString();
    this.#begin('backup', variables, () => new BackupRun(parts, plan, stream));
  }
  /** DATA_START_RECOVER. */
  async startRecover(request: RequestOf<'dataStartRecover'>): Promise<void> {
    await this.#explaining(async () => await this.#startRecover(request));
  }
  async #startRecover({ mover, env, nlist, buType }: RequestOf<'dataStartRecover'>): Promise<void> {
    const format = this.#format(buType);
    const variables = new Variables(env);
    await this.#settle();
    this.#check('start');
    const parts = this.#runParts();
    const wishes = recoverWishes(variables, buType);
    const plan = recoverPlan(this.#parts.version(), nlist, wishes, parts);
    const request = recoverRequest(format, plan, wishes);
    const stream = await this.#stream(mover, 'write');
    this.#path = (plan.names[0]?.name.destination ?? plan.prefix).toString();
    this.#begin('recover', variables, () => new RecoverRun(parts, request, plan, stream));
  }
  /** DATA_START_RECOVER_FILEHIST. */
  async startRecoverFilehist(request: RequestOf<'dataStartRecoverFilehist'>): Promise<void> {
    await this.#explaining(async () => await this.#startRecoverFilehist(request));
  }
  async #startRecoverFilehist(request: RequestOf<'dataStartRecoverFilehist'>): Promise<void> {
    const format = this.#format(request.buType);
    const variables = new Variables(request.env);
    await this.#settle();
    this.#check('start');
    const parts = this.#runParts();
    const names = request.nlist.map(({ originalPath }) => joined(pathParts(originalPath)));
    const { history } = recoverWishes(variables, format);
    const stream = await this.#stream(request.mover, 'write');
    this.#begin('recover-filehist', variables, () => new ListRun(parts, { format, names }, history, stream));
  }
  /** Errors of NDMP have no words: why something was not begun is said beside them, to the DMA and in the log of the daemon. */
  async #explaining(begin: () => Promise<void>): Promise<void> {
    try {
      await begin();
    } catch (error) {
      const isClear = !(error instanceof NdmpError) || error.code === 'illegal-state';
      if (!isClear) new DmaLog(this.#parts.posts, this.#parts.log).say('error', error.message);
      throw error;
    }
  }
  #runParts(): RunParts {
    const { options, env, log, posts } = this.#parts;
    if (options === undefined) throw new NdmpError('not-supported');
    return { ...options, env, log, posts };
  }
  #format(buType: string): TreeFormat {
    const format = this.formats.find((one) => one === buType);
    if (format === undefined)
      throw new NdmpError(
        'illegal-args',
        `There is no backup type "${buType}" here, but ${this.formats.join(', ')}`,
      );
    return format;
  }
  /** The stream that is connected, or in version 2 the one to `mover`. */
  async #stream(mover: Address, mode: 'read' | 'write'): Promise<ImageStream> {
    const address = this.#parts.version() === 2 ? mover : this.#address;
    const isLocal = address.type === 'local';
    if (isLocal && this.#parts.mover().view.mode !== mode)
      throw new NdmpError('illegal-state', 'The mover goes the other way');
    if (this.#parts.version() === 2) await this.connect(address);
    const link = this.#link;
    if (link === undefined) throw new NdmpError('illegal-state', 'There is no image stream');
    return {
      link,
      isLocal,
      ask: (part) =>
        isLocal
          ? this.#parts.mover().readLocal(part.offset, part.length)
          : this.#parts.posts.post('notifyDataRead', part),
    };
  }
  #begin(operation: Exclude<DataOperation, 'noaction'>, variables: Variables, start: () => DataRun): void {
    if (this.#isGone) throw new NdmpError('illegal-state', 'The session has ended');
    this.#asked = variables;
    this.#machine.start(operation);
    this.#startedMs = this.#parts.env.clock.monotonicMs();
    const run = start();
    this.#run = run;
    void run.done.then((ending) => {
      if (!this.#isGone && this.#run === run && this.#machine.state === 'active') this.#halt(ending);
    });
  }
  #halt(ending: Ending): void {
    this.#ending = ending;
    this.#link = undefined;
    this.#machine.halt(ending.reason);
    this.#parts.posts.post('notifyDataHalted', { reason: ending.reason, textReason: ending.text });
  }

  /** DATA_ABORT. */
  async abort(): Promise<void> {
    await this.#settle();
    this.#check('abort');
    if (this.#machine.state === 'connected') this.#hangUp();
    else this.#drop();
    this.#halt({ reason: 'aborted', text: 'Aborted' });
  }
  /** DATA_STOP: the DMA has taken note of how it ended, and a backup that went well may be a base for others. */
  async stop(): Promise<void> {
    await this.#settle();
    this.#check('stop');
    const keep = this.#ending?.keep;
    if (keep !== undefined && this.#moverAgrees()) await this.#remember(keep);
    this.#run = undefined;
    this.#plan = undefined;
    this.#path = undefined;
    this.#ending = undefined;
    this.#asked = new Variables([]);
    this.#address = nowhere;
    this.#machine.idle();
  }
  /** What the mover of the session could not bring to tape is no base for anything. */
  #moverAgrees(): boolean {
    if (this.#address.type !== 'local') return true;
    const { state, haltReason, bytesMoved } = this.#parts.mover().view;
    if (state === 'idle') return true; // stopped before us: its DMA has looked at it
    const isWhole = bytesMoved >= (this.#run?.view.bytes ?? 0n);
    return state === 'halted' && haltReason === 'connect-closed' && isWhole;
  }
  async #remember(keep: () => Promise<void>): Promise<void> {
    try {
      await keep();
    } catch (error) {
      // The next level is based on an older backup then, and larger: nothing is lost.
      this.#parts.log.warn('The date of a backup could not be kept', { error: String(error) });
    }
  }

  // --- what is known ----------------------------------------------------------------------------------------------------

  /** DATA_GET_STATE. */
  async getState(): Promise<ReplyOf<'dataGetState'>> {
    await this.#settle();
    const { state, operation, haltReason } = this.#machine;
    const { bytes = 0n, part = { offset: 0n, length: 0n } } = this.#run?.view ?? {};
    const left = this.#bytesLeft();
    const seconds = left === undefined ? undefined : this.#secondsFor(left, bytes);
    return {
      unsupported:
        (left === undefined ? DATA_UNSUPPORTED.estBytesRemain : 0) |
        (seconds === undefined ? DATA_UNSUPPORTED.estTimeRemain : 0),
      operation,
      state,
      haltReason,
      bytesProcessed: bytes,
      estBytesRemain: left ?? allOnes,
      estTimeRemain: seconds ?? allOnes32,
      dataConnectionAddr: this.#address,
      readOffset: part.offset,
      readLength: part.length,
    };
  }
  #bytesLeft(): bigint | undefined {
    const view = this.#run?.view;
    if (view === undefined || this.#machine.operation !== 'backup') return undefined;
    if (this.#machine.state === 'halted') return 0n;
    if (view.estimateBytes === 0n) return undefined;
    return view.estimateBytes > view.bytes ? view.estimateBytes - view.bytes : 0n;
  }
  #secondsFor(left: bigint, done: bigint): number | undefined {
    if (left === 0n) return 0;
    const elapsedMs = this.#parts.env.clock.monotonicMs() - this.#startedMs;
    if (done === 0n || elapsedMs < 1000) return undefined;
    return Math.min(Math.ceil((Number(left) / Number(done)) * (elapsedMs / 1000)), allOnes32 - 1);
  }
  /** DATA_GET_ENV: what was asked of a backup, and what a recovery needs besides. */
  getEnv(): readonly Pval[] {
    const plan = this.#plan;
    if (this.#machine.operation !== 'backup' || plan === undefined)
      throw new NdmpError('illegal-state', 'There is no backup');
    const bytes = this.#ending?.reason === 'successful' ? this.#run?.view.bytes : undefined;
    return resultVariables(this.#asked, backupVariables(plan, this.#parts.version(), bytes));
  }

  /** The session is gone. */
  end(): void {
    this.#isGone = true;
    // A stream that has ended well delivers what is still under way.
    if (this.#machine.state !== 'halted') this.#drop();
  }
  /** Nothing was begun, so nothing is cut: the other side sees an orderly end. */
  #hangUp(): void {
    const link = this.#link;
    let isOver = (): void => undefined;
    link?.start({ data: () => undefined, closed: () => isOver() });
    if (link !== undefined) isOver = this.#parts.connector.linger(link);
  }
  #drop(): void {
    this.#listening?.close();
    this.#listening = undefined;
    if (this.#run === undefined) this.#link?.destroy();
    else this.#run.abort();
  }
  /** What is judged after this is judged at once: a run may end at any time. */
  async #settle(): Promise<void> {
    await this.#listening?.settle();
  }
  #check(request: DataRequest): void {
    this.#machine.check(request, this.#parts.version());
  }
}

/**
 * Connection: one TCP connection: framer in, outbox out, StatSN, digests, keepalive, and the phase it is in (RFC 7143
 * 4.2.6, 6.3, 7).
 *
 * Invariants: P1 StatSN increases by one per PDU that takes one. I9 nothing that a peer sends, and no moment at which it
 * goes away, makes an exception leave this class or memory stay taken; tearing down is idempotent.
 */
import { ProtocolError } from '#errors';
import type { Clock, Link, Logger, Random, Timer } from '#env';
import { commandWindowMax, dataSegmentBytesMax, loginTimeoutMs, textSegmentBytesMax } from '#limits';
import { crc32c, increment, type SlabPool } from '#wire';
import type { DiscoveryPolicy } from './access-policy.js';
import { Framer, type PduReceiver, type SegmentSink } from './framer.js';
import { FullFeature, type FullFeatureHost } from './full-feature.js';
import { defaultKeyValues, type KeyValues } from './keys.table.js';
import { Keepalive, type KeptAlive } from './keepalive.js';
import { Login, type LoggedIn, type LoginAnswer, type LoginHost } from './login.js';
import { LoginPhase, replyOf, type LoginPhaseHost, type LoginReply } from './login-phase.js';
import { Outbox } from './outbox.js';
import { asyncMessageHeader, pingHeader, rejectHeader } from './own-headers.js';
import { digestOf, writeDataSegmentLength, writeStatusNumbers } from './pdu.js';
import { ASYNC_EVENT, LOGIN_STATUS, type LoginStatus, type RejectReason } from './pdu.table.js';
import { formatAddress, plainHost, sendTargets, type ReachablePortal } from './send-targets.js';
import type { Session } from './session.js';
import type { TargetNode } from './target-node.js';
import type { Pair } from './text.js';

/** What a connection needs of the server. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly pool: SlabPool;
  readonly log: Logger;
  readonly discovery: DiscoveryPolicy | undefined;
  target(name: string): TargetNode | undefined;
  targets(): readonly TargetNode[];
  portals(): readonly ReachablePortal[];
  session(
    target: TargetNode,
    groupTag: number,
    initiatorName: string,
    isid: Buffer,
    tsih: number,
  ): Session | undefined;
  /** Makes or joins the session, after what it replaces has ended; or the status that refuses it. */
  establish(connection: Connection, loggedIn: LoggedIn<TargetNode, Session>): Promise<Session | LoginStatus>;
  coldReset(target: TargetNode): void;
  closed(connection: Connection): void;
}

const padding = Buffer.alloc(4);

export class Connection
  implements
    PduReceiver,
    FullFeatureHost,
    LoginPhaseHost<TargetNode, Session>,
    LoginHost<TargetNode, Session>,
    KeptAlive
{
  readonly groupTag: number;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly pool: SlabPool;
  readonly random: Random;
  readonly discovery: DiscoveryPolicy | undefined;
  readonly remoteHost: string;
  readonly #host: ConnectionHost;
  readonly #link: Link;
  readonly #log: Logger;
  readonly #framer: Framer;
  readonly #login: Login<TargetNode, Session>;
  readonly #keepalive = new Keepalive(this);
  #phase: PduReceiver;
  #fullFeature: FullFeature | undefined;
  #session: Session | undefined;
  #cid = 0;
  #keys: KeyValues = defaultKeyValues();
  #headerDigest = false;
  #dataDigest = false;
  #statSN = 1;
  #closed = false;
  #finishing = false;
  #establishing = false;
  #timer: Timer | undefined;
  #paused = false;

  constructor(host: ConnectionHost, link: Link, groupTag: number) {
    this.#host = host;
    this.#link = link;
    this.groupTag = groupTag;
    this.clock = host.clock;
    this.pool = host.pool;
    this.random = host.random;
    this.discovery = host.discovery;
    this.remoteHost = plainHost(link.remote.host);
    this.#log = host.log.facility('iscsi', { remote: formatAddress(link.remote) });
    this.outbox = new Outbox(link, () => this.#outboxChanged());
    this.#framer = new Framer(this, textSegmentBytesMax);
    this.#login = new Login(this);
    this.#phase = new LoginPhase(this, this.#login);
  }

  start(): void {
    this.#timer = this.clock.after(loginTimeoutMs, () => this.drop('login took too long'));
    this.#link.start({
      data: (chunk) => this.#receive(chunk),
      room: () => this.#room(),
      closed: (error) => this.#linkClosed(error),
    });
  }

  get cid(): number {
    return this.#cid;
  }
  get keys(): KeyValues {
    return this.#keys;
  }
  get segmentBytesMax(): number {
    return this.#keys.MaxRecvDataSegmentLength;
  }
  get session(): Session | undefined {
    return this.#session;
  }
  get remote(): string {
    return formatAddress(this.#link.remote);
  }
  get local(): string {
    return formatAddress(this.#link.local);
  }
  get isLoggedIn(): boolean {
    return this.#fullFeature !== undefined;
  }
  /** The initiator has not yet done its part of the login. */
  get isInLogin(): boolean {
    return !this.isLoggedIn && !this.#establishing;
  }
  // --- in ---------------------------------------------------------------------------------------------------------------

  #receive(chunk: Buffer): void {
    this.#keepalive.heard();
    try {
      this.#framer.push(chunk);
    } catch (error) {
      this.#failed(error);
    }
    this.outbox.flush();
    if (this.outbox.isFull) this.#pause();
  }
  #room(): Buffer | undefined {
    try {
      return this.#framer.room();
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }
  /** I9: whatever happens inside, the worst is the end of this connection. */
  #failed(error: unknown): void {
    if (!(error instanceof ProtocolError)) {
      this.#log.error('A connection failed unexpectedly', { error: String((error as Error).stack) });
    }
    this.drop((error as Error).message);
  }
  header(bhs: Buffer, ahs: Buffer): SegmentSink | undefined {
    return this.#phase.header(bhs, ahs);
  }
  complete(intact: boolean): void {
    this.#phase.complete(intact);
  }
  #pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#framer.hold();
    this.#link.pause();
  }
  #resume(): void {
    if (!this.#paused || this.#closed) return;
    this.#paused = false;
    try {
      this.#framer.release();
    } catch (error) {
      this.#failed(error);
    }
    if (!this.#paused && !this.#closed) this.#link.resume();
  }
  #outboxChanged(): void {
    if (!this.outbox.isFull && this.#fullFeature !== undefined) this.#resume();
  }

  // --- out --------------------------------------------------------------------------------------------------------------

  emit(header: Buffer, statSN: 'take' | 'show' | 'none', length: number, slices: readonly Buffer[]): number {
    const shown = this.#statSN;
    const session = this.#session;
    if (this.#closed || this.#finishing || session === undefined) return shown;
    if (statSN === 'take') this.#statSN = increment(shown);
    session.advanceWindow();
    const { expCmdSN, maxCmdSN } = session.window;
    writeStatusNumbers(header, statSN === 'none' ? 0 : shown, expCmdSN, maxCmdSN);
    session.counters.bytesOut += length;
    this.#put(header, length, slices);
    return shown;
  }
  #put(header: Buffer, length: number, slices: readonly Buffer[]): void {
    writeDataSegmentLength(header, length);
    const { outbox } = this;
    outbox.addHeader(header);
    if (this.#headerDigest) outbox.add(digestOf(crc32c(header)));
    if (length === 0) return;
    let crc = 0;
    for (const slice of slices) {
      outbox.add(slice);
      if (this.#dataDigest) crc = crc32c(slice, crc);
    }
    const pad = -length & 3;
    if (pad > 0) outbox.add(padding.subarray(0, pad));
    if (this.#dataDigest) outbox.add(digestOf(pad === 0 ? crc : crc32c(padding.subarray(0, pad), crc)));
  }

  reject(reason: RejectReason, rejected: Buffer): void {
    this.#log.debug('PDU rejected', { reason, opcode: (rejected[0] ?? 0) & 0x3f });
    this.emit(rejectHeader(reason), 'take', rejected.length, [rejected]);
  }
  #asyncMessage(event: number, parameters: readonly [number, number, number]): void {
    this.emit(asyncMessageHeader(event, parameters), 'take', 0, []);
  }
  /** 11.9.1 event 1: please log out, or be cut off after this time. */
  requestLogout(withinSeconds: number): void {
    this.#asyncMessage(ASYNC_EVENT.logoutRequest, [0, 0, withinSeconds]);
  }
  /** 11.9.1 event 3: all connections of the session go now; log in again when you like. */
  announceDrop(): void {
    this.#asyncMessage(ASYNC_EVENT.sessionDrop, [0, 0, 0]);
  }

  // --- login ------------------------------------------------------------------------------------------------------------

  target(name: string): TargetNode | undefined {
    return this.#host.target(name);
  }
  sessionOf(target: TargetNode, initiatorName: string, isid: Buffer, tsih: number): Session | undefined {
    return this.#host.session(target, this.groupTag, initiatorName, isid, tsih);
  }
  reply({ header, status, cmdSN, text }: LoginReply): void {
    if (this.#closed) return;
    // A login takes no CmdSN; a connection that joins a session shows that one's window.
    const { expCmdSN, maxCmdSN } = this.#login.session?.window ?? {
      expCmdSN: cmdSN,
      maxCmdSN: increment(cmdSN, commandWindowMax - 1),
    };
    writeStatusNumbers(header, this.#statSN, expCmdSN, maxCmdSN);
    this.#statSN = increment(this.#statSN);
    this.#put(header, text.length, [text]);
    if (status === LOGIN_STATUS.success) return;
    this.#log.info('Login refused', {
      status: status.toString(16).padStart(4, '0'),
      initiator: this.#login.initiatorName,
      reason: this.#login.refusal,
    });
    this.finish();
  }
  establish(
    loggedIn: LoggedIn<TargetNode, Session>,
    answer: LoginAnswer<TargetNode, Session>,
    header: Buffer,
  ): void {
    this.#cid = loggedIn.cid;
    this.#keys = loggedIn.keys;
    this.#establishing = true;
    this.#pause(); // nothing is read until the session is there
    this.background('login', async () => {
      const made = await this.#host.establish(this, loggedIn);
      if (typeof made === 'number') {
        this.reply(
          replyOf(
            header,
            { ...answer, transit: false, nextStage: 0, text: Buffer.alloc(0), status: made },
            0,
          ),
        );
        return;
      }
      if (this.#closed) await made.leave(this);
      else this.#enterFullFeature(made, answer, header);
    });
  }
  #enterFullFeature(session: Session, answer: LoginAnswer<TargetNode, Session>, header: Buffer): void {
    this.reply(replyOf(header, answer, session.tsih));
    this.#session = session;
    this.#fullFeature = new FullFeature(this, session);
    this.#phase = this.#fullFeature;
    this.#headerDigest = this.#framer.headerDigest = this.#keys.HeaderDigest === 'CRC32C';
    this.#dataDigest = this.#framer.dataDigest = this.#keys.DataDigest === 'CRC32C';
    this.#framer.segmentBytesMax = dataSegmentBytesMax;
    this.#timer?.cancel();
    this.#keepalive.start();
    this.#log.info('Logged in', {
      initiator: session.initiatorName,
      target: session.target?.name ?? '(discovery)',
      session: session.id,
    });
    this.#resume();
  }

  // --- full feature -----------------------------------------------------------------------------------------------------

  nextTransferTag(): number {
    return this.#session?.nextTransferTag() ?? 0;
  }
  /** Appendix C: All in a discovery session only; a normal session may ask for its own target, by name or by nothing. */
  sendTargets(what: string): Pair[] | undefined {
    const session = this.#session;
    if (session === undefined) return undefined;
    const own = session.target;
    if (own !== undefined && what !== '' && what !== own.name) return undefined;
    if (own === undefined && what === '') return undefined;
    const asker = {
      initiatorName: session.initiatorName,
      remoteHost: this.remoteHost,
      localHost: this.#link.local.host,
    };
    const targets = own === undefined ? this.#host.targets() : [own];
    return sendTargets(own?.name ?? what, targets, this.#host.portals(), asker);
  }
  coldReset(): void {
    const target = this.#session?.target;
    if (target !== undefined) this.#host.coldReset(target);
  }

  // --- keepalive --------------------------------------------------------------------------------------------------------

  get isPaused(): boolean {
    return this.#paused;
  }
  dataIdleTicks(): number {
    let most = Math.max(this.#session?.gapTicks() ?? 0, this.#fullFeature?.tick() ?? 0);
    for (const transfer of this.#session?.tasks.values() ?? []) most = Math.max(most, transfer.tick());
    return most;
  }
  ping(): void {
    this.emit(pingHeader(this.nextTransferTag()), 'show', 0, []);
  }

  // --- end --------------------------------------------------------------------------------------------------------------

  background(what: string, work: () => Promise<void>): void {
    void work().catch((error: unknown) => {
      this.#log.error('Background work failed', { what, error: String((error as Error).stack) });
      this.drop(`${what} failed`);
    });
  }
  finish(): void {
    if (this.#closed || this.#finishing) return;
    this.#finishing = true;
    this.#framer.stop();
    this.outbox.flush();
    this.#link.end();
    // A peer that does not close its side does not keep ours.
    this.#timer?.cancel();
    this.#keepalive.stop();
    this.#timer = this.clock.after(loginTimeoutMs, () => this.drop('the peer does not close'));
  }
  drop(reason: string): void {
    if (this.#closed) return;
    this.#log.info('Connection dropped', { reason, session: this.#session?.id });
    this.#close();
    this.#link.destroy();
  }
  #linkClosed(error: Error | undefined): void {
    if (this.#closed) return;
    this.#log.debug('Connection closed', { error: error?.message });
    this.#close();
  }
  #close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#keepalive.stop();
    this.#framer.stop();
    this.#framer.leave();
    this.#fullFeature?.close();
    this.outbox.close();
    const session = this.#session;
    if (session !== undefined) this.background('session end', async () => await session.leave(this));
    this.#host.closed(this);
  }
}

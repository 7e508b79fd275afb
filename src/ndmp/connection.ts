/**
 * Connection: one control connection: framer in, one request at a time through dispatch, outbox out, sequence numbers, and the
 * patience that we have with a peer.
 *
 * Invariants: N10 sequence numbers rise by one per message, replies and posts together, from 1. N11 nothing that a peer sends,
 * and no moment at which it goes away, makes an exception leave this class or memory stay taken; tearing down is idempotent.
 */
import type { Address, Clock, Link, Logger, Timer } from '#env';
import { ProtocolError } from '#errors';
import { ndmpHeldPostsBytesMax, ndmpMessageBytesMax, ndmpStrangerMessageBytesMax, ndmpTickMs } from '#limits';
import { dispatch, type Response, tooLong } from './dispatch.js';
import { Header, type NdmpHeader, parseMessage } from './header.js';
import { writeBody } from './message.js';
import type { MessageMemory, MessageShare } from './message-memory.js';
import { Patience } from './patience.js';
import { codeIn, encodePost, type PostName, type PostOf, rowOf } from './messages.js';
import { Outbox } from './outbox.js';
import { framed, type MessageReceiver, RecordFramer } from './record-framer.js';
import { NdmpSession, type SessionWire, type SharedBySessions } from './session.js';
import type { NdmpServerOptions } from './server-options.js';
import { isLoopback } from './hosts.js';
import type { ConnectReason } from './types.js';

/** What a connection needs of the server. */
export interface ConnectionHost extends SharedBySessions {
  readonly options: NdmpServerOptions;
  readonly messageMemory: MessageMemory;
  closed(connection: Connection): void;
}

/** A post whose header, with its place in the sequence, is still to be made. */
interface Unsent {
  readonly code: number;
  readonly body: readonly Uint8Array[];
}

const nobody = (): void => undefined;

export class Connection implements MessageReceiver, SessionWire {
  readonly id: number;
  readonly peer: Address;
  readonly local: Address;
  readonly tls: boolean;
  readonly session: NdmpSession;
  requests = 0;
  bytesIn = 0;
  readonly #host: ConnectionHost;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #framer: RecordFramer;
  readonly #outbox: Outbox;
  readonly #memory: MessageShare;
  #sequence = 0;
  #timer: Timer | undefined;
  readonly #patience: Patience;
  /** A request is being handled; no other is given out. */
  #busy = false;
  /** Bytes of that request. */
  #handledBytes = 0;
  #paused = false;
  /** What ends the connection when the reply is out. */
  #refusal: string | undefined;
  #finishing = false;
  #closed = false;
  /** Posts that wait for the reply of the request that is being handled, and for the peer to take it. */
  #held: Unsent[] = [];
  #heldBytes = 0;

  constructor(id: number, host: ConnectionHost, link: Link, tls: boolean) {
    const { env } = host.options;
    this.id = id;
    this.peer = link.remote;
    this.local = link.local;
    this.tls = tls;
    this.#host = host;
    this.#link = link;
    this.#clock = env.clock;
    this.#patience = new Patience(env.clock.monotonicMs());
    this.#framer = new RecordFramer(this, ndmpStrangerMessageBytesMax);
    this.#outbox = new Outbox(link);
    this.#memory = host.messageMemory.share();
    this.session = new NdmpSession(id, host.options, host, this);
    this.#log = this.session.log;
  }

  /** The server speaks first. */
  start(): void {
    this.#tickSoon();
    this.#link.start({ data: (chunk) => this.#receive(chunk), closed: (error) => this.#linkClosed(error) });
    this.#announce('connected', '');
  }
  get isStranger(): boolean {
    return !this.session.connect.isAuthorized;
  }
  /** The session is over, and what it had is free; the peer is still being told. */
  get hasEnded(): boolean {
    return this.#finishing || this.#closed;
  }
  get isPrivate(): boolean {
    return this.tls || isLoopback(this.peer.host);
  }
  get bytesOut(): number {
    return this.#outbox.sentBytes;
  }

  // --- in -----------------------------------------------------------------------------------------------------------------

  #receive(chunk: Buffer): void {
    this.bytesIn += chunk.length;
    this.#patience.heard(this.#clock.monotonicMs());
    this.#framer.messageBytesMax = this.#memory.messageBytesMax(this.isStranger);
    this.#guard(() => this.#framer.push(chunk));
    this.#account();
    if (this.#busy && this.#framer.isFull) this.#pause();
  }
  #account(): void {
    this.#memory.hold(this.#closed ? 0 : this.#framer.heldBytes + this.#handledBytes);
  }
  message(bytes: Buffer): void {
    this.#perform(bytes, async (header, body) => await dispatch(this.session, header, body));
  }
  tooLong(start: Buffer): void {
    const isShort = !this.isStranger && this.#framer.messageBytesMax < ndmpMessageBytesMax;
    const response = (header: NdmpHeader): Response =>
      tooLong(this.session, header, isShort ? 'no-mem' : 'xdr-decode');
    this.#perform(start, async (header) => await Promise.resolve(response(header)));
  }
  #perform(bytes: Buffer, work: (header: NdmpHeader, body: Buffer) => Promise<Response>): void {
    const { header, body } = parseMessage(bytes, this.session.version);
    this.requests += 1;
    this.#busy = true;
    this.#handledBytes = bytes.length;
    this.#framer.hold();
    const respond = async (): Promise<void> => {
      this.#respond(header, await work(header, body));
      await this.#outbox.room; // who does not read is not served
    };
    respond()
      .then(() => this.#next())
      .catch((error: unknown) => this.#failed(error));
  }
  #next(): void {
    this.#busy = false;
    this.#handledBytes = 0;
    if (this.#closed) return;
    this.#sendHeld(); // what was said since the reply; nobody may ask for anything any more
    this.#guard(() => this.#framer.release());
    this.#account();
    if (!this.#busy) this.#resume();
  }
  #pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#link.pause();
  }
  #resume(): void {
    if (!this.#paused || this.#closed) return;
    this.#paused = false;
    this.#link.resume();
  }
  /** N11: whatever happens inside, the worst is the end of this connection. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failed(error);
    }
  }
  #failed(error: unknown): void {
    if (!(error instanceof ProtocolError)) {
      this.#log.error('A connection failed unexpectedly', { error: String((error as Error).stack) });
    }
    this.drop((error as Error).message);
  }

  // --- out ----------------------------------------------------------------------------------------------------------------

  #respond({ code, sequence }: NdmpHeader, response: Response): void {
    if (response.kind === 'reply') {
      const { error, body, sent } = response;
      this.#send({ type: 'reply', code, replySequence: sequence, error }, body, sent);
    }
    this.#sendHeld();
    if (response.kind === 'close') this.finish('closed by the client');
    if (this.#refusal !== undefined) this.finish(this.#refusal);
  }
  #send(
    fields: Omit<NdmpHeader, 'sequence' | 'timeStamp'>,
    body: readonly Uint8Array[],
    sent = nobody,
  ): void {
    if (this.#closed || this.#finishing) {
      sent();
      return;
    }
    this.#sequence = (this.#sequence + 1) >>> 0;
    const timeStamp = Math.floor(this.#clock.wallMs() / 1000) >>> 0;
    const header = writeBody(
      Header,
      { ...fields, sequence: this.#sequence, timeStamp },
      this.session.version,
    );
    this.#outbox.write(framed([...header, ...body]), sent);
  }
  post<K extends PostName>(name: K, body: PostOf<K>): void {
    const { version } = this.session;
    if (this.#closed || this.#finishing) return;
    if (!rowOf(name).versions.includes(version)) return;
    this.#guard(() => {
      const unsent: Unsent = { code: codeIn(name, version), body: encodePost(name, body, version) };
      if (!this.#busy) {
        this.#sendPost(unsent);
        return;
      }
      this.#held.push(unsent);
      this.#heldBytes += unsent.body.reduce((sum, { length }) => sum + length, 0);
      if (this.#heldBytes > ndmpHeldPostsBytesMax) this.#sendHeld(); // the handler may be waiting for their way out
    });
  }
  #sendPost({ code, body }: Unsent): void {
    this.#send({ type: 'request', code, replySequence: 0, error: 0 }, body);
  }
  #sendHeld(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const unsent of held) this.#sendPost(unsent);
  }
  get postRoom(): Promise<void> | undefined {
    return this.#outbox.room;
  }
  #announce(reason: ConnectReason, textReason: string): void {
    this.#sendHeld();
    const { versionMax } = this.#host.options.access;
    const body = { reason, protocolVersion: versionMax, textReason };
    const code = codeIn('notifyConnectionStatus', versionMax);
    this.#sendPost({ code, body: encodePost('notifyConnectionStatus', body, versionMax) });
  }

  // --- session ------------------------------------------------------------------------------------------------------------

  authorized(): void {
    this.#framer.messageBytesMax = this.#memory.messageBytesMax(false);
  }
  refuse(reason: string): void {
    this.#refusal = reason;
  }

  // --- end ----------------------------------------------------------------------------------------------------------------

  #tickSoon(): void {
    this.#timer = this.#clock.after(ndmpTickMs, () => {
      const { queuedBytes, sentBytes } = this.#outbox;
      const isMidMessage = this.#framer.isMidMessage && !this.#busy;
      const { isStranger } = this;
      const state = { isMidMessage, isStranger, queuedBytes, sentBytes, isFinishing: this.#finishing };
      const reason = this.#patience.lost(this.#clock.monotonicMs(), state);
      if (reason === undefined) this.#tickSoon();
      else this.drop(reason);
    });
  }
  /** Tells the client, and ends the connection when that is out. */
  shutdown(reason: string): void {
    this.#announce('shutdown', reason);
    this.finish(reason);
  }
  /** Sends what is queued, then closes; everything that the session had is free at once. */
  finish(reason: string): void {
    if (this.#closed || this.#finishing) return;
    this.#log.info('Connection ends', { reason });
    this.#finishing = true;
    this.#framer.stop();
    this.session.end();
    this.#link.end();
    this.#resume(); // or the other side's end would never be seen
  }
  drop(reason: string): void {
    if (this.#closed) return;
    this.#log.info('Connection dropped', { reason });
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
    this.#framer.stop();
    this.#held = [];
    this.#account();
    this.session.end();
    this.#outbox.close();
    this.#host.closed(this);
  }
}

/** Says why there is no room, and closes. */
export function turnAway(link: Link, { env, access }: NdmpServerOptions, textReason: string): void {
  const { versionMax } = access;
  const name = 'notifyConnectionStatus';
  const body = encodePost(name, { reason: 'refused', protocolVersion: versionMax, textReason }, versionMax);
  const timeStamp = Math.floor(env.clock.wallMs() / 1000) >>> 0;
  const fields = { type: 'request', code: codeIn(name, versionMax), replySequence: 0, error: 0 } as const;
  const header = writeBody(Header, { ...fields, sequence: 1, timeStamp }, versionMax);
  link.start({ data: nobody, closed: nobody });
  link.write(framed([...header, ...body]), () => link.destroy());
}

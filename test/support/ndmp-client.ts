/**
 * An NDMP client, message by message, over any Link. It speaks the product's tables, and checks what it is sent: sequence
 * numbers, replies to what was asked and once, bodies that decode to their last byte, and nothing else.
 */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import type { Address, Link, Net } from '#env';
import {
  codeIn,
  decodeReply,
  decodeRequest,
  encodeRequest,
  framed,
  Header,
  isPost,
  isRequest,
  type MessageName,
  messageOf,
  type NdmpErrorName,
  type NdmpHeader,
  type NdmpVersion,
  parseMessage,
  type PostName,
  type PostOf,
  RecordFramer,
  type ReplyOf,
  type RequestName,
  type RequestOf,
  rowOf,
  XdrWriter,
} from '#ndmp';

const messageBytesMax = 20 * 1024 * 1024;
/** 2023-11-14: tshark takes no time before 1980. */
const timeStamp = 1_700_000_000;

export interface NdmpReply<K extends RequestName> {
  readonly header: NdmpHeader;
  /** Of the body; undefined when the header has an error, which leaves no body. */
  readonly error: NdmpErrorName | 'no-err' | undefined;
  readonly body: ReplyOf<K> | undefined;
}
export interface Posted<K extends PostName = PostName> {
  readonly name: K;
  readonly body: PostOf<K>;
}
interface Asked {
  readonly name: RequestName;
  readonly version: NdmpVersion;
  readonly resolve: (reply: NdmpReply<RequestName>) => void;
  readonly reject: (error: Error) => void;
}
export class NdmpClientClosed extends Error {}

export class NdmpClient {
  readonly link: Link;
  readonly closed: Promise<void>;
  /** Of what is sent and understood from now on. */
  version: NdmpVersion;
  /** The stream of what was sent is out of step: answers mean nothing any more. Only for those who send nonsense. */
  isLost = false;
  /** Everything that came unasked, in order. */
  readonly posts: Posted[] = [];
  readonly #asked = new Map<number, Asked>();
  /** Requests that were sent damaged: any answer will do. */
  readonly #damaged = new Set<number>();
  readonly #framer: RecordFramer;
  #sent = 0;
  #received = 0;
  /** Posts that somebody has waited for. */
  readonly #given = new Set<Posted>();
  #isClosed = false;
  #fault: Error | undefined;
  #waiting: (() => void)[] = [];

  constructor(link: Link, version: NdmpVersion = 4) {
    this.link = link;
    this.version = version;
    const fail = (): never => assert.fail('A message without end');
    this.#framer = new RecordFramer(
      { message: (bytes) => this.#take(Buffer.from(bytes)), tooLong: fail },
      messageBytesMax,
    );
    this.closed = new Promise((resolve) => {
      link.start({
        data: (chunk) => this.#guard(() => this.#framer.push(chunk)),
        closed: () => {
          this.#isClosed = true;
          this.#giveUp(new NdmpClientClosed('The server closed the connection'));
          resolve();
        },
      });
    });
  }
  static async connect(
    net: Pick<Net, 'connect'>,
    to: Address,
    version: NdmpVersion = 4,
  ): Promise<NdmpClient> {
    return new NdmpClient(await net.connect(to), version);
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }
  /** What was wrong with what came. */
  get fault(): Error | undefined {
    return this.#fault;
  }
  /** Requests that are not answered yet. */
  get outstanding(): number {
    return this.#asked.size;
  }
  close(): void {
    this.link.destroy();
  }

  // --- what we say

  /** A request with its mark, as `send` sends it; it takes the next sequence number. */
  encode<K extends RequestName | 'connectClose'>(name: K, request: RequestOf<K>): Buffer {
    return Buffer.concat(
      this.#framed(codeIn(name, this.version), encodeRequest(name, request, this.version)),
    );
  }
  #framed(code: number, body: readonly Uint8Array[]): readonly Uint8Array[] {
    const header = new XdrWriter(this.version);
    const sequence = ++this.#sent;
    Header.write(header, { sequence, timeStamp, type: 'request', code, replySequence: 0, error: 0 });
    return framed([...header.slices(), ...body]);
  }
  sendRaw(bytes: Buffer): void {
    this.link.write([bytes]);
  }
  /** What `encode` made last, damaged, but with its mark and number. */
  sendDamaged(bytes: Buffer): void {
    this.#damaged.add(this.#sent);
    this.sendRaw(bytes);
  }
  /** Resolves with whatever is answered. Rejects when the connection ends before. */
  async call<K extends RequestName>(name: K, request: RequestOf<K>): Promise<NdmpReply<K>> {
    const bytes = this.encode(name, request);
    return await this.expecting(name, bytes);
  }
  /** A message code that has no table, or with a body of one's own. */
  async callRaw(name: RequestName, code: number, body: Buffer): Promise<NdmpReply<RequestName>> {
    return await this.expecting(name, Buffer.concat(this.#framed(code, [body])));
  }
  /** Sends what `encode` made last, and resolves with its reply. */
  async expecting<K extends RequestName>(name: K, bytes: Buffer): Promise<NdmpReply<K>> {
    const sequence = this.#sent;
    const { version } = this;
    const reply = new Promise<NdmpReply<K>>((resolve, reject) => {
      this.#asked.set(sequence, { name, version, resolve, reject });
    });
    if (this.#isClosed || this.#fault !== undefined)
      this.#giveUp(this.#fault ?? new NdmpClientClosed('The connection is closed'));
    else this.sendRaw(bytes);
    return await reply;
  }
  /** The body of the reply. Throws unless the request was done. */
  async must<K extends RequestName>(name: K, request: RequestOf<K>): Promise<ReplyOf<K>> {
    const { header, error, body } = await this.call(name, request);
    if (body === undefined || error !== 'no-err')
      throw new Error(`${name}: ${error ?? `header error ${header.error}`}`);
    return body;
  }
  /** What a request is refused with; 'no-err' when it is not; `header 4` and the like when the header says it. */
  async errorOf<K extends RequestName>(name: K, request: RequestOf<K>): Promise<string> {
    const { header, error } = await this.call(name, request);
    return error ?? `header ${header.error}`;
  }

  // --- what we hear

  /** The next post of this name that nobody has been given yet; others may have come before it. */
  async nextPost<K extends PostName>(name: K): Promise<PostOf<K>> {
    return (await this.nextOf([name])).body as PostOf<K>;
  }
  /** The same of several names. */
  async nextOf(names: readonly PostName[]): Promise<Posted> {
    for (;;) {
      const post = this.posts.find((one) => names.includes(one.name) && !this.#given.has(one));
      if (post !== undefined) {
        this.#given.add(post);
        return post;
      }
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#isClosed) throw new NdmpClientClosed(`The connection was closed before ${names.join(', ')}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Greeting, version, and who we are; `secret` undefined: not even that. Throws when it is refused. */
  async login(options: { readonly user: string; readonly secret: string | undefined }): Promise<void> {
    await this.nextPost('notifyConnectionStatus');
    await this.must('connectOpen', { protocolVersion: this.version });
    const { user, secret } = options;
    if (secret === undefined) return;
    const { serverAttr } = await this.must('configGetAuthAttr', { authType: 'md5' });
    assert(serverAttr.type === 'md5');
    const authDigest = ndmpDigest(secret, serverAttr.challenge);
    await this.must('connectClientAuth', { authData: { type: 'md5', authId: user, authDigest } });
  }

  #guard(body: () => void): void {
    if (this.#fault !== undefined) return;
    try {
      body();
    } catch (error) {
      this.#fault = error as Error;
      this.#giveUp(this.#fault);
      this.link.destroy();
    }
  }
  #giveUp(error: Error): void {
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
    this.#wake();
  }
  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
  #take(message: Buffer): void {
    const { header, body } = parseMessage(message, this.version);
    this.#received += 1;
    assert.equal(header.sequence, this.#received, 'sequence numbers count from 1');
    if (header.type === 'reply') this.#takeReply(header, body);
    else this.#takePost(header, body);
  }
  #takeReply(header: NdmpHeader, body: Buffer): void {
    if (this.isLost || this.#damaged.delete(header.replySequence)) return;
    const asked = this.#asked.get(header.replySequence);
    assert(asked !== undefined, `A reply to ${header.replySequence}, which nobody asked`);
    this.#asked.delete(header.replySequence);
    const { name, version, resolve } = asked;
    if (header.error !== 0) {
      assert.equal(body.length, 0, 'no body follows a header with an error');
      return resolve({ header, error: undefined, body: undefined });
    }
    assert.equal(header.code, codeIn(name, version));
    const { error, body: fields } = decodeReply(name, body, version);
    return resolve({ header, error, body: fields });
  }
  #takePost(header: NdmpHeader, body: Buffer): void {
    const name = messageOf(header.code, this.version);
    assert(name !== undefined && isPost(name), `${header.code.toString(16)} is nothing that a server posts`);
    assert.equal(header.replySequence, 0);
    assert.equal(header.error, 0);
    this.posts.push({ name, body: decodeRequest(name, body, this.version) });
    this.#wake();
  }
}

const passwordBytesMax = 32;
const digestInputBytes = 128;
const challengeBytes = 64;
/** As NDMJOBLIB does it: the secret, zeros, the challenge so that it ends where the secret begins again, the secret. */
export function ndmpDigest(secret: string, challenge: Buffer): Buffer {
  const password = Buffer.from(secret).subarray(0, passwordBytesMax);
  const input = Buffer.alloc(digestInputBytes);
  password.copy(input, 0);
  challenge.copy(input, challengeBytes - password.length);
  password.copy(input, digestInputBytes - password.length);
  return createHash('md5').update(input).digest();
}

/** Is it one that a client asks in this version? */
export const isAskedIn = (name: MessageName, version: NdmpVersion): name is RequestName =>
  isRequest(name) && rowOf(name).versions.includes(version);

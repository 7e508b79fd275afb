/**
 * A DMA and a filer who play scenes with our NDMP server, message by message, until somebody cuts in. Everything is in this
 * process and in the order of its events, so a scene with a cut before its message n is the same every time.
 */
import { strict as assert } from 'node:assert';
import { setImmediate as turn } from 'node:timers/promises';
import type { Link } from '#env';
import type { NdmpVersion, PostName, PostOf, ReplyOf, RequestName, RequestOf } from '#ndmp';
import { ndmpSecret, type NdmpStack, ndmpUser } from '../fuzz/ndmp-stack.js';
import type { NdmpClient } from '../support/ndmp-client.js';

/** Who goes away, and how. */
export const CUTS = {
  dmaResets: (stage: Stage) => stage.dma.link.destroy(),
  dmaCloses: (stage: Stage) => stage.dma.link.end(),
  filerResets: (stage: Stage) => stage.filer?.link.destroy(),
  filerCloses: (stage: Stage) => stage.filer?.end(),
  operatorDrops: (stage: Stage) => {
    for (const { id } of stage.ndmp.server.sessions()) stage.ndmp.server.dropSession(id);
  },
} as const;
export type Cut = keyof typeof CUTS;

export class SceneIsCut extends Error {}

/** The other end of an image stream. */
export class Filer {
  readonly link: Link;
  readonly #received: Buffer[] = [];
  #isClosed = false;
  /** Bytes that were written before it ended. */
  poured = 0;
  hasEnded = false;
  #drained: () => void = () => undefined;
  constructor(link: Link) {
    this.link = link;
    link.start({
      data: (chunk) => void this.#received.push(Buffer.from(chunk)),
      drained: () => this.#drained(),
      closed: () => {
        this.#isClosed = true;
        this.#drained();
      },
    });
  }
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }
  async write(bytes: Buffer): Promise<void> {
    if (this.hasEnded || this.#isClosed) return;
    this.poured += bytes.length;
    if (this.link.write([bytes])) return;
    await new Promise<void>((resolve) => (this.#drained = resolve));
  }
  end(): void {
    this.hasEnded = true;
    this.link.end();
  }
}

const waitTurnsMax = 400;

export class Stage {
  readonly ndmp: NdmpStack;
  readonly version: NdmpVersion;
  readonly dma: NdmpClient;
  readonly tape: string;
  filer: Filer | undefined;
  /** What is said: a cut comes before message `cutAt`. */
  messages = 0;
  readonly #cutAt: number;
  readonly cut: Cut;

  constructor(ndmp: NdmpStack, version: NdmpVersion, cut: Cut, cutAt: number) {
    this.ndmp = ndmp;
    this.version = version;
    this.dma = ndmp.connect(version);
    this.tape = ndmp.tapes[0] ?? '';
    this.cut = cut;
    this.#cutAt = cutAt;
  }
  get isCut(): boolean {
    return this.messages > this.#cutAt;
  }

  /** Before each message of whoever plays. */
  async #message(): Promise<void> {
    this.messages += 1;
    if (this.messages !== this.#cutAt + 1) return;
    CUTS[this.cut](this);
    for (let turns = 0; turns < 4; turns++) await turn();
  }
  async login(): Promise<void> {
    await this.#orCut(this.dma.login({ user: ndmpUser, secret: ndmpSecret }));
  }
  async must<K extends RequestName>(name: K, request: RequestOf<K>): Promise<ReplyOf<K>> {
    await this.#message();
    return await this.#orCut(this.dma.must(name, request));
  }
  async post<K extends PostName>(name: K): Promise<PostOf<K>> {
    return await this.#orCut(this.#within(this.dma.nextPost(name), name));
  }
  /** Waits for something to come about by itself. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let turns = 0; !holds(); turns++) {
      if (turns > waitTurnsMax) await this.#orCut(Promise.reject(new Error(`${what} did not come about`)));
      await turn();
    }
  }
  /** Whatever fails after a cut has failed because of it; before, it is a fault. */
  async #orCut<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      if (this.isCut) throw new SceneIsCut();
      throw error;
    }
  }
  /** Nothing here takes longer than some turns of the event loop. */
  async #within<T>(promise: Promise<T>, what: string): Promise<T> {
    const late = async (): Promise<never> => {
      for (let turns = 0; turns < waitTurnsMax; turns++) await turn();
      throw new Error(`${what} did not come`);
    };
    return await Promise.race([promise, late()]);
  }

  // --- the filer ------------------------------------------------------------------------------------------------------------

  /** To where a mover or data service listens. */
  async connectFiler(address: ReplyOf<'moverListen'>['dataConnectionAddr']): Promise<Filer> {
    await this.#message();
    assert(address.type === 'tcp');
    const [endpoint] = address.endpoints;
    assert(endpoint !== undefined);
    const { host, port } = endpoint;
    this.filer = new Filer(await this.#orCut(this.ndmp.net.connect({ host, port })));
    return this.filer;
  }
  /** In pieces, each of which is a message. */
  async pour(bytes: Buffer, pieceBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await this.#message();
      await this.filer?.write(bytes.subarray(at, at + pieceBytes));
    }
  }
  async endStream(): Promise<void> {
    await this.#message();
    this.filer?.end();
  }
}

// --- what is on the tape -----------------------------------------------------------------------------------------------------

export type TapeObjects = readonly (Buffer | 'mark')[];

/** Nothing but a filemark. */
export async function blankTape(ndmp: NdmpStack, device: string): Promise<void> {
  const client = ndmp.connect(4);
  await client.login({ user: ndmpUser, secret: ndmpSecret });
  await client.must('tapeOpen', { device, mode: 'read-write' });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  await client.must('tapeMtio', { tapeOp: 'eof', count: 1 });
  client.close();
  await client.closed;
}
/** From the beginning to the end of data, read over a session of its own, which must get the drive at once. */
export async function readTape(ndmp: NdmpStack, device: string): Promise<TapeObjects> {
  const client = ndmp.connect(3);
  await client.login({ user: ndmpUser, secret: ndmpSecret });
  await client.must('tapeOpen', { device, mode: 'read' });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  const objects: (Buffer | 'mark')[] = [];
  let marks = 0;
  for (;;) {
    const { error, body } = await client.call('tapeRead', { count: 2 ** 24 });
    if (error === 'no-err') {
      objects.push(Buffer.concat(body?.dataIn ?? []));
      continue;
    }
    // In version 3 the place is behind a mark, and stays where it is at the end of data: both say EOF.
    const { fileNum } = await client.must('tapeGetState', {});
    if (fileNum === marks) break;
    marks = fileNum;
    objects.push('mark');
  }
  client.close();
  await client.closed;
  return objects;
}

/** The objects are what these bytes are in records of `recordBytes`, or a beginning of that; the last record may be padded. */
export function assertPrefix(objects: TapeObjects, image: Buffer, recordBytes: number): void {
  let at = 0;
  for (const [index, object] of objects.entries()) {
    if (object === 'mark') continue;
    assert.equal(object.length, recordBytes, `record ${index}`);
    const part = image.subarray(at, at + recordBytes);
    assert(object.subarray(0, part.length).equals(part), `record ${index} holds other bytes`);
    assert(
      object.subarray(part.length).every((byte) => byte === 0),
      `record ${index} is padded with zeros`,
    );
    assert(part.length > 0, `record ${index} comes after the image`);
    at += part.length;
  }
}

/** A login with any number of commands under way, over the scripted initiator. Used on simulated links and real ones. */
import type { Address, Net } from '#env';
import { type FieldsOf } from '#iscsi';
import { type CommandOptions, Initiator, type LoginOptions } from '../support/initiator.js';
import { is, type Received } from '../support/pdu-peer.js';
import { LinkLost, parseSense, type Reply, type Session, type Transfer, Violation } from './host.js';

interface Waiting {
  readonly options: CommandOptions;
  readonly data: Buffer;
  got: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

const logoutRequested = 1;

export class InitiatorSession implements Session {
  readonly #initiator: Initiator;
  readonly #waiting = new Map<number, Waiting>();
  #failure: Error | undefined;
  /** Resolves when the connection is gone. */
  readonly ended: Promise<void>;

  private constructor(initiator: Initiator) {
    this.#initiator = initiator;
    this.ended = this.#pump();
  }
  static async login(net: Net, to: Address, options: LoginOptions): Promise<InitiatorSession> {
    const initiator = await Initiator.connect(net, to);
    await initiator.login(options);
    return new InitiatorSession(initiator);
  }
  get failure(): Error | undefined {
    return this.#failure;
  }

  async command(lun: number, cdb: Buffer, transfer: Transfer = {}): Promise<Reply> {
    if (this.#failure !== undefined) throw this.#failure;
    const options: CommandOptions = {
      lun,
      ...(transfer.out === undefined ? {} : { out: transfer.out }),
      ...(transfer.inBytes === undefined ? {} : { in: transfer.inBytes }),
    };
    return await new Promise<Reply>((resolve, reject) => {
      const tag = this.#initiator.startCommand(cdb, options);
      const data = Buffer.alloc(transfer.inBytes ?? 0);
      this.#waiting.set(tag, { options, data, got: 0, resolve, reject });
    });
  }
  async logout(): Promise<void> {
    const initiator = this.#initiator;
    const { cmdSN, expStatSN } = initiator;
    const initiatorTaskTag = initiator.nextTag();
    initiator.send('logoutRequest', { immediate: true, final: true, initiatorTaskTag, cmdSN, expStatSN });
    await this.ended;
  }
  close(): void {
    this.#initiator.close();
  }

  async #pump(): Promise<void> {
    try {
      for (;;) this.#take(await this.#initiator.next());
    } catch (error) {
      // What ends the connection ends the session; an assertion of the initiator is a fault of the target.
      const lost = this.#initiator.isClosed && (error as Error).message.includes('closed the connection');
      const why = lost
        ? new LinkLost('The connection is gone')
        : new Violation(String((error as Error).message));
      this.#failure = error instanceof Violation ? error : why;
      for (const one of this.#waiting.values()) one.reject(this.#failure);
      this.#waiting.clear();
    }
  }
  #take(pdu: Received): void {
    if (is(pdu, 'nopIn')) return this.#pong(pdu.fields, pdu.data);
    if (is(pdu, 'asyncMessage')) {
      if (pdu.fields.asyncEvent !== logoutRequested)
        throw new Violation(`Async event ${pdu.fields.asyncEvent}`);
      return;
    }
    if (is(pdu, 'logoutResponse')) return this.close();
    const tag = pdu.fields.initiatorTaskTag;
    const one = this.#waiting.get(tag);
    if (one === undefined) throw new Violation(`${pdu.name} for a task that is not there`);
    if (is(pdu, 'readyToTransfer')) this.#feed(tag, one, pdu.fields);
    else if (is(pdu, 'dataIn')) this.#collect(tag, one, pdu);
    else if (is(pdu, 'scsiResponse')) {
      const length = pdu.data.length < 2 ? 0 : pdu.data.readUInt16BE(0);
      this.#finish(tag, one, pdu.fields.status, pdu.data.subarray(2, 2 + length));
    } else throw new Violation(`Unexpected ${pdu.name}`);
  }
  #pong(fields: FieldsOf<'nopIn'>, data: Buffer): void {
    const { targetTransferTag } = fields;
    if (targetTransferTag === 0xffff_ffff) return;
    const initiator = this.#initiator;
    const { cmdSN, expStatSN } = initiator;
    initiator.send(
      'nopOut',
      { immediate: true, final: true, initiatorTaskTag: 0xffff_ffff, targetTransferTag, cmdSN, expStatSN },
      data.length === 0 ? {} : { data },
    );
  }
  #feed(tag: number, { options }: Waiting, fields: FieldsOf<'readyToTransfer'>): void {
    const { bufferOffset, desiredDataTransferLength, targetTransferTag } = fields;
    const end = bufferOffset + desiredDataTransferLength;
    if (options.out === undefined || end > options.out.length) throw new Violation('R2T beyond the data');
    this.#initiator.sendData(tag, targetTransferTag, options.out.subarray(0, end), bufferOffset);
  }
  #collect(tag: number, one: Waiting, { fields, data }: Received<'dataIn'>): void {
    if (fields.bufferOffset !== one.got) throw new Violation('Data-In out of order');
    data.copy(one.data, fields.bufferOffset);
    one.got += data.length;
    if (one.got > one.data.length) throw new Violation('Data-In beyond the buffer');
    if (fields.hasStatus) this.#finish(tag, one, fields.status, Buffer.alloc(0));
  }
  #finish(tag: number, one: Waiting, status: number, sense: Buffer): void {
    this.#waiting.delete(tag);
    if ((status === 2) !== sense.length > 0)
      throw new Violation(`Status ${status} with ${sense.length} bytes of sense`);
    one.resolve({
      status,
      data: one.data.subarray(0, one.got),
      sense: sense.length === 0 ? undefined : parseSense(sense),
    });
  }
}

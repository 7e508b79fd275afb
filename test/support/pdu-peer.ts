/**
 * The initiator's end of a connection, PDU by PDU. Speaks over any Link; checks what it is sent (StatSN and DataSN order,
 * digests, lengths, reserved bits) and fails the test by an exception.
 */
import { strict as assert } from 'node:assert';
import type { Link } from '#env';
import { bhsBytes, noTag, PDU, type FieldsOf, type PduName } from '#iscsi';
import { crc32c } from '#wire';

/** A PDU that came, decoded by the table. */
export interface Received<Name extends PduName = PduName> {
  readonly name: Name;
  readonly fields: FieldsOf<Name>;
  readonly data: Buffer;
}
export interface PduOptions {
  readonly data?: Buffer;
  readonly ahs?: Buffer;
  /** Sends a digest that does not match. */
  readonly badHeaderDigest?: boolean;
  readonly badDataDigest?: boolean;
}
const nameOf = new Map(Object.entries(PDU).map(([name, { opcode }]) => [opcode, name as PduName]));

/** A header with the fields given and 0 in all others. */
export function makeHeader<Name extends PduName>(name: Name, fields: Partial<FieldsOf<Name>>): Buffer {
  const { bhs, opcode } = PDU[name];
  const zeros = Object.entries(bhs.fields).map(([field, { kind, span }]) => {
    if (kind === 'flag') return [field, false];
    return [field, kind === 'bytes' ? Buffer.alloc(span) : 0];
  });
  const all = { ...Object.fromEntries(zeros), opcode, ...fields } as never;
  return bhs.encode(all);
}

export class PduPeer {
  readonly link: Link;
  readonly closed: Promise<void>;
  headerDigest = false;
  dataDigest = false;
  keys: Record<string, string> = {};
  cmdSN = 1;
  expStatSN = 0;
  tsih = 0;
  /** Off for those who use a task tag twice on purpose. */
  checksDataSN = true;
  /** From the last answer. */
  expCmdSN = 0;
  maxCmdSN = 0;
  /** Everything that came, in order, taken or not. */
  readonly log: Received[] = [];
  readonly #queue: Received[] = [];
  #received: Buffer = Buffer.alloc(0);
  #waiting: (() => void)[] = [];
  #isClosed = false;
  #fault: Error | undefined;
  #taskTag = 1;
  /** DataSN or R2TSN that comes next, by task tag. */
  readonly #dataSNs = new Map<number, number>();

  constructor(link: Link) {
    this.link = link;
    this.closed = new Promise((resolve) => {
      link.start({
        data: (chunk) => this.#guard(() => this.#receive(chunk)),
        closed: () => {
          this.#isClosed = true;
          this.#wake();
          resolve();
        },
      });
    });
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }
  /** What was wrong with what came. */
  get fault(): Error | undefined {
    return this.#fault;
  }
  nextTag(): number {
    return this.#taskTag++;
  }
  close(): void {
    this.link.destroy();
  }

  // --- PDUs -------------------------------------------------------------------------------------------------------------

  /** Sends one PDU, lengths, padding and digests made for it. */
  send<Name extends PduName>(name: Name, fields: Partial<FieldsOf<Name>>, options: PduOptions = {}): void {
    this.sendRaw(this.encode(name, fields, options));
  }
  encode<Name extends PduName>(
    name: Name,
    fields: Partial<FieldsOf<Name>>,
    options: PduOptions = {},
  ): Buffer {
    const { data = Buffer.alloc(0), ahs = Buffer.alloc(0) } = options;
    const lengths = { dataSegmentLength: data.length, totalAhsLength: ahs.length / 4 };
    const header = Buffer.concat([
      makeHeader(name, { ...lengths, ...fields } as Partial<FieldsOf<Name>>),
      ahs,
    ]);
    const parts: Buffer[] = [header];
    if (this.headerDigest) parts.push(digest(header, options.badHeaderDigest === true));
    if (data.length > 0) {
      const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
      parts.push(padded);
      if (this.dataDigest) parts.push(digest(padded, options.badDataDigest === true));
    }
    return Buffer.concat(parts);
  }
  sendRaw(bytes: Buffer): void {
    this.link.write([bytes]);
  }

  /** The next PDU, which must be of this kind. */
  async expect<Name extends PduName>(name: Name): Promise<Received<Name>> {
    const pdu = await this.next();
    assert.equal(pdu.name, name, `expected ${name}, got ${describe(pdu)}`);
    return pdu as unknown as Received<Name>;
  }
  async next(): Promise<Received> {
    for (;;) {
      if (this.#fault !== undefined) throw this.#fault;
      const pdu = this.#queue.shift();
      if (pdu !== undefined) return pdu;
      if (this.#isClosed) throw new Error('the target closed the connection');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
  /** Nothing has come that was not taken. */
  get isQuiet(): boolean {
    return this.#queue.length === 0;
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fault = error as Error;
      this.#wake();
    }
  }
  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (let taken = this.#parse(); taken > 0; taken = this.#parse()) {
      this.#received = this.#received.subarray(taken);
    }
  }
  /** Takes one PDU off the front; gives its length, 0 when it is not whole. */
  #parse(): number {
    const bytes = this.#received;
    if (bytes.length < bhsBytes) return 0;
    const length = bytes.readUIntBE(5, 3);
    const dataFrom = bhsBytes + (this.headerDigest ? 4 : 0);
    const padded = (length + 3) & ~3;
    const end = dataFrom + padded + (this.dataDigest && length > 0 ? 4 : 0);
    if (bytes.length < end) return 0;
    assert.equal(bytes[4], 0, 'a target sends no AHS');
    if (this.headerDigest) assert.equal(bytes.readUInt32LE(bhsBytes), crc32c(bytes.subarray(0, bhsBytes)));
    if (this.dataDigest && length > 0) {
      assert.equal(bytes.readUInt32LE(end - 4), crc32c(bytes.subarray(dataFrom, end - 4)));
    }
    this.#take(
      Buffer.from(bytes.subarray(0, bhsBytes)),
      Buffer.from(bytes.subarray(dataFrom, dataFrom + length)),
    );
    return end;
  }
  #take(header: Buffer, data: Buffer): void {
    const name = nameOf.get((header[0] ?? 0) & 0x3f);
    assert(name !== undefined, `opcode ${header[0]} is not one`);
    const pdu = { name, fields: PDU[name].bhs.decode(header), data } as unknown as Received;
    assert.equal(PDU[name].bhs.reservedBitSet(header), undefined, `${name} has a reserved bit set`);
    this.#number(pdu);
    this.log.push(pdu);
    this.#queue.push(pdu);
    this.#wake();
  }
  /** DataSN and R2TSN: one numbering for each task, whose total its response gives. */
  #numberData(pdu: Received): void {
    const tag = pdu.fields.initiatorTaskTag;
    const next = this.#dataSNs.get(tag) ?? 0;
    if (is(pdu, 'dataIn')) assert.equal(pdu.fields.dataSN, next);
    else if (is(pdu, 'readyToTransfer')) assert.equal(pdu.fields.r2tSN, next);
    else if (is(pdu, 'scsiResponse')) assert.equal(pdu.fields.expDataSN, next);
    else return;
    this.#dataSNs.set(tag, next + 1);
    if (is(pdu, 'scsiResponse') || (is(pdu, 'dataIn') && pdu.fields.hasStatus)) this.#dataSNs.delete(tag);
  }
  /** StatSN: each PDU that takes one takes the next. */
  #number(pdu: Received): void {
    if (this.checksDataSN) this.#numberData(pdu);
    const { statSN, expCmdSN, maxCmdSN } = pdu.fields as unknown as Record<string, number>;
    this.expCmdSN = expCmdSN ?? 0;
    this.maxCmdSN = maxCmdSN ?? 0;
    const fields = pdu.fields as unknown as Record<string, unknown>;
    const shows =
      pdu.name === 'readyToTransfer' || (pdu.name === 'nopIn' && fields['initiatorTaskTag'] === noTag);
    if (pdu.name === 'dataIn' && fields['hasStatus'] !== true) return;
    if (pdu.name !== 'loginResponse') assert.equal(statSN, this.expStatSN, `StatSN of ${pdu.name}`);
    this.expStatSN = shows ? (statSN ?? 0) : ((statSN ?? 0) + 1) >>> 0;
  }
}

export const is = <Name extends PduName>(pdu: Received, name: Name): pdu is Received<Name> & Received =>
  pdu.name === name;

export const describe = (pdu: Received): string =>
  `${pdu.name} ${JSON.stringify(pdu.fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`;

function digest(bytes: Buffer, bad: boolean): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE((bad ? ~crc32c(bytes) : crc32c(bytes)) >>> 0);
  return out;
}

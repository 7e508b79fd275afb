/**
 * A scripted initiator: every PDU by hand where a test wants it, and login, commands and data by themselves where it does
 * not. Speaks over any Link; checks what it is sent (StatSN order, digests, lengths) and fails the test by an exception.
 */
import { strict as assert } from 'node:assert';
import type { Address, Link, Net } from '#env';
import {
  bhsBytes,
  formatText,
  noTag,
  parseText,
  PDU,
  STAGE,
  type FieldsOf,
  type Pair,
  type PduName,
} from '#iscsi';
import { formatLun } from '#scsi';
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
export interface LoginOptions {
  readonly name?: string;
  /** Undefined: a discovery session. */
  readonly target?: string;
  readonly isid?: Buffer;
  readonly tsih?: number;
  readonly cid?: number;
  /** Operational keys to offer. */
  readonly keys?: Readonly<Record<string, string>>;
}
export interface CommandOptions {
  readonly lun?: number;
  readonly out?: Buffer;
  /** Room for data-in. */
  readonly in?: number;
  /** Instead of the length of `out` or `in`. */
  readonly expected?: number;
  readonly immediate?: boolean;
  readonly attribute?: number;
  /** Bytes of `out` that go with the command, and unasked behind it; as much as negotiated by default. */
  readonly immediateBytes?: number;
  readonly unsolicitedBytes?: number;
}
export interface CommandResult {
  readonly status: number;
  readonly sense: Buffer;
  readonly data: Buffer;
  /** Positive: underflow; negative: overflow. */
  readonly residual: number;
  /** Status came with the last Data-In. */
  readonly collapsed: boolean;
  readonly r2ts: readonly FieldsOf<'readyToTransfer'>[];
  readonly dataIns: readonly FieldsOf<'dataIn'>[];
}

export const defaultIsid = Buffer.from('00023d000001', 'hex');
const initiatorName = 'iqn.2026-01.test:initiator';

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

export class Initiator {
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
  static async connect(net: Net, to: Address): Promise<Initiator> {
    return new Initiator(await net.connect(to));
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

  // --- login and logout -----------------------------------------------------------------------------------------------------

  /** One Login Request; the response. */
  async loginStep(
    fields: Partial<FieldsOf<'loginRequest'>>,
    pairs: readonly Pair[] | Buffer = [],
  ): Promise<Received<'loginResponse'> & { readonly pairs: Pair[] }> {
    const data = Buffer.isBuffer(pairs) ? pairs : formatText(pairs);
    this.send(
      'loginRequest',
      {
        immediate: true,
        isid: defaultIsid,
        cmdSN: this.cmdSN,
        expStatSN: this.expStatSN,
        tsih: this.tsih,
        ...fields,
      },
      { data },
    );
    const response = await this.expect('loginResponse');
    return {
      ...response,
      // Read when asked for: a part of a text need not be one.
      get pairs() {
        return parseText(response.data);
      },
    };
  }
  /** Straight to full feature, without authentication. */
  async login(options: LoginOptions = {}): Promise<FieldsOf<'loginResponse'>> {
    const { name = initiatorName, target, keys = {} } = options;
    const who =
      target === undefined ? { SessionType: 'Discovery' } : { SessionType: 'Normal', TargetName: target };
    const offered = { InitiatorName: name, ...who, ...keys };
    const response = await this.loginStep(
      {
        transit: true,
        currentStage: STAGE.operational,
        nextStage: STAGE.fullFeature,
        isid: options.isid ?? defaultIsid,
        tsih: options.tsih ?? 0,
        cid: options.cid ?? 0,
      },
      Object.entries(offered).map(([key, value]) => ({ key, value })),
    );
    const { statusClass, statusDetail, transit } = response.fields;
    assert.equal(statusClass, 0, `login refused: ${statusClass}/${statusDetail}`);
    assert(transit);
    this.agree(keys, response.pairs);
    this.tsih = response.fields.tsih;
    return response.fields;
  }
  /** Takes over what was negotiated. */
  agree(offered: Readonly<Record<string, string>>, answers: readonly Pair[]): void {
    this.keys = { ...offered, ...Object.fromEntries(answers.map(({ key, value }) => [key, value])) };
    this.keys['OurSegment'] = offered['MaxRecvDataSegmentLength'] ?? '8192';
    this.headerDigest = this.keys['HeaderDigest'] === 'CRC32C';
    this.dataDigest = this.keys['DataDigest'] === 'CRC32C';
  }
  async logout(reason = 0, cid = 0): Promise<FieldsOf<'logoutResponse'>> {
    this.send('logoutRequest', {
      immediate: true,
      final: true,
      reason,
      cid,
      initiatorTaskTag: this.nextTag(),
      cmdSN: this.cmdSN,
      expStatSN: this.expStatSN,
    });
    return (await this.expect('logoutResponse')).fields;
  }

  // --- commands -----------------------------------------------------------------------------------------------------------------

  #numberKey(key: string, otherwise: number): number {
    const value = this.keys[key];
    return value === undefined || !/^\d+$/.test(value) ? otherwise : Number(value);
  }
  get segmentBytesMax(): number {
    return this.#numberKey('MaxRecvDataSegmentLength', 8192);
  }
  get firstBurst(): number {
    return Math.min(this.#numberKey('FirstBurstLength', 65_536), this.#numberKey('MaxBurstLength', 262_144));
  }

  /** Sends a SCSI Command with as much data as may go unasked; gives its tag. */
  startCommand(cdb: Buffer | readonly number[], options: CommandOptions = {}): number {
    const { out, immediate = false } = options;
    const tag = this.nextTag();
    const immediateAllowed = this.keys['ImmediateData'] !== 'No';
    const unsolicitedAllowed = this.keys['InitialR2T'] === 'No';
    const most = Math.min(this.firstBurst, this.segmentBytesMax, out?.length ?? 0);
    const immediateBytes = options.immediateBytes ?? (immediateAllowed ? most : 0);
    const burst = Math.min(this.firstBurst, out?.length ?? 0) - immediateBytes;
    const unsolicitedBytes = options.unsolicitedBytes ?? (unsolicitedAllowed ? burst : 0);
    this.send(
      'scsiCommand',
      {
        immediate,
        final: unsolicitedBytes <= 0,
        read: options.in !== undefined,
        write: out !== undefined,
        attribute: options.attribute ?? 1,
        lun: formatLun(options.lun ?? 0),
        initiatorTaskTag: tag,
        expectedDataTransferLength: options.expected ?? out?.length ?? options.in ?? 0,
        cmdSN: this.cmdSN,
        expStatSN: this.expStatSN,
        cdb: Buffer.concat([Buffer.from(cdb as Buffer), Buffer.alloc(16)], 16),
      },
      out === undefined || immediateBytes === 0 ? {} : { data: out.subarray(0, immediateBytes) },
    );
    if (!immediate) this.cmdSN = (this.cmdSN + 1) >>> 0;
    if (out !== undefined && unsolicitedBytes > 0) {
      this.sendData(tag, noTag, out.subarray(0, immediateBytes + unsolicitedBytes), immediateBytes);
    }
    return tag;
  }
  /** Data-Out PDUs for `out` from `from` on, as one sequence. */
  sendData(tag: number, transferTag: number, out: Buffer, from: number): void {
    let dataSN = 0;
    for (let at = from; at < out.length; dataSN++) {
      const part = out.subarray(at, at + this.segmentBytesMax);
      this.send(
        'dataOut',
        {
          final: at + part.length === out.length,
          initiatorTaskTag: tag,
          targetTransferTag: transferTag,
          expStatSN: this.expStatSN,
          dataSN,
          bufferOffset: at,
        },
        { data: Buffer.from(part) },
      );
      at += part.length;
    }
  }
  /** A whole command: sends data as it is asked for, collects data and status. */
  async command(cdb: Buffer | readonly number[], options: CommandOptions = {}): Promise<CommandResult> {
    return await this.finishCommand(this.startCommand(cdb, options), options);
  }
  /** Serves R2Ts and collects Data-In until the status of `tag`; PDUs of other tasks must not come. */
  async finishCommand(tag: number, options: CommandOptions = {}): Promise<CommandResult> {
    const data = Buffer.alloc(options.in ?? 0);
    const r2ts: FieldsOf<'readyToTransfer'>[] = [];
    const dataIns: FieldsOf<'dataIn'>[] = [];
    let got = 0;
    for (;;) {
      const pdu = await this.next();
      assert.equal(pdu.fields.initiatorTaskTag, tag, `${describe(pdu)} is of another task`);
      if (is(pdu, 'readyToTransfer')) {
        const { bufferOffset, desiredDataTransferLength, targetTransferTag } = pdu.fields;
        r2ts.push(pdu.fields);
        const end = bufferOffset + desiredDataTransferLength;
        assert(options.out !== undefined && end <= options.out.length);
        this.sendData(tag, targetTransferTag, options.out.subarray(0, end), bufferOffset);
      } else if (is(pdu, 'dataIn')) {
        dataIns.push(pdu.fields);
        pdu.data.copy(data, pdu.fields.bufferOffset);
        got = Math.max(got, pdu.fields.bufferOffset + pdu.data.length);
        if (!pdu.fields.hasStatus) continue;
        const { status } = pdu.fields;
        const residual = residualOf(pdu.fields);
        return {
          status,
          sense: Buffer.alloc(0),
          data: data.subarray(0, got),
          residual,
          collapsed: true,
          r2ts,
          dataIns,
        };
      } else {
        assert(is(pdu, 'scsiResponse'), `unexpected ${describe(pdu)}`);
        const sense =
          pdu.data.length < 2 ? Buffer.alloc(0) : pdu.data.subarray(2, 2 + pdu.data.readUInt16BE(0));
        const { status } = pdu.fields;
        const residual = residualOf(pdu.fields);
        return { status, sense, data: data.subarray(0, got), residual, collapsed: false, r2ts, dataIns };
      }
    }
  }
}

const residualOf = (fields: { underflow: boolean; overflow: boolean; residualCount: number }): number => {
  assert(!(fields.underflow && fields.overflow));
  if (!fields.underflow && !fields.overflow) assert.equal(fields.residualCount, 0);
  return fields.overflow ? -fields.residualCount : fields.residualCount;
};

export const is = <Name extends PduName>(pdu: Received, name: Name): pdu is Received<Name> & Received =>
  pdu.name === name;

const describe = (pdu: Received): string =>
  `${pdu.name} ${JSON.stringify(pdu.fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`;

function digest(bytes: Buffer, bad: boolean): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE((bad ? ~crc32c(bytes) : crc32c(bytes)) >>> 0);
  return out;
}

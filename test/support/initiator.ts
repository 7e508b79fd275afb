/**
 * A scripted initiator: every PDU by hand where a test wants it, and login, commands and data by themselves where it does
 * not.
 */
import { strict as assert } from 'node:assert';
import type { Address, Net } from '#env';
import { formatText, noTag, parseText, STAGE, type FieldsOf, type Pair } from '#iscsi';
import { formatLun } from '#scsi';
import { describe, is, PduPeer, type Received } from './pdu-peer.js';

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

export class Initiator extends PduPeer {
  static async connect(net: Net, to: Address): Promise<Initiator> {
    return new Initiator(await net.connect(to));
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

/** What a host program says to drives and changers: CDBs written out by hand, independent of the product's tables. */
import { recordBytes, type TapeObject } from './tape-model.js';

export interface Sense {
  readonly key: number;
  /** ASC and ASCQ. */
  readonly code: number;
  /** INFORMATION, signed; undefined when not valid. */
  readonly information: number | undefined;
  readonly filemark: boolean;
  readonly eom: boolean;
  readonly ili: boolean;
}
export interface Reply {
  readonly status: number;
  readonly data: Buffer;
  readonly sense: Sense | undefined;
}
export interface Transfer {
  readonly out?: Buffer;
  /** Room for data-in. */
  readonly inBytes?: number;
}
/** One login. `command` throws LinkLost when the connection is gone: the command may have been done, or not. */
export interface Session {
  command(lun: number, cdb: Buffer, transfer?: Transfer): Promise<Reply>;
}
export class LinkLost extends Error {}
/** The target said something that it must not say. */
export class Violation extends Error {}

export function parseSense(bytes: Buffer): Sense {
  const flags = bytes[2] ?? 0;
  return {
    key: flags & 0x0f,
    code: ((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0),
    information: ((bytes[0] ?? 0) & 0x80) === 0 ? undefined : bytes.readInt32BE(3),
    filemark: (flags & 0x80) !== 0,
    eom: (flags & 0x40) !== 0,
    ili: (flags & 0x20) !== 0,
  };
}

const unitAttention = 6;
const say = ({ status, sense }: Reply): string =>
  sense === undefined
    ? `status ${status.toString(16)}`
    : `sense ${sense.key.toString(16)}/${sense.code.toString(16).padStart(4, '0')} information ${sense.information ?? '-'}`;

const cdb6 = (opcode: number, byte1: number, count: number, control = 0): Buffer =>
  Buffer.from([opcode, byte1, (count >> 16) & 0xff, (count >> 8) & 0xff, count & 0xff, control]);

/** Commands with their expected answers; anything else is a Violation. Unit attentions are taken note of and retried. */
export class Host {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }
  async #do(lun: number, cdb: Buffer, transfer: Transfer = {}): Promise<Reply> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const reply = await this.#session.command(lun, cdb, transfer);
      if (reply.sense?.key !== unitAttention) return reply;
    }
    throw new Violation(`Unit attentions without end on LUN ${lun}`);
  }
  async #good(name: string, lun: number, cdb: Buffer, transfer: Transfer = {}): Promise<Buffer> {
    const reply = await this.#do(lun, cdb, transfer);
    if (reply.status !== 0) throw new Violation(`${name} on LUN ${lun}: ${say(reply)}`);
    return reply.data;
  }

  // --- drives ---------------------------------------------------------------------------------------------------

  /** True when a medium is ready. */
  async isReady(lun: number): Promise<boolean> {
    const { status, sense } = await this.#do(lun, cdb6(0x00, 0, 0));
    if (status === 0) return true;
    if (sense?.key === 2) return false;
    throw new Violation(`TEST UNIT READY: status ${status}, sense ${sense?.key}`);
  }
  async load(lun: number): Promise<void> {
    await this.#good('LOAD', lun, cdb6(0x1b, 0, 1));
  }
  async unload(lun: number): Promise<void> {
    await this.#good('UNLOAD', lun, cdb6(0x1b, 0, 0));
  }
  async rewind(lun: number): Promise<void> {
    await this.#good('REWIND', lun, cdb6(0x01, 0, 0));
  }
  async write(lun: number, record: TapeObject & { kind: 'record' }): Promise<void> {
    const out = recordBytes(record.seed, record.length);
    await this.#good('WRITE(6)', lun, cdb6(0x0a, 0, record.length), { out });
  }
  async writeFilemarks(lun: number, count: number, immediate: boolean): Promise<void> {
    await this.#good('WRITE FILEMARKS(6)', lun, cdb6(0x10, immediate ? 1 : 0, count));
  }
  /** What READ(6) meets with room for `room` bytes; undefined at the end of data. Bytes of a record may be cut to `room`. */
  async read(
    lun: number,
    room: number,
  ): Promise<{ record: Buffer; length: number } | 'filemark' | undefined> {
    const { status, sense, data } = await this.#do(lun, cdb6(0x08, 0, room), { inBytes: room });
    if (status === 0) return { record: data, length: data.length };
    if (sense?.key === 0 && sense.filemark) return this.#nothing(data, 'filemark');
    if (sense?.key === 8 && !sense.filemark) return this.#nothing(data, undefined);
    if (sense?.key === 0 && sense.ili && sense.information !== undefined) {
      // INFORMATION is the requested length less the actual one (SSC-5 6.5).
      return { record: data, length: room - sense.information };
    }
    throw new Violation(`READ(6): ${say({ status, sense, data })}`);
  }
  #nothing<T>(data: Buffer, meaning: T): T {
    if (data.length > 0) throw new Violation(`READ(6) gave ${data.length} bytes where there is no record`);
    return meaning;
  }
  /** Returns the residue and why it stopped. */
  async space(
    lun: number,
    what: 'blocks' | 'filemarks' | 'eod',
    count: number,
  ): Promise<{ residue: number; stoppedBy: 'filemark' | 'eod' | 'bop' | undefined }> {
    const code = { blocks: 0, filemarks: 1, eod: 3 }[what];
    const { status, sense, data } = await this.#do(lun, cdb6(0x11, code, count));
    if (status === 0) return { residue: 0, stoppedBy: undefined };
    const residue = sense?.information ?? NaN;
    if (sense?.key === 0 && sense.filemark) return { residue, stoppedBy: 'filemark' };
    if (sense?.key === 8) return { residue, stoppedBy: 'eod' };
    if (sense?.key === 0 && sense.eom) return { residue, stoppedBy: 'bop' };
    throw new Violation(`SPACE(6): ${say({ status, sense, data })}`);
  }
  async locate(lun: number, object: number): Promise<void> {
    const cdb = Buffer.alloc(10);
    cdb[0] = 0x2b;
    cdb.writeUInt32BE(object, 3);
    await this.#good('LOCATE(10)', lun, cdb);
  }
  /** Object number, by READ POSITION, short form. */
  async position(lun: number): Promise<number> {
    const data = await this.#good('READ POSITION', lun, Buffer.from([0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]), {
      inBytes: 20,
    });
    if (data.length !== 20) throw new Violation(`READ POSITION gave ${data.length} bytes`);
    return data.readUInt32BE(4);
  }

  // --- the changer ----------------------------------------------------------------------------------------------

  /** False when the library refused it. */
  async move(lun: number, from: number, to: number): Promise<boolean> {
    const cdb = Buffer.alloc(12);
    cdb[0] = 0xa5;
    cdb.writeUInt16BE(from, 4);
    cdb.writeUInt16BE(to, 6);
    const reply = await this.#do(lun, cdb);
    if (reply.status === 0) return true;
    if (reply.sense?.key === 5) return false;
    throw new Violation(`MOVE MEDIUM ${from} to ${to}: ${say(reply)}`);
  }
  /** Elements of one type with their barcodes; READ ELEMENT STATUS with volume tags. */
  async elements(lun: number, type: number): Promise<{ address: number; barcode: string | undefined }[]> {
    const cdb = Buffer.from([0xb8, 0x10 | type, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]);
    const data = await this.#good('READ ELEMENT STATUS', lun, cdb, { inBytes: 0xffff });
    const found: { address: number; barcode: string | undefined }[] = [];
    for (let page = 8; page < data.length;) {
      const length = data.readUInt16BE(page + 2);
      const end = page + 8 + data.readUIntBE(page + 5, 3);
      const tagged = ((data[page + 1] ?? 0) & 0x80) !== 0;
      for (let at = page + 8; at < end; at += length) {
        const full = ((data[at + 2] ?? 0) & 1) !== 0;
        const tag = tagged ? data.toString('latin1', at + 12, at + 44).trim() : '';
        if (full && tag === '')
          throw new Violation(`Element ${data.readUInt16BE(at)} is full without a barcode`);
        found.push({ address: data.readUInt16BE(at), barcode: full ? tag : undefined });
      }
      page = end;
    }
    return found;
  }
}

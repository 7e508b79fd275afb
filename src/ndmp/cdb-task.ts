/**
 * CdbTask: a CDB of EXECUTE_CDB as a logical unit sees it. Its data-out is in the message; data-in is kept for the reply as it
 * comes, and never more of it than was asked for.
 */
import type { Clock } from '#env';
import { CanceledError } from '#errors';
import { ndmpCdbTimeoutMsMin, recordBytesMax } from '#limits';
import { formatLun, type LogicalUnit, type Nexus, STATUS, type Task } from '#scsi';
import { ownedSlab, type Slab } from '#wire';
import { NdmpError } from './errors.table.js';

/** NDMP_SCSI_EXECUTE_CDB and NDMP_TAPE_EXECUTE_CDB (spec4 3.3.8): the request, in terms of SCSI. */
export interface CdbRequest {
  readonly cdb: Buffer;
  readonly dataOut: Buffer;
  readonly dataInBytes: number;
  /** 0: as long as it takes. */
  readonly timeoutMs: number;
}
export interface CdbReply {
  readonly status: number;
  /** Bytes of data-out that the unit took. */
  readonly dataOutBytes: number;
  readonly dataIn: readonly Buffer[];
  readonly sense: Buffer;
}

const cdbBytesMin = 6;
const cdbBytesMax = 16;
const noLun = formatLun(0);

class CdbTask implements Task {
  readonly nexus: Nexus;
  readonly lun = noLun;
  readonly tag = 0; // a session has one command at a time
  readonly attribute = 'simple';
  readonly cdb: Buffer;
  readonly expectedOut: number;
  readonly expectedIn: number;
  readonly #dataOut: Buffer;
  readonly #dataIn: Buffer[] = [];
  #taken = 0;
  #kept = 0;
  #canceled = false;
  overran = false;

  constructor(nexus: Nexus, { cdb, dataOut, dataInBytes }: CdbRequest) {
    this.nexus = nexus;
    // Of what length a CDB is, its operation code says: units find zeros behind one that is too short, as over iSCSI.
    this.cdb = Buffer.concat([cdb, Buffer.alloc(cdbBytesMax - cdb.length)]);
    this.expectedOut = dataOut.length;
    this.expectedIn = dataInBytes;
    this.#dataOut = dataOut;
  }
  async receive(length: number): Promise<Slab> {
    await Promise.resolve();
    if (this.#canceled) throw new CanceledError();
    const piece = this.#dataOut.subarray(this.#taken, this.#taken + length);
    this.#taken += piece.length;
    return ownedSlab(piece);
  }
  async send(data: Slab): Promise<void> {
    await Promise.resolve();
    try {
      if (this.#canceled) throw new CanceledError();
      for (const slice of data.slices) {
        const piece = slice.subarray(0, this.expectedIn - this.#kept);
        if (this.#kept + piece.length > recordBytesMax) this.#overrun();
        this.#kept += piece.length;
        this.#dataIn.push(Buffer.from(piece));
      }
    } finally {
      data.release();
    }
  }
  /** A CDB of few bytes may ask for a whole tape; a reply is at most what a record is. */
  #overrun(): never {
    this.overran = true;
    this.#dataIn.length = 0;
    this.cancel();
    throw new CanceledError();
  }
  get canceled(): boolean {
    return this.#canceled;
  }
  cancel(): void {
    this.#canceled = true;
  }
  reply(status: number, sense: Buffer): CdbReply {
    return { status, sense, dataOutBytes: this.#taken, dataIn: this.#dataIn };
  }
}

/** A task that asks whether a unit is ready or writable, and does nothing. */
export const inquiringTask = (nexus: Nexus): Task =>
  new CdbTask(nexus, {
    cdb: Buffer.alloc(cdbBytesMin),
    dataOut: Buffer.alloc(0),
    dataInBytes: 0,
    timeoutMs: 0,
  });

/**
 * Runs the command. Whatever status it ends with is an answer; NdmpError 'illegal-args' for what is no CDB, 'timeout'
 * when it took longer than the request allows, 'no-mem' when there was more data than fits a reply; then it was canceled.
 */
export async function executeCdb(
  clock: Clock,
  unit: LogicalUnit,
  nexus: Nexus,
  request: CdbRequest,
): Promise<CdbReply> {
  const { cdb, timeoutMs } = request;
  if (cdb.length < cdbBytesMin || cdb.length > cdbBytesMax) {
    throw new NdmpError('illegal-args', `A CDB of ${cdb.length} bytes`);
  }
  const task = new CdbTask(nexus, request);
  let late = false;
  const timer =
    timeoutMs === 0
      ? undefined
      : clock.after(Math.max(timeoutMs, ndmpCdbTimeoutMsMin), () => {
          late = true;
          task.cancel();
        });
  try {
    const { status, sense = Buffer.alloc(0) } = await unit.execute(task);
    if (task.overran) throw new NdmpError('no-mem', 'More data than fits one reply');
    if (status === undefined && late) throw new NdmpError('timeout', 'The command took longer than it may');
    return task.reply(status ?? STATUS.taskAborted, sense);
  } finally {
    timer?.cancel();
  }
}

/**
 * TapeService: the one tape that a session may have open (spec4 3.4), for its own messages and for its mover.
 *
 * A drive that is open here is reserved: see Lease. The place is the drive's own, so positions stay true whoever moved the
 * tape before. Between opening and closing nobody else moves it but an operator or a reset: the write that follows such an
 * event fails, because it would land where the DMA does not expect it.
 */
import type { Env, Logger } from '#env';
import { recordBytesMax } from '#limits';
import type { Nexus } from '#scsi';
import { type Drive, DriveError, type Position, type ReadResult } from '#vtl';
import { ownedSlab, type Slab } from '#wire';
import { type CdbReply, type CdbRequest, executeCdb, inquiringTask } from './cdb-task.js';
import type { NdmpDevices, OpenDevices, TapeDevice } from './devices.js';
import { NdmpError } from './errors.table.js';
import { ndmpFault } from './faults.table.js';
import { Lease } from './lease.js';
import { TapeEnd } from './tape-end.js';
import { type Motion, readObject, spaceFilemarks, spaceRecords } from './tape-motion.js';
import type { MtioOperation, TapeMode } from './types.js';
import type { NdmpVersion } from './xdr.js';

/** What the service needs of its session. */
export interface TapeSession {
  readonly env: Pick<Env, 'clock'>;
  readonly log: Logger;
  readonly id: number;
  readonly nexus: Nexus;
  readonly version: NdmpVersion;
  readonly devices: NdmpDevices;
  readonly openDevices: OpenDevices;
  /** The mover reads or writes the tape now. */
  readonly moverIsActive: boolean;
}

export interface OpenTape {
  readonly device: TapeDevice;
  readonly mode: 'read' | 'read-write';
}
interface Opened extends OpenTape {
  readonly lease: Lease;
  readonly end: TapeEnd;
  readonly stopWatching: () => void;
  /** The DMA knows where the tape stands: it was loaded when opened, or has been moved, read or written since. */
  used: boolean;
  /** The medium, or the reservation, went away while it was used, and the DMA does not know. */
  disturbed: boolean;
  /** The last motion ended where no block number is known. */
  blockIsLost: boolean;
}

/** 'eom', 'end': nothing was written. 'eom' is said once, and the same write again is done while there is room. */
export type RecordOutcome = 'written' | 'eom' | 'end';

export interface TapeState {
  readonly writeProtected: boolean;
  /** Undefined: not known, as all of them are while no medium is loaded. */
  readonly fileNumber: number | undefined;
  readonly blockNumber: number | undefined;
  readonly totalBytes: number | undefined;
  readonly remainingBytes: number | undefined;
}

/** Filemarks written at a time, so that the end of the session is noticed between. */
const filemarksAtOnce = 4096;
/** TAPE_READ of more is no buffer that anybody has. */
const readBytesMax = 0x7fff_ffff;

export class TapeService {
  readonly #session: TapeSession;
  #opened: Opened | undefined;
  /** The session is over: what was under way lets go of everything when it comes back. */
  #ended = false;

  constructor(session: TapeSession) {
    this.#session = session;
  }

  /** What is open; undefined between TAPE_CLOSE and TAPE_OPEN, also while a mover is paused. */
  get open(): OpenTape | undefined {
    return this.#opened;
  }

  // --- TAPE_OPEN, TAPE_CLOSE ----------------------------------------------------------------------------------------------

  async openDevice(name: string, mode: TapeMode): Promise<void> {
    if (typeof mode !== 'string') throw new NdmpError('illegal-args', `There is no mode ${mode.unknown}`);
    if (this.#opened !== undefined) throw new NdmpError('device-opened');
    const { devices, openDevices, id, nexus } = this.#session;
    const device = devices.find(name);
    if (device?.kind !== 'tape') throw new NdmpError('no-device', `There is no drive ${name}`);
    openDevices.claim(device, id);
    try {
      const lease = await Lease.take(device.unit, nexus);
      try {
        if (this.#ended) throw new NdmpError('illegal-state', 'The session has ended');
        this.#checkMedium(device, mode);
      } catch (error) {
        await lease.end();
        throw ndmpFault(error);
      }
      this.#opened = this.#watched(device, mode === 'read' ? 'read' : 'read-write', lease);
    } catch (error) {
      openDevices.release(device, id);
      throw error;
    }
    this.#session.log.info('Tape opened', { device: device.name, mode });
  }
  /** Raw mode opens a drive whatever is in it. */
  #checkMedium({ unit }: TapeDevice, mode: 'read' | 'read-write' | 'raw'): void {
    const task = inquiringTask(this.#session.nexus);
    if (mode === 'raw') return;
    unit.checkReady(task);
    if (mode === 'read-write') unit.checkWritable(task);
  }
  #watched(device: TapeDevice, mode: 'read' | 'read-write', lease: Lease): Opened {
    const stopWatching = device.drive.watch(({ kind }) => {
      if (opened.used && (kind === 'medium-unloaded' || kind === 'medium-removed')) opened.disturbed = true;
    });
    const used = device.drive.state === 'ready';
    const opened: Opened = {
      device,
      mode,
      lease,
      end: new TapeEnd(),
      stopWatching,
      used,
      disturbed: false,
      blockIsLost: false,
    };
    return opened;
  }

  /** The device is free when it resolves, also when it rejects because what was written could not be made durable. */
  async close(): Promise<void> {
    const { device } = this.#idle();
    try {
      await this.#translated(async () => {
        this.#checkDeferred(device.drive);
        if (device.drive.state === 'ready') await device.drive.synchronize();
      });
    } finally {
      await this.#release();
    }
  }
  /** The session is over: the device is free at once, for others; what the drive is doing for us it ends by itself. */
  end(): void {
    this.#ended = true;
    this.#release().catch((error: unknown) =>
      this.#session.log.error('A tape was not closed in order', { error: String((error as Error).stack) }),
    );
  }
  async #release(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    opened.stopWatching();
    this.#session.openDevices.release(opened.device, this.#session.id);
    this.#session.log.info('Tape closed', { device: opened.device.name });
    await opened.lease.end();
  }

  // --- TAPE_GET_STATE -----------------------------------------------------------------------------------------------------

  async state(): Promise<TapeState> {
    const { device, blockIsLost } = this.#required();
    const { drive } = device;
    if (drive.state !== 'ready') return unknownState;
    const record = await this.#translated(async () => await drive.recordOfFile());
    const { file, partition } = drive.position;
    const room = drive.partitions[partition];
    return {
      writeProtected: drive.writable === 'write-protected' || drive.writable === 'read-only-generation',
      fileNumber: file,
      blockNumber: blockIsLost ? undefined : record,
      totalBytes: room?.capacityBytes,
      remainingBytes: room?.remainingBytes,
    };
  }

  // --- TAPE_MTIO ----------------------------------------------------------------------------------------------------------

  /** What is left of `count`. */
  async mtio(operation: MtioOperation, count: number): Promise<number> {
    const opened = this.#idle();
    if (typeof operation !== 'string')
      throw new NdmpError('illegal-args', `There is no operation ${operation.unknown}`);
    if (operation === 'eof') return await this.#writeFilemarks(opened, count);
    return await this.#translated(async () => {
      if (operation !== 'tur') await this.#begin(opened, 'motion');
      return await this.#move(opened, operation, count);
    });
  }
  async #move(
    opened: Opened,
    operation: Exclude<Extract<MtioOperation, string>, 'eof'>,
    count: number,
  ): Promise<number> {
    const { version, nexus } = this.#session;
    const { drive, unit } = opened.device;
    switch (operation) {
      case 'fsf':
        return count - settled(opened, await spaceFilemarks(drive, count));
      case 'bsf':
        return count - settled(opened, await spaceFilemarks(drive, -count));
      case 'fsr':
        return count - settled(opened, await spaceRecords(drive, version, count));
      case 'bsr':
        return count - settled(opened, await spaceRecords(drive, version, -count));
      case 'rew':
        await drive.rewind();
        return 0;
      case 'off':
        unit.checkReady(inquiringTask(nexus));
        opened.used = false;
        await drive.unload();
        return 0;
      case 'tur':
        unit.checkReady(inquiringTask(nexus));
        return 0;
    }
  }
  async #writeFilemarks(opened: Opened, count: number): Promise<number> {
    return await this.#translated(async () => {
      const { drive } = opened.device;
      await this.#begin(opened, 'write');
      for (let left = count; left > 0; left -= filemarksAtOnce) {
        if (this.#ended) throw new NdmpError('io', 'The session has ended');
        const { earlyWarning } = await drive.writeFilemarks(Math.min(left, filemarksAtOnce), {
          immediate: true,
        });
        if (earlyWarning) opened.end.approach();
      }
      await drive.synchronize();
      return 0;
    });
  }

  // --- TAPE_WRITE, TAPE_READ, TAPE_EXECUTE_CDB ------------------------------------------------------------------------------

  /** Bytes written: all of them. The data may be used again when it resolves. */
  async write(data: Buffer): Promise<number> {
    const { mode } = this.#idle();
    if (mode === 'read') throw new NdmpError('permission', 'The tape is open for reading only');
    if (data.length === 0) return 0;
    if (data.length > recordBytesMax) throw new NdmpError('illegal-args', `A record of ${data.length} bytes`);
    const outcome = await this.writeRecord(ownedSlab(data));
    if (outcome === 'eom') throw new NdmpError('eom');
    if (outcome === 'end') throw new NdmpError('io', 'The medium is full');
    return data.length;
  }
  /** The next record, cut to `count` bytes; the caller releases it. NdmpError 'eof', 'eom' where there is none. */
  async read(count: number): Promise<Slab> {
    this.#idle();
    if (count > readBytesMax) throw new NdmpError('illegal-args', `A buffer of ${count} bytes`);
    if (count === 0) return ownedSlab(Buffer.alloc(0));
    const found = await this.readRecord();
    if (found.kind === 'record') return found.record;
    const atEndOfData = found.kind === 'eod' && this.#session.version === 4;
    throw new NdmpError(atEndOfData ? 'eom' : 'eof');
  }
  async executeCdb(request: CdbRequest): Promise<CdbReply> {
    const { device, end } = this.#idle();
    end.moved(); // nobody but the unit knows what the command does
    return await executeCdb(this.#session.env.clock, device.unit, this.#session.nexus, request);
  }

  // --- for the mover --------------------------------------------------------------------------------------------------------

  /** Writes one record. Unless it was written, the record is still the caller's. Throws NdmpError; then it is released. */
  async writeRecord(record: Slab): Promise<RecordOutcome> {
    let kept = false;
    try {
      return await this.#translated(async () => {
        const opened = this.#required();
        await this.#begin(opened, 'write');
        const { drive } = opened.device;
        const outcome = opened.end.refuses(drive.position.earlyWarning)
          ? 'eom'
          : await this.#append(opened, record);
        kept = outcome !== 'written';
        return outcome;
      });
    } finally {
      if (!kept) record.release();
    }
  }
  async #append({ device: { drive }, end }: Opened, record: Slab): Promise<RecordOutcome> {
    const { length, slices } = record;
    try {
      // The drive releases what it is given; a record that does not fit must stay with the mover.
      const { earlyWarning } = await drive.writeRecord({ length, slices, release: () => undefined });
      if (earlyWarning) end.approach();
      return 'written';
    } catch (error) {
      const full = error instanceof DriveError && (error.code === 'volume-overflow' || error.code === 'full');
      if (!full) throw error;
      return end.meet() ? 'eom' : 'end';
    }
  }
  /** The next object; where the place is at a filemark depends on the version. The caller releases a record. */
  async readRecord(): Promise<ReadResult> {
    return await this.#translated(async () => {
      const opened = this.#required();
      await this.#begin(opened, 'motion');
      const found = await readObject(opened.device.drive, this.#session.version);
      opened.blockIsLost = found.blockIsLost;
      return found;
    });
  }
  /** Records passed, forwards or (negative counts) backwards; fewer where a filemark or an end stops it. */
  async spaceRecords(count: number): Promise<number> {
    return await this.#translated(async () => {
      const opened = this.#required();
      await this.#begin(opened, 'motion');
      return settled(opened, await spaceRecords(opened.device.drive, this.#session.version, count));
    });
  }
  /** To an object by its number; filemarks do not stop it. */
  async locate(object: number): Promise<void> {
    await this.#translated(async () => {
      const opened = this.#required();
      await this.#begin(opened, 'motion');
      await opened.device.drive.locate({ object });
    });
  }
  /** Of the open tape. */
  get position(): Position {
    return this.#required().device.drive.position;
  }
  /** What was written is durable when it resolves. */
  async synchronize(): Promise<void> {
    await this.#translated(async () => await this.#required().device.drive.synchronize());
  }

  // --- what every operation begins with -------------------------------------------------------------------------------------

  #required(): Opened {
    if (this.#opened === undefined) throw new NdmpError('dev-not-open');
    return this.#opened;
  }
  /** The same, for messages: they wait until the mover has let go of the tape. */
  #idle(): Opened {
    const opened = this.#required();
    if (this.#session.moverIsActive) throw new NdmpError('illegal-state', 'The mover is at work on the tape');
    return opened;
  }
  /** The reservation holds, nothing that was written is lost, the medium is the one that the DMA means, keys are ours. */
  async #begin(opened: Opened, what: 'write' | 'motion'): Promise<void> {
    const { device, lease, end, mode } = opened;
    if (what === 'write' && mode === 'read')
      throw new NdmpError('permission', 'The tape is open for reading only');
    if (lease.isLost) {
      await lease.renew();
      opened.disturbed = opened.used;
    }
    this.#checkDeferred(device.drive);
    const { disturbed } = opened;
    opened.disturbed = false;
    opened.blockIsLost = false;
    opened.used = true;
    if (what === 'motion') end.moved();
    else {
      if (disturbed) {
        throw new NdmpError('io', 'The medium was changed, or the drive reset: nothing was written');
      }
      device.unit.checkWritable(inquiringTask(this.#session.nexus));
    }
    device.prepare(this.#session.nexus);
  }
  /** A failure of what was acknowledged before is told once, with the next request (invariant P5 of the drive). */
  #checkDeferred(drive: Drive): void {
    const failed = drive.takeDeferredError();
    if (failed === undefined) return;
    this.#session.log.error('What was written is lost', failed.facts);
    throw failed;
  }
  async #translated<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw ndmpFault(error);
    }
  }
}

/** Keeps what is known of the place; how far it went. */
function settled(opened: Opened, { moved, blockIsLost }: Motion): number {
  opened.blockIsLost = blockIsLost;
  return moved;
}

const unknownState: TapeState = {
  writeProtected: false,
  fileNumber: undefined,
  blockNumber: undefined,
  totalBytes: undefined,
  remainingBytes: undefined,
};

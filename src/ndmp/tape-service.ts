/**
 * TapeService: the one tape that a session may have open (spec4 3.4), for its own messages and for its mover. The place is the
 * drive's own, so positions are true whoever moved the tape before.
 */
import type { Env } from '#env';
import { ndmpFilemarksMax, recordBytesMax } from '#limits';
import { DriveError, type Position, type ReadResult } from '#vtl';
import { ownedSlab, type Slab } from '#wire';
import { type CdbReply, type CdbRequest, executeCdb } from './cdb-task.js';
import type { NdmpDevices, TapeDevice } from './devices.js';
import { NdmpError } from './errors.table.js';
import { ndmpFault } from './faults.table.js';
import { OpenedTape, type TapeHolder } from './opened-tape.js';
import { piecesOf } from './record-queue.js';
import { readObject, spaceFilemarks, spaceRecords } from './tape-motion.js';
import type { MtioOperation, TapeMode } from './types.js';
import type { NdmpVersion } from './xdr.js';

/** What the service needs of its session. */
export interface TapeSession extends TapeHolder {
  readonly env: Pick<Env, 'clock'>;
  readonly version: NdmpVersion;
  readonly devices: NdmpDevices;
  /** The mover reads or writes the tape now. */
  readonly moverIsActive: boolean;
}

export interface OpenTape {
  readonly device: TapeDevice;
  readonly mode: 'read' | 'read-write';
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
  #opened: OpenedTape | undefined;
  /** The session is over: what was under way lets go of everything when it comes back. */
  #ended = false;
  #request: Promise<unknown> | undefined;

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
    const device = this.#session.devices.find(name);
    if (device?.kind !== 'tape') throw new NdmpError('no-device', `There is no drive ${name}`);
    const opened = await this.#translated(async () => await OpenedTape.open(this.#session, device, mode));
    this.#opened = opened;
    this.#session.log.info('Tape opened', { device: device.name, mode });
    if (this.#ended) await this.#release();
  }

  /** The device is free when it resolves, also when it rejects because what was written could not be made durable. */
  async close(): Promise<void> {
    await this.#asked(async (opened) => {
      try {
        await this.#translated(async () => {
          opened.checkDeferred();
          if (opened.drive.state === 'ready') await opened.drive.synchronize();
        });
      } finally {
        await this.#release();
      }
    });
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
    this.#session.log.info('Tape closed', { device: opened.device.name });
    await opened.release();
  }

  // --- TAPE_GET_STATE -----------------------------------------------------------------------------------------------------

  async state(): Promise<TapeState> {
    const { drive, blockIsLost } = this.#required();
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
    this.#idle();
    if (typeof operation !== 'string')
      throw new NdmpError('illegal-args', `There is no operation ${operation.unknown}`);
    return await this.#asked(async (opened) =>
      operation === 'eof'
        ? await this.#writeFilemarks(opened, count)
        : await this.#moveAsked(opened, operation, count),
    );
  }
  async #moveAsked(
    opened: OpenedTape,
    operation: Exclude<Extract<MtioOperation, string>, 'eof'>,
    count: number,
  ): Promise<number> {
    return await this.#translated(async () => {
      if (operation !== 'tur')
        await opened.begin(operation === 'rew' || operation === 'off' ? 'rewind' : 'motion');
      return await this.#move(opened, operation, count);
    });
  }
  async #move(
    opened: OpenedTape,
    operation: Exclude<Extract<MtioOperation, string>, 'eof'>,
    count: number,
  ): Promise<number> {
    const { version } = this.#session;
    const { drive, unit } = opened.device;
    switch (operation) {
      case 'fsf':
        return count - opened.arrived(await spaceFilemarks(drive, count));
      case 'bsf':
        return count - opened.arrived(await spaceFilemarks(drive, -count));
      case 'fsr':
        return count - opened.arrived(await spaceRecords(opened, version, count));
      case 'bsr':
        return count - opened.arrived(await spaceRecords(opened, version, -count));
      case 'rew':
        await drive.rewind();
        return 0;
      case 'off':
        // What is refused, or cleans, is unloaded too; what is not threaded is not.
        if (drive.state === 'empty' || drive.state === 'unloaded') unit.checkReady(opened.task);
        await opened.byDma(async () => await drive.unload());
        return 0;
      case 'tur':
        unit.checkReady(opened.task);
        return 0;
    }
  }
  async #writeFilemarks(opened: OpenedTape, count: number): Promise<number> {
    if (count > ndmpFilemarksMax) throw new NdmpError('illegal-args', `${count} filemarks`);
    return await this.#translated(async () => {
      const { drive } = opened;
      await opened.begin('write');
      for (let left = count; left > 0; left -= filemarksAtOnce) {
        opened.checkOurs();
        const { earlyWarning } = await drive.writeFilemarks(Math.min(left, filemarksAtOnce), {
          immediate: true,
        });
        if (earlyWarning) opened.end.approach();
        await this.#session.env.clock.sleep(0); // a turn for others, or nobody would be seen to leave
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
    const outcome = await this.#asked(async () => await this.writeRecord(ownedSlab(data)));
    if (outcome === 'eom') throw new NdmpError('eom');
    if (outcome === 'end') throw new NdmpError('io', 'The medium is full');
    return data.length;
  }
  /** The next record, cut to `count` bytes; the caller releases it. NdmpError 'eof', 'eom' where there is none. */
  async read(count: number): Promise<Slab> {
    this.#idle();
    if (count > readBytesMax) throw new NdmpError('illegal-args', `A buffer of ${count} bytes`);
    if (count === 0) return ownedSlab(Buffer.alloc(0));
    const found = await this.#asked(async () => await this.readRecord());
    if (found.kind === 'record') return headOf(found.record, count);
    const atEndOfData = found.kind === 'eod' && this.#session.version === 4;
    throw new NdmpError(atEndOfData ? 'eom' : 'eof');
  }
  async executeCdb(request: CdbRequest): Promise<CdbReply> {
    const { clock } = this.#session.env;
    return await this.#asked(
      async (opened) =>
        await opened.byDma(
          async () => await executeCdb(clock, opened.device.unit, this.#session.nexus, request),
        ),
    );
  }

  // --- for the mover --------------------------------------------------------------------------------------------------------

  /** Writes one record. Unless it was written, the record is still the caller's. Throws NdmpError; then it is released. */
  async writeRecord(record: Slab): Promise<RecordOutcome> {
    let kept = false;
    try {
      return await this.#translated(async () => {
        const opened = this.#required();
        await opened.begin('write');
        const { drive } = opened;
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
  async #append({ drive, end }: OpenedTape, record: Slab): Promise<RecordOutcome> {
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
  landing(bytes: number): Slab | undefined {
    return this.#opened?.drive.landing(bytes);
  }
  /** The next object; where the place is at a filemark depends on the version. The caller releases a record. */
  async readRecord(): Promise<ReadResult> {
    return await this.#translated(async () => {
      const opened = this.#required();
      await opened.begin('motion');
      const found = await readObject(opened, this.#session.version);
      opened.arrived({ moved: 1, blockIsLost: found.blockIsLost });
      return found;
    });
  }
  /** Records passed, forwards or (negative counts) backwards; fewer where a filemark or an end stops it. */
  async spaceRecords(count: number): Promise<number> {
    return await this.#translated(async () => {
      const opened = this.#required();
      await opened.begin('motion');
      return opened.arrived(await spaceRecords(opened, this.#session.version, count));
    });
  }
  /** To an object by its number; filemarks do not stop it. False: the data ends before it, and that is the place now. */
  async locate(object: number): Promise<boolean> {
    return await this.#translated(async () => {
      const { drive } = await this.#beginMotion();
      try {
        await drive.locate({ object });
        return true;
      } catch (error) {
        if (error instanceof DriveError && error.code === 'eod') return false;
        throw error;
      }
    });
  }
  async #beginMotion(): Promise<OpenedTape> {
    const opened = this.#required();
    await opened.begin('motion');
    return opened;
  }
  /** Of the open tape. */
  get position(): Position {
    return this.#required().drive.position;
  }
  /** What was written is durable when it resolves; what was written before the medium went away, too. */
  async synchronize(): Promise<void> {
    await this.#translated(async () => {
      const opened = this.#required();
      opened.checkDeferred();
      await opened.drive.synchronize();
    });
  }

  // --- what operations begin with and end with ------------------------------------------------------------------------------

  #required(): OpenedTape {
    if (this.#opened === undefined) throw new NdmpError('dev-not-open');
    return this.#opened;
  }
  /** The same, for messages: they wait until the mover has let go of the tape. */
  #idle(): OpenedTape {
    const opened = this.#required();
    if (this.#session.moverIsActive) throw new NdmpError('illegal-state', 'The mover is at work on the tape');
    return opened;
  }
  /** A request at work on the tape: a mover whose stream comes meanwhile waits for its end. */
  async #asked<T>(body: (opened: OpenedTape) => Promise<T>): Promise<T> {
    const work = body(this.#idle());
    this.#request = work.catch(() => undefined); // it is told to who asked
    try {
      return await work;
    } finally {
      this.#request = undefined;
    }
  }
  /** While a request is at work on the tape: resolves at its end. */
  get quiet(): Promise<unknown> | undefined {
    return this.#request;
  }
  async #translated<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw ndmpFault(error);
    }
  }
}

/** The first bytes of a record, at most `count`; its release is the record's. */
const headOf = (record: Slab, count: number): Slab =>
  record.length <= count
    ? record
    : { length: count, slices: [...piecesOf(record, 0, count)], release: () => record.release() };

const unknownState: TapeState = {
  writeProtected: false,
  fileNumber: undefined,
  blockNumber: undefined,
  totalBytes: undefined,
  remainingBytes: undefined,
};

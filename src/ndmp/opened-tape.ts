/**
 * OpenedTape: a drive between TAPE_OPEN and TAPE_CLOSE: reserved, watched, and what is known of where it stands.
 *
 * Nobody else moves it meanwhile but an operator, a robot or a reset. What follows such an event, of which the DMA knows nothing,
 * fails once: a write would land where nobody expects it, a read give bytes of another image, perhaps of another cartridge.
 */
import type { Logger } from '#env';
import type { Nexus, Task } from '#scsi';
import type { Drive } from '#vtl';
import { inquiringTask } from './cdb-task.js';
import type { OpenDevices, TapeDevice } from './devices.js';
import { NdmpError } from './errors.table.js';
import { Lease } from './lease.js';
import { TapeEnd } from './tape-end.js';
import type { Motion } from './tape-motion.js';

/** What the tape needs of its session. */
export interface TapeHolder {
  readonly id: number;
  readonly nexus: Nexus;
  readonly log: Logger;
  readonly openDevices: OpenDevices;
}

export class OpenedTape {
  readonly device: TapeDevice;
  readonly mode: 'read' | 'read-write';
  readonly end = new TapeEnd();
  /** Asks the unit whether it is ready and writable. */
  readonly task: Task;
  readonly #holder: TapeHolder;
  readonly #lease: Lease;
  readonly #stopWatching: () => void;
  /** The DMA knows the medium: it was there when opened, or when something was done since. */
  #used: boolean;
  /** The medium, or the reservation, went away while it was used. */
  #disturbed = false;
  #blockIsLost = false;
  #released = false;
  /** It was a CDB of the DMA that ended the reservation: RELEASE, or something persistent instead. */
  #releasedByDma = false;

  private constructor(holder: TapeHolder, device: TapeDevice, mode: 'read' | 'read-write', lease: Lease) {
    this.device = device;
    this.mode = mode;
    this.task = inquiringTask(holder.nexus);
    this.#holder = holder;
    this.#lease = lease;
    this.#used = device.drive.state === 'ready';
    this.#stopWatching = device.drive.watch(({ kind }) => {
      if (kind === 'medium-unloaded' || kind === 'medium-removed') this.#disturbed = this.#used;
    });
  }
  /** Raw mode opens a drive whatever is in it. Throws NdmpError, CheckCondition. */
  static async open(
    holder: TapeHolder,
    device: TapeDevice,
    mode: 'read' | 'read-write' | 'raw',
  ): Promise<OpenedTape> {
    holder.openDevices.claim(device, holder.id);
    try {
      const lease = await Lease.take(device.unit, holder.nexus);
      const opened = new OpenedTape(holder, device, mode === 'read' ? 'read' : 'read-write', lease);
      try {
        if (mode !== 'raw') device.unit.checkReady(opened.task);
        if (mode === 'read-write') device.unit.checkWritable(opened.task);
      } catch (error) {
        await opened.release();
        throw error;
      }
      return opened;
    } catch (error) {
      holder.openDevices.release(device, holder.id);
      throw error;
    }
  }
  /** Others may have the device from this moment; resolves when no command of ours is under way. */
  async release(): Promise<void> {
    this.#released = true;
    this.#stopWatching();
    this.#holder.openDevices.release(this.device, this.#holder.id);
    await this.#lease.end();
  }

  get drive(): Drive {
    return this.device.drive;
  }
  /** The last motion ended where no block number is known. */
  get blockIsLost(): boolean {
    return this.#blockIsLost;
  }
  /** Keeps what is known of the place; how far the motion went. */
  arrived({ moved, blockIsLost }: Motion): number {
    this.#blockIsLost = blockIsLost;
    return moved;
  }

  /**
   * Before anything is done to the tape. Throws unless the reservation holds, what was written before is safe, the medium is
   * the one that the DMA means (`rewind`: any will do) and may be written, and the keys are those of the nexus: NdmpError,
   * DriveError, CheckCondition.
   */
  async begin(what: 'write' | 'motion' | 'rewind'): Promise<void> {
    const { unit, drive } = this.device;
    if (what === 'write' && this.mode === 'read') {
      throw new NdmpError('permission', 'The tape is open for reading only');
    }
    if (this.#lease.isLost) {
      await this.#lease.renew();
      this.#disturbed = this.#used && !this.#releasedByDma;
      this.#releasedByDma = false;
    }
    this.checkDeferred();
    const disturbed = this.#disturbed;
    this.#disturbed = this.#blockIsLost = false;
    this.#used = drive.state === 'ready';
    if (what !== 'write') this.end.moved();
    if (what !== 'rewind') unit.checkReady(this.task);
    if (disturbed && what !== 'rewind')
      throw new NdmpError('io', 'The medium was changed, or the drive reset: nothing was done');
    if (what === 'write') unit.checkWritable(this.task);
    this.device.prepare(this.#holder.nexus);
  }
  /** Before each further step of something long. Throws NdmpError 'io' when others may be at work on the tape by now. */
  checkOurs(): void {
    if (this.#released || this.#lease.isLost) throw new NdmpError('io', 'The drive was taken away');
  }
  /** The DMA itself does something to medium and place, of which we know nothing: a CDB, an unload. */
  async byDma<T>(work: () => Promise<T>): Promise<T> {
    this.end.moved();
    this.#blockIsLost = this.#used = false;
    try {
      return await work();
    } finally {
      this.#used = this.drive.state === 'ready';
      this.#releasedByDma = this.#lease.isLost;
    }
  }
  /** A failure of what was acknowledged before is told once, with the next request (invariant P5 of the drive). */
  checkDeferred(): void {
    const failed = this.drive.takeDeferredError();
    if (failed === undefined) return;
    this.#holder.log.error('What was written is lost', failed.facts);
    throw failed;
  }
}

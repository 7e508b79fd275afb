/** A drive over plain files on a simulated disk, with a clock that goes on by hand. */
import type { Clock, Env } from '#env';
import { realEnv } from '#env';
import { FileGroup } from '#store';
import { SimDisk } from '#support';
import {
  Cartridge,
  type CartridgeOptions,
  Drive,
  type DriveEvent,
  mediumOf,
  mediumOfBarcode,
  type ReadResult,
  type WriteResult,
} from '#vtl';
import { copyOf, ownedSlab } from '#wire';
import { SimRandom } from '../../sim/sim-random.js';

const MiB = 1024 * 1024;

export class HandClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; fire: (() => void) | undefined }[] = [];
  wallMs(): number {
    return Date.UTC(2025, 0, 1) + this.#nowMs;
  }
  monotonicMs(): number {
    return this.#nowMs;
  }
  after(delayMs: number, fire: () => void): { cancel(): void } {
    const timer: { readonly atMs: number; fire: (() => void) | undefined } = {
      atMs: this.#nowMs + delayMs,
      fire,
    };
    this.#timers.push(timer);
    return { cancel: () => (timer.fire = undefined) };
  }
  async sleep(): Promise<void> {
    return await Promise.reject(new Error('nobody sleeps here'));
  }
  /** Fires what is due, and lets what follows from it happen. */
  async pass(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { fire } of due) fire?.();
    await settled();
  }
}
/** All promise jobs that follow from what was begun. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export class DriveBench {
  readonly disk: SimDisk;
  readonly clock = new HandClock();
  readonly events: DriveEvent[] = [];
  env: Env;
  drive: Drive;
  #group: FileGroup | undefined;
  readonly #generation: number;

  constructor(options: { readonly generation?: number; readonly capacityBytes?: number } = {}) {
    this.#generation = options.generation ?? 8;
    this.disk = new SimDisk({ dice: new SimRandom(1), capacityBytes: options.capacityBytes ?? 4096 * MiB });
    this.env = { ...realEnv(), clock: this.clock, disk: this.disk.begin() };
    this.drive = this.#newDrive();
  }
  #newDrive(): Drive {
    const options = { env: this.env, id: 'drive0', serial: 'DRV0000001', vendor: 'IBM' };
    const drive = new Drive({ ...options, generation: this.#generation });
    drive.watch((event) => this.events.push(event));
    return drive;
  }
  async group(): Promise<FileGroup> {
    this.#group ??= await FileGroup.open({
      env: this.env,
      folder: 'group',
      reserveBytes: 0,
      memoryBytes: 24 * MiB,
    });
    return this.#group;
  }
  /** A new cartridge; the barcode says what it is. */
  async cartridge(barcode: string, options: Partial<CartridgeOptions> = {}): Promise<Cartridge> {
    return await Cartridge.create(await this.options(barcode, options));
  }
  async options(barcode: string, options: Partial<CartridgeOptions> = {}): Promise<CartridgeOptions> {
    const kind = mediumOfBarcode(barcode) ?? { medium: mediumOf('LTO-8'), worm: false, cleaning: false };
    const cleaning = kind.cleaning ? { cleaning: { usesLeft: 2 } } : {};
    const { medium, worm } = kind;
    return {
      env: this.env,
      group: await this.group(),
      id: barcode,
      barcode,
      medium,
      worm,
      ...cleaning,
      ...options,
    };
  }
  /** A new cartridge, loaded. */
  async load(barcode = 'A00001L8', options: Partial<CartridgeOptions> = {}): Promise<Cartridge> {
    const cartridge = await this.cartridge(barcode, options);
    await this.drive.insert(cartridge);
    return cartridge;
  }
  /** Power failure, and the same cartridge in a drive of the next life. */
  async crash(barcode = 'A00001L8', options: Partial<CartridgeOptions> = {}): Promise<void> {
    this.disk.crash('drop');
    this.#group = undefined;
    this.env = { ...this.env, disk: this.disk.begin() };
    this.drive = this.#newDrive();
    await this.drive.insert(new Cartridge(await this.options(barcode, options)));
  }

  async write(bytes: Buffer): Promise<WriteResult> {
    return await this.drive.writeRecord(ownedSlab(bytes));
  }
  async mark(count = 1, immediate = false): Promise<WriteResult> {
    return await this.drive.writeFilemarks(count, { immediate });
  }
  /** The bytes of a record, or what else was there. */
  async read(): Promise<Buffer | Exclude<ReadResult['kind'], 'record'>> {
    const found = await this.drive.readRecord();
    if (found.kind !== 'record') return found.kind;
    const bytes = copyOf(found.record);
    found.record.release();
    return bytes;
  }
  /** Path of a stream of the cartridge's volume on the disk. */
  stream(name: string, barcode = 'A00001L8'): string {
    return `group/${barcode}.volume/${name}.stream`;
  }
}

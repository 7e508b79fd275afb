/**
 * ScsiService: the one SCSI device that a session may have open (spec4 3.3). It is exclusive among NDMP sessions and reserves
 * nothing: what a host on iSCSI may do beside it is decided by reservations and element reservations of the unit.
 */
import type { Env, Logger } from '#env';
import type { Nexus } from '#scsi';
import { type CdbReply, type CdbRequest, executeCdb } from './cdb-task.js';
import type { NdmpDevice, NdmpDevices, OpenDevices } from './devices.js';
import { NdmpError } from './errors.table.js';
import { attach } from './lease.js';

export interface ScsiSession {
  readonly env: Pick<Env, 'clock'>;
  readonly log: Logger;
  readonly id: number;
  readonly nexus: Nexus;
  readonly devices: NdmpDevices;
  readonly openDevices: OpenDevices;
  readonly tape: { readonly open: object | undefined };
}

/** Where a device is on a bus of the old kind; ours are on none. */
export interface BusAddress {
  readonly controller: number;
  readonly id: number;
  readonly lun: number;
}
const noBus: BusAddress = { controller: 0, id: 0, lun: 0 };

export class ScsiService {
  readonly #session: ScsiSession;
  #device: NdmpDevice | undefined;

  constructor(session: ScsiSession) {
    this.#session = session;
  }
  get open(): NdmpDevice | undefined {
    return this.#device;
  }

  openDevice(name: string): void {
    const { devices, openDevices, id, nexus, tape, log } = this.#session;
    if (this.#device !== undefined || tape.open !== undefined) throw new NdmpError('device-opened');
    const device = devices.find(name);
    if (device === undefined) throw new NdmpError('no-device', `There is no device ${name}`);
    openDevices.claim(device, id);
    attach(device.unit, nexus);
    this.#device = device;
    log.info('SCSI device opened', { device: device.name });
  }
  /** Resolves when no command of the session is under way. */
  async close(): Promise<void> {
    this.#required();
    await this.#release();
  }
  /** The session is over: others may open the device at once. */
  end(): void {
    this.#release().catch((error: unknown) =>
      this.#session.log.error('A device was not closed in order', { error: String((error as Error).stack) }),
    );
  }
  async #release(): Promise<void> {
    const device = this.#device;
    if (device === undefined) return;
    this.#device = undefined;
    this.#session.openDevices.release(device, this.#session.id);
    this.#session.log.info('SCSI device closed', { device: device.name });
    await device.unit.detach(this.#session.nexus);
  }

  state(): BusAddress {
    this.#required();
    return noBus;
  }
  /** There is one place where the open device can be, and no other. */
  setTarget(name: string, { controller, id, lun }: BusAddress): void {
    const device = this.#required();
    const named = this.#session.devices.find(name);
    if (named === undefined) throw new NdmpError('no-device', `There is no device ${name}`);
    const isThere = controller === noBus.controller && id === noBus.id && lun === noBus.lun;
    if (named.name !== device.name || !isThere) throw new NdmpError('illegal-args', 'No device is there');
  }
  /** LOGICAL UNIT RESET (SAM-5 6.3.3); our bus has one device, so a reset of the bus is the same. */
  async reset(): Promise<void> {
    await this.#required().unit.reset('logical-unit', this.#session.nexus);
  }
  async executeCdb(request: CdbRequest): Promise<CdbReply> {
    const { unit } = this.#required();
    return await executeCdb(this.#session.env.clock, unit, this.#session.nexus, request);
  }
  #required(): NdmpDevice {
    if (this.#device === undefined) throw new NdmpError('dev-not-open');
    return this.#device;
  }
}

/**
 * TapeUnit: the SCSI face of a drive. It keeps what belongs to SCSI (mode parameters, unit attentions, encryption scopes, who
 * prevents removal); the drive keeps everything that happens to the tape.
 */
import {
  CheckCondition,
  type CommandSet,
  type InquiryData,
  LogPages,
  ModePages,
  type Nexus,
  PrimaryUnit,
  type PrimaryUnitOptions,
  type Reset,
  SENSE,
  spcVpdPages,
  type Task,
  VpdPages,
} from '#scsi';
import type { Drive, DriveEvent } from '#vtl';
import type { Slab, SlabPool } from '#wire';
import { EncryptionScopes } from './encryption-scopes.js';
import { deferredFault } from './faults.js';
import { REFUSALS } from './faults.table.js';
import { tapeCommandsOf } from './handlers.js';
import { CounterBases } from './counter-bases.js';
import { tapeLogPages } from './log-pages.table.js';
import {
  DATA_COMPRESSION,
  DEVICE_CONFIGURATION,
  DEVICE_CONFIGURATION_EXTENSION,
  MEDIUM_PARTITION,
} from './mode-pages.table.js';
import { TapeModeHeader } from './mode-header.js';
import { shownPartitions } from './partitions.js';
import type { DrivePersonality } from './personality.js';
import { TapeAlerts } from './tape-alert.js';
import { applyToDrive, tapeModePages } from './tape-mode-pages.js';
import { tapeVpdPages } from './vpd-pages.table.js';
import { landing } from './writing.js';

/** The library around a drive, for the pages that name it. */
export interface Automation {
  readonly serial: string;
  /** Of this drive, as the changer numbers it. */
  elementAddress(): number | undefined;
}

export interface TapeUnitOptions extends PrimaryUnitOptions {
  readonly drive: Drive;
  readonly personality: DrivePersonality;
  readonly pool: SlabPool;
  readonly automation?: Automation | undefined;
}

/** TEST UNIT READY while a medium is in the bay and not threaded, as LTO drives have it. */
const unthreadedSense = {
  loading: SENSE.becomingReady,
  unloaded: SENSE.mediumNotPresent,
  held: SENSE.initializingCommandRequired,
} as const;

const sequentialAccess = 0x01;
/** SAM-5, SPC-4, SSC-4 and iSCSI, no version claimed (SPC-5 6.7). */
const versionDescriptors = [0x00a0, 0x0460, 0x0520, 0x0960] as const;

export class TapeUnit extends PrimaryUnit {
  readonly drive: Drive;
  readonly personality: DrivePersonality;
  readonly pool: SlabPool;
  readonly automation: Automation | undefined;
  readonly commands: CommandSet<TapeUnit>;
  readonly modePages: ModePages;
  readonly logPages: LogPages<TapeUnit>;
  readonly vpdPages: VpdPages<TapeUnit>;
  readonly tapeAlerts: TapeAlerts;
  readonly scopes: EncryptionScopes;
  readonly counterBases = new CounterBases();
  readonly #header: TapeModeHeader;
  readonly #stopWatching: () => void;
  /** Nexuses that prevent removal; the drive knows them by the same ids. */
  readonly #preventing = new Set<string>();
  /** How an unthreaded medium in the bay came to be so: it is being threaded, was unloaded, or is held (HOLD) for LOAD. */
  #unthreaded: 'loading' | 'unloaded' | 'held' = 'unloaded';
  readonly startedMs: number;

  constructor(options: TapeUnitOptions) {
    super(options);
    const { drive, personality } = options;
    this.drive = drive;
    this.personality = personality;
    this.pool = options.pool;
    this.automation = options.automation;
    this.startedMs = options.env.clock.monotonicMs();
    this.commands = tapeCommandsOf(personality);
    if (drive.state === 'empty') this.#unthreaded = 'loading';
    this.tapeAlerts = new TapeAlerts(drive);
    this.scopes = new EncryptionScopes(drive.encryption);
    this.#header = new TapeModeHeader(drive, personality);
    this.modePages = new ModePages(tapeModePages(this), this.#header, options.persistence);
    this.logPages = new LogPages(tapeLogPages(personality));
    this.vpdPages = new VpdPages<TapeUnit>([...Object.values(spcVpdPages), ...tapeVpdPages(personality)]);
    this.#stopWatching = drive.watch((event) => this.#onDrive(event));
    this.applyModes();
  }

  get inquiry(): InquiryData {
    const { vendor, product, revision } = this.identity; // an operator may change them
    return {
      deviceType: sequentialAccess,
      removableMedium: true,
      version: 0x06,
      vendor,
      product,
      revision,
      versionDescriptors,
      vendorSpecific: this.personality.inquiryTail,
      protect: this.personality.protection.length > 0,
    };
  }

  override async load(): Promise<void> {
    await super.load();
    this.applyModes();
  }

  /** The unit is taken out of service; the drive goes on without it. */
  close(): void {
    this.#stopWatching();
    for (const id of this.#preventing) this.drive.prevent(id, false);
    this.#preventing.clear();
  }

  override landing(task: Task, bytes: number): Slab | undefined {
    return landing(this, task, bytes);
  }

  /** BLOCK LENGTH of the block descriptor: 0 is variable-block mode. */
  get blockLength(): number {
    return this.#header.blockLength;
  }
  get compressionEnabled(): boolean {
    return this.modePages.value(DATA_COMPRESSION).dce;
  }
  /** 0: GOOD for a write means that it is on the medium. */
  get bufferedMode(): number {
    return this.#header.bufferedMode;
  }

  // --- readiness ----------------------------------------------------------------------------------------------------

  override checkReady(_task: Task): void {
    const { drive } = this;
    switch (drive.state) {
      case 'ready':
        return;
      case 'empty':
        throw new CheckCondition(SENSE.mediumNotPresent);
      case 'unloaded':
        throw new CheckCondition(unthreadedSense[this.#unthreaded]);
      case 'cleaning':
        throw new CheckCondition(SENSE.cleaningCartridgeInstalled);
      case 'refused':
        throw new CheckCondition(REFUSALS[drive.refusal ?? 'damaged']);
    }
  }

  override checkWritable(_task: Task): void {
    const { softwareWriteProtect, associatedWriteProtect } = this.modePages.setting(DEVICE_CONFIGURATION);
    if (softwareWriteProtect) throw new CheckCondition(SENSE.softwareWriteProtected);
    if (associatedWriteProtect) throw new CheckCondition(SENSE.associatedWriteProtect);
    switch (this.drive.writable) {
      case 'write-protected':
        this.drive.raiseTapeAlert('writeProtect');
        throw new CheckCondition(SENSE.writeProtected);
      case 'read-only-generation':
        this.drive.raiseTapeAlert('readOnlyFormat');
        throw new CheckCondition(SENSE.cannotWriteIncompatibleFormat);
      case 'worm': // the drive tells appending from overwriting
      case 'yes':
        return;
    }
  }

  protected override takeDeferredError(_task: Task): CheckCondition | undefined {
    const error = this.drive.takeDeferredError();
    return error === undefined ? undefined : deferredFault(error);
  }

  // --- events of the drive ----------------------------------------------------------------------------------------------

  #onDrive(event: DriveEvent): void {
    switch (event.kind) {
      case 'medium-changed':
        this.#unthreaded = 'loading';
        this.showPartitions();
        // Every nexus, also the one whose LOAD it was: Linux st begins at file 0 again because it is told so.
        this.raise(SENSE.notReadyToReadyChange);
        return;
      case 'medium-unloaded':
      case 'medium-removed':
        // What the robot puts in next is threaded at once; what a host or an operator unloads stays as it is.
        this.#unthreaded = event.kind === 'medium-removed' ? 'loading' : 'unloaded';
        this.scopes.demount();
        this.modePages.set(DEVICE_CONFIGURATION, { associatedWriteProtect: false });
        return;
      case 'encryption-changed':
        if (this.scopes.applying) return;
        if (this.scopes.adopt()) this.raise(SENSE.encryptionParametersChangedByEvent);
        return;
      case 'load-refused':
      case 'tape-alert':
      case 'attributes-changed':
      case 'deferred-error':
      case 'removal-prevention':
        return; // asked for when a command wants it
    }
  }
  /** Mode parameters that the drive keeps, after they have changed; and what the pages show of the drive. */
  applyModes(): void {
    applyToDrive(this);
    this.showPartitions();
  }
  /** The Medium Partition page shows the partitions there are, until MODE SELECT asks for others. */
  showPartitions(): void {
    const capacities = this.drive.partitions.map(({ capacityBytes }) => capacityBytes);
    this.modePages.set(MEDIUM_PARTITION, shownPartitions(capacities));
  }

  // --- what commands do to the drive for a nexus --------------------------------------------------------------------------

  setHeld(held: boolean): void {
    this.#unthreaded = held ? 'held' : 'unloaded';
  }
  prevent(nexus: Nexus, on: boolean): void {
    if (on) this.#preventing.add(nexus.id);
    else this.#preventing.delete(nexus.id);
    this.drive.prevent(nexus.id, on);
  }
  /** The drive works with the nexus's keys from here on. Throws CheckCondition. */
  useEncryption(nexus: Nexus): void {
    this.scopes.use(nexus);
  }
  get volumeContainsEncrypted(): boolean {
    const firstEncrypted = 0x0224;
    const value = this.drive.mam?.attribute(firstEncrypted, 0)?.value;
    return value !== undefined && value.readBigUInt64BE() !== 0xffff_ffff_ffff_ffffn;
  }

  /** The TapeAlert page was read: that lowers the flags, unless TAPLSD keeps them (SSC-4 8.3.8). */
  tapeAlertsTold(): void {
    const page = this.modePages.find(DEVICE_CONFIGURATION_EXTENSION);
    if (page?.tapeAlertPreventLogSenseDeactivation !== true) this.tapeAlerts.lowerAll();
  }

  // --- resets -------------------------------------------------------------------------------------------------------

  protected override onReset(kind: Reset): void {
    super.onReset(kind);
    this.#header.reset();
    this.applyModes();
    for (const id of this.#preventing) this.drive.prevent(id, false);
    this.#preventing.clear();
    if (kind === 'power-on' || kind === 'target') this.scopes.reset();
  }
  /** PREEMPT AND ABORT also ends the prevention of removal (SPC-5 5.14). */
  override preempted(nexus: Nexus): void {
    super.preempted(nexus);
    this.prevent(nexus, false);
  }
  protected override onNexusLoss(nexus: Nexus): void {
    super.onNexusLoss(nexus);
    this.prevent(nexus, false);
    this.scopes.forget(nexus.id);
  }
}

/**
 * ChangerUnit: the SCSI face of a library (SMC-3). It keeps no inventory of its own: element addresses are a view of the
 * library's elements, and every command that changes something ends in one call of Library.
 */
import {
  type BoundCommand,
  bind,
  CommandSet,
  CONTROL,
  CONTROL_EXTENSION,
  type InquiryData,
  INFORMATIONAL_EXCEPTIONS,
  LogPages,
  ModePages,
  type Nexus,
  plainModeHeader,
  POWER_CONDITION,
  PrimaryUnit,
  type PrimaryUnitOptions,
  type Reset,
  SENSE,
  spcCommands,
  t10Designator,
  type UnitIdentity,
  usePage,
  VpdPages,
} from '#scsi';
import type { ElementRef, ElementState, Library, LibraryCartridge, LibraryDrive, LibraryEvent } from '#vtl';
import { ElementAddresses } from './addresses.js';
import { changerHandlers } from './commands.js';
import { smcTable } from './commands.table.js';
import { ElementReservations } from './element-reservations.js';
import { type ElementIdentifier, type ElementReport, MEDIUM_TYPE } from './element-status.js';
import { changerLogPages } from './log-pages.table.js';
import {
  DEVICE_CAPABILITIES,
  ELEMENT_ADDRESS_ASSIGNMENT,
  TRANSPORT_GEOMETRY_PARAMETERS,
} from './mode-pages.table.js';
import type { LibraryPersonality } from './personality.js';
import { Statistics } from './statistics.js';
import { ALERT } from './tape-alert.table.js';
import { TagSearches } from './tag-searches.js';
import { changerVpdPages } from './vpd-pages.js';

/** What a changer needs of the machines; Drive and Cartridge have it. */
export type ChangerDrive = LibraryDrive<LibraryCartridge>;
export type ChangerLibrary = Pick<
  Library<LibraryCartridge, ChangerDrive>,
  | 'elements'
  | 'elementsOf'
  | 'element'
  | 'move'
  | 'exchange'
  | 'position'
  | 'settled'
  | 'openDoor'
  | 'closeDoor'
  | 'prevent'
  | 'setAlternateTag'
  | 'readAttributes'
  | 'watch'
>;
type State = ElementState<LibraryCartridge, ChangerDrive>;

export interface ChangerUnitOptions extends PrimaryUnitOptions {
  readonly library: ChangerLibrary;
  readonly personality: LibraryPersonality;
  /** The names of a drive as its own unit tells them, so that programs can pair the two. */
  readonly driveIdentity: (
    driveId: string,
  ) => Pick<UnitIdentity, 'vendor' | 'product' | 'serial'> | undefined;
}

/** SAM-5, SPC-4, SMC-3, iSCSI (SPC-5 table 150). */
const versionDescriptors = [0x00a0, 0x0460, 0x0480, 0x0960];
const mediumChanger = 0x08;
const inquirySpecificBytes = 20;

export class ChangerUnit extends PrimaryUnit {
  readonly library: ChangerLibrary;
  readonly personality: LibraryPersonality;
  readonly commands: CommandSet<never>;
  readonly modePages: ModePages;
  readonly logPages: LogPages<never>;
  readonly vpdPages: VpdPages<never>;
  readonly elementReservations = new ElementReservations();
  readonly tagSearches = new TagSearches();
  readonly statistics = new Statistics();
  /** TapeAlert flags that are set. */
  readonly alerts = new Set<number>();
  readonly #driveIdentity: ChangerUnitOptions['driveIdentity'];
  readonly #unwatch: () => void;
  #addresses: ElementAddresses;

  constructor(options: ChangerUnitOptions) {
    super(options);
    this.library = options.library;
    this.personality = options.personality;
    this.#driveIdentity = options.driveIdentity;
    this.#addresses = this.#assign();
    const own = bind<ChangerUnit, typeof smcTable>(smcTable, changerHandlers);
    const ownOpcodes = new Set(own.map(({ row }) => row.opcode));
    const common = spcCommands.filter(({ row }) => !ownOpcodes.has(row.opcode));
    // The handlers are bound to the classes that this is; a set of commands cannot say so.
    const all = [...common, ...own] as readonly BoundCommand<never>[];
    this.commands = new CommandSet(all).without(options.personality.without);
    this.modePages = this.#modePages();
    this.logPages = new LogPages(changerLogPages);
    this.vpdPages = new VpdPages(changerVpdPages(options.personality));
    this.#unwatch = this.library.watch((event) => this.#noticed(event));
  }

  /** Stops listening to the library; the unit is not used any more. */
  close(): void {
    this.#unwatch();
    for (const nexus of this.nexuses) this.prevent(nexus, false);
  }

  get inquiry(): InquiryData {
    const { vendor, product, revision, serial } = this.identity;
    const { prefix, serialBytes, barcodeBit } = this.personality.inquiry;
    const vendorSpecific = Buffer.alloc(inquirySpecificBytes);
    if (serialBytes > 0) vendorSpecific.write(prefix + serial.slice(0, serialBytes), 'latin1');
    if (barcodeBit) vendorSpecific[inquirySpecificBytes - 1] = 0x01;
    return {
      deviceType: mediumChanger,
      removableMedium: true,
      version: 0x06,
      vendor,
      product,
      revision,
      versionDescriptors,
      vendorSpecific,
    };
  }

  // --- elements -------------------------------------------------------------------------------------------------

  get addresses(): ElementAddresses {
    return this.#addresses;
  }
  #assign(): ElementAddresses {
    const count = (kind: ElementRef['kind']): number => this.library.elementsOf(kind).length;
    return new ElementAddresses(this.personality.bases, {
      robot: count('robot'),
      slot: count('slot'),
      mail: count('mail'),
      drive: count('drive'),
    });
  }
  /** One element for READ ELEMENT STATUS. The address is one of ours. */
  report(address: number): ElementReport {
    const ref = this.#addresses.refOf(address);
    const state = ref === undefined ? undefined : this.library.element(ref);
    const { cartridge, source, alternateTag } = state ?? {};
    return {
      address,
      full: cartridge !== undefined,
      accessible: state !== undefined && accessible(state),
      importedByOperator: state?.ref.kind === 'mail' && state.byOperator,
      importExport: state?.ref.kind === 'mail',
      exception: state === undefined ? undefined : exceptionOf(state),
      disabled: state?.ref.kind === 'drive' && state.drive === undefined,
      sourceAddress: source === undefined ? undefined : this.#addresses.addressOf(source),
      mediumType: mediumTypeOf(cartridge),
      primaryTag: cartridge === undefined ? undefined : { identifier: cartridge.barcode, sequence: 0 },
      alternateTag,
      identifier: state?.drive === undefined ? undefined : this.#identifierOf(state.drive),
    };
  }
  #identifierOf({ id, serial }: ChangerDrive): ElementIdentifier {
    const identity = this.#driveIdentity(id);
    const asciiCodeSet = 2;
    if (identity === undefined || this.personality.driveIdentifier === 'serial')
      return { codeSet: asciiCodeSet, type: 0, value: Buffer.from(identity?.serial ?? serial, 'latin1') };
    const { type, value } = t10Designator(identity.vendor, identity.product.padEnd(16) + identity.serial);
    return { codeSet: asciiCodeSet, type, value };
  }

  // --- pages ----------------------------------------------------------------------------------------------------

  #modePages(): ModePages {
    const { persistence } = this;
    const pages = [
      usePage(CONTROL),
      usePage(CONTROL_EXTENSION),
      usePage(POWER_CONDITION),
      usePage(INFORMATIONAL_EXCEPTIONS),
      usePage(ELEMENT_ADDRESS_ASSIGNMENT, { live: () => this.#addressAssignment() }),
      usePage(TRANSPORT_GEOMETRY_PARAMETERS),
      usePage(DEVICE_CAPABILITIES, { live: () => this.#capabilities() }),
    ];
    return new ModePages(pages, plainModeHeader, persistence);
  }
  #addressAssignment() {
    const [robot, slot, mail, drive] = (['robot', 'slot', 'mail', 'drive'] as const).map((kind) =>
      this.#addresses.range(kind),
    );
    return {
      firstTransport: robot?.first ?? 0,
      transports: robot?.count ?? 0,
      firstStorage: slot?.first ?? 0,
      storages: slot?.count ?? 0,
      firstImportExport: mail?.first ?? 0,
      importExports: mail?.count ?? 0,
      firstDataTransfer: drive?.first ?? 0,
      dataTransfers: drive?.count ?? 0,
    };
  }
  /** A library without mail slots moves nothing there. */
  #capabilities() {
    const mail = this.library.elementsOf('mail').length > 0;
    return {
      storesMail: mail,
      slotToMail: mail,
      mailToDrive: mail,
      mailToMail: mail,
      mailToSlot: mail,
      driveToMail: mail,
      slotWithMail: mail,
      mailWithDrive: mail,
      mailWithMail: mail,
      mailWithSlot: mail,
      driveWithMail: mail,
    };
  }

  // --- events ---------------------------------------------------------------------------------------------------

  #noticed(event: LibraryEvent<LibraryCartridge, ChangerDrive>): void {
    switch (event.kind) {
      case 'moved':
        this.statistics.moved(event.from, event.to);
        return;
      case 'inventory-changed':
        this.raise(SENSE.notReadyToReadyChange);
        return;
      case 'import-export-accessed':
        this.raise(SENSE.importOrExportElementAccessed);
        return;
      case 'elements-changed':
        this.#addresses = this.#assign();
        this.tagSearches.clear(); // what they found are addresses, which may be those of others now
        this.raise(SENSE.modeParametersChanged);
        return;
      case 'drive-removed':
        this.alerts.add(ALERT.driveOffline);
        return;
      case 'drive-added':
        this.alerts.delete(ALERT.driveOffline);
        return;
    }
  }

  // --- nexuses --------------------------------------------------------------------------------------------------

  /** PREVENT of this nexus, at the mail slots. */
  prevent(nexus: Nexus, on: boolean): void {
    this.library.prevent(nexus.id, on);
  }
  protected override get partReserved(): boolean {
    return this.elementReservations.any;
  }
  override preempted(nexus: Nexus): void {
    this.prevent(nexus, false);
  }
  protected override onNexusLoss(nexus: Nexus): void {
    super.onNexusLoss(nexus);
    this.prevent(nexus, false);
    this.elementReservations.releaseAll(nexus.id);
    this.tagSearches.forget(nexus.id);
  }
  protected override onReset(kind: Reset): void {
    super.onReset(kind);
    for (const nexus of this.nexuses) this.prevent(nexus, false);
    this.elementReservations.clear();
    this.tagSearches.clear();
  }
}

/** The robot can reach it. A drive whose host keeps the cartridge is not accessible. */
const accessible = ({ ref, drive, doorOpen, cartridge }: State): boolean => {
  if (ref.kind === 'robot') return false;
  if (ref.kind === 'drive')
    return drive !== undefined && !(cartridge !== undefined && drive.removalPrevented);
  return doorOpen !== true;
};

const exceptionOf = ({ ref, drive, doorOpen }: State): ElementReport['exception'] => {
  if (ref.kind === 'drive' && drive === undefined) return SENSE.dataTransferDeviceRemoved;
  if (doorOpen === true) return SENSE.mediumMagazineNotAccessible;
  return undefined;
};

function mediumTypeOf(cartridge: LibraryCartridge | undefined): number {
  if (cartridge === undefined) return MEDIUM_TYPE.unspecified;
  if (cartridge.cleaning !== undefined) return MEDIUM_TYPE.cleaning;
  return cartridge.worm === true ? MEDIUM_TYPE.worm : MEDIUM_TYPE.data;
}

/** What administration needs made. The daemon's wiring makes it; tests make stand-ins. */
import type { CartridgeRow, DriveRow, LibraryRow } from '#catalog';
import type { Address } from '#env';
import type { LogicalUnit, Nexus, TargetDevice } from '#scsi';
import type { TargetAccess } from './access.js';
import type { Cartridge, Drive, ElementRef, Library } from '#vtl';

export type TapeLibrary = Library<Cartridge, Drive>;

/** What is shown of a personality. */
export interface PersonalityView {
  readonly name: string;
  readonly vendor: string;
  readonly product: string;
  /** LTO n, of drives. */
  readonly generation?: number;
}

/** A drive as initiators see it. */
export interface TapeFace {
  readonly unit: LogicalUnit;
  /** It names itself as the row says now; initiators are told (3F/03). */
  rename(row: DriveRow): void;
  /** Before somebody reads or writes records past the commands: as this nexus has set it. Throws CheckCondition. */
  prepare(nexus: Nexus): void;
  /** Lets go of the drive. */
  close(): void;
}
/** The changer of a library as initiators see it. */
export interface ChangerFace {
  readonly unit: LogicalUnit;
  rename(row: LibraryRow): void;
  /** Lets go of the library. */
  close(): void;
  /** SMC element address. */
  addressOf(element: ElementRef): number | undefined;
}

/** What administration wants of the iSCSI server. */
export interface TargetServer {
  addTarget(node: {
    readonly name: string;
    readonly alias: string;
    readonly device: TargetDevice;
    readonly access: TargetAccess;
  }): void;
  /** Ends its sessions. */
  removeTarget(name: string): Promise<void>;
  addPortal(portal: {
    readonly address: Address;
    readonly groupTag: number;
    readonly announce?: Address | undefined;
  }): Promise<{ readonly id: number; readonly address: Address }>;
  removePortal(id: number): Promise<void>;
  sessions(): readonly SessionFacts[];
  /** False when there is none of that id. */
  dropSession(id: number): Promise<boolean>;
}
export interface SessionFacts {
  readonly id: number;
  readonly initiatorName: string;
  readonly openedAtMs: number;
  readonly targetName?: string | undefined;
}

export interface Factory {
  readonly driveTypes: readonly PersonalityView[];
  readonly libraryTypes: readonly PersonalityView[];
  /** Reads what drives have kept of their lives; before `drive` is called for them. */
  recall(rows: readonly DriveRow[]): Promise<void>;
  drive(row: DriveRow): Drive;
  /** The object of a cartridge that exists. */
  cartridge(row: CartridgeRow): Cartridge;
  /** Makes the volume of a new cartridge, durably. */
  newCartridge(row: CartridgeRow): Promise<Cartridge>;
  /** `around`: the library, for the pages that name it. */
  tape(
    row: DriveRow,
    drive: Drive,
    around: { readonly serial: string; elementAddress(): number | undefined },
  ): Promise<TapeFace>;
  /** `drives`: the rows of the library's drives as they are now, for the pages that pair changer and drives. */
  changer(row: LibraryRow, library: TapeLibrary, drives: () => readonly DriveRow[]): Promise<ChangerFace>;
}

/** The personality that an operator means by its name, its product or its vendor and product, in any case. */
export function findType(types: readonly PersonalityView[], given: string): PersonalityView | undefined {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]/g, '');
  const wanted = plain(given);
  return (
    types.find(({ name }) => plain(name) === wanted) ??
    types.find(({ product }) => plain(product) === wanted) ??
    types.find(({ vendor, product }) => plain(vendor + product) === wanted)
  );
}

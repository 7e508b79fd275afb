/** NdmpNames: the drives and changers of an installation under the names that NDMP clients open them with, as they are now. */
import type { DriveRow, LibraryRow } from '#catalog';
import { elementName } from './element-name.js';
import type { PersonalityView } from './factory.js';
import type { Installation, InstalledDrive, InstalledLibrary } from './installation.js';
import type { NdmpDevice, NdmpDevices } from '#ndmp';

export const driveDevice = (
  { row: library }: InstalledLibrary,
  { row }: { readonly row: Pick<DriveRow, 'index'> },
): string => `${library.name}/${elementName({ kind: 'drive', index: row.index })}`;
export const changerDevice = ({ row }: InstalledLibrary): string => `${row.name}/changer`;

export class NdmpNames implements NdmpDevices {
  readonly #installation: Pick<Installation, 'libraries' | 'factory'>;
  constructor(installation: Pick<Installation, 'libraries' | 'factory'>) {
    this.#installation = installation;
  }

  /** Each changer before its drives. */
  list(): readonly NdmpDevice[] {
    return this.#installation.libraries.flatMap((installed) => [
      this.#changer(installed),
      ...[...installed.drives.values()]
        .toSorted((a, b) => a.row.index - b.row.index)
        .map((drive) => this.#tape(installed, drive)),
    ]);
  }
  find(name: string): NdmpDevice | undefined {
    const all = this.list();
    return all.find((device) => device.name === name) ?? all.find(({ serial }) => serial === name);
  }

  #changer(installed: InstalledLibrary): NdmpDevice {
    const { row, changer } = installed;
    return {
      kind: 'changer',
      name: changerDevice(installed),
      model: modelOf(row, this.#installation.factory.libraryTypes),
      serial: row.serial,
      unit: changer.unit,
    };
  }
  #tape(installed: InstalledLibrary, one: InstalledDrive): NdmpDevice {
    const { row, drive, face } = one;
    return {
      kind: 'tape',
      name: driveDevice(installed, one),
      model: modelOf(row, this.#installation.factory.driveTypes),
      serial: row.serial,
      drive,
      unit: face.unit,
      prepare: (nexus) => face.prepare(nexus),
    };
  }
}

/** Vendor and product as INQUIRY has them. */
function modelOf(row: DriveRow | LibraryRow, types: readonly PersonalityView[]): string {
  const type = types.find(({ name }) => name === row.personality);
  return [row.vendor ?? type?.vendor, row.product ?? type?.product]
    .filter((word) => word !== undefined)
    .join(' ');
}

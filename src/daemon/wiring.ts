/** The composition root: the only file that names every class. */
import {
  type ChangerFace,
  dumpDatesFolder,
  type Factory,
  Groups,
  type MakeNdmpServer,
  type OpenStore,
  type PersonalityView,
  settingsOf,
  type StoreKind,
  type TapeFace,
  type TapeLibrary,
} from '#admin';
import type { CartridgeRow, Catalog, DriveRow, LibraryRow } from '#catalog';
import type { Env } from '#env';
import { StoreError } from '#errors';
import { IscsiServer } from '#iscsi';
import { moverBlocksMax, slabBlockBytes, slabBlocksMax } from '#limits';
import { addressPolicy, DumpDates, NdmpServer, type ServerIdentity } from '#ndmp';
import type { UnitIdentity } from '#scsi';
import { DedupGroup, type DedupGroupOptions, FileGroup } from '#store';
import { threadedTreeEngine, type TreeEngine } from '#trees';
import {
  ChangerUnit,
  type DrivePersonality,
  drivePersonalities,
  libraryPersonalities,
  type LibraryPersonality,
  TapeUnit,
} from '#targets';
import { Cartridge, type CartridgeOptions, Drive, type DriveCounters, MEDIA } from '#vtl';
import { SlabPool } from '#wire';

/** What the daemon stops again, and what it makes things with. */
export interface Parts {
  readonly factory: Factory;
  readonly server: IscsiServer;
  readonly groups: Groups;
  /** What NDMP clients are told of this host. */
  ndmp(identity: ServerIdentity): MakeNdmpServer;
}

export type OpenDedup = (options: DedupGroupOptions) => Promise<DedupGroup>;

export interface World {
  readonly env: Env;
  readonly catalog: Catalog;
  /** Absolute path. */
  readonly home: string;
  /** What a new home keeps its cartridges in. */
  readonly store?: StoreKind | undefined;
  /** For each deduplicating group, beside the main thread. */
  readonly threads?: number;
  readonly openDedup?: OpenDedup | undefined;
  /** Where there are no files of a real machine. */
  readonly trees?: TreeEngine | undefined;
}

export async function wire({
  env,
  catalog,
  home,
  store: kind,
  threads = 0,
  openDedup,
  trees = threadedTreeEngine(env),
}: World): Promise<Parts> {
  const pool = new SlabPool({ blockBytes: slabBlockBytes, blocksMax: slabBlocksMax });
  const openStore = storesOf(env, openDedup ?? (async (of) => await DedupGroup.open({ ...of, threads })));
  const groups = await Groups.open({ env, catalog, home, kind, openStore });
  const server = new IscsiServer({ env, pool });
  const ndmp =
    (identity: ServerIdentity): MakeNdmpServer =>
    (world) => {
      const { devices, access } = world;
      const data = {
        roots: () => world.roots(),
        ownFolders: () => world.ownFolders(),
        trees,
        dumpDates: new DumpDates(env.disk, dumpDatesFolder(home)),
      };
      const movers = new SlabPool({ blockBytes: slabBlockBytes, blocksMax: moverBlocksMax });
      return new NdmpServer({
        env,
        pool: movers,
        devices,
        access,
        identity,
        policy: addressPolicy(world),
        streamHosts: () => world.streamHosts(),
        streamPorts: () => world.streamPorts(),
        data,
      });
    };
  return { factory: new Workshop(env, catalog, groups, pool), server, groups, ndmp };
}

const storesOf =
  (env: Env, openDedup: OpenDedup): OpenStore =>
  async (row, folder, expected) => {
    const options = { env, folder, ...expected, ...settingsOf(row) };
    return row.kind === 'plain' ? await FileGroup.open(options) : await openDedup(options);
  };

const countersKey = 'counters';

/** Makes machines and their SCSI faces from the rows of the catalog. */
class Workshop implements Factory {
  readonly #env: Env;
  readonly #catalog: Catalog;
  readonly #groups: Groups;
  readonly #pool: SlabPool;
  readonly #counters = new Map<string, DriveCounters>();

  constructor(env: Env, catalog: Catalog, groups: Groups, pool: SlabPool) {
    this.#env = env;
    this.#catalog = catalog;
    this.#groups = groups;
    this.#pool = pool;
  }

  get driveTypes(): readonly PersonalityView[] {
    return Object.values(drivePersonalities).map(({ name, vendor, product, generation }) => ({
      name,
      vendor,
      product,
      generation,
    }));
  }
  get libraryTypes(): readonly PersonalityView[] {
    return [...libraryPersonalities.values()].map(({ name, vendor, product }) => ({ name, vendor, product }));
  }

  // --- machines -------------------------------------------------------------------------------------------------

  async recall(rows: readonly DriveRow[]): Promise<void> {
    for (const { id } of rows) {
      const saved = await this.#catalog.persistence.of(id).load(countersKey);
      if (saved !== undefined) this.#counters.set(id, JSON.parse(saved.toString()) as DriveCounters); // saved by us
    }
  }
  drive(row: DriveRow): Drive {
    const { generation, vendor } = driveType(row);
    const { id, serial } = row;
    const drive = new Drive({
      env: this.#env,
      id,
      serial,
      vendor: row.vendor ?? vendor,
      generation,
      counters: this.#counters.get(id),
    });
    drive.watch(({ kind }) => {
      if (kind === 'medium-unloaded' || kind === 'medium-removed') this.#saveCounters(drive);
    });
    return drive;
  }
  /** What a drive has done counts on after a restart, as of the last unload. */
  #saveCounters({ id, counters }: Drive): void {
    const log = this.#env.log.facility('drive', { drive: id });
    const saved = Buffer.from(JSON.stringify(counters));
    this.#catalog.persistence
      .of(id)
      .save(countersKey, saved)
      .catch((error: unknown) => log.error('Counters could not be saved', { error: String(error) }));
  }
  cartridge(row: CartridgeRow): Cartridge {
    return this.#kept(new Cartridge(this.#optionsOf(row)));
  }
  async newCartridge(row: CartridgeRow): Promise<Cartridge> {
    return this.#kept(await Cartridge.create(this.#optionsOf(row)));
  }
  #optionsOf(row: CartridgeRow): CartridgeOptions {
    const medium = MEDIA.find(({ key }) => key === row.medium);
    if (medium === undefined) throw unknown('medium', row.medium);
    const { volumeId: id, barcode, worm, writeProtected, sizeBytes, usedBytes, cleaningUses } = row;
    const cleaning = cleaningUses === undefined ? {} : { cleaning: { usesLeft: cleaningUses } };
    return {
      env: this.#env,
      group: this.#groups.of(row.groupId),
      id,
      barcode,
      medium,
      worm,
      writeProtected,
      sizeBytes,
      usedBytes,
      ...cleaning,
    };
  }
  /** What changes on the shell of a cartridge goes into the catalog. */
  #kept(cartridge: Cartridge): Cartridge {
    const log = this.#env.log.facility('cartridge');
    cartridge.watch(() => {
      const { id, barcode, writeProtected, usedBytes, cleaning } = cartridge;
      this.#catalog.cartridges
        .set(id, { writeProtected, usedBytes, cleaningUses: cleaning?.usesLeft })
        .catch((error: unknown) => {
          log.error('What changed of a cartridge could not be recorded', { barcode, error: String(error) });
        });
    });
    return cartridge;
  }

  // --- faces ----------------------------------------------------------------------------------------------------

  async tape(row: DriveRow, drive: Drive, around: Parameters<Factory['tape']>[2]): Promise<TapeFace> {
    const personality = driveType(row);
    const unit = new TapeUnit({
      env: this.#envOf('tape', row.id),
      identity: identityOf(row, personality),
      persistence: this.#catalog.persistence.of(row.id),
      drive,
      personality,
      pool: this.#pool,
      automation: around,
    });
    await unit.load();
    return {
      unit,
      rename: (renamed) => unit.rename(identityOf(renamed, personality)),
      prepare: (nexus) => unit.useEncryption(nexus),
      close: () => unit.close(),
    };
  }
  async changer(
    row: LibraryRow,
    library: TapeLibrary,
    drives: () => readonly DriveRow[],
  ): Promise<ChangerFace> {
    const personality = libraryType(row);
    const unit = new ChangerUnit({
      env: this.#envOf('changer', row.id),
      identity: identityOf(row, personality),
      persistence: this.#catalog.persistence.of(row.id),
      library,
      personality,
      driveIdentity: (driveId) => {
        const drive = drives().find(({ id }) => id === driveId);
        return drive === undefined ? undefined : identityOf(drive, driveType(drive));
      },
    });
    await unit.load();
    return {
      unit,
      addressOf: (element) => unit.addresses.addressOf(element),
      rename: (renamed) => unit.rename(identityOf(renamed, personality)),
      close: () => unit.close(),
    };
  }
  #envOf(facility: string, device: string): Env {
    return { ...this.#env, log: this.#env.log.facility(facility, { device }) };
  }
}

const unknown = (what: string, name: string): StoreError =>
  new StoreError('broken', `The catalog names a ${what} ${name} that this release does not know`, {
    what,
    name,
  });

function driveType({ personality }: DriveRow): DrivePersonality {
  const type = drivePersonalities[personality];
  if (type === undefined) throw unknown('drive type', personality);
  return type;
}
function libraryType({ personality }: LibraryRow): LibraryPersonality {
  const type = libraryPersonalities.get(personality);
  if (type === undefined) throw unknown('library type', personality);
  return type;
}
/** What the user set, else what the personality says. */
const identityOf = (
  row: DriveRow | LibraryRow,
  type: { readonly vendor: string; readonly product: string; readonly revision: string },
): UnitIdentity => ({
  vendor: row.vendor ?? type.vendor,
  product: row.product ?? type.product,
  revision: row.revision ?? type.revision,
  serial: row.serial,
  naa: Buffer.from(row.naa, 'hex'),
});

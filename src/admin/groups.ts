/**
 * Groups: the storage groups of the home, opened beside each other when the daemon starts. One that does not open keeps none of
 * the others from it: it is shown with its problem, and its cartridges cannot be loaded until it is open.
 */
import { isAbsolute, join } from 'node:path';
import type { Catalog, GroupRow, StoreKind } from '#catalog';
import type { Env, Logger } from '#env';
import { RefusedError, StoreError, TapesiloError } from '#errors';
import type { DedupGroup, Density, Expectation, KeySource } from '#store';
import { type Key, keptKeyOf } from './group-keys.js';
import { GroupWork } from './group-work.js';
import { type GroupProblem, InstalledGroup, type Keeper, type Store } from './installed-group.js';

/** How the daemon opens what is in a folder. */
export type OpenStore = (
  row: GroupRow,
  folder: string,
  expected: Expectation & { readonly keySource?: KeySource | undefined },
) => Promise<Store>;

export type MakeKeeper = (name: string, group: DedupGroup) => Keeper;

export interface GroupsOptions {
  readonly env: Env;
  readonly catalog: Catalog;
  /** Absolute path. */
  readonly home: string;
  readonly openStore: OpenStore;
  /** Of the default group, if the home is new; otherwise it must be that. */
  readonly kind?: StoreKind | undefined;
  /** How long the start waits for a group. */
  readonly graceMs?: number;
}

/** Names that stores make in their folder (src/store/FORMAT.md). */
const ours =
  /^(group|lock|superblock-[01]|packs|journal|index|mirrors|quarantine|.+\.(volume|making|removing|checkpoint))$/;

/** A group that needs longer (a key program that waits, an index that is made again) opens beside the others' work. */
const openGraceMs = 10_000;
/** When the daemon stops. */
const closeGraceMs = 2_000;

/** Of the group that a new home gets. */
const first = { name: 'default', folder: 'store' } as const;

export class Groups {
  readonly #options: GroupsOptions;
  readonly #log: Logger;
  readonly #groups = new Map<string, InstalledGroup>();
  readonly #opening = new Map<InstalledGroup, Promise<void>>();
  #makeKeeper: MakeKeeper | undefined;
  #closed = false;
  /** Told of a group that was not open at the start, and is now. */
  whenOpened: ((group: InstalledGroup) => Promise<void>) | undefined;

  private constructor(options: GroupsOptions) {
    this.#options = options;
    this.#log = options.env.log.facility('group');
  }
  static async open(options: GroupsOptions): Promise<Groups> {
    const { catalog, env, kind } = options;
    const groups = new Groups(options);
    if ((await catalog.groups.list()).length === 0) {
      await catalog.groups.create(newGroupRow(env, { ...first, kind: kind ?? 'dedup', isDefault: true }));
    }
    for (const row of await catalog.groups.list()) groups.#install(row);
    groups.#checkKind();
    await Promise.all(groups.all.map(async (group) => await groups.#openAtStart(group)));
    return groups;
  }
  async #openAtStart(group: InstalledGroup): Promise<void> {
    const opened = this.tryOpen(group);
    if (!group.row.made) return await opened; // the first start needs it
    await this.#within(this.#options.graceMs ?? openGraceMs, opened);
    if (!this.#opening.has(group)) return await opened;
    this.#log.warn(`Storage group ${group.name} is still being opened: the others do not wait for it`);
    void opened.then(async () => {
      if (group.state === 'open') await this.whenOpened?.(group);
    });
  }
  /** Resolves when the work has ended, or that time. */
  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.env.clock.after(ms, resolve);
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      work.then(end, end);
    });
  }
  #install(row: GroupRow): InstalledGroup {
    const { folder } = row;
    const group = new InstalledGroup(row, this.pathOf(folder), new GroupWork(this.#options.env, this.#log));
    this.#groups.set(row.id, group);
    return group;
  }
  #checkKind(): void {
    const { home, kind } = this.#options;
    const { row } = this.default;
    if (kind === undefined || kind === row.kind) return;
    throw new RefusedError(
      'conflict',
      `${home} keeps its cartridges in a ${row.kind} store: leave --store out, or name another home`,
    );
  }

  /** A folder as the catalog keeps it, absolute. */
  pathOf(folder: string): string {
    return isAbsolute(folder) ? folder : join(this.#options.home, folder);
  }

  /** In the order in which they were made. */
  get all(): readonly InstalledGroup[] {
    return [...this.#groups.values()];
  }
  get default(): InstalledGroup {
    const found = this.all.find(({ row }) => row.isDefault);
    if (found !== undefined) return found;
    throw new StoreError('broken', 'The catalog names no default storage group');
  }
  /** The group of that name, or the default one. RefusedError 'not-found'. */
  named(name: string | undefined): InstalledGroup {
    if (name === undefined) return this.default;
    const found = this.all.find((group) => group.name === name);
    if (found !== undefined) return found;
    throw new RefusedError('not-found', `There is no storage group ${name}: see \`tapesilo group list\``);
  }
  /** What a cartridge is in; cleaning cartridges are in none, and need none. */
  of(groupId: string | undefined): InstalledGroup {
    return (groupId === undefined ? undefined : this.#groups.get(groupId)) ?? this.default;
  }

  /** Opens it if that can be done now; else it says why not. A key that opens it is where its key comes from, from then on. */
  async tryOpen(group: InstalledGroup, key?: Key): Promise<void> {
    const opened = this.#tryOpen(group, key).finally(() => this.#opening.delete(group));
    this.#opening.set(group, opened);
    await opened;
  }
  async #tryOpen(group: InstalledGroup, key: Key | undefined): Promise<void> {
    const { row, folder } = group;
    const keySource = key?.source ?? keptKeyOf(row);
    if (row.keyKind === 'passphrase' && keySource === undefined) {
      const way = `\`tapesilo group unlock ${row.name}\``;
      group.detach({ state: 'locked', message: `it waits for its passphrase: ${way}` });
      this.#log.warn(`Storage group ${row.name} is locked: ${way}`);
      return;
    }
    const id = row.storeId === undefined ? {} : { id: row.storeId };
    group.detach({ state: 'opening', message: 'it is just being opened: wait a while' });
    try {
      const store = await this.#options.openStore(row, folder, { make: !row.made, ...id, keySource });
      if (this.#closed) return await store.close();
      group.attach(store);
      await this.#record(group, { made: true, storeId: store.id, ...key?.place });
      this.#keepUp(group);
    } catch (error) {
      if (!(error instanceof TapesiloError)) throw error;
      const problem = problemOf(group, error);
      await group.detach(problem)?.close();
      this.#log.error(`Storage group ${row.name} is not open: ${problem.message}`, error.facts);
    }
  }
  /** What is new of it. */
  async #record(group: InstalledGroup, news: Partial<GroupRow>): Promise<void> {
    const { row } = group;
    const names = Object.keys(news) as (keyof GroupRow)[]; // its own keys
    if (names.every((name) => row[name] === news[name])) return;
    const { groups } = this.#options.catalog;
    const place = news.keyKind === undefined ? {} : { keyPlace: news.keyPlace };
    await groups.set(row.id, { ...news, ...place });
    group.row = await groups.get(row.id);
  }
  /** From now on that key opens it, and no other. */
  async rotateKey(group: InstalledGroup, { source, place }: Key): Promise<void> {
    const { dedup } = group;
    if (dedup?.isEncrypted !== true) {
      throw new RefusedError(
        'conflict',
        `Storage group ${group.name} is not encrypted: that is chosen when a group is made (\`tapesilo group create NAME --encrypt\`)`,
      );
    }
    await dedup.rotateKey(source);
    await this.#record(group, place);
  }

  /** Every group that is open, or will be, is kept up by what `make` makes. */
  keepUpWith(make: MakeKeeper): void {
    this.#makeKeeper = make;
    for (const group of this.all) this.#keepUp(group);
  }
  #keepUp(group: InstalledGroup): void {
    const { dedup } = group.state === 'open' ? group : {};
    if (dedup !== undefined && this.#makeKeeper !== undefined)
      group.keepUp(this.#makeKeeper(group.name, dedup));
  }

  // --- coming, changing and going

  /** Recorded, made and opened. RefusedError 'conflict' when its folder cannot be used; then nothing is left of it. */
  async create(row: GroupRow, isDefault: boolean, key: Key | undefined): Promise<InstalledGroup> {
    const { catalog, openStore } = this.#options;
    await catalog.groups.create({ ...row, ...key?.place });
    const group = this.#install(await catalog.groups.get(row.id));
    try {
      group.attach(await openStore(row, group.folder, { id: row.id, keySource: key?.source }));
      await this.#record(group, { made: true });
      this.#keepUp(group);
    } catch (error) {
      await group.close();
      await this.#clear(group);
      await this.#forget(group);
      throw error;
    }
    if (isDefault) await catalog.transaction(async ({ groups }) => await groups.makeDefault(row.id));
    await this.refresh();
    return group;
  }
  /** With all that is in it, if it is open. */
  async delete(group: InstalledGroup): Promise<void> {
    const isOpen = group.state === 'open';
    await group.close();
    if (isOpen) await this.#clear(group);
    await this.#forget(group);
  }
  /** Removes what a store has made in the folder, and the folder when it is within the home. */
  async #clear({ folder, row }: InstalledGroup): Promise<void> {
    const { disk } = this.#options.env;
    if (!isAbsolute(row.folder)) return await disk.remove(folder);
    for (const name of await disk.list(folder)) if (ours.test(name)) await disk.remove(join(folder, name));
  }
  async #forget({ row }: InstalledGroup): Promise<void> {
    await this.#options.catalog.groups.remove(row.id);
    this.#groups.delete(row.id);
  }
  /** Reads again what the catalog says of them. */
  async refresh(): Promise<void> {
    for (const row of await this.#options.catalog.groups.list()) {
      const group = this.#groups.get(row.id);
      if (group !== undefined) group.row = row;
    }
  }
  /** Its row holds for its store from now on. */
  configure({ store, row }: InstalledGroup): void {
    store.configure({ capacityBytes: Infinity, ...settingsOf(row) });
  }

  /** Gives up all folders. Volumes that are open lose what they did not commit. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#within(closeGraceMs, Promise.allSettled(this.#opening.values()));
    await Promise.all(this.all.map(async (group) => await group.close()));
  }
}

/** A group whose store is still to be made. */
export function newGroupRow(
  { random, clock }: Pick<Env, 'random' | 'clock'>,
  given: Pick<GroupRow, 'name' | 'kind' | 'folder' | 'isDefault'> & Partial<GroupRow>,
): GroupRow {
  const id = random.uuid();
  return { id, storeId: id, made: false, density: 'adaptive', createdMs: clock.wallMs(), ...given };
}

/** What a store is told of the row. */
export function settingsOf({ density, quotaBytes }: GroupRow): {
  readonly density: Density;
  readonly capacityBytes?: number;
} {
  return quotaBytes === undefined ? { density } : { density, capacityBytes: quotaBytes };
}

/** In the words of an operator, with what to do. */
function problemOf({ name, folder, row }: InstalledGroup, error: TapesiloError): GroupProblem {
  const again = `then \`tapesilo group open ${name}\``;
  if (error instanceof RefusedError) {
    const isAsked = row.keyKind === 'passphrase';
    const way = isAsked ? `try again with \`tapesilo group unlock ${name}\`` : `set that right, ${again}`;
    return { state: 'locked', message: `${error.message}; ${way}` };
  }
  switch (error.code) {
    case 'missing':
      return { state: 'absent', message: `${error.message}: mount its disk there, ${again}` };
    case 'locked':
      return { state: 'in use', message: `${error.message}: end that, ${again}` };
    case 'corrupt':
    case 'broken':
      return { state: 'damaged', message: `${error.message}: put a copy of ${folder} back, ${again}` };
    default:
      return { state: 'failed', message: `${error.message}: set that right, ${again}` };
  }
}

/**
 * InstalledGroup: a storage group of the catalog, open or not. It is the StorageGroup that cartridges are given: while its
 * store is not open, everything about them fails with StoreError 'unavailable', and nothing is made or removed in its place.
 */
import { strict as assert } from 'node:assert';
import type { GroupRow } from '#catalog';
import { StoreError } from '#errors';
import type { GroupWork } from './group-work.js';
import {
  DedupGroup,
  type FileGroup,
  type PaceOptions,
  type Space,
  type StorageGroup,
  type Upkeep,
  type VerifyReport,
  type Volume,
  type VolumeView,
} from '#store';

/** What a group's folder holds. */
export type Store = FileGroup | DedupGroup;

export type GroupState = 'open' | 'opening' | 'locked' | 'absent' | 'in use' | 'damaged' | 'failed';
/** Keeps a group up while it is left alone: Upkeep of src/store. */
export type Keeper = Pick<Upkeep, 'start' | 'stop' | 'state'>;

/** Why it is not open, and what to do. */
export interface GroupProblem {
  readonly state: Exclude<GroupState, 'open'>;
  readonly message: string;
}

export class InstalledGroup implements StorageGroup {
  row: GroupRow;
  /** Absolute. */
  readonly folder: string;
  readonly work: GroupWork;
  #store: Store | undefined;
  #keeper: Keeper | undefined;
  #problem: GroupProblem = { state: 'failed', message: 'It was not opened yet' };

  constructor(row: GroupRow, folder: string, work: GroupWork) {
    this.row = row;
    this.folder = folder;
    this.work = work;
  }
  get name(): string {
    return this.row.name;
  }
  get state(): GroupState {
    return this.#store === undefined ? this.#problem.state : 'open';
  }
  get problem(): GroupProblem | undefined {
    return this.#store === undefined ? this.#problem : undefined;
  }
  attach(store: Store): void {
    this.#store = store;
  }
  /** What keeps it up from now on. */
  keepUp(keeper: Keeper): void {
    this.#keeper = keeper;
    keeper.start();
  }
  get upkeep(): Keeper['state'] | undefined {
    return this.#keeper?.state;
  }
  /** Does what an operator wants with the group while nothing else is done to it. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const keeper = this.#keeper;
    await keeper?.stop();
    try {
      return await work();
    } finally {
      if (this.#keeper === keeper) keeper?.start();
    }
  }
  detach(problem: GroupProblem): Store | undefined {
    const store = this.#store;
    this.#store = undefined;
    this.#problem = problem;
    return store;
  }

  /** StoreError 'unavailable' with what to do. */
  get store(): Store {
    if (this.#store !== undefined) return this.#store;
    const { message } = this.#problem;
    throw new StoreError('unavailable', `Storage group ${this.name} is not open: ${message}`, {
      group: this.name,
    });
  }
  /** StoreError 'unavailable' unless it is open. */
  check(): void {
    void this.store;
  }
  /** Undefined when it keeps plain files. StoreError 'unavailable'. */
  get dedup(): DedupGroup | undefined {
    const { store } = this;
    return store instanceof DedupGroup ? store : undefined;
  }

  async create(id: string): Promise<Volume> {
    return await this.store.create(id);
  }
  async open(id: string): Promise<Volume> {
    return await this.store.open(id);
  }
  async view(id: string): Promise<VolumeView> {
    return await this.store.view(id);
  }
  async verify(id: string, options?: PaceOptions): Promise<VerifyReport> {
    const { store } = this;
    return store instanceof DedupGroup ? await store.verify(id, options) : await store.verify(id);
  }
  async remove(id: string): Promise<void> {
    await this.store.remove(id);
  }
  async list(): Promise<string[]> {
    return await this.store.list();
  }
  async space(): Promise<Space> {
    return await this.store.space();
  }
  async close(): Promise<void> {
    const keeper = this.#keeper;
    this.#keeper = undefined;
    await this.work.stop();
    await keeper?.stop();
    await this.detach({ state: 'failed', message: 'it was closed' })?.close();
  }
}

/** The group that a cartridge was made with. */
export function groupOf({ group }: { readonly group: StorageGroup }): InstalledGroup {
  assert(group instanceof InstalledGroup, 'administration gives cartridges no other');
  return group;
}

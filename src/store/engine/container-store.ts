/**
 * ContainerStore: containers from their first chunk to their reading: those open in memory, their writing, where the others lie,
 * directories and regions at hand.
 *
 *   S1 a container is journaled, and its chunks enter the index, when it is durable, not before
 *   S3 a container that was sealed never changes; another generation of it is another container elsewhere
 *   S6 after an error of writing that is not 'full' the whole engine is broken
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';
import { type ContainerKind, damaged, type Directory, isFast } from './container.format.js';
import type { ContainerFact, ContainerTable } from './container-table.js';
import { directoriesMax, localityPlaces } from './engine-limits.js';
import { FingerprintCache } from './fingerprint-cache.js';
import { HeadReader } from './head-reader.js';
import type { Means } from './means.js';
import { type ContainerTools, type Density, OpenContainer } from './open-container.js';
import type { Mirrors } from './mirrors.js';
import type { Packs } from './packs.js';
import { toolsOf } from './pressure.js';
import { RegionCache } from './region-cache.js';
import { RegionLoader } from './region-loader.js';
import { plainRegions, type RegionCipher } from './region-cipher.js';
import { workspaceBytes, Workspaces } from './workspace.js';

export interface ContainerHost {
  readonly group: bigint;
  /** What every call is refused with once the engine is broken. */
  readonly refusal: StoreError | undefined;
  fail(error: StoreError): void;
  /** The disk has said that it is full. */
  full(): void;
  /** Writers will look for chunks in it from now on. */
  loaded(directory: Directory): void;
}
const writesMax = 2;

export class ContainerStore {
  readonly table: ContainerTable;
  readonly packs: Packs;
  readonly mirrors: Mirrors;
  readonly cache: FingerprintCache;
  readonly regions: RegionCache;
  readonly #host: ContainerHost;
  readonly #tools: ContainerTools;
  readonly #cipher: RegionCipher;
  readonly #heads: HeadReader;
  readonly #workspaces: Workspaces;
  /** Those with memory, oldest first; and those that are not journaled yet. */
  readonly #open = new Map<number, OpenContainer>();
  readonly #directories = new Map<number, { readonly directory: Directory; readonly source: number }>();
  /** The last of them: who reads forward asks for it again and again. */
  #latestDirectory = -1;
  readonly #loading = new Map<number, Promise<Directory>>();
  readonly #queue: OpenContainer[] = [];
  #writes = 0;
  /** Containers that are ended and not sealed yet. */
  #sealing = 0;
  #stall: StoreError | undefined;
  #nextId: number;
  /** Of data, when settings do not say. */
  density: Density = 'adaptive';

  constructor(
    host: ContainerHost,
    means: Means,
    packs: Packs,
    mirrors: Mirrors,
    table: ContainerTable,
    memoryBytes: number,
    cipher: RegionCipher = plainRegions,
  ) {
    this.#host = host;
    this.#tools = toolsOf(means);
    this.#cipher = cipher;
    this.#heads = new HeadReader(host.group, packs, mirrors, cipher);
    this.packs = packs;
    this.mirrors = mirrors;
    this.table = table;
    this.#workspaces = new Workspaces(
      means.arena,
      Math.max(3, Math.floor((memoryBytes * 0.4) / workspaceBytes)),
    );
    const loader = new RegionLoader(means, packs, mirrors, cipher);
    this.regions = new RegionCache(means, loader, Math.max(16, Math.floor((memoryBytes * 0.25) / 262_144)));
    this.cache = new FingerprintCache(Math.min(localityPlaces, Math.floor(memoryBytes / 96)));
    this.#nextId = table.last + 1;
  }

  // --- writing

  /** Bytes that open containers will need on disk. */
  get pendingBytes(): number {
    let bytes = 0;
    for (const open of this.#open.values())
      if (open.holdsMemory) bytes += open.place?.bytes ?? open.pendingBytes;
    return bytes;
  }
  /** Bytes of containers that are on disk and not in the table yet. */
  get writtenBytes(): number {
    let bytes = 0;
    for (const open of this.#open.values()) if (!open.holdsMemory) bytes += open.place?.bytes ?? 0;
    return bytes;
  }
  get stalled(): boolean {
    return this.#stall !== undefined;
  }
  /** A new container, or undefined while there is no memory for one. */
  begin(kind: ContainerKind, density: () => Density = () => this.density): OpenContainer | undefined {
    const open = this.beginAgain(this.#nextId, kind, density);
    if (open === undefined) return undefined;
    this.#nextId += 1;
    open.source = this.cache.enter(open);
    this.#open.set(open.id, open);
    return open;
  }
  /** Another generation of a container. The caller writes it, and gives its memory back. */
  beginAgain(id: number, kind: ContainerKind, density: () => Density): OpenContainer | undefined {
    const workspace = this.#workspaces.take();
    return workspace === undefined
      ? undefined
      : new OpenContainer(id, kind, this.#tools, workspace, density, this.#cipher);
  }
  /** Waits for memory, and has others written for it. */
  async beginSoon(kind: ContainerKind, density?: () => Density): Promise<OpenContainer> {
    return await this.#soon(() => this.begin(kind, density));
  }
  async beginAgainSoon(id: number, kind: ContainerKind, density: () => Density): Promise<OpenContainer> {
    return await this.#soon(() => this.beginAgain(id, kind, density));
  }
  async #soon(begin: () => OpenContainer | undefined): Promise<OpenContainer> {
    for (;;) {
      this.#check();
      const open = begin();
      if (open !== undefined) return open;
      if (this.#stall !== undefined) await this.retry();
      else {
        if (this.#writes === 0 && this.#sealing === 0) this.#sealOldest();
        await this.#workspaces.change();
      }
    }
  }
  #sealOldest(): void {
    for (const open of this.#open.values()) {
      if (open.state !== 'filling' || open.count === 0) continue;
      this.seal(open);
      return;
    }
  }
  #check(): void {
    if (this.#host.refusal !== undefined) throw this.#host.refusal;
  }
  /** Begun for nothing. */
  drop(open: OpenContainer): void {
    assert(open.count === 0 || open.state === 'filling');
    this.cache.drop(open.source);
    this.#open.delete(open.id);
    this.#workspaces.give(open.release());
  }
  /** Ends the container and begins to write it as soon as it is compressed. */
  seal(open: OpenContainer): void {
    if (open.state !== 'filling') return;
    this.#sealing += 1;
    open.end(() => this.#seal(open));
  }
  #seal(open: OpenContainer): void {
    this.#sealing -= 1;
    open.seal(this.#host.group, 0, (bytes) => this.packs.reserve(bytes));
    const { directory } = open;
    assert(directory !== undefined);
    this.cache.replace(open.source, directory);
    this.#queue.push(open);
    this.#start();
    this.#workspaces.wake();
  }
  #start(): void {
    while (this.#writes < writesMax && this.#stall === undefined && this.#host.refusal === undefined) {
      const open = this.#queue.shift();
      if (open === undefined) return;
      this.#writes += 1;
      void this.#write(open);
    }
  }
  /** Never rejects. */
  async #write(open: OpenContainer): Promise<void> {
    assert(open.place !== undefined);
    try {
      await this.packs.write(open.image, open.place);
      await this.mirrors.write({ id: open.id, generation: 0, kind: open.kind }, open.image);
      open.state = 'written';
      this.#writes -= 1;
      this.#workspaces.give(open.release());
    } catch (cause) {
      this.#writes -= 1;
      this.#queue.unshift(open);
      const error =
        cause instanceof StoreError ? cause : new StoreError('io', 'Writing failed', {}, { cause });
      if (error.code === 'full') {
        this.#stall = error;
        this.#host.full();
      } else this.#host.fail(error);
      this.#workspaces.wake();
    }
    this.#start();
  }
  /** Tries again to write what a full disk refused. Throws 'full' when it still does. */
  async retry(): Promise<void> {
    this.#stall = undefined;
    this.#start();
    while (this.#writes > 0) await this.#workspaces.change();
    this.#check();
    const stall = this.#stall as StoreError | undefined; // set meanwhile
    if (stall !== undefined) throw stall;
  }
  /** Resolves when these are written. Throws 'full' (then they wait in memory) and what broke the engine. */
  async written(containers: Iterable<OpenContainer>): Promise<void> {
    for (const open of containers) {
      this.seal(open);
      while (open.state === 'ended' || open.state === 'sealed') {
        this.#check();
        if (this.#stall !== undefined) await this.retry();
        else await this.#workspaces.change();
      }
    }
  }
  /** Makes durable what was written. Any failure breaks the engine: the system may have dropped what it could not write. */
  async sync(): Promise<void> {
    const written = [...this.#open.values()].filter(({ state }) => state === 'written');
    try {
      await this.packs.sync();
    } catch (cause) {
      const error = new StoreError('io', 'Synchronizing containers failed', {}, { cause });
      this.#host.fail(error);
      throw error;
    }
    for (const open of written) open.state = 'durable';
  }
  /** Those that are durable and not journaled. */
  durable(): { readonly open: OpenContainer; readonly fact: ContainerFact }[] {
    const all = [];
    for (const open of this.#open.values()) {
      if (open.state !== 'durable' || open.place === undefined || open.directory === undefined) continue;
      const { id, kind, place, rawBytes, count, directory } = open;
      const counts = { ordinals: count, chunks: count, rawBytes, fast: isFast(directory) };
      all.push({ open, fact: { id, kind, generation: 0, place, ...counts } });
    }
    return all;
  }
  /** It is in the journal and in the table: from now on it is one of many. */
  journaled(open: OpenContainer): void {
    const { directory } = open;
    assert(open.state === 'durable' && directory !== undefined && this.table.has(open.id));
    this.#open.delete(open.id);
    if (open.kind === 1) this.#hold(directory, open.source);
    else this.cache.drop(open.source);
  }
  /** Numbers go on behind this one. */
  startAfter(id: number): void {
    assert(this.#open.size === 0);
    this.#nextId = Math.max(this.#nextId, id + 1);
  }
  openIds(): Iterable<number> {
    return this.#open.keys();
  }
  /** Writes what a collection made. On 'full' nothing happened; any other failure breaks the engine. */
  async writeImage(
    image: Buffer,
    fact: Pick<ContainerFact, 'id' | 'generation' | 'kind' | 'place'>,
  ): Promise<void> {
    try {
      this.#check(); // the next life of the group may have begun
      await this.packs.write(image, fact.place);
      this.#check();
      await this.mirrors.write(fact, image);
    } catch (cause) {
      const error =
        cause instanceof StoreError ? cause : new StoreError('io', 'Writing failed', {}, { cause });
      if (error.code === 'full') this.#host.full();
      else this.#host.fail(error);
      throw error;
    }
  }
  /** A container that is not journaled yet lies there. */
  isWaitingIn(pack: number): boolean {
    for (const { place } of this.#open.values()) if (place?.pack === pack) return true;
    return false;
  }
  get writing(): boolean {
    return this.#writes > 0 || this.#sealing > 0;
  }
  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    while (this.writing) await this.#workspaces.change();
    this.#workspaces.wake();
  }
  get workspaces(): Workspaces {
    return this.#workspaces;
  }

  // --- finding

  /** The container while it is not journaled. */
  openOf(id: number): OpenContainer | undefined {
    return this.#open.get(id);
  }
  /** If it is at hand. */
  directoryOf(id: number): Directory | undefined {
    const held = this.#directories.get(id);
    if (held === undefined) return this.#open.get(id)?.directory;
    if (id !== this.#latestDirectory) {
      this.#directories.delete(id);
      this.#directories.set(id, held);
      this.#latestDirectory = id;
    }
    return held.directory;
  }
  #hold(directory: Directory, source?: number): void {
    const number = source ?? this.cache.enter(directory);
    if (directory.fingerprints !== undefined && source === undefined) this.cache.putAll(number, directory);
    this.#directories.set(directory.id, { directory, source: number });
    this.#latestDirectory = -1;
    for (const [id, held] of this.#directories) {
      if (this.#directories.size <= directoriesMax) return;
      this.#directories.delete(id);
      this.cache.drop(held.source);
      held.directory.stale = true; // or whoever still has it would not hear of what becomes of the container
    }
  }
  /** Another generation took its place, or it is gone. */
  forget(id: number): void {
    const held = this.#directories.get(id);
    if (held === undefined) return;
    held.directory.stale = true;
    this.#directories.delete(id);
    this.cache.drop(held.source);
  }
  /** StoreError 'corrupt' when the container is not there or does not say what it should. */
  async loadDirectory(id: number): Promise<Directory> {
    const held = this.directoryOf(id) ?? this.#loading.get(id);
    if (held !== undefined) return await held;
    const loading = this.#load(id).finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return await loading;
  }
  async #load(id: number): Promise<Directory> {
    const fact = this.table.get(id);
    if (fact === undefined) throw damaged(id, 'place in the table');
    const directory = await this.readDirectory(fact);
    if (this.table.get(id)?.generation !== fact.generation) return await this.#load(id); // moved meanwhile
    this.#host.loaded(directory);
    this.#hold(directory);
    return directory;
  }
  /** From the disk, with fingerprints if they are sound. */
  async readDirectory(fact: ContainerFact): Promise<Directory> {
    return await this.#heads.read(fact);
  }
}

/**
 * ChunkPlacer: brings chunks of a stream into its recipe, one after another: those that are stored already by their place, new ones
 * by way of the stream's own open container, so that what came together lies together.
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';
import { ChunkFinder } from './chunk-finder.js';
import { Directory, fingerprintBytes, KIND } from './container.format.js';
import type { OpenContainer } from './open-container.js';
import type { Recipe } from './recipe.js';
import type { Ring } from './ring.js';
import type { CutSlip } from './slips.js';
import type { StreamHost } from './stream-host.js';

export class ChunkPlacer {
  /** Space is granted chunk by chunk. */
  isTight = false;
  readonly #host: StreamHost;
  readonly #recipe: Recipe;
  readonly #finder: ChunkFinder;
  #open: OpenContainer | undefined;
  /** Changes when nobody waits any more for what was asked for before. */
  #era = 0;
  /** The container whose successor was looked for. */
  #aheadOf = 0;
  /** Granted for the next chunk. */
  #grantedBytes = 0;

  constructor(host: StreamHost, recipe: Recipe) {
    this.#host = host;
    this.#recipe = recipe;
    this.#finder = new ChunkFinder(host.engine);
  }
  /** The ring's next chunk. What must be awaited before the same is asked again; undefined when it is in the recipe. */
  place(ring: Ring): Promise<void> | undefined {
    const finder = this.#finder;
    const blocked = finder.look(ring.digests, ring.digestAt);
    if (blocked !== undefined) return blocked;
    const { source } = finder;
    if (source === undefined) return this.#store(ring);
    const { engine } = this.#host;
    const open = engine.containers.openOf(source.id);
    if (open !== undefined) this.#host.depend(open);
    else assert(engine.containers.table.has(source.id), 'S4: what is referred to is there');
    this.#recipe.push(source.id, finder.ordinal, ring.chunkTo - ring.chunkFrom);
    engine.touch(source.id, finder.ordinal);
    if (source instanceof Directory) this.#lookAhead(source);
    finder.next();
    return undefined;
  }
  /** A new chunk into this stream's container. */
  #store(ring: Ring): Promise<void> | undefined {
    const { engine } = this.#host;
    const { containers } = engine;
    const bytes = ring.chunkTo - ring.chunkFrom;
    if (this.isTight && !this.#isGranted(bytes + fingerprintBytes))
      return this.#grant(bytes + fingerprintBytes);
    let open = this.#open;
    if (open !== undefined && !open.hasRoomFor(bytes)) {
      if (open.state === 'filling') containers.seal(open);
      open = undefined;
    }
    open ??= containers.begin(KIND.data);
    this.#open = open;
    if (open === undefined) return this.#begin();
    if (!open.canTake(bytes)) return open.change();
    const { digests, digestAt } = ring;
    const ordinal = open.add(ring.memory, ring.chunkFrom, ring.chunkTo, digests, digestAt);
    this.#grantedBytes = 0;
    containers.cache.put(open.source, ordinal, digests, digestAt);
    this.#host.depend(open);
    this.#recipe.push(open.id, ordinal, bytes);
    this.#finder.next();
    return undefined;
  }
  #isGranted(bytes: number): boolean {
    if (this.#grantedBytes === 0 && this.#host.engine.guard.grant(bytes)) this.#grantedBytes = bytes;
    return this.#grantedBytes === bytes;
  }
  async #grant(bytes: number): Promise<void> {
    await this.#host.engine.ask(bytes);
    this.#grantedBytes = bytes;
  }
  async #begin(): Promise<void> {
    const { containers } = this.#host.engine;
    const era = this.#era;
    const open = await containers.beginSoon(KIND.data);
    if (era === this.#era) this.#open = open;
    else containers.drop(open); // or its memory would be kept from those who need it
  }
  /**
   * Tells a slip what is likely to follow: what lies behind the last chunk that was known. Its bytes are `ahead` bytes behind the
   * ring's first.
   */
  hint(slip: CutSlip, ahead: number, bytes: number): void {
    let directory = this.#finder.directory;
    if (directory === undefined) return;
    let index = this.#finder.index + 1;
    for (let at = -ahead; at < bytes; index++) {
      if (index >= directory.count) {
        directory = this.#dataBehind(directory.id);
        index = 0;
      }
      if (directory?.fingerprints === undefined) return;
      const length = directory.lengths[index] ?? 0;
      if (at + length > 0 && !slip.hint(at, length, directory.fingerprints, index * fingerprintBytes)) return;
      at += length;
    }
  }
  /** What came next in the stream is next to it more often than not; a checkpoint may have come between. */
  #dataBehind(id: number): Directory | undefined {
    const { containers } = this.#host.engine;
    let next = id + 1;
    while (containers.table.kindOf(next) === KIND.meta) next += 1;
    return containers.directoryOf(next);
  }
  /** The directory that is likely to be needed next is fetched before it is. */
  #lookAhead(directory: Directory): void {
    const next = directory.id + 1;
    const { containers } = this.#host.engine;
    if (directory.id === this.#aheadOf || !containers.table.has(next)) return;
    this.#aheadOf = directory.id;
    if (containers.directoryOf(next) !== undefined) return;
    containers.loadDirectory(next).catch((cause: unknown) => {
      if (!(cause instanceof StoreError)) throw cause; // else whoever needs it is told
    });
  }
  /** The chunk will not be asked for any more. */
  forget(): void {
    this.#era += 1;
    this.#finder.forget();
    this.#grantedBytes = 0;
  }
  close(): void {
    this.forget();
    if (this.#open?.state === 'filling' && this.#open.count === 0)
      this.#host.engine.containers.drop(this.#open);
    this.#open = undefined;
  }
}

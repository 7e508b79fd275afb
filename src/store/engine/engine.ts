/**
 * Engine: one life of a storage group: what is open, the journal, and the one queue that everything durable goes through.
 *
 * Thread: the store's; one writer per group, no locks. The order of an acknowledgement (house decision 7): chunk data →
 * container sealed and fsynced → journal record fsynced → index → reply.
 *
 *   S1 the index learns of containers that are journaled, so durable
 *   S2 a journaled recipe refers only to chunks that were durable before that record
 *   S4 files are removed only after what made them needless is durable
 *   S6 after any failure but a full disk the engine refuses everything; the group recovers from the journal
 */
import { strict as assert } from 'node:assert';
import type { Env } from '#env';
import { SlabPool } from '#wire';
import { StoreError } from '../../errors.js';
import { SpaceGuard } from '../space-guard.js';
import { ByteReader } from './bytes.js';
import { ChunkReader } from './chunk-reader.js';
import { type CheckpointPlace, isCheckpointDue, postponeCheckpoint, runCheckpoint } from './checkpointing.js';
import { fromColumns } from './columns.js';
import type { Directory } from './container.format.js';
import type { ContainerHost, ContainerStore } from './container-store.js';
import {
  indexMemoryEntries,
  journalBytesMax,
  metadataReserveBytes,
  packBytes,
  pieceRuns,
  streamReserveBytes,
} from './engine-limits.js';
import type { Fact } from './facts.js';
import type { FingerprintIndex } from './fingerprint-index.js';
import type { GroupCipher } from './group-cipher.js';
import type { GroupState, VolumeEntry } from './group-state.js';
import type { Journal } from './journal.js';
import { passphraseCost } from './key-derivation.js';
import { Lru } from './lru.js';
import type { Liveness, Pin } from './marks.js';
import type { Means } from './means.js';
import type { OpenContainer } from './open-container.js';
import { Quarantine } from './quarantine.js';
import { type Piece, pieceAt, PieceRuns, type Recipe, type Run, type Runs } from './recipe.js';
import { Rings } from './rings.js';
import { Turn } from './turn.js';
import { decodePiece, decodeState, type StreamState, type VolumeState } from './volume-state.js';

const KiB = 1024;

/** What a commit wants to be carried out. */
export interface CommitRequest {
  readonly volume: string;
  readonly depends: ReadonlySet<OpenContainer>;
  /** For VolumeState.apply; asked right before it is journaled. */
  encode(): Buffer;
}
/** An open volume, as the engine sees it. */
export interface OpenVolume {
  readonly id: string;
  /** Runs or entries of a stream lie in these pieces now, behind those that were there. */
  adopt(stream: string, before: readonly Piece[], added: readonly Piece[], runs: number): void;
  readonly streamsOpen: number;
  /** Promised to its streams, and appended to them and not in containers yet. */
  readonly reservedBytes: number;
  /** Its streams as they are, committed or not. */
  working(): StreamState[];
}
/** What tests make small, so that little data goes a long way. */
export interface Tuning {
  /** Bytes of journal between two checkpoints. */
  readonly checkpointBytes: number;
  /** Runs of a recipe that are stored as one piece. */
  readonly pieceRuns: number;
  /** A pack is given to no more containers when it has grown beyond this. */
  readonly packBytes: number;
  /** Entries of the index in memory before they are written as a run. */
  readonly indexEntries: number;
  /** What a passphrase costs: see Derivation. */
  readonly passphraseCost: number;
}
export const defaultTuning: Tuning = {
  checkpointBytes: journalBytesMax,
  pieceRuns,
  packBytes,
  indexEntries: indexMemoryEntries,
  passphraseCost,
};
export interface EngineParts {
  readonly tuning: Tuning;
  readonly env: Env;
  readonly folder: string;
  readonly group: bigint;
  readonly means: Means;
  readonly cipher: GroupCipher;
  readonly journal: Journal;
  readonly state: GroupState;
  readonly index: FingerprintIndex;
  readonly capacityBytes: number;
  readonly reserveBytes: number;
  readonly memoryBytes: number;
  readonly checkpoint: CheckpointPlace;
  containers(host: ContainerHost): ContainerStore;
}

export class Engine implements ContainerHost {
  readonly env: Env;
  readonly tuning: Tuning;
  readonly folder: string;
  readonly group: bigint;
  readonly means: Means;
  readonly cipher: GroupCipher;
  readonly rings: Rings;
  readonly journal: Journal;
  readonly state: GroupState;
  readonly containers: ContainerStore;
  readonly index: FingerprintIndex;
  readonly chunks: ChunkReader;
  readonly guard: SpaceGuard;
  readonly reads: SlabPool;
  readonly open = new Map<string, OpenVolume>();
  readonly checkpoint: CheckpointPlace;
  liveness: Liveness | undefined;
  collecting = false;
  readonly pins = new Set<Pin>();
  readonly quarantine: Quarantine;
  /** What makes new generations of containers does so one after another. */
  readonly moves = new Turn();
  /** Facts that hold in memory and wait for the next batch. */
  readonly owed: Fact[] = [];
  readonly #runsOfPieces = new Lru<Promise<Runs>>(128);
  readonly #entriesOfPieces = new Lru<Promise<Buffer>>(32);
  #refusal: StoreError | undefined;
  readonly #turn = new Turn();
  #waiting: {
    readonly request: CommitRequest;
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  #upkeep: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.env = parts.env;
    this.tuning = parts.tuning;
    this.folder = parts.folder;
    this.group = parts.group;
    this.means = parts.means;
    this.cipher = parts.cipher;
    this.rings = new Rings(parts.means, parts.cipher.fingerprints);
    this.journal = parts.journal;
    this.state = parts.state;
    this.index = parts.index;
    this.checkpoint = parts.checkpoint;
    this.containers = parts.containers(this);
    this.quarantine = new Quarantine(this);
    this.chunks = new ChunkReader(this.containers, parts.cipher.volumes);
    const blocks = Math.floor((parts.memoryBytes * 0.25) / (256 * KiB));
    this.reads = new SlabPool({ blockBytes: 256 * KiB, blocksMax: Math.max(68, blocks) });
    this.guard = new SpaceGuard({
      disk: this.env.disk,
      folder: this.folder,
      capacityBytes: parts.capacityBytes,
      reserveBytes: parts.reserveBytes,
      occupied: () => Promise.resolve(this.occupied()),
    });
  }

  // --- state of the engine

  get refusal(): StoreError | undefined {
    return this.#refusal;
  }
  fail(error: StoreError): void {
    this.#refusal ??= new StoreError(
      'broken',
      'The storage group has failed',
      { because: error.code },
      { cause: error },
    );
    this.containers.workspaces.wake();
  }
  full(): void {
    this.guard.revoke();
  }
  check(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }
  touch(container: number, ordinal: number): void {
    this.liveness?.touch(container, ordinal);
  }
  /** Of a container that was loaded to be looked into by writers. */
  loaded(directory: Directory): void {
    this.quarantine.hide(directory);
  }
  /** Bytes of all files. */
  get physicalBytes(): number {
    const bytes = this.journal.bytes + this.journal.bytesBefore + this.checkpoint.bytes + this.index.bytes;
    const stored = this.state.containers.packBytes + this.state.containers.metaBytes; // and their mirrors
    return bytes + stored + this.cipher.bytes;
  }
  occupied(): { readonly inFiles: number; readonly pending: number } {
    let streams = 0;
    let reserved = 0;
    for (const { streamsOpen, reservedBytes } of this.open.values()) {
      streams += streamsOpen;
      reserved += reservedBytes;
    }
    const pending =
      reserved + this.containers.pendingBytes + metadataReserveBytes + streams * streamReserveBytes;
    return { inFiles: this.physicalBytes + this.containers.writtenBytes, pending };
  }

  /** As the guard's; but bytes that are just being written count twice, so it waits for them before it says 'full'. */
  async ask(bytes: number, granted?: () => void): Promise<void> {
    try {
      await this.guard.ask(bytes, granted);
    } catch (cause) {
      if (!(cause instanceof StoreError) || cause.code !== 'full' || !this.containers.writing) throw cause;
      await this.containers.settled();
      await this.guard.ask(bytes, granted);
    }
  }

  // --- reading what lies in containers

  async stateOf(entry: VolumeEntry): Promise<VolumeState> {
    const state = await this.peekState(entry);
    return (entry.state ??= state);
  }
  /** Not kept, when it was not at hand. */
  async peekState({ id, damage, state, root }: VolumeEntry): Promise<VolumeState> {
    if (damage !== undefined) throw damage;
    if (state !== undefined) return state;
    assert(root !== undefined);
    const bytes = await this.chunks.readMeta(root);
    return decodeState(new ByteReader(bytes, `The state of volume ${id}`));
  }
  async runsOf(piece: Piece, begins: number): Promise<Runs> {
    const key = piece.container * 1024 + piece.ordinal;
    return await this.#runsOfPieces.get(key, async () => {
      const bytes = await this.pieceBytes(piece);
      return decodePiece(bytes, begins, `Piece ${piece.ordinal} of container ${piece.container}`);
    });
  }
  async pieceBytes({ container, ordinal }: Piece): Promise<Buffer> {
    const directory =
      this.containers.openOf(container)?.directory ?? (await this.containers.loadDirectory(container));
    const bytes = directory.lengths[directory.indexOf(ordinal)];
    if (bytes === undefined) {
      const facts = { container, ordinal };
      throw new StoreError('corrupt', `Container ${container} lacks piece ${ordinal}`, facts);
    }
    return await this.chunks.readMeta({ container, ordinal, chunks: 1, bytes });
  }
  /** Those of the piece that holds the byte. */
  async runsAt(pieces: readonly Piece[], offset: number): Promise<PieceRuns> {
    const index = pieceAt(pieces, offset);
    const piece = pieces[index];
    assert(piece !== undefined);
    return new PieceRuns(await this.runsOf(piece, pieces[index - 1]?.end ?? 0), piece.end);
  }
  /** The run that holds the byte. */
  async runAt(pieces: readonly Piece[], offset: number): Promise<Run> {
    return (await this.runsAt(pieces, offset)).at(offset);
  }
  async runIn({ runs, pieces }: Recipe, offset: number): Promise<Run> {
    if (offset >= runs.from) return runs.at(runs.indexAt(offset));
    return await this.runAt(pieces, offset);
  }
  /** What was read of recipes is read again. */
  forgetPieces(): void {
    this.#runsOfPieces.forget(() => true);
    this.#entriesOfPieces.forget(() => true);
  }
  async entriesOf(piece: Piece, entryBytes: number): Promise<Buffer> {
    const key = piece.container * 1024 + piece.ordinal;
    return await this.#entriesOfPieces.get(key, async () =>
      fromColumns(await this.pieceBytes(piece), entryBytes),
    );
  }

  // --- the queue of what becomes durable

  /** One after another, whatever became of the one before. */
  async inTurn<T>(act: () => Promise<T>): Promise<T> {
    return await this.#turn.run(async () => {
      this.check();
      return await act();
    });
  }
  /** Commits that wait together are carried out together. */
  async commit(request: CommitRequest): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
    });
    if (this.#waiting.length === 1) {
      this.inTurn(async () => await this.#carryOut()).catch((error: unknown) => this.#refuseAll(error));
    }
    await done;
  }
  #refuseAll(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }
  async #carryOut(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const depends = new Set(waiting.flatMap(({ request }) => [...request.depends]));
      await this.containers.written(depends);
      await this.containers.sync();
      for (const open of depends) assert(open.state === 'durable', 'S2');
      const facts = waiting.map(({ request }): Fact => {
        return { kind: 'commit', volume: request.volume, change: request.encode() };
      });
      await this.record(facts);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      return;
    }
    for (const { resolve } of waiting) resolve();
    if (isCheckpointDue(this)) await this.checkpointNow();
    this.#keepUp();
  }
  /** Journals the facts, with all containers that are durable, and makes them true. In turn only. */
  async record(facts: readonly Fact[]): Promise<void> {
    this.check();
    const durable = this.containers.durable();
    const owed = this.owed.slice();
    const made = durable.map(({ fact }): Fact => ({ kind: 'container', container: fact }));
    const all = [...owed, ...made, ...facts];
    if (all.length === 0) return;
    try {
      await this.journal.append(all.map((fact) => this.#sealed(fact)));
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      if (cause.code === 'full') this.full();
      else this.fail(cause);
      throw cause;
    }
    this.owed.splice(0, owed.length);
    this.state.sequence = this.journal.sequence;
    for (const fact of [...made, ...facts]) this.state.apply(fact);
    for (const { open } of durable) {
      this.containers.journaled(open);
      if (open.directory === undefined) continue;
      this.index.publish(open.directory);
      this.quarantine.offer(open.directory);
    }
  }
  /** As the journal has it. */
  #sealed(fact: Fact): Fact {
    if (fact.kind !== 'commit') return fact;
    const key = this.state.volumes.get(fact.volume)?.key ?? 0;
    return { ...fact, change: this.cipher.volumes.sealChange(key, fact.change) };
  }
  /** In turn only. A full disk is no reason to fail: the journal has everything. `force`: even if nothing has happened since. */
  async checkpointNow(force = false): Promise<void> {
    try {
      await runCheckpoint(this, force);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      if (cause.code !== 'full') this.fail(cause);
      postponeCheckpoint(this);
    }
  }
  /** The index is kept in order beside everything else. */
  #keepUp(): void {
    if (!this.index.due || this.#upkeep !== undefined || this.#refusal !== undefined) return;
    this.#upkeep = this.index.maintain().finally(() => {
      this.#upkeep = undefined;
    });
  }

  /** Ends it; with a checkpoint when all is well. */
  async close(): Promise<void> {
    await this.#turn.ended();
    this.index.stop();
    await this.#upkeep;
    if (this.#refusal === undefined) await this.inTurn(async () => await this.checkpointNow());
    this.fail(new StoreError('broken', 'The storage group is closed'));
    await this.containers.settled();
    await this.journal.end();
    await this.index.close();
    await this.containers.packs.close();
    await this.means.crew.close();
  }
}

/**
 * Marking: what the states of volumes refer to. What lies in memory is noted before the first await; what lies in containers of its own
 * (states of closed volumes, pieces of recipes) is read afterwards, piece by piece.
 *
 * A state or piece that cannot be read does not stop it. The piece lies in a container, and whatever it refers to was journaled before
 * that container was begun: so containers with lower numbers are kept as they are, all of them, until the volume is deleted, rolled
 * back or healed. What was written since is collected as ever.
 */
import { ByteReader } from './bytes.js';
import type { Engine } from './engine.js';
import type { Root, VolumeEntry } from './group-state.js';
import type { Liveness } from './marks.js';
import type { Pacer } from './pacer.js';
import type { Piece, Recipe } from './recipe.js';
import { trimCuts } from './trimming.js';
import { isUnreadable } from './unreadable.js';
import { decodePiece, decodeState, type StreamState } from './volume-state.js';

/** A volume of which something cannot be read. */
export interface UnreadableVolume {
  readonly volume: string;
  /** Whatever it refers to lies in containers up to this number. */
  readonly keptTo: number;
}
interface PieceList {
  readonly volume: string;
  readonly pieces: readonly Piece[];
}

export class Marking {
  readonly #engine: Engine;
  readonly #marks: Liveness;
  readonly #pacer: Pacer;
  readonly #lists: PieceList[] = [];
  readonly #roots: { readonly volume: string; readonly root: Root }[] = [];
  readonly #unreadable = new Map<string, number>();
  /** Pieces that were read wholly: states share them. 40 bytes for 4096 runs. */
  readonly #walked = new Set<number>();
  #states = new Set<number>();

  constructor(engine: Engine, marks: Liveness, pacer: Pacer) {
    this.#engine = engine;
    this.#marks = marks;
    this.#pacer = pacer;
  }

  // --- what is at hand: nothing is awaited

  noteStreams(volume: string, streams: Iterable<StreamState>): void {
    for (const stream of streams) {
      if (stream.kind === 'data') this.#noteRecipe(volume, stream.recipe);
      else this.#notePieces(stream.log.pieces);
    }
  }
  #noteRecipe(volume: string, { pieces, runs }: Recipe): void {
    runs.touchAll(this.#marks);
    this.#notePieces(pieces);
    if (pieces.length > 0) this.#lists.push({ volume, pieces });
  }
  #notePieces(pieces: readonly Piece[]): void {
    for (const { container, ordinal } of pieces) this.#marks.touchRun(container, ordinal, 1);
  }
  noteRoot({ container, ordinal, chunks }: Root): void {
    this.#marks.touchRun(container, ordinal, chunks);
  }
  noteEntry(entry: VolumeEntry): void {
    if (entry.root !== undefined) this.noteRoot(entry.root);
    if (entry.damage !== undefined)
      this.#keep(entry.id, Math.max(entry.damagedTo, entry.root?.container ?? 0));
    else if (entry.state !== undefined) this.noteStreams(entry.id, entry.state.streams.values());
    else if (entry.root !== undefined) this.#roots.push({ volume: entry.id, root: entry.root });
  }
  #keep(volume: string, keptTo: number): void {
    this.#unreadable.set(volume, Math.max(keptTo, this.#unreadable.get(volume) ?? 0));
  }

  // --- what must be read

  async walk(): Promise<readonly UnreadableVolume[]> {
    for (const { volume, root } of this.#roots.splice(0)) {
      await this.#pacer.breathe();
      await this.#readable(volume, root.container, async () => await this.#walkState(volume, root));
    }
    for (const { volume, pieces } of this.#lists.splice(0)) {
      let begins = 0;
      for (const piece of pieces) {
        await this.#pacer.breathe();
        const from = begins;
        await this.#readable(volume, piece.container, async () => await this.#walkPiece(piece, from));
        begins = piece.end;
      }
    }
    return [...this.#unreadable].map(([volume, keptTo]) => ({ volume, keptTo }));
  }
  /** Snapshots of a state that has not changed since share its root. */
  async #walkState(volume: string, root: Root): Promise<void> {
    const key = keyOf(root);
    if (this.#states.has(key)) return;
    const bytes = await this.#engine.chunks.readMeta(root);
    const state = decodeState(new ByteReader(bytes, `The state of volume ${volume}`));
    this.noteStreams(volume, state.streams.values());
    this.#states.add(key);
  }
  async #walkPiece(piece: Piece, begins: number): Promise<void> {
    const key = keyOf(piece);
    if (this.#walked.has(key)) return;
    const bytes = await this.#engine.pieceBytes(piece);
    const runs = decodePiece(bytes, begins, `Piece ${piece.ordinal} of container ${piece.container}`);
    // A piece that was cut counts up to its end; what it says beyond that may be garbage.
    if (runs.end <= piece.end) this.#walked.add(key);
    else {
      runs.truncate(piece.end);
      await trimCuts(this.#engine, runs);
    }
    runs.touchAll(this.#marks);
  }
  async #readable(volume: string, container: number, read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (cause) {
      if (!isUnreadable(cause)) throw cause;
      this.#keep(volume, container);
    }
  }
}
const keyOf = ({ container, ordinal }: { readonly container: number; readonly ordinal: number }): number =>
  container * 1024 + ordinal;

/** Everything that must stay: committed states, snapshots, open streams, pins, and the states of the last two checkpoints. */
export async function markAll(
  engine: Engine,
  marks: Liveness,
  pacer: Pacer,
): Promise<readonly UnreadableVolume[]> {
  const marking = new Marking(engine, marks, pacer);
  for (const volume of engine.open.values()) marking.noteStreams(volume.id, volume.working());
  for (const { id, state } of engine.pins) marking.noteStreams(id, state.streams.values());
  for (const entry of engine.state.volumes.values()) marking.noteEntry(entry);
  for (const root of [...engine.checkpoint.roots, ...engine.checkpoint.rootsBefore]) marking.noteRoot(root);
  return await marking.walk();
}

/** DedupView: a volume at a committed state, for reading, whatever becomes of it meanwhile: what it reads is not collected. */
import { DedupVolume } from './engine/dedup-volume.js';
import type { Engine } from './engine/engine.js';
import type { VolumeState } from './engine/volume-state.js';
import type { ReadableStream, StreamShape, VolumeView } from './store.js';

export class DedupView implements VolumeView {
  readonly id: string;
  readonly label: Buffer;
  readonly #volume: DedupVolume;
  readonly #unpin: () => void;

  /** `state`: its own copy. */
  constructor(id: string, engine: Engine, state: VolumeState) {
    this.id = id;
    this.label = state.label;
    // Pinned as it is now: the streams below change nothing of it, and one that was cut would be no view any more.
    const pin = { id, state };
    engine.pins.add(pin);
    this.#unpin = () => engine.pins.delete(pin);
    this.#volume = new DedupVolume(id, engine, { closed: () => undefined }, state);
  }
  streams(): readonly string[] {
    return this.#volume.streams();
  }
  stream(name: string, shape?: StreamShape): ReadableStream {
    return this.#volume.stream(name, shape);
  }
  async close(): Promise<void> {
    this.#unpin();
    await this.#volume.close();
  }
}

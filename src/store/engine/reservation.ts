/** Reservation: space that was promised to a stream and not used yet. */
import type { Engine } from './engine.js';

export class Reservation {
  bytes = 0;
  readonly #engine: Engine;
  constructor(engine: Engine) {
    this.#engine = engine;
  }
  /** Has at least so much. StoreError 'full'. */
  async raise(bytes: number): Promise<void> {
    const missing = bytes - this.bytes;
    if (missing <= 0) return;
    if (this.#engine.guard.grant(missing)) this.bytes += missing;
    else await this.#engine.ask(missing, () => (this.bytes += missing));
  }
  /** True when so much may be used, of what was reserved first; else nothing has happened. */
  use(bytes: number): boolean {
    const reserved = Math.min(bytes, this.bytes);
    if (bytes > reserved && !this.#engine.guard.grant(bytes - reserved)) return false;
    this.bytes -= reserved;
    return true;
  }
}

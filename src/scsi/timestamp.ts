/** The timestamp of a logical unit (SPC-5 5.2): milliseconds since 1970-01-01 UTC, by our clock or as a host has set it. */
import type { Clock } from '#env';

/** TIMESTAMP ORIGIN. */
const setByCommand = 0b010;
const setOtherwise = 0b011;
const timestampMax = 2 ** 48 - 1;

export class Timestamp {
  readonly #clock: Clock;
  /** What SET TIMESTAMP added to our clock; it does not follow when that jumps, since monotonic time carries it. */
  #set: { readonly atMs: number; readonly valueMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get nowMs(): number {
    if (this.#set === undefined) return this.#clock.wallMs();
    const elapsedMs = this.#clock.monotonicMs() - this.#set.atMs;
    return Math.min(timestampMax, Math.floor(this.#set.valueMs + elapsedMs));
  }
  get origin(): number {
    return this.#set === undefined ? setOtherwise : setByCommand;
  }
  set(valueMs: number): void {
    this.#set = { atMs: this.#clock.monotonicMs(), valueMs };
  }
}

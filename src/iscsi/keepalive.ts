/**
 * Keepalive: finds peers that are gone, do not read, or do not send what they were asked for (RFC 7143 4.2.6, 7.6, 11.19).
 * Time is counted in ticks, so that a PDU costs no look at the clock.
 */
import type { Clock, Timer } from '#env';
import { keepaliveAnswerMs, keepaliveIdleMs, stalledPeerMs } from '#limits';

/** The connection as keepalive sees it. */
export interface KeptAlive {
  readonly clock: Clock;
  /** Bytes waiting to be sent, and sent so far. */
  readonly outbox: { readonly queuedBytes: number; readonly sentBytes: number };
  /** We do not read, so silence is ours. */
  readonly isPaused: boolean;
  /** Longest time, in ticks, that a command has waited for its data or for the one before it; to be called once a tick. */
  dataIdleTicks(): number;
  ping(): void;
  drop(reason: string): void;
}

const idleTicksMax = keepaliveIdleMs / keepaliveAnswerMs;
const stalledTicksMax = stalledPeerMs / keepaliveAnswerMs;

export class Keepalive {
  readonly #connection: KeptAlive;
  #timer: Timer | undefined;
  #heard = true;
  #silentTicks = 0;
  #unsentTicks = 0;
  #sentBytes = 0;

  constructor(connection: KeptAlive) {
    this.#connection = connection;
  }
  start(): void {
    this.#timer = this.#connection.clock.after(keepaliveAnswerMs, () => this.#tick());
  }
  stop(): void {
    this.#timer?.cancel();
  }
  /** Something has come. */
  heard(): void {
    this.#heard = true;
  }

  #tick(): void {
    const dead = this.#deadReason();
    if (dead !== undefined) this.#connection.drop(dead);
    else this.start();
  }
  #deadReason(): string | undefined {
    const { outbox, isPaused } = this.#connection;
    const stuck = outbox.queuedBytes > 0 && outbox.sentBytes === this.#sentBytes;
    this.#unsentTicks = stuck ? this.#unsentTicks + 1 : 0;
    this.#sentBytes = outbox.sentBytes;
    if (this.#unsentTicks >= stalledTicksMax) return 'the peer does not read';
    if (!isPaused && this.#connection.dataIdleTicks() >= stalledTicksMax) {
      return 'the peer does not send the data or the command that is due';
    }
    this.#silentTicks = this.#heard || isPaused ? 0 : this.#silentTicks + 1;
    this.#heard = false;
    if (this.#silentTicks === idleTicksMax) this.#connection.ping();
    return this.#silentTicks > idleTicksMax ? 'the peer does not answer' : undefined;
  }
}

/** Unit attention conditions (SAM-5 5.14): one queue per nexus, each condition reported once per nexus and cause (P4). */
import { unitAttentionsMax } from '../limits.js';
import type { Sense } from './sense.js';

export class UnitAttentions {
  readonly #pending = new Map<string, Sense[]>();

  /** A nexus that we now answer to starts with these. */
  attach(nexusId: string, initial: readonly Sense[]): void {
    if (!this.#pending.has(nexusId)) this.#pending.set(nexusId, [...initial]);
  }
  detach(nexusId: string): void {
    this.#pending.delete(nexusId);
  }

  /** Establishes the condition for every nexus but `exceptNexusId`; for one only with `raiseFor`. */
  raise(condition: Sense, exceptNexusId?: string): void {
    for (const id of this.#pending.keys()) {
      if (id !== exceptNexusId) this.raiseFor(id, condition);
    }
  }
  raiseFor(nexusId: string, condition: Sense): void {
    const queue = this.#pending.get(nexusId);
    if (queue === undefined || queue.includes(condition)) return;
    // A reset covers what was pending before it (SAM-5 5.14: a power on or reset condition clears the others).
    if (condition.asc === 0x29) queue.length = 0;
    if (queue.length < unitAttentionsMax) queue.push(condition);
  }

  pending(nexusId: string): Sense | undefined {
    return this.#pending.get(nexusId)?.[0];
  }
  /** Reports the oldest condition and clears it. */
  take(nexusId: string): Sense | undefined {
    return this.#pending.get(nexusId)?.shift();
  }
  /** Clears one condition wherever it is pending, e.g. REPORTED LUNS DATA HAS CHANGED after REPORT LUNS. */
  clear(nexusId: string, condition: Sense): void {
    const queue = this.#pending.get(nexusId);
    const at = queue?.indexOf(condition) ?? -1;
    if (at >= 0) queue?.splice(at, 1);
  }
}

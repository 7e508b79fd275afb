/**
 * TapeEnd: when writing is told that the medium ends. The first write behind early warning is refused with nothing written; the
 * same write again is done, until the partition is full.
 *
 *   clear ──written into early warning──→ due ──refused──→ told ──any motion──→ clear
 */
export class TapeEnd {
  #state: 'clear' | 'due' | 'told' = 'clear';

  /** Is the write that is due now refused? `inZone`: the place lies behind early warning. Asked once for each write. */
  refuses(inZone: boolean): boolean {
    if (this.#state === 'told' || (this.#state === 'clear' && !inZone)) return false;
    this.#state = 'told';
    return true;
  }
  /** A write has ended behind early warning, or when the storage group was running out of space. */
  approach(): void {
    if (this.#state === 'clear') this.#state = 'due';
  }
  /** Nothing more fits, and nothing was written. True when that must be told as the end of the medium: the first time. */
  meet(): boolean {
    const first = this.#state !== 'told';
    this.#state = 'told';
    return first;
  }
  moved(): void {
    this.#state = 'clear';
  }
}

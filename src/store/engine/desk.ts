/**
 * Desk: what a crew and one of its threads tell each other beside slips, in words that both see. Who has nothing to do sleeps on one of
 * them, which costs a tenth of what a message between threads does.
 */
import type { Mailbox } from './mailbox.js';

/**
 * How often it was rung for; 1: nothing was there to do when we looked; the slip that is being performed; 1: we have told; 1: no more
 * will come.
 */
const WORD = { rung: 0, isIdle: 1, at: 2, isTold: 3, isOver: 4 } as const;
const words = 5;
export const deskBytes = words * 4;

export class Desk {
  readonly #words: Int32Array;
  #turn = 0;

  /** `memory`: zeros, or what the other side sees. */
  constructor(memory: Buffer) {
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, words);
  }

  // --- of the crew

  /** Something has been put where the thread looks. False when it has enough to do, and will see that anyway. */
  wake(): boolean {
    if (Atomics.compareExchange(this.#words, WORD.isIdle, 1, 0) === 0) return false;
    Atomics.add(this.#words, WORD.rung, 1);
    Atomics.notify(this.#words, WORD.rung, 1);
    return true;
  }
  /** No more will come: the thread ends when it has looked. */
  end(): void {
    Atomics.store(this.#words, WORD.isOver, 1);
    Atomics.add(this.#words, WORD.rung, 1);
    Atomics.notify(this.#words, WORD.rung, 1);
  }
  /** The slip that it is at; 0: none. */
  get at(): number {
    return Atomics.load(this.#words, WORD.at);
  }
  heard(): void {
    Atomics.store(this.#words, WORD.isTold, 0);
  }

  // --- of the thread

  /** The next slip out of these mailboxes, each in its turn; waits for it; 0 at the end. `idle`: there is none, and now we wait. */
  next(mailboxes: readonly Mailbox[], idle: () => void): number {
    Atomics.store(this.#words, WORD.at, 0);
    for (;;) {
      const rung = Atomics.load(this.#words, WORD.rung);
      Atomics.store(this.#words, WORD.isIdle, 1); // first said, then looked: or what is put between would not be heard of
      const address = this.#take(mailboxes);
      if (address !== 0) {
        Atomics.store(this.#words, WORD.isIdle, 0);
        Atomics.store(this.#words, WORD.at, address);
        return address;
      }
      idle();
      if (Atomics.load(this.#words, WORD.isOver) === 1) return 0;
      Atomics.wait(this.#words, WORD.rung, rung);
    }
  }
  #take(mailboxes: readonly Mailbox[]): number {
    for (const _ of mailboxes) {
      this.#turn = (this.#turn + 1) % mailboxes.length;
      const address = mailboxes[this.#turn]?.take() ?? 0;
      if (address !== 0) return address;
    }
    return 0;
  }
  /** False when they have not heard the last time yet: they will see what is done since. */
  tell(): boolean {
    return Atomics.exchange(this.#words, WORD.isTold, 1) === 0;
  }
}

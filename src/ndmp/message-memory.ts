/**
 * MessageMemory: what the messages of all connections take together while they come and are handled. One connection may send a
 * largest message; hundreds of them may not do so at once. A message for which there is no memory is let pass and refused.
 */
import { ndmpMessageBytesMax, ndmpMessagesBytesMax, ndmpStrangerMessageBytesMax } from '#limits';

export class MessageMemory {
  #takenBytes = 0;

  /** The part of one connection. */
  share(): MessageShare {
    return new MessageShare(this);
  }
  get freeBytes(): number {
    return Math.max(0, ndmpMessagesBytesMax - this.#takenBytes);
  }
  /** For shares only. */
  change(bytes: number): void {
    this.#takenBytes += bytes;
  }
}

export class MessageShare {
  readonly #memory: MessageMemory;
  #bytes = 0;

  constructor(memory: MessageMemory) {
    this.#memory = memory;
  }
  /** The connection has so much now. */
  hold(bytes: number): void {
    this.#memory.change(bytes - this.#bytes);
    this.#bytes = bytes;
  }
  /** The longest message that its owner may send now. */
  messageBytesMax(isStranger: boolean): number {
    if (isStranger) return ndmpStrangerMessageBytesMax;
    // Short ones always find their place: that is what one talks with to end what takes so much.
    const room = Math.max(ndmpStrangerMessageBytesMax, this.#bytes + this.#memory.freeBytes);
    return Math.min(ndmpMessageBytesMax, room);
  }
}

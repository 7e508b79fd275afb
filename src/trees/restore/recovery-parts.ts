/** What recoveries of every format work with, and how they begin. */
import type { Events } from '../events.js';
import type { ImageInput } from '../image-input.js';
import type { Tally } from '../steps.js';
import type { RecoverRequest } from '../tree-engine.js';
import { type Wanted, wantedOf } from './recover-names.js';
import type { Restorer } from './restorer.js';
import type { Settling } from './settling.js';

export interface RecoveryParts {
  readonly input: ImageInput;
  readonly events: Events;
  readonly tally: Tally;
  readonly settling: Settling;
  readonly restorer: Restorer;
}

/** The names that were asked for. What can be none is settled at once. */
export function wantedNames(request: RecoverRequest, { events, tally }: RecoveryParts): Wanted[] {
  return wantedOf(request, (index, status, text) => {
    tally.troubles += 1;
    events.log({ level: 'error', text, status });
    events.settled(index, status);
  });
}

/** What is wrong with the image itself: all of it is told, and the first is what the job ends with. */
export class Damage {
  readonly #settling: Settling;
  #first: string | undefined;

  constructor({ settling }: RecoveryParts) {
    this.#settling = settling;
  }
  get first(): string | undefined {
    return this.#first;
  }
  /** `offset`: of the byte in the image. */
  note(offset: number, text: string): void {
    const line = `${text} (byte ${offset} of the image)`;
    this.#first ??= line;
    this.#settling.trouble(Buffer.alloc(0), line, 'io');
  }
}

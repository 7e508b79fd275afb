/** What a stream needs of its volume, and both of the engine. */
import type { StoreError } from '../../errors.js';
import type { Engine } from './engine.js';
import type { OpenContainer } from './open-container.js';

export interface StreamHost {
  readonly id: string;
  readonly engine: Engine;
  /** What every call is refused with: 'broken', or nothing. */
  readonly refusal: StoreError | undefined;
  /** Asserts that no truncation waits for its commit. */
  checkAppend(): void;
  truncated(): void;
  /** The next commit needs this container to be durable (S2). */
  depend(open: OpenContainer): void;
}

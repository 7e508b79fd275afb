/** What a stream needs of its volume, and both of the engine. */
import { StoreError } from '../../errors.js';
import type { Engine } from './engine.js';
import type { OpenContainer } from './open-container.js';
import type { RecipeMark } from './recipe.js';

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

/** A stream of chunks at some moment. */
export interface DataMark {
  readonly length: number;
  readonly recipe: RecipeMark;
  readonly tail: Buffer;
}

/**
 * What a reader is told: where in the stream the damage is. Other errors are what they are. With an engine that has failed nothing can be
 * said of what lies on the disk: it has given up its keys and files.
 */
export function located(cause: unknown, host: StreamHost, stream: string, offset: number): unknown {
  if (!(cause instanceof StoreError) || cause.code !== 'corrupt') return cause;
  if (host.refusal !== undefined) return host.refusal;
  const { container } = cause.facts;
  const { containers, quarantine } = host.engine;
  if (typeof container === 'number') quarantine.noticed(cause, containers.directoryOf(container));
  const facts = { ...cause.facts, volume: host.id, stream, offset };
  return new StoreError('corrupt', `Stream ${stream} of ${host.id} is damaged at ${offset}`, facts, {
    cause,
  });
}

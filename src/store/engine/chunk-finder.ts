/**
 * ChunkFinder: whether the next chunk of a stream is stored already, and where. First the chunk behind the last one that was found:
 * streams come again in the order in which they came; then what is at hand; then the index.
 *
 *   S10 whatever is found is compared by its whole fingerprint
 */
import { StoreError } from '../../errors.js';
import { Directory, fingerprintBytes } from './container.format.js';
import type { Engine } from './engine.js';
import { isAt, putAt } from './fingerprint.js';
import type { FingerprintSource } from './fingerprint-cache.js';
import type { Found } from './fingerprint-index.js';

export class ChunkFinder {
  /** Of the chunk that is looked for, as long as it is waited for: that may be longer than its place lasts. */
  readonly #asked = Buffer.alloc(fingerprintBytes);
  readonly #engine: Engine;
  #state: 'begin' | 'asking' | 'new' | 'known' = 'begin';
  #source: FingerprintSource | undefined;
  #index = 0;
  #asking: Promise<void> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }
  /** Fingerprint at `at` of `digests`. What must be awaited before the same is asked again; undefined when it is known. */
  look(digests: Buffer, at: number): Promise<void> | undefined {
    if (this.#state === 'begin') {
      this.#look(digests, at);
    }
    if (this.#state === 'asking') return this.#asking;
    if (this.#state === 'known' && this.#source?.stale !== false) this.#state = 'new'; // collected while we waited
    return undefined;
  }
  /** Who has the chunk; undefined: nobody. After `look`. */
  get source(): FingerprintSource | undefined {
    return this.#state === 'known' ? this.#source : undefined;
  }
  /** Its number in the container. */
  get ordinal(): number {
    return this.#source instanceof Directory ? (this.#source.ordinals[this.#index] ?? 0) : this.#index;
  }
  /** Where the last chunk that was known lies, and its place there. */
  get directory(): Directory | undefined {
    return this.#source instanceof Directory && !this.#source.stale ? this.#source : undefined;
  }
  get index(): number {
    return this.#index;
  }
  /** The chunk is done with. */
  next(): void {
    if (this.#state === 'new') this.#source = undefined;
    this.#state = 'begin';
  }
  /** The chunk will not be asked for any more. */
  forget(): void {
    this.#state = 'begin';
    this.#source = undefined;
  }

  #look(digests: Buffer, at: number): void {
    const last = this.#source;
    const next = this.#index + 1;
    if (last?.stale === false && last.fingerprints !== undefined && next < last.count) {
      if (isAt(last.fingerprints, next, digests, at)) {
        this.#known(last, next);
        return;
      }
    }
    const { containers, index } = this.#engine;
    const source = containers.cache.find(digests, at);
    if (source !== undefined) {
      this.#known(source, containers.cache.index);
      return;
    }
    const found = index.peek(digests, at);
    this.#state = found === 'absent' ? 'new' : 'asking';
    if (found === 'absent') return;
    putAt(this.#asked, 0, digests, at);
    this.#asking = this.#ask(found === 'ask' ? undefined : found);
  }
  #known(source: FingerprintSource, index: number): void {
    this.#source = source;
    this.#index = index;
    this.#state = 'known';
  }
  async #ask(hint: Found | undefined): Promise<void> {
    const { containers, index } = this.#engine;
    try {
      const found = hint ?? (await index.find(this.#asked, 0));
      if (found !== undefined && containers.table.has(found.container)) {
        const directory = await containers.loadDirectory(found.container);
        const at = directory.indexOf(found.ordinal);
        const { fingerprints, stale } = directory;
        if (this.#state !== 'asking') return; // nobody wants to know any more
        if (at !== -1 && !stale && fingerprints !== undefined && isAt(fingerprints, at, this.#asked, 0)) {
          this.#known(directory, at);
          return;
        }
      }
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      // Its container is damaged: it is stored once more.
    }
    if (this.#state === 'asking') this.#state = 'new';
  }
}

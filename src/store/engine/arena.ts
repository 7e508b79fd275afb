/**
 * Arena: one memory for everything that is done to bytes, seen by every thread, page-aligned (copies into kernel buffers are slow
 * elsewhere: performance.md, finding 1). It grows as it is needed; what is given back is used again for the same size.
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';

const pageBytes = 65_536;
const alignBytes = 4096;
/** Address space that is set aside, 2 GiB; memory is taken as it is needed. */
const pagesMax = 32_768;
export const arenaBytesMax = pagesMax * pageBytes;

export class Arena {
  readonly memory: WebAssembly.Memory;
  #end = alignBytes; // nothing has the address 0
  readonly #free = new Map<number, Buffer[]>();

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: pagesMax, shared: true });
  }
  /** Throws StoreError 'io' when there is no more, and has changed nothing then. */
  allocate(bytes: number): Buffer {
    assert(bytes > 0);
    const free = this.#free.get(bytes)?.pop();
    if (free !== undefined) return free;
    const at = this.#end;
    const end = at + Math.ceil(bytes / alignBytes) * alignBytes;
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / pageBytes);
    if (missing > 0) this.#grow(missing);
    this.#end = end;
    return Buffer.from(this.memory.buffer, at, bytes);
  }
  #grow(pages: number): void {
    try {
      this.memory.grow(pages);
    } catch (cause) {
      const facts = { pages, bytes: this.memory.buffer.byteLength };
      throw new StoreError('io', 'The system has no more memory for the storage group', facts, { cause });
    }
  }
  /** Nobody uses it any more. */
  give(buffer: Buffer): void {
    const free = this.#free.get(buffer.length);
    if (free === undefined) this.#free.set(buffer.length, [buffer]);
    else free.push(buffer);
  }
  /** Everything may be used again: whoever had some of it is no more. */
  restart(): this {
    this.#end = alignBytes;
    this.#free.clear();
    return this;
  }
  view(at: number, bytes: number): Buffer {
    return Buffer.from(this.memory.buffer, at, bytes);
  }
}

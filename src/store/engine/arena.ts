/**
 * Arena: one memory for everything that is done to bytes, seen by every thread, page-aligned (copies into kernel buffers are slow
 * elsewhere: performance.md, finding 1). It grows as it is needed; what is given back is used again for the same size.
 */
import { strict as assert } from 'node:assert';

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
  allocate(bytes: number): Buffer {
    assert(bytes > 0);
    const free = this.#free.get(bytes)?.pop();
    if (free !== undefined) return free;
    const at = this.#end;
    this.#end += Math.ceil(bytes / alignBytes) * alignBytes;
    const missing = Math.ceil((this.#end - this.memory.buffer.byteLength) / pageBytes);
    if (missing > 0) this.memory.grow(missing);
    return Buffer.from(this.memory.buffer, at, bytes);
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

/**
 * The memory behind WRITE BUFFER and READ BUFFER: one data buffer of the unit, one echo buffer for each nexus that uses it
 * (SPC-5 6.20 and 6.50). Zeroed when made, so that nobody reads what was in our memory.
 */
import { dataBufferBytes, echoBufferBytes, echoBuffersMax } from '../limits.js';

export class UnitBuffers {
  #data: Buffer | undefined;
  readonly #echoes = new Map<string, Buffer>();

  readonly dataCapacity = dataBufferBytes;
  readonly echoCapacity = echoBufferBytes;

  get data(): Buffer {
    return (this.#data ??= Buffer.alloc(dataBufferBytes));
  }
  /** What the nexus wrote last. */
  echo(nexusId: string): Buffer | undefined {
    return this.#echoes.get(nexusId);
  }
  setEcho(nexusId: string, bytes: Buffer): void {
    this.#echoes.delete(nexusId);
    this.#echoes.set(nexusId, bytes);
    const oldest = this.#echoes.keys().next();
    if (this.#echoes.size > echoBuffersMax && oldest.done !== true) this.#echoes.delete(oldest.value);
  }
  forget(nexusId: string): void {
    this.#echoes.delete(nexusId);
  }
}

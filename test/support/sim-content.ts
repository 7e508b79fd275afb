/** What a simulated file holds, and changes of it. */
export type FileChange =
  { readonly offset: number; readonly bytes: Buffer } | { readonly size: number; readonly bytes?: undefined };

export class Content {
  #bytes: Buffer;
  size: number;
  constructor(source: Buffer) {
    this.#bytes = Buffer.from(source);
    this.size = source.length;
  }
  get view(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }
  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(end, 2 * this.#bytes.length, 4096));
      this.view.copy(grown);
      this.#bytes = grown;
    }
    if (offset > this.size) this.#bytes.fill(0, this.size, offset);
    this.#bytes.set(bytes, offset);
    this.size = Math.max(this.size, end);
  }
  resize(size: number): void {
    if (size > this.size) this.write(size, Buffer.alloc(0));
    this.size = size;
  }
  apply(change: FileChange): void {
    if (change.bytes === undefined) this.resize(change.size);
    else this.write(change.offset, change.bytes);
  }
}

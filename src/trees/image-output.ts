/**
 * ImageOutput: where an image is written, chunk by chunk. A chunk is memory of the driver, and what is in it goes on its way as it
 * is; so files are read right into it.
 */
import { strict as assert } from 'node:assert';
import type { Steps } from './steps.js';

export class ImageOutput {
  /** The one that is being filled; the driver replaces it at `image`. */
  chunk: Buffer;
  /** Bytes of it that are filled. */
  filled = 0;
  #before = 0;

  constructor(chunk: Buffer) {
    this.chunk = chunk;
  }
  /** In the image, of what is written next. */
  get position(): number {
    return this.#before + this.filled;
  }
  get room(): number {
    return this.chunk.length - this.filled;
  }
  /** The driver has sent the chunk, and this is the next. */
  next(chunk: Buffer): void {
    this.#before += this.filled;
    this.filled = 0;
    this.chunk = chunk;
  }
  /** Memory for what comes next, up to `lengthBytes` and to the end of the chunk; `took` tells how much of it was used. */
  place(lengthBytes: number): Buffer {
    return this.chunk.subarray(this.filled, this.filled + Math.min(lengthBytes, this.room));
  }
  took(lengthBytes: number): void {
    assert(lengthBytes <= this.room);
    this.filled += lengthBytes;
  }
  *put(bytes: Uint8Array): Steps<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.room === 0) yield 'image';
      const length = Math.min(this.room, bytes.length - at);
      this.chunk.set(bytes.subarray(at, at + length), this.filled);
      this.filled += length;
      at += length;
    }
  }
  *zeros(lengthBytes: number): Steps<void> {
    for (let left = lengthBytes; left > 0;) {
      if (this.room === 0) yield 'image';
      const place = this.place(left);
      place.fill(0);
      this.took(place.length);
      left -= place.length;
    }
  }
  /** Zeros up to the next multiple. */
  *align(toBytes: number): Steps<void> {
    const over = this.position % toBytes;
    if (over !== 0) yield* this.zeros(toBytes - over);
  }
  /** What is left in the last chunk. */
  *flush(): Steps<void> {
    if (this.filled > 0) yield 'image';
  }
}

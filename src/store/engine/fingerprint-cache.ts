/**
 * FingerprintCache: the locality cache: which chunk at hand has this fingerprint. Chunks at hand are those of open containers
 * and of directories that were loaded lately. A table of fixed size with four places a bucket; the newest push the oldest
 * out, and whatever is found is compared with the fingerprint in full (S10), so a place that lies costs nothing. Each says a word
 * of its fingerprint, or a chunk that is nowhere would be compared with four that have nothing in common with it.
 */
import { strict as assert } from 'node:assert';
import { fingerprintBytes } from './container.format.js';
import { isAt } from './fingerprint.js';

/** Somebody with fingerprints at hand. */
export interface FingerprintSource {
  readonly id: number;
  readonly count: number;
  /** Of chunk `index` at 32 times that. */
  readonly fingerprints: Buffer | undefined;
  readonly stale: boolean;
}
const ways = 4;
const placeWords = 2;
const bucketWords = ways * placeWords;
const sourceBits = 22;
const sourcesMax = 1 << sourceBits;

export class FingerprintCache {
  readonly #buckets: number;
  /** A word of the fingerprint; source and index as one number, 0: empty. */
  readonly #places: Int32Array;
  /** The next way of each bucket to be written. */
  readonly #next: Uint8Array;
  readonly #sources: (FingerprintSource | undefined)[] = [undefined];
  readonly #free: number[] = [];

  constructor(places: number) {
    this.#buckets = Math.ceil(places / ways);
    this.#places = new Int32Array(this.#buckets * bucketWords);
    this.#next = new Uint8Array(this.#buckets);
  }
  /** A number for the source, until `drop`. */
  enter(source: FingerprintSource): number {
    const number = this.#free.pop() ?? this.#sources.length;
    assert(number < sourcesMax);
    this.#sources[number] = source;
    return number;
  }
  drop(number: number): void {
    this.#sources[number] = undefined;
    this.#free.push(number);
  }
  replace(number: number, source: FingerprintSource): void {
    this.#sources[number] = source;
  }
  put(number: number, index: number, digests: Buffer, at: number): void {
    const bucket = this.#bucketOf(digests, at);
    const way = this.#next[bucket] ?? 0;
    this.#next[bucket] = (way + 1) % ways;
    const place = bucket * bucketWords + way * placeWords;
    this.#places[place] = digests.readInt32LE(at + 12); // signed: what is above 2^31 V8 makes an object of
    this.#places[place + 1] = (number << 10) | index;
  }
  putAll(number: number, source: FingerprintSource): void {
    const { fingerprints } = source;
    assert(fingerprints !== undefined);
    for (let index = 0; index < source.count; index++)
      this.put(number, index, fingerprints, index * fingerprintBytes);
  }
  #bucketOf(digests: Buffer, at: number): number {
    return (digests.readInt32LE(at + 8) >>> 0) % this.#buckets;
  }
  /** The source that has it, and `index`; undefined when it is not at hand. */
  find(digests: Buffer, at: number): FingerprintSource | undefined {
    const from = this.#bucketOf(digests, at) * bucketWords;
    const word = digests.readInt32LE(at + 12);
    for (let one = from; one < from + bucketWords; one += placeWords) {
      const place = this.#places[one + 1] ?? 0;
      if (this.#places[one] !== word || place === 0) continue;
      const source = this.#sources[place >>> 10];
      if (source === undefined || source.stale || source.fingerprints === undefined) continue;
      const index = place & 1023;
      if (index >= source.count || !isAt(source.fingerprints, index, digests, at)) continue;
      this.index = index;
      return source;
    }
    return undefined;
  }
  /** Of the chunk that `find` found. */
  index = 0;
}

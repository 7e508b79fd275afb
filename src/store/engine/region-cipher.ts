/**
 * RegionCipher: what stands between the bytes of a container and the disk. In a group without encryption it is nothing.
 *
 * Each image of a container draws a salt of its own when it is begun, whatever number and generation it has, and each place in an
 * image is sealed once: so no key and nonce ever seal two things (FORMAT.md, "Encryption").
 */
import { keyFor, nonceBytes, openInto, saltBytes, sealInto, tagBytes } from './sealing.js';

/** An image of a container, while it is made or when it is read. */
export interface Image {
  readonly id: number;
  readonly salt: Buffer;
}
/** Places in an image beside its regions, which are 0, 1, 2 … */
export const PLACE = { head: 65534, fingerprints: 65535 } as const;

export interface RegionCipher {
  /** Bytes on disk behind what was sealed. */
  readonly overheadBytes: number;
  /** For an image that begins. */
  salt(): Buffer;
  /** For `sealPlace` and `openPlace`; undefined when nothing is sealed. The caller overwrites it. */
  keyOf(image: Image): Buffer | undefined;
  /** `target` is longer than `source` by the overhead, and may begin where it does. `context`: what else must be as it was. */
  seal(image: Image, place: number, source: Buffer, target: Buffer, context?: Buffer): void;
  /** False when this was not sealed there. */
  open(image: Image, place: number, source: Buffer, target: Buffer, context?: Buffer): boolean;
}

const nothing = Buffer.alloc(0);
const noSalt = Buffer.alloc(saltBytes);
function copyUnlessSame(source: Buffer, target: Buffer): void {
  if (source.buffer !== target.buffer || source.byteOffset !== target.byteOffset) source.copy(target);
}
export const plainRegions: RegionCipher = {
  overheadBytes: 0,
  salt: () => noSalt,
  keyOf: () => undefined,
  seal: (_image, _place, source, target) => copyUnlessSame(source, target),
  open(_image, _place, source, target) {
    copyUnlessSame(source, target);
    return true;
  },
};

/** Nonce, and what is bound besides the bytes, of a place in the image of a container. */
function nonceOf(place: number): Buffer {
  const nonce = Buffer.alloc(nonceBytes);
  nonce.writeUInt32LE(place, 0);
  return nonce;
}
function contextOf(id: number, place: number, context: Buffer): Buffer {
  const name = Buffer.alloc(8);
  name.writeUInt32LE(id, 0);
  name.writeUInt32LE(place, 4);
  return Buffer.concat([name, context]);
}
/** As RegionCipher.seal, for whoever was given the key of the image: any thread. */
export function sealPlace(
  key: Buffer,
  id: number,
  place: number,
  source: Buffer,
  target: Buffer,
  context: Buffer = nothing,
): void {
  sealInto(key, nonceOf(place), contextOf(id, place, context), source, target);
}
/** As RegionCipher.open. */
export function openPlace(
  key: Buffer,
  id: number,
  place: number,
  source: Buffer,
  target: Buffer,
  context: Buffer = nothing,
): boolean {
  return openInto(key, nonceOf(place), contextOf(id, place, context), source, target);
}

/** `root`: the group's key for containers. */
export class SealedRegions implements RegionCipher {
  readonly overheadBytes = tagBytes;
  readonly #root: Buffer;
  readonly #random: (bytes: number) => Buffer;
  constructor(root: Buffer, random: (bytes: number) => Buffer) {
    this.#root = root;
    this.#random = random;
  }
  salt(): Buffer {
    return this.#random(saltBytes);
  }
  keyOf({ id, salt }: Image): Buffer {
    const name = Buffer.alloc(4);
    name.writeUInt32LE(id);
    return keyFor(this.#root, salt, name);
  }
  seal(image: Image, place: number, source: Buffer, target: Buffer, context?: Buffer): void {
    const key = this.keyOf(image);
    sealPlace(key, image.id, place, source, target, context);
    key.fill(0);
  }
  open(image: Image, place: number, source: Buffer, target: Buffer, context?: Buffer): boolean {
    const key = this.keyOf(image);
    const opened = openPlace(key, image.id, place, source, target, context);
    key.fill(0);
    return opened;
  }
}

/**
 * FrameCipher: bodies of journal batches and checkpoints. Each is sealed under a key of its own, made with a salt that is drawn for
 * it, so that what is written again at a place (after a full disk, after a crash) has nothing in common with what lay there.
 */
import type { FrameKind } from './frame.js';
import { openBox, sealBox } from './sealing.js';

/** What the body is: both copies of a batch have the name of the first. */
export interface BodyName {
  readonly kind: FrameKind;
  readonly file: number;
  readonly offset: number;
}
export interface FrameCipher {
  seal(name: BodyName, body: Buffer): Buffer;
  /** Undefined when this was not sealed there. */
  open(name: BodyName, body: Buffer): Buffer | undefined;
}
export const plainFrames: FrameCipher = { seal: (_name, body) => body, open: (_name, body) => body };

/** Whose frames they are. */
export interface FrameOwner {
  readonly group: bigint;
  readonly cipher: { readonly frames: FrameCipher };
}

function contextOf({ kind, file, offset }: BodyName): Buffer {
  const context = Buffer.alloc(9);
  context.writeUInt8(kind, 0);
  context.writeUInt32LE(file, 1);
  context.writeUInt32LE(offset, 5);
  return context;
}
export class SealedFrames implements FrameCipher {
  readonly #root: Buffer;
  readonly #random: (bytes: number) => Buffer;
  constructor(root: Buffer, random: (bytes: number) => Buffer) {
    this.#root = root;
    this.#random = random;
  }
  seal(name: BodyName, body: Buffer): Buffer {
    return sealBox(this.#root, this.#random, contextOf(name), body);
  }
  open(name: BodyName, body: Buffer): Buffer | undefined {
    return openBox(this.#root, contextOf(name), body);
  }
}

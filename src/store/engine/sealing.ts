/**
 * Sealing: AES-256-GCM as pure functions of key, nonce, context and bytes, into memory that is given: any thread may call them.
 * Who calls them sees to it that no pair of key and nonce seals twice (FORMAT.md, "Encryption").
 */
import { strict as assert } from 'node:assert';
import type { MessagePort } from 'node:worker_threads';
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

export const keyBytes = 32;
export const nonceBytes = 12;
export const tagBytes = 16;
/** Of the random bytes that make a key of its own for everything that is sealed. */
export const saltBytes = 16;
const algorithm = 'aes-256-gcm';
/** Node ciphers into memory of its own: so much at a time stays in the processor's cache. */
const stepBytes = 64 * 1024;
const ownBytesMin = 16 * 1024;
/** What is posted to it goes nowhere, and its memory is free at once. */
const nowhere = makeNowhere();
function makeNowhere(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
}
/**
 * Copies what Node has ciphered to where it belongs, and gives its memory back. Left to the garbage collector, 60 MB of it pile up
 * before each collection: 0.5 s of processor per GB more, and 40 MB of memory.
 */
function move(bytes: Buffer, target: Buffer, at: number): void {
  bytes.copy(target, at);
  const isOwn = bytes.length >= ownBytesMin && bytes.buffer.byteLength === bytes.length;
  if (isOwn && bytes.buffer instanceof ArrayBuffer) nowhere.postMessage(undefined, [bytes.buffer]);
}

/** A key for one use, out of a key for a purpose and what names the use. */
export function keyFor(root: Buffer, ...names: readonly Buffer[]): Buffer {
  const mac = createHmac('sha256', root);
  for (const name of names) mac.update(name);
  return mac.digest();
}

/** `target` takes the bytes of `source` and a tag behind them; it may begin where `source` does. */
export function sealInto(key: Buffer, nonce: Buffer, context: Buffer, source: Buffer, target: Buffer): void {
  assert(target.length === source.length + tagBytes);
  const cipher = createCipheriv(algorithm, key, nonce);
  cipher.setAAD(context);
  for (let at = 0; at < source.length; at += stepBytes)
    move(cipher.update(source.subarray(at, at + stepBytes)), target, at);
  cipher.final();
  cipher.getAuthTag().copy(target, source.length);
}

/** False, and nothing in `target`, when the bytes are not what was sealed so. `target` may begin where `source` does. */
export function openInto(
  key: Buffer,
  nonce: Buffer,
  context: Buffer,
  source: Buffer,
  target: Buffer,
): boolean {
  assert(source.length === target.length + tagBytes);
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(context);
  decipher.setAuthTag(Buffer.from(source.subarray(target.length)));
  for (let at = 0; at < target.length; at += stepBytes)
    move(decipher.update(source.subarray(at, Math.min(at + stepBytes, target.length))), target, at);
  try {
    decipher.final();
    return true;
  } catch {
    target.fill(0); // what was not authenticated is nobody's
    return false;
  }
}

/** What sealing in a box adds: the salt in front, the tag behind. */
export const boxBytes = saltBytes + tagBytes;
/** A key of its own seals one box and nothing else, so its nonce is always the same. */
const boxNonce = Buffer.alloc(nonceBytes);

/** Salt, sealed bytes, tag. */
export function sealBox(
  root: Buffer,
  random: (bytes: number) => Buffer,
  context: Buffer,
  bytes: Buffer,
): Buffer {
  const box = Buffer.alloc(bytes.length + boxBytes);
  const salt = random(saltBytes);
  salt.copy(box);
  const key = keyFor(root, salt);
  sealInto(key, boxNonce, context, bytes, box.subarray(saltBytes));
  key.fill(0);
  return box;
}
/** Undefined when it was not sealed so. */
export function openBox(root: Buffer, context: Buffer, box: Buffer): Buffer | undefined {
  if (box.length < boxBytes) return undefined;
  const bytes = Buffer.alloc(box.length - boxBytes);
  const key = keyFor(root, box.subarray(0, saltBytes));
  const opened = openInto(key, boxNonce, context, box.subarray(saltBytes), bytes);
  key.fill(0);
  return opened ? bytes : undefined;
}

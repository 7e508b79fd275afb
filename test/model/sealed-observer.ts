/**
 * Somebody who sees every write to the disk of an encrypted group, and has its key: opens everything by the words of FORMAT.md alone,
 * and notes under which key and nonce it was sealed.
 */
import { strict as assert } from 'node:assert';
import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import type { Disk, DiskFile } from '#env';

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}
const take = (cursor: Cursor, bytes: number): Buffer =>
  cursor.bytes.subarray(cursor.at, (cursor.at += bytes));
function varint(cursor: Cursor): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = take(cursor, 1).readUInt8();
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
}
const hmac = (key: Buffer, ...parts: readonly Buffer[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(parts)).digest();
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export class SealedObserver {
  readonly #secret: Buffer;
  /** What was sealed under each key and nonce. */
  readonly #seen = new Map<string, string>();
  /** Of each container, the salts of its images of generation 0: more than one when its number was given again. */
  readonly #salts = new Map<number, Set<string>>();
  readonly #purposes = new Map<string, Buffer>();
  readonly #volumeKeys = new Map<number, Buffer>();
  #epochKey: Buffer = Buffer.alloc(0);
  readonly opened = { places: 0, frames: 0, changes: 0, keys: 0 };

  /** `secret`: what the key file holds. */
  constructor(secret: Buffer) {
    this.#secret = secret;
  }
  /** Containers whose number was given more than once. */
  get reused(): number {
    return [...this.#salts.values()].filter(({ size }) => size > 1).length;
  }

  /** The same disk, seen. */
  watch(disk: Disk): Disk {
    const seeing = (file: DiskFile): DiskFile => ({
      path: file.path,
      readAt: async (target, offset) => await file.readAt(target, offset),
      writeAt: async (source, offset) => {
        this.#see(file.path, Buffer.from(source));
        await file.writeAt(source, offset);
      },
      sync: async () => await file.sync(),
      size: async () => await file.size(),
      truncate: async (size) => await file.truncate(size),
      close: async () => await file.close(),
    });
    return {
      open: async (path, how) => seeing(await disk.open(path, how)),
      exists: async (path) => await disk.exists(path),
      makeDirectory: async (path) => await disk.makeDirectory(path),
      list: async (path) => await disk.list(path),
      remove: async (path) => await disk.remove(path),
      rename: async (from, to) => await disk.rename(from, to),
      syncDirectory: async (path) => await disk.syncDirectory(path),
      freeBytes: async (path) => await disk.freeBytes(path),
      claim: async (path) => await disk.claim(path),
    };
  }
  #see(path: string, bytes: Buffer): void {
    if (/\.(pack|mirror)$/.test(path)) this.#image(bytes);
    else if (path.includes('superblock')) this.#superblock(bytes);
    else if (/\.(journal|checkpoint|keys)$/.test(path) && bytes.some((byte) => byte !== 0))
      this.#frames(path, bytes);
  }

  // --- opening

  #note(key: Buffer, nonce: Buffer, sealed: Buffer): void {
    const pair = `${key.toString('base64')} ${nonce.toString('base64')}`;
    const sum = createHash('sha256').update(sealed).digest('base64');
    const before = this.#seen.get(pair);
    assert(before === undefined || before === sum, 'a key and a nonce have sealed two things');
    this.#seen.set(pair, sum);
  }
  #open(key: Buffer, nonce: Buffer, context: Buffer, sealed: Buffer): Buffer {
    this.#note(key, nonce, sealed);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    decipher.setAAD(context).setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  }
  #box(root: Buffer, context: Buffer | string, box: Buffer): Buffer {
    const key = hmac(root, box.subarray(0, 16));
    return this.#open(key, Buffer.alloc(12), Buffer.from(context), box.subarray(16));
  }
  #purpose(name: string): Buffer {
    const key = this.#purposes.get(name);
    assert(key !== undefined, 'the superblock is written first');
    return key;
  }

  // --- what is written

  #superblock(bytes: Buffer): void {
    const body = { bytes: bytes.subarray(48, 48 + bytes.readUInt32LE(8)), at: 10 };
    const id = take(body, varint(body)).toString();
    take(body, varint(body));
    assert.equal(take(body, 1).readUInt8(), 1);
    assert.equal(take(body, 4).readUInt8(), 1, 'HKDF');
    const salt = take(body, 32);
    const wrapping = Buffer.from(hkdfSync('sha256', this.#secret, salt, 'tapesilo key-encryption key', 32));
    const master = this.#box(wrapping, `master key of ${id}`, take(body, 64));
    for (const name of ['regions', 'frames', 'fingerprints', 'superblock'])
      this.#purposes.set(name, Buffer.from(hkdfSync('sha256', master, id, `tapesilo ${name}`, 32)));
    const epoch = take(body, 4).readUInt32LE();
    this.#epochKey = this.#box(wrapping, `epoch ${epoch} of ${id}`, take(body, 64));
    const marked = body.bytes.subarray(0, body.at);
    assert.deepEqual(take(body, 32), hmac(this.#purpose('superblock'), marked));
    assert.equal(body.at, body.bytes.length);
  }
  #frames(path: string, bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const frame = bytes.subarray(at);
      assert.equal(frame.toString('latin1', 0, 4), 'TSEF');
      const length = frame.readUInt32LE(8);
      const body = frame.subarray(48, 48 + length);
      if (path.endsWith('.keys')) this.#key(frame.readUInt32LE(24), frame.readUInt32LE(28), body);
      else this.#body(frame, body);
      at += Math.ceil((48 + length) / 512) * 512;
    }
  }
  #body(frame: Buffer, body: Buffer): void {
    const first = frame.readUInt32LE(12) * 512; // of a batch; a checkpoint lies at 0
    const context = Buffer.concat([frame.subarray(6, 7), frame.subarray(24, 28), u32(first)]);
    const opened = this.#box(this.#purpose('frames'), context, body);
    this.opened.frames += 1;
    // The sequence, then a fact: only commits are looked at, when they come first.
    if (frame.readUInt8(6) !== 3 || opened.readUInt8(8) !== 5) return;
    const cursor = { bytes: opened, at: 9 };
    take(cursor, varint(cursor));
    const change = take(cursor, varint(cursor));
    const opens = [...this.#volumeKeys.values()].some((key) => this.#tries(key, change));
    assert(opens, 'the key of some volume opens the change');
    this.opened.changes += 1;
  }
  #tries(key: Buffer, change: Buffer): boolean {
    try {
      this.#box(key, 'change', change);
      return true;
    } catch {
      return false; // of another volume
    }
  }
  #key(epoch: number, offset: number, body: Buffer): void {
    const number = body.readUInt32LE();
    if (offset === 0) return;
    const context = Buffer.concat([Buffer.from([10]), Buffer.from('volume key'), u32(epoch), u32(number)]);
    const [box, root] = [body.subarray(4), hmac(this.#epochKey, body.subarray(4, 20))];
    // That of an epoch that begins is in no superblock yet.
    try {
      this.#volumeKeys.set(number, this.#box(this.#epochKey, context, box));
      this.opened.keys += 1;
    } catch {
      this.#note(root, Buffer.alloc(12), box.subarray(16));
    }
  }
  #image(image: Buffer): void {
    assert.equal(image.toString('latin1', 0, 4), 'TSCN');
    const [id, generation] = [image.readUInt32LE(16), image.readUInt32LE(20)];
    const salt = image.subarray(80, 96);
    if (generation === 0) {
      const salts = this.#salts.get(id) ?? new Set();
      this.#salts.set(id, salts.add(salt.toString('base64')));
    }
    const key = hmac(this.#purpose('regions'), salt, u32(id));
    const place = (number: number, sealed: Buffer, more: Buffer = Buffer.alloc(0)): Buffer => {
      this.opened.places += 1;
      const nonce = Buffer.concat([u32(number), Buffer.alloc(8)]);
      return this.#open(key, nonce, Buffer.concat([u32(id), u32(number), more]), sealed);
    };
    const header = Buffer.from(image.subarray(0, 96));
    header.fill(0, 64, 72);
    const tables = Buffer.concat([image.subarray(112, image.readUInt32LE(36)), image.subarray(96, 112)]);
    const head = place(65534, tables, header);
    for (let number = 0; number < image.readUInt16LE(40); number++) {
      const [offset, stored] = [head.readUInt32LE(32 * number + 4), head.readUInt32LE(32 * number + 8)];
      place(number, image.subarray(offset, offset + stored + 16));
    }
    const from = image.readUInt32LE(44);
    place(65535, image.subarray(from, from + 32 * image.readUInt16LE(42) + 16));
  }
}

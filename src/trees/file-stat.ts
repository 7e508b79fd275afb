/** FileStat: what statx(2) said, read where it lies. One is filled again and again: whoever keeps a value takes it out. */
import { S, statBytes, statLayout as at } from '#env';
import type { TreeFileType } from './tree-engine.js';

/** A time as system calls have it. */
export interface FileTime {
  readonly seconds: number;
  /** 0 to 999 999 999, also before 1970. */
  readonly nanoseconds: number;
}

const TYPES: Readonly<Record<number, TreeFileType>> = {
  [S.folder]: 'directory',
  [S.fifo]: 'fifo',
  [S.character]: 'character-device',
  [S.block]: 'block-device',
  [S.regular]: 'regular',
  [S.symlink]: 'symlink',
  [S.socket]: 'socket',
};

export const typeOfMode = (mode: number): TreeFileType => TYPES[mode & S.mask] ?? 'other';

export class FileStat {
  readonly bytes = Buffer.alloc(statBytes);
  readonly #view = new DataView(this.bytes.buffer, this.bytes.byteOffset, statBytes);

  /** File type and permission bits. */
  get mode(): number {
    return this.#view.getUint16(at.mode, true);
  }
  get fileType(): number {
    return this.mode & S.mask;
  }
  get type(): TreeFileType {
    return typeOfMode(this.mode);
  }
  get permissions(): number {
    return this.mode & 0o7777;
  }
  get links(): number {
    return this.#view.getUint32(at.links, true);
  }
  get uid(): number {
    return this.#view.getUint32(at.uid, true);
  }
  get gid(): number {
    return this.#view.getUint32(at.gid, true);
  }
  get inode(): bigint {
    return this.#view.getBigUint64(at.inode, true);
  }
  get size(): number {
    return Number(this.#view.getBigUint64(at.size, true));
  }
  /** Of 512 bytes. */
  get blocks(): number {
    return Number(this.#view.getBigUint64(at.blocks, true));
  }
  /** The device that it is, of character and block devices. */
  get device(): readonly [major: number, minor: number] {
    return [this.#view.getUint32(at.deviceMajor, true), this.#view.getUint32(at.deviceMinor, true)];
  }
  /** The device that it lies on: major and minor in one. */
  get onDevice(): bigint {
    const major = this.#view.getUint32(at.onMajor, true);
    return (BigInt(major) << 32n) | BigInt(this.#view.getUint32(at.onMinor, true));
  }
  /** Which mount it was reached through; 0 before Linux 5.8. */
  get mount(): bigint {
    return this.#view.getBigUint64(at.mount, true);
  }
  time(which: 'accessed' | 'born' | 'changed' | 'modified'): FileTime {
    const from = at[which];
    const seconds = Number(this.#view.getBigInt64(from, true));
    return { seconds, nanoseconds: this.#view.getUint32(from + 8, true) };
  }
  /** Nanoseconds since 1970. */
  nanoseconds(which: 'accessed' | 'born' | 'changed' | 'modified'): bigint {
    return inNanoseconds(this.time(which));
  }
  /** The same file, of the same content as far as times tell. */
  isAs(other: FileStat): boolean {
    return (
      this.size === other.size &&
      this.#same(other, at.modified) &&
      this.#same(other, at.changed) &&
      this.#same(other, at.inode, 8)
    );
  }
  #same(other: FileStat, from: number, length = 12): boolean {
    return this.bytes.compare(other.bytes, from, from + length, from, from + length) === 0;
  }
}

export function inNanoseconds({ seconds, nanoseconds }: FileTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

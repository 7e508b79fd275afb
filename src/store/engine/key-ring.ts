/**
 * KeyRing: the keys of an encrypted group while it is open.
 *
 *   secret → key-encryption key ─┬─ wraps the master key ── HKDF ─ regions, frames, fingerprints, the mark on the superblocks
 *                                └─ wraps the key of the epoch ── wraps the key of each volume
 *
 * All but the wrapped forms is in memory only, in buffers that `close` overwrites; no error, fact or log line has any of it.
 *
 *   K1 what superblocks and tables say on disk is written before it counts in memory; when that fails, the ring is read again
 *   K2 nothing is written until the secret has proved right
 */
import { strict as assert } from 'node:assert';
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Env } from '#env';
import { RefusedError, StoreError } from '../../errors.js';
import type { Secret } from '../key-source.js';
import { type FingerprintCipher, fingerprintCipher } from './fingerprint-cipher.js';
import { type FrameCipher, SealedFrames } from './frame-cipher.js';
import type { GroupCipher } from './group-cipher.js';
import type { Means } from './means.js';
import { type Derivation, deriveKey, newDerivation, purposeKey } from './key-derivation.js';
import { type RegionCipher, SealedRegions } from './region-cipher.js';
import { keyBytes, openBox, sealBox } from './sealing.js';
import {
  type FoundSuperblock,
  groupNumber,
  type KeySlot,
  type StoredSuperblock,
  type Superblock,
  writeSuperblock,
} from './superblock.js';
import { SealedVolumes, type VolumeCipher } from './volume-cipher.js';
import { keysFolder, VolumeKeys, type VolumeKeysParts } from './volume-keys.js';

export interface KeyRingParts {
  readonly env: Env;
  readonly folder: string;
}
/** What opens the boxes of a superblock. */
export interface Wrapping {
  readonly derivation: Derivation;
  readonly key: Buffer;
}
const masterContext = (group: string): Buffer => Buffer.from(`master key of ${group}`);
const epochContext = (group: string, epoch: number): Buffer => Buffer.from(`epoch ${epoch} of ${group}`);

export class KeyRing implements GroupCipher {
  readonly isSealed = true;
  readonly regions: RegionCipher;
  readonly fingerprints: FingerprintCipher;
  readonly frames: FrameCipher;
  readonly keys: VolumeKeys;
  #volumes: VolumeCipher | undefined;
  readonly #parts: KeyRingParts;
  readonly #master: Buffer;
  readonly #purposes: Readonly<Record<'regions' | 'frames' | 'fingerprints' | 'superblock', Buffer>>;
  #superblock: Superblock;
  #wrapping: Wrapping;
  /** The copy of the superblock that is known to be sound: it is written last. */
  #soundCopy = 1;
  /** A rotation is under way, or failed half-way. */
  #next: Wrapping | undefined;

  private constructor(
    parts: KeyRingParts,
    superblock: Superblock,
    wrapping: Wrapping,
    master: Buffer,
    keys: VolumeKeys,
  ) {
    const random = (bytes: number): Buffer => parts.env.random.bytes(bytes);
    const purpose = (name: string): Buffer => purposeKey(master, superblock.id, name);
    this.#parts = parts;
    this.#superblock = superblock;
    this.#wrapping = wrapping;
    this.#master = master;
    this.keys = keys;
    this.#purposes = {
      regions: purpose('regions'),
      frames: purpose('frames'),
      fingerprints: purpose('fingerprints'),
      superblock: markKey(master, superblock.id),
    };
    this.regions = new SealedRegions(this.#purposes.regions, random);
    this.frames = new SealedFrames(this.#purposes.frames, random);
    this.fingerprints = fingerprintCipher(this.#purposes.fingerprints);
  }

  /** For the life of an engine that has these means. */
  standOn(means: Means): this {
    this.#volumes = new SealedVolumes(this.keys, (bytes) => this.#parts.env.random.bytes(bytes), means);
    return this;
  }
  get volumes(): VolumeCipher {
    assert(this.#volumes !== undefined, 'it stands on the means of an engine');
    return this.#volumes;
  }
  /** Of a new group, whose superblock is written by it. `cost`: of a passphrase. */
  static async make(
    parts: KeyRingParts,
    superblock: Superblock,
    secret: Secret,
    cost: number,
  ): Promise<KeyRing> {
    const { random } = parts.env;
    const derivation = newDerivation(secret.random, (bytes) => random.bytes(bytes), cost);
    const wrapping = { derivation, key: await deriveKey(derivation, secret.bytes) };
    const epochKey = random.bytes(keyBytes);
    const keys = await VolumeKeys.make(keysPartsOf(parts, superblock.id), 1, epochKey);
    const ring = new KeyRing(parts, superblock, wrapping, random.bytes(keyBytes), keys);
    await ring.#write(wrapping, 1, epochKey, superblock.sequence);
    return ring;
  }
  /**
   * Of a group that is there. A rotation that a crash cut short left two superblocks that different secrets open, and either is right.
   * RefusedError 'unauthorized' when the secret opens none, and nothing is changed then.
   */
  static async open(
    parts: KeyRingParts,
    found: FoundSuperblock,
    wrappingsOf: (derivation: Derivation) => Promise<readonly Buffer[]>,
  ): Promise<KeyRing> {
    const candidates = found.other === undefined ? [found.superblock] : [found.superblock, found.other];
    for (const superblock of candidates) {
      const { id, keys: slot } = superblock;
      if (slot === undefined) continue;
      for (const key of await wrappingsOf(slot.derivation)) {
        const master = openBox(key, masterContext(id), slot.master);
        if (master === undefined) {
          key.fill(0);
          continue;
        }
        checkMark(superblock, master);
        const epochKey = openBox(key, epochContext(id, slot.epoch), slot.epochKey);
        if (epochKey === undefined) throw changed(id);
        const keys = await VolumeKeys.load(keysPartsOf(parts, id), slot.epoch, epochKey);
        const ring = new KeyRing(parts, superblock, { derivation: slot.derivation, key }, master, keys);
        ring.#soundCopy = superblock.copy;
        await ring.#mend(found, superblock);
        return ring;
      }
    }
    throw new RefusedError(
      'unauthorized',
      'The key does not open the storage group: it is another passphrase, key file or command than its last one',
      { group: found.superblock.id },
    );
  }
  /** Both copies say what was opened; then nothing needs the tables of other epochs. */
  async #mend({ superblock: newest, whole }: FoundSuperblock, opened: StoredSuperblock): Promise<void> {
    if (!whole) {
      const sequence = opened.sequence + (opened === newest ? 0 : 2); // the other one is a step ahead
      try {
        await this.#write(this.#wrapping, this.keys.epoch, this.keys.epochKey, sequence);
      } catch (cause) {
        // A full disk is no reason not to read what is there: one copy says it all.
        if (cause instanceof StoreError && cause.code === 'full') return;
        throw cause;
      }
    }
    await this.keys.dropOthers();
  }
  get bytes(): number {
    return this.keys.bytes;
  }
  get superblock(): Superblock {
    return this.#superblock;
  }
  /** To read the ring again with, after a failure: copies, because `close` overwrites its own. */
  get wrappingKeys(): Buffer[] {
    const all = this.#next === undefined ? [this.#wrapping] : [this.#next, this.#wrapping];
    return all.map(({ key }) => Buffer.from(key));
  }

  /** Durable in both superblocks when it resolves. */
  async #write(wrapping: Wrapping, epoch: number, epochKey: Buffer, sequence: number): Promise<void> {
    const { env, folder } = this.#parts;
    const { id } = this.#superblock;
    const box = (context: Buffer, key: Buffer): Buffer =>
      sealBox(wrapping.key, (bytes) => env.random.bytes(bytes), context, key);
    const keys: KeySlot = {
      derivation: wrapping.derivation,
      master: box(masterContext(id), this.#master),
      epoch,
      epochKey: box(epochContext(id, epoch), epochKey),
    };
    const superblock = { ...this.#superblock, sequence, keys };
    const marker = (marked: Buffer): Buffer => markOf(this.#purposes.superblock, marked);
    await writeSuperblock(env.disk, folder, superblock, marker, this.#soundCopy);
    this.#superblock = superblock;
  }

  /** The same keys under another secret. In the engine's turn; a failure is for the engine to fail with (K1). */
  async rotate(next: Wrapping): Promise<void> {
    this.#next = next;
    await this.#write(next, this.keys.epoch, this.keys.epochKey, this.#superblock.sequence + 1);
    this.#wrapping.key.fill(0);
    this.#wrapping = next;
    this.#next = undefined;
  }

  /**
   * Destroys the keys of all volumes but those in `kept`: in the engine's turn. `record` says in the journal that they are gone; when it
   * fails nothing has happened. A failure behind it is for the engine to fail with: the next life finishes it.
   */
  async keepOnly(kept: ReadonlySet<number>, record: () => Promise<void>): Promise<void> {
    const epoch = this.keys.epoch + 1;
    const epochKey = this.#parts.env.random.bytes(keyBytes);
    try {
      await this.keys.prepare(epoch, epochKey, kept);
      await record();
    } catch (error) {
      epochKey.fill(0);
      throw error;
    }
    try {
      await this.#write(this.#wrapping, epoch, epochKey, this.#superblock.sequence + 1);
      this.keys.adopt(epoch, epochKey, kept);
      await this.keys.dropOthers();
    } catch (cause) {
      throw new StoreError('io', 'Destroying keys failed; the next opening finishes it', {}, { cause });
    }
  }

  /** Every key is in memory, so both copies of the table may have rotted. */
  async repair(): Promise<boolean> {
    if (await this.keys.isSound()) return false;
    await this.keepOnly(new Set(this.keys.numbers), async () => await Promise.resolve());
    return true;
  }

  close(): void {
    this.keys.close();
    this.#master.fill(0);
    this.#wrapping.key.fill(0);
    this.#next?.key.fill(0);
    for (const key of Object.values(this.#purposes)) key.fill(0);
  }
}

function keysPartsOf({ env, folder }: KeyRingParts, id: string): VolumeKeysParts {
  const random = (bytes: number): Buffer => env.random.bytes(bytes);
  return { disk: env.disk, folder: keysFolder(folder), group: groupNumber(id), random };
}
const markKey = (master: Buffer, group: string): Buffer => purposeKey(master, group, 'superblock');
const markOf = (key: Buffer, marked: Buffer): Buffer => createHmac('sha256', key).update(marked).digest();
function checkMark({ id, marked, mark }: StoredSuperblock, master: Buffer): void {
  const key = markKey(master, id);
  const isSound = timingSafeEqual(markOf(key, marked), mark);
  key.fill(0);
  if (!isSound) throw changed(id);
}
const changed = (group: string): StoreError =>
  new StoreError('corrupt', 'The superblock was changed by somebody who does not have the key', { group });

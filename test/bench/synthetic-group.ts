/**
 * A storage group that says it holds terabytes: containers that are journaled, indexed and referred to by cartridges as ingest
 * would have done it, by the engine's own journal, checkpoints and merges; only the packs with their data are not there.
 */
import { randomFillSync } from 'node:crypto';
import { realEnv } from '#env';
import { DedupGroup } from '#store';
import { xxh64 } from '#wire';
import { ByteWriter } from '../../src/store/engine/bytes.js';
import {
  type Directory,
  encodeHead,
  type HeadFields,
  headBytesOf,
  KIND,
  type Place,
  regionSeed,
} from '../../src/store/engine/container.format.js';
import { CODEC } from '../../src/store/engine/kernels.js';
import { PLACE } from '../../src/store/engine/region-cipher.js';
import { RegionTable } from '../../src/store/engine/region-table.js';
import { saltBytes } from '../../src/store/engine/sealing.js';
import { defaultTuning, type Engine } from '../../src/store/engine/engine.js';
import { plainGroup } from '../../src/store/engine/group-cipher.js';
import { encodeRuns } from '../../src/store/engine/recipe.format.js';
import { Runs } from '../../src/store/engine/recipe.js';
import { makeFolder, openSuperblock, recover } from '../../src/store/engine/recovery.js';

const MiB = 1024 * 1024;
export const containerBytes = 4 * MiB;
export const chunksPerContainer = 200;
const chunkBytes = Math.floor(containerBytes / chunksPerContainer);
/** Containers of one commit, and the streams that repeat what is stored already beside each of them. */
const containersPerCommit = 64;
const entryBytes = 24;
const chunksPerRun = 140;
/** Packs of data that are not there have numbers from here on. */
const firstPack = 100_000;
const containersPerPack = 16;

/** Without a claim: whoever calls it has the folder. Its merges do not rest: nobody writes as fast as we do. */
export async function openEngine(folder: string): Promise<Engine> {
  const { clock, ...others } = realEnv();
  const env = { ...others, clock: { ...clock, sleep: async (): Promise<void> => await clock.sleep(0) } };
  await makeFolder(env, folder);
  const options = {
    env,
    folder,
    threads: 0,
    capacityBytes: Infinity,
    reserveBytes: 0,
    memoryBytes: 128 * MiB,
  };
  const { superblock } = await openSuperblock({ env, folder });
  const settings = { ...options, tuning: defaultTuning, density: 'fast' as const };
  return await recover(settings, superblock, () => plainGroup);
}

const mixed = (value: number): number => {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
};
/** The front of a fingerprint that looks random and can be made again. */
export function fingerprint(chunk: number, into: Buffer, at: number): void {
  const hi = mixed(chunk + 0x9e3779b9);
  into.writeUInt32BE(hi, at);
  into.writeUInt32BE(mixed((hi ^ Math.imul(chunk, 0x27d4eb2f)) + 0x7f4a7c15), at + 4);
}
const shared = {
  kind: 1,
  id: 0,
  count: chunksPerContainer,
  fingerprints: Buffer.alloc(chunksPerContainer * 32),
  ordinals: Uint16Array.from({ length: chunksPerContainer }, (_, index) => index),
};
/** What the index reads of a container. One object is used again and again. */
export function directoryOf(id: number): Directory {
  shared.id = id;
  for (let index = 0; index < chunksPerContainer; index++)
    fingerprint((id - 1) * chunksPerContainer + index, shared.fingerprints, index * 32);
  return shared as unknown as Directory;
}

/** Empty ones, `tape-0` and so on. */
export async function makeCartridges(folder: string, cartridges: number): Promise<void> {
  const group = await DedupGroup.open({ env: realEnv(), folder, reserveBytes: 0 });
  for (let tape = 0; tape < cartridges; tape++) await (await group.create(`tape-${tape}`)).close();
  await group.close();
}
export interface SyntheticOptions {
  /** Bytes that were stored already for each new one. */
  readonly repeats: number;
  readonly recordBytes?: number;
  /** Containers whose chunks are not in the index are made faster. */
  readonly indexed?: boolean;
}
export class SyntheticGroup {
  readonly engine: Engine;
  /** Containers get heads that can be read: those that a restart reads must have them. */
  heads = false;
  readonly #options: Required<SyntheticOptions>;
  readonly #objects: number[] = [];
  readonly #bytes: number[] = [];
  #last = 0;

  constructor(engine: Engine, options: SyntheticOptions) {
    this.engine = engine;
    this.#options = { recordBytes: 256 * 1024, indexed: true, ...options };
  }
  /** Records of a cartridge. */
  objectsOf(tape: number): number {
    return this.#objects[tape] ?? 0;
  }
  /** New containers onto a cartridge, with repeats, and a commit of it all. */
  async write(tape: number): Promise<void> {
    const { engine } = this;
    // In turn: a checkpoint gives numbers to containers of its own.
    const first = await engine.inTurn(async () => await this.#containers());
    const entry = engine.state.volumes.get(`tape-${tape}`);
    if (entry === undefined) throw new Error(`There is no tape-${tape}`);
    entry.state = await engine.stateOf(entry);
    const change = this.#change(tape, first);
    await engine.commit({ volume: entry.id, depends: new Set(), encode: () => change });
  }
  async #containers(): Promise<number> {
    const { engine } = this;
    const first = engine.state.containers.last + 1;
    this.#last = engine.state.containers.last + containersPerCommit;
    for (let id = first; id <= this.#last; id++) {
      const place = {
        pack: firstPack + Math.floor(id / containersPerPack),
        offset: (id % containersPerPack) * containerBytes,
        bytes: containerBytes,
      };
      const container = { id, generation: 0, kind: 1 as const, place };
      const counts = { ordinals: chunksPerContainer, chunks: chunksPerContainer, fast: false };
      const fact = { ...container, ...counts, rawBytes: containerBytes };
      engine.owed.push({ kind: 'container', container: fact });
      engine.state.apply({ kind: 'container', container: fact });
      if (this.#options.indexed) engine.index.publish(directoryOf(id));
      if (this.heads) await this.#writeHead(id, place);
    }
    engine.containers.startAfter(this.#last);
    return first;
  }
  /** Head and fingerprints, in a file with holes. */
  async #writeHead(id: number, place: Place): Promise<void> {
    const { containers, group } = this.engine;
    const regions = new RegionTable();
    for (const chunks of [...Array.from({ length: 15 }, () => 13), chunksPerContainer - 15 * 13])
      regions.add(CODEC.none, true, chunks, 0, 65_536, 262_144, 0, 0);
    const fingerprints = directoryOf(id).fingerprints ?? Buffer.alloc(0);
    const fields: HeadFields = {
      id,
      generation: 0,
      kind: KIND.data,
      salt: Buffer.alloc(saltBytes),
      regions,
      regionsOffset: 8192,
      count: chunksPerContainer,
      ordinals: shared.ordinals,
      lengths: new Uint32Array(chunksPerContainer).fill(chunkBytes),
      fingerprintsOffset: 3 * MiB,
      fingerprintsChecksum: xxh64(fingerprints, regionSeed(id, PLACE.fingerprints)),
    };
    const head = Buffer.alloc(headBytesOf(regions.count, chunksPerContainer));
    encodeHead({ group, place }, fields, head);
    await containers.packs.write(head, place);
    await containers.packs.write(fingerprints, { ...place, offset: place.offset + 3 * MiB });
  }
  #change(tape: number, first: number): Buffer {
    const runs = new Runs(0);
    for (let id = first; id <= this.#last; id++) {
      runs.push(id, 0, chunksPerContainer, containerBytes);
      for (let left = this.#options.repeats * containerBytes; left > 0; left -= chunksPerRun * chunkBytes) {
        const other = 1 + (mixed(id + left) % first);
        runs.push(
          other,
          mixed(left) % (chunksPerContainer - chunksPerRun),
          chunksPerRun,
          chunksPerRun * chunkBytes,
        );
      }
    }
    const bytes = this.#bytes[tape] ?? 0;
    const objects = this.#objects[tape] ?? 0;
    const { recordBytes } = this.#options;
    const records = Math.floor(runs.end / recordBytes);
    const to = new ByteWriter().block(Buffer.alloc(600, 7)).varint(2);
    to.text('data-0').varint(0).varint(bytes).varint(0).varint(0);
    encodeRuns(to, runs, 0, runs.length);
    to.block(Buffer.alloc(9000, 3));
    to.text('objects-0')
      .varint(entryBytes)
      .varint(objects * entryBytes);
    to.block(entriesOf(records, recordBytes, bytes));
    this.#bytes[tape] = bytes + runs.end;
    this.#objects[tape] = objects + records;
    return to.finish();
  }
}
function entriesOf(records: number, recordBytes: number, bytes: number): Buffer {
  const entries = Buffer.alloc(records * entryBytes);
  for (let record = 0; record < records; record++) {
    const at = record * entryBytes;
    entries.writeUInt32LE(recordBytes, at);
    entries.writeUInt8(1, at + 4);
    entries.writeUIntLE(bytes + record * recordBytes, at + 8, 6);
    randomFillSync(entries, at + 16, 8);
  }
  return entries;
}

/**
 * Scrubber: reads everything again from the disk and verifies it. What has a second copy is made whole again; what has none is
 * quarantined and told, with the bytes of the streams that it concerns. Reading those fails, everything else goes on.
 *
 * Where a round is lies in memory only: after a restart the next round begins, because what was read before it may have rotted since.
 */
import { StoreError } from '../../errors.js';
import { fingerprintBytes, KIND } from './container.format.js';
import type { ContainerFact } from './container-table.js';
import type { Engine } from './engine.js';
import type { Lost } from './facts.js';
import { readableDirectory, regenerate, settleMoves } from './generations.js';
import { heal } from './healing.js';
import { type Inspected, inspect } from './inspection.js';
import { locate } from './locating.js';
import type { DamagedRange, PaceOptions } from '../store.js';
import { Pacer } from './pacer.js';
import { ordinalsOf } from './quarantine.js';
import { scrubFiles } from './scrub-files.js';
import { isUnreadable } from './unreadable.js';

export interface ScrubOptions extends PaceOptions {
  /** Container to begin with: where an earlier one was interrupted. All, when it is not given. */
  readonly from?: number;
  /** Told of each container that was done with. */
  readonly passed?: (container: number) => void;
}
export interface DamageReport {
  /** Containers with damage, and the numbers of the chunks that are lost in each. */
  readonly damaged: ReadonlyMap<number, Lost>;
  /** What that means: bytes of streams that cannot be read. */
  readonly ranges: readonly DamagedRange[];
  /** There are more. */
  readonly moreRanges: boolean;
  /** Volumes whose label or recipe is lost. */
  readonly volumes: readonly string[];
}
export interface ScrubReport extends DamageReport {
  readonly containers: number;
  readonly chunks: number;
  /** What was made whole again, from where there was a second copy. */
  readonly repaired: readonly string[];
}

export async function scrub(engine: Engine, options: ScrubOptions = {}): Promise<ScrubReport> {
  const pacer = new Pacer(engine.env.clock, options, 'Scrubbing');
  const table = engine.state.containers;
  const examiner = new Examiner(engine, pacer);
  const repaired: string[] = [];
  const total = table.dataBytes + table.metaBytes;
  let [containers, chunks, done] = [0, 0, 0];
  for (const id of table.ids()) {
    if (id < (options.from ?? 0)) continue;
    const fact = table.get(id);
    await pacer.step(fact?.place.bytes ?? 0);
    engine.check();
    const found = await examiner.examine(id);
    if (found === undefined) continue; // collected meanwhile
    if (found.ailing) {
      const fixed = await renew(engine, found.fact, pacer);
      if (fixed) repaired.push(`container ${id}`);
    }
    if (await isForgotten(engine, id)) repaired.push(`index of container ${id}`);
    containers += 1;
    chunks += found.fact.chunks;
    done += found.fact.place.bytes;
    options.passed?.(id);
    pacer.progress(done, Math.max(done, total));
  }
  repaired.push(...(await scrubFiles(engine)));
  repaired.push(...(await heal(engine, pacer)).map((id) => `container ${id}`));
  await engine.inTurn(async () => await engine.record([]));
  return { containers, chunks, repaired, ...(await damageOf(engine, pacer)) };
}

/** All that is quarantined, and whom it concerns. */
export async function damageOf(engine: Engine, pacer: Pacer): Promise<DamageReport> {
  const damaged = new Map(engine.quarantine.all);
  return { damaged, ...(await locate(engine, [...engine.state.volumes.values()], pacer)) };
}

/** Chunks whose places in the index are looked up. */
const lookedUp = 3;
/** True when the index did not know chunks of the container; now it does. It is only a hint, so a few of them stand for all. */
async function isForgotten(engine: Engine, id: number): Promise<boolean> {
  const fact = engine.state.containers.get(id);
  const directory = fact?.kind === KIND.data ? await readableDirectory(engine, fact) : undefined;
  const { fingerprints, count } = directory ?? {};
  if (directory === undefined || fingerprints === undefined || count === undefined) return false;
  const { index } = engine;
  for (let look = 0; look < lookedUp; look++) {
    const at = Math.floor((look * count) / lookedUp) * fingerprintBytes;
    const peeked = index.peek(fingerprints, at);
    const found = peeked === 'ask' ? await index.find(fingerprints, at) : peeked;
    if (found !== undefined && found !== 'absent') continue;
    engine.loaded(directory); // not what is lost of it
    index.publish(directory);
    return true;
  }
  return false;
}

interface Examined {
  readonly fact: ContainerFact;
  readonly lost: Lost;
  /** It can be read wholly, but not from each of its copies. */
  readonly ailing: boolean;
}
export class Examiner {
  readonly #engine: Engine;
  readonly #pacer: Pacer;
  /** Large enough for the largest so far. */
  #memory = Buffer.alloc(0);
  constructor(engine: Engine, pacer: Pacer) {
    this.#engine = engine;
    this.#pacer = pacer;
  }
  /** Reads the container and puts in quarantine what is lost of it; undefined when it is not there any more. */
  async examine(id: number): Promise<Examined | undefined> {
    const { state, quarantine } = this.#engine;
    for (;;) {
      const fact = state.containers.get(id);
      if (fact === undefined) return undefined;
      const found = await this.#examined(fact);
      // Moved meanwhile: what was read may have been on its way out.
      if (state.containers.get(id)?.generation !== fact.generation) continue;
      quarantine.set(id, found.lost);
      return found;
    }
  }
  async #examined(fact: ContainerFact): Promise<Examined> {
    const { containers } = this.#engine;
    const { packs, mirrors } = containers;
    const one = await this.#copy(fact, async (part, at) => await packs.read(fact.place, at, part));
    if (fact.kind !== KIND.meta) return judge(fact, [one]);
    const other = await this.#copy(fact, async (part, at) => await mirrors.read(fact, at, part));
    return judge(fact, [one, other]);
  }
  async #copy(fact: ContainerFact, read: (part: Buffer, at: number) => Promise<number>): Promise<Inspected> {
    const { bytes } = fact.place;
    if (this.#memory.length < bytes) this.#memory = Buffer.alloc(bytes);
    const image = this.#memory.subarray(0, bytes);
    image.fill(0);
    await fill(image, read);
    return await inspect(
      this.#engine,
      { group: this.#engine.group, place: fact.place },
      fact,
      image,
      this.#pacer,
    );
  }
}
/** Of the copies that there are. */
function judge(fact: ContainerFact, copies: readonly Inspected[]): Examined {
  const readable = copies.filter(({ directory }) => directory !== undefined);
  const directory = readable[0]?.directory;
  if (directory === undefined) return { fact, lost: 'all', ailing: false };
  const isLost = (region: number): boolean => readable.every(({ lost }) => lost.has(region));
  const lost = directory.regions.flatMap((_, region) =>
    isLost(region) ? ordinalsOf(directory, region) : [],
  );
  const isWhole = (copy: Inspected): boolean =>
    copy.heads === 2 && copy.directory?.fingerprints !== undefined;
  const differ = copies.some((copy) => copy.directory?.regions.some((_, region) => copy.lost.has(region) && !isLost(region))); // prettier-ignore
  return { fact, lost, ailing: differ || !copies.every(isWhole) };
}
/** Reads all of it; what the medium does not give back stays zero. */
async function fill(image: Buffer, read: (part: Buffer, at: number) => Promise<number>): Promise<void> {
  try {
    await read(image, 0);
    return;
  } catch (cause) {
    if (!isMissing(cause) && !isUnreadable(cause)) throw cause;
  }
  const step = 65_536;
  for (let at = 0; at < image.length; at += step) {
    try {
      await read(image.subarray(at, at + step), at);
    } catch (cause) {
      if (!isMissing(cause) && !isUnreadable(cause)) throw cause;
    }
  }
}
const isMissing = (cause: unknown): boolean => cause instanceof StoreError && cause.code === 'missing';

/** Writes it once more, whole. False when somebody else has, or the disk is full. */
async function renew(engine: Engine, fact: ContainerFact, pacer: Pacer): Promise<boolean> {
  return await engine.moves.run(async () => {
    if (engine.state.containers.get(fact.id)?.generation !== fact.generation) return false;
    try {
      const move = await regenerate(engine, fact, { isKept: () => true, recompress: false }, pacer);
      return move !== undefined && (await settleMoves(engine, [move], () => true)) > 0;
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === 'full') return false;
      throw cause;
    }
  });
}

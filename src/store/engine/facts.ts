/** Facts: what the journal says, one after another in its batches (FORMAT.md, "Journal"). */
import type { ByteReader, ByteWriter } from './bytes.js';
import { KIND } from './container.format.js';
import type { ContainerFact } from './container-table.js';
import { containerAlignBytes } from './engine-limits.js';
import type { Root } from './group-state.js';

/** Beside the kind of a container: it has regions that could be compressed better. */
const fastFlag = 0x10;
/** Numbers are for ever. */
export const FACT = {
  created: 1,
  removed: 2,
  container: 3,
  retired: 4,
  commit: 5,
  copied: 6,
  adopted: 7,
  damaged: 8,
} as const;

/** Numbers of chunks of a container, ascending, or all of them: its head is gone. */
export type Lost = readonly number[] | 'all';

export type Fact =
  /** With the number of its key, or 0. */
  | { readonly kind: 'created'; readonly volume: string; readonly key: number }
  | { readonly kind: 'removed'; readonly volume: string }
  | { readonly kind: 'container'; readonly container: ContainerFact }
  | { readonly kind: 'retired'; readonly container: number }
  /** Of a volume, snapshot or not, the state as of now becomes that of another. */
  | { readonly kind: 'copied'; readonly from: string; readonly to: string; readonly atMs: number }
  /** A volume is made whose state lies there. */
  | {
      readonly kind: 'adopted';
      readonly volume: string;
      readonly key: number;
      readonly root: Root;
      readonly logicalBytes: number;
      readonly atMs: number;
    }
  /** Chunks that cannot be read; none: it is sound again. */
  | { readonly kind: 'damaged'; readonly container: number; readonly lost: Lost }
  /** What it says is what VolumeState.apply reads. */
  | { readonly kind: 'commit'; readonly volume: string; readonly change: Buffer };

export function encodeFact(to: ByteWriter, fact: Fact): void {
  switch (fact.kind) {
    case 'created':
      to.u8(FACT.created).text(fact.volume).u32(fact.key);
      return;
    case 'removed':
      to.u8(FACT.removed).text(fact.volume);
      return;
    case 'retired':
      to.u8(FACT.retired).u32(fact.container);
      return;
    case 'copied':
      to.u8(FACT.copied).text(fact.from).text(fact.to).u64(fact.atMs);
      return;
    case 'damaged':
      to.u8(FACT.damaged).u32(fact.container);
      encodeLost(to, fact.lost);
      return;
    case 'adopted':
      to.u8(FACT.adopted).text(fact.volume).u32(fact.key).u64(fact.logicalBytes).u64(fact.atMs);
      encodeRoot(to, fact.root);
      return;
    case 'commit':
      to.u8(FACT.commit).text(fact.volume).block(fact.change);
      return;
    case 'container': {
      const { id, generation, kind, place, ordinals, chunks, rawBytes, fast } = fact.container;
      to.u8(FACT.container).u32(id).u32(generation);
      to.u8(kind + (fast ? fastFlag : 0)).u32(place.pack);
      to.u32(place.offset / containerAlignBytes).u32(place.bytes / containerAlignBytes);
      to.u16(ordinals).u16(chunks).u32(rawBytes);
    }
  }
}
export function decodeFact(from: ByteReader): Fact {
  const kind = from.u8();
  switch (kind) {
    case FACT.created:
      return { kind: 'created', volume: from.text(), key: from.u32() };
    case FACT.removed:
      return { kind: 'removed', volume: from.text() };
    case FACT.retired:
      return { kind: 'retired', container: from.u32() };
    case FACT.copied:
      return { kind: 'copied', from: from.text(), to: from.text(), atMs: from.u64() };
    case FACT.damaged:
      return { kind: 'damaged', container: from.u32(), lost: decodeLost(from) };
    case FACT.commit:
      return { kind: 'commit', volume: from.text(), change: from.block() };
    case FACT.adopted:
      return {
        kind: 'adopted',
        volume: from.text(),
        key: from.u32(),
        logicalBytes: from.u64(),
        atMs: from.u64(),
        root: decodeRoot(from),
      };
    case FACT.container:
      return { kind: 'container', container: decodeContainer(from) };
    default:
      throw from.corrupt(`has a fact ${kind} that this release does not know`);
  }
}
export function encodeRoot(to: ByteWriter, { container, ordinal, chunks, bytes }: Root): void {
  to.u32(container).u32(ordinal).u32(chunks).u32(bytes);
}
export const decodeRoot = (from: ByteReader): Root => ({
  container: from.u32(),
  ordinal: from.u32(),
  chunks: from.u32(),
  bytes: from.u32(),
});
const lostAll = 0xffff;
export function encodeLost(to: ByteWriter, lost: Lost): void {
  if (lost === 'all') {
    to.u16(lostAll);
    return;
  }
  to.u16(lost.length);
  for (const ordinal of lost) to.u16(ordinal);
}
export function decodeLost(from: ByteReader): Lost {
  const count = from.u16();
  return count === lostAll ? 'all' : Array.from({ length: count }, () => from.u16());
}
function decodeContainer(from: ByteReader): ContainerFact {
  const id = from.u32();
  const generation = from.u32();
  const flags = from.u8();
  const fast = flags >= fastFlag;
  const kind = flags % fastFlag === KIND.meta ? KIND.meta : KIND.data;
  const pack = from.u32();
  const offset = from.u32() * containerAlignBytes;
  const bytes = from.u32() * containerAlignBytes;
  if (id === 0 || pack === 0 || bytes === 0) throw from.corrupt('has a container without a place');
  const place = { pack, offset, bytes };
  return {
    id,
    generation,
    kind,
    place,
    ordinals: from.u16(),
    chunks: from.u16(),
    rawBytes: from.u32(),
    fast,
  };
}

/** Facts: what the journal says, one after another in its batches (FORMAT.md, "Journal"). */
import type { ByteReader, ByteWriter } from './bytes.js';
import { KIND } from './container.format.js';
import type { ContainerFact } from './container-table.js';
import { containerAlignBytes } from './engine-limits.js';
import type { Root } from './group-state.js';

/** Numbers are for ever. */
export const FACT = {
  created: 1,
  removed: 2,
  container: 3,
  retired: 4,
  commit: 5,
  copied: 6,
  adopted: 7,
} as const;

export type Fact =
  /** With the number of its key, or 0. */
  | { readonly kind: 'created'; readonly volume: string; readonly key: number }
  | { readonly kind: 'removed'; readonly volume: string }
  | { readonly kind: 'container'; readonly container: ContainerFact }
  | { readonly kind: 'retired'; readonly container: number }
  /** Of a volume, snapshot or not, the state as of now becomes that of another. */
  | { readonly kind: 'copied'; readonly from: string; readonly to: string }
  /** A volume is made whose state lies there. */
  | { readonly kind: 'adopted'; readonly volume: string; readonly key: number; readonly root: Root }
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
      to.u8(FACT.copied).text(fact.from).text(fact.to);
      return;
    case 'adopted':
      to.u8(FACT.adopted).text(fact.volume).u32(fact.key);
      encodeRoot(to, fact.root);
      return;
    case 'commit':
      to.u8(FACT.commit).text(fact.volume).block(fact.change);
      return;
    case 'container': {
      const { id, generation, kind, place, ordinals, rawBytes } = fact.container;
      to.u8(FACT.container).u32(id).u32(generation).u8(kind).u32(place.pack);
      to.u32(place.offset / containerAlignBytes).u32(place.bytes / containerAlignBytes);
      to.u16(ordinals).u32(rawBytes);
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
      return { kind: 'copied', from: from.text(), to: from.text() };
    case FACT.commit:
      return { kind: 'commit', volume: from.text(), change: from.block() };
    case FACT.adopted:
      return { kind: 'adopted', volume: from.text(), key: from.u32(), root: decodeRoot(from) };
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
function decodeContainer(from: ByteReader): ContainerFact {
  const id = from.u32();
  const generation = from.u32();
  const kind = from.u8() === KIND.meta ? KIND.meta : KIND.data;
  const pack = from.u32();
  const offset = from.u32() * containerAlignBytes;
  const bytes = from.u32() * containerAlignBytes;
  if (id === 0 || pack === 0 || bytes === 0) throw from.corrupt('has a container without a place');
  return { id, generation, kind, place: { pack, offset, bytes }, ordinals: from.u16(), rawBytes: from.u32() };
}

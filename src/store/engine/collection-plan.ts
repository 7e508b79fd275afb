/** What a collection would do: pure, so that it can be shown and tested. */
import { containerAlignBytes } from './engine-limits.js';

export interface ContainerView {
  /** On disk. */
  readonly bytes: number;
  /** That are in it. */
  readonly chunks: number;
  readonly live: number;
}
export interface PackPlan {
  readonly pack: number;
  /** Of its file; what lives in it, which is written again elsewhere; the difference. */
  readonly bytes: number;
  readonly copiedBytes: number;
  readonly freedBytes: number;
}
export interface CollectionPlan {
  /** In the order in which they are to be emptied: those that cost the least for what they free first. */
  readonly packs: readonly PackPlan[];
  /** All that nothing refers to, whether or not it is worth the trouble; and what the plan would free of it. */
  readonly garbageBytes: number;
  readonly freedBytes: number;
}
export interface PlanRules {
  /** Packs with less garbage than that share of them are left alone. */
  readonly garbageShareMin: number;
  /** The rest is left alone when it is no more than that share of all garbage. */
  readonly leftShareMax: number;
}

/** Bytes that are written again when a container is rewritten with what lives in it. */
export function copiedBytesOf({ bytes, chunks, live }: ContainerView): number {
  if (live === 0 || live >= chunks) return live === 0 ? 0 : bytes;
  // Never less than a step saved, or it would be written again and again for nothing.
  const steps = Math.ceil((bytes * live) / chunks / containerAlignBytes);
  return Math.min(bytes, steps * containerAlignBytes);
}
export function planCollection(sums: readonly PackPlan[], rules: PlanRules): CollectionPlan {
  const cost = ({ copiedBytes, freedBytes }: PackPlan): number => copiedBytes / freedBytes;
  const garbageBytes = sums.reduce((all, { freedBytes }) => all + freedBytes, 0);
  const packs: PackPlan[] = [];
  let freed = 0;
  const worth = sums.filter(
    ({ freedBytes, bytes }) => freedBytes > 0 && freedBytes >= bytes * rules.garbageShareMin,
  );
  for (const sum of worth.toSorted((a, b) => cost(a) - cost(b))) {
    if (garbageBytes - freed <= garbageBytes * rules.leftShareMax) break;
    packs.push(sum);
    freed += sum.freedBytes;
  }
  return { packs, garbageBytes, freedBytes: freed };
}

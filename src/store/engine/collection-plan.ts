/** What a collection would do: pure, so that it can be shown and tested. */
export interface PackView {
  readonly pack: number;
  /** Of the file. */
  readonly bytes: number;
  readonly containers: readonly ContainerView[];
}
export interface ContainerView {
  readonly id: number;
  /** On disk. */
  readonly bytes: number;
  readonly chunks: number;
  readonly live: number;
}
export interface CollectionPlan {
  /** In the order in which they are to be emptied: those that cost nothing first. */
  readonly packs: readonly {
    readonly pack: number;
    readonly freedBytes: number;
    readonly copiedBytes: number;
  }[];
  readonly garbageBytes: number;
  readonly freedBytes: number;
}

/** Packs of which at least that share is garbage are emptied. */
export function planCollection(views: readonly PackView[], garbageShareMin: number): CollectionPlan {
  const sums = views.map(({ pack, bytes, containers }) => {
    let copiedBytes = 0;
    for (const { bytes: size, chunks, live } of containers) {
      if (live > 0) copiedBytes += chunks === 0 ? size : Math.ceil((size * live) / chunks);
    }
    return { pack, copiedBytes, freedBytes: Math.max(0, bytes - copiedBytes), bytes };
  });
  const packs = sums
    .filter(({ freedBytes, bytes }) => freedBytes > 0 && freedBytes >= bytes * garbageShareMin)
    .toSorted((a, b) => a.copiedBytes / (a.freedBytes + 1) - b.copiedBytes / (b.freedBytes + 1))
    .map(({ pack, freedBytes, copiedBytes }) => ({ pack, freedBytes, copiedBytes }));
  const sum = (items: readonly { readonly freedBytes: number }[]): number =>
    items.reduce((all, { freedBytes }) => all + freedBytes, 0);
  return { packs, garbageBytes: sum(sums), freedBytes: sum(packs) };
}

/** What `tapesilo serve` may be told. */
/** Streams as plain files, or in the deduplicating engine. */
export const storeKinds = ['plain', 'dedup'] as const;
export type StoreKind = (typeof storeKinds)[number];

export interface ServeOptions {
  /** Absolute path. */
  readonly home: string;
  /** ADDR[:PORT] each. */
  readonly listen: readonly string[];
  /** None, one for all, or one for each of `listen`. */
  readonly announce: readonly string[];
  /** How a new home keeps its cartridges; 'plain' if not given. An existing home has chosen. */
  readonly store?: StoreKind;
  readonly json: boolean;
}

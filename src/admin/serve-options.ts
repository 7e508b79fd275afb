/** What `tapesilo serve` may be told. */
import type { StoreKind } from '#catalog';

/** Streams as plain files, or in the deduplicating engine. */
export const storeKinds = ['plain', 'dedup'] as const satisfies readonly StoreKind[];

export interface ServeOptions {
  /** Absolute path. */
  readonly home: string;
  /** ADDR[:PORT] each. */
  readonly listen: readonly string[];
  /** None, one for all, or one for each of `listen`. */
  readonly announce: readonly string[];
  /** Of the default storage group of a new home; 'dedup' if not given. An existing home has chosen. */
  readonly store?: StoreKind;
  /** For cutting and compressing, beside the main thread; one less than there are processors, at least two, if not given. */
  readonly threads?: number;
  readonly json: boolean;
}

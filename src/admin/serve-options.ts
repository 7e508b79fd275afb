/** What `tapesilo serve` may be told. */
import type { StoreKind } from '#catalog';

/** Streams as plain files, or in the deduplicating engine. */
export const storeKinds = ['plain', 'dedup'] as const satisfies readonly StoreKind[];

export interface NdmpServeOptions {
  /** ADDR[:PORT] each. */
  readonly listen: readonly string[];
  readonly tlsListen: readonly string[];
  /** Absolute paths of PEM files; without them TLS uses what `ndmp certificate` has kept. */
  readonly identity?: { readonly certificate: string; readonly key: string };
}

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
  /** Of this program, for those who ask over the network. */
  readonly version?: string;
  /** Beside the portals that are kept. */
  readonly ndmp?: NdmpServeOptions;
  readonly json: boolean;
}

/** What `tapesilo serve` may be told. */
export interface ServeOptions {
  /** Absolute path. */
  readonly home: string;
  /** ADDR[:PORT] each. */
  readonly listen: readonly string[];
  /** None, one for all, or one for each of `listen`. */
  readonly announce: readonly string[];
  readonly json: boolean;
}

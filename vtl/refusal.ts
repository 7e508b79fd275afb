/** Why a drive does not use the cartridge in its bay. */
export type Refusal =
  /** A generation that this drive neither reads nor writes. */
  | 'incompatible'
  /** Format of the image is of a later release. */
  | 'unsupported'
  | 'expired-cleaning'
  /** The image does not open; facts are in the log. */
  | 'damaged'
  /** Its storage group is not open: not mounted, or without its key. */
  | 'unavailable'
  /** The store has it open elsewhere (verification, another process). */
  | 'in-use';

/**
 * Image places: which record of the tape holds which byte of the image.
 *
 * The window's first byte is where the tape stood at MOVER_SET_WINDOW, and records follow by their size. What has been read is
 * known better: the next record is behind the last one, also when one was short or a filemark was passed.
 */
export interface Place {
  /** The object of the tape from which `records` are to be spaced over, forwards. */
  readonly from: number;
  readonly records: number;
  /** Offset in the image of that record's first byte. */
  readonly start: bigint;
}
interface Anchor {
  readonly image: bigint;
  readonly object: number;
}

export class ImagePlaces {
  #window: Anchor | undefined;
  /** The last record that was read. */
  #last: (Anchor & { readonly length: bigint }) | undefined;

  /** `object`: undefined while no tape is open. */
  setWindow(offset: bigint, object: number | undefined): void {
    this.#window = object === undefined ? undefined : { image: offset, object };
    this.#last = undefined;
  }
  /** A window that was set before the tape was there begins where the tape stands when it is first needed. */
  assumeWindow(offset: bigint, object: number): void {
    this.#window ??= { image: offset, object };
  }
  hasRead(start: bigint, object: number, length: number): void {
    this.#last = { image: start, object, length: BigInt(length) };
  }
  /** The image goes on at this object, whatever lies between: behind a filemark, or on another tape. */
  goOn(image: bigint, object: number): void {
    this.#last = { image, object: object - 1, length: 0n };
  }
  /** Of the byte at `position`, which is in the window. */
  find(position: bigint, recordBytes: number): Place {
    const last = this.#last;
    const behind = last === undefined ? undefined : last.image + last.length;
    const anchor =
      last === undefined || behind === undefined || position < last.image
        ? (this.#window ?? { image: position, object: 0 })
        : position < behind
          ? last
          : { image: behind, object: last.object + 1 };
    const records = (position - anchor.image) / BigInt(recordBytes);
    return {
      from: anchor.object,
      records: records > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(records),
      start: anchor.image + records * BigInt(recordBytes),
    };
  }
  /** Is `position` where reading on leads: right behind the last record, or at the beginning of the window? */
  isNext(position: bigint): boolean {
    const last = this.#last;
    return position === (last === undefined ? this.#window?.image : last.image + last.length);
  }
}

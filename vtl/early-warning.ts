/**
 * Early warning: what the capacity of a partition means for writing.
 *
 *   0 ────────── programmable ────────── early warning ────── end of partition
 *                early warning           = capacity           = capacity + reserve
 *
 * Early warning lies at the native capacity, so that a cartridge of n bytes takes n bytes before it; behind it there is room
 * for trailers (T6). A record fits wholly before the end of the partition or not at all.
 */
const MiB = 1024 * 1024;

/** Room behind early warning: enough for what backup programs still write there, also on a toy tape. */
export const reserveBytes = (capacityBytes: number): number =>
  Math.min(512 * MiB, Math.max(4 * MiB, Math.floor(capacityBytes / 64)));

export interface Zones {
  readonly programmableFrom: number;
  readonly earlyFrom: number;
  readonly end: number;
}
export const zonesOf = (capacityBytes: number, programmableBytes: number): Zones => ({
  programmableFrom: programmableBytes === 0 ? Infinity : Math.max(0, capacityBytes - programmableBytes),
  earlyFrom: capacityBytes,
  end: capacityBytes + reserveBytes(capacityBytes),
});

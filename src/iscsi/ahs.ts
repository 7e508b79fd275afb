/** Additional header segments of a SCSI Command (RFC 7143 11.2.2). */
import { AHS } from './pdu.table.js';

export interface AhsSegment {
  readonly type: number;
  readonly content: Buffer;
}
/** Additional header segments in order; stops at the first that does not fit (checked before by `ahsIsSound`). */
export function splitAhs(ahs: Buffer): AhsSegment[] {
  const segments: AhsSegment[] = [];
  for (let at = 0; at + 4 <= ahs.length;) {
    const length = ahs.readUInt16BE(at); // from the byte behind AHSType
    const type = (ahs[at + 2] ?? 0) & 0x3f;
    const end = at + 3 + length;
    if (length === 0 || end > ahs.length) return segments;
    segments.push({ type, content: ahs.subarray(at + 4, end) });
    at = (end + 3) & ~3;
  }
  return segments;
}
/** Every segment fits, is of a type that exists and comes once (11.2.2). */
export function ahsIsSound(ahs: Buffer): boolean {
  if (ahs.length === 0) return true;
  const seen = new Set<number>();
  let at = 0;
  for (const { type, content } of splitAhs(ahs)) {
    const sound = type === AHS.extendedCdb.type ? content.length > 0 : content.length === 4;
    if (type !== AHS.extendedCdb.type && type !== AHS.bidirectionalReadLength.type) return false;
    if (!sound || seen.has(type)) return false;
    seen.add(type);
    at = (at + 4 + content.length + 3) & ~3;
  }
  return at === ahs.length;
}

/** Volume tag information (SMC-3 6.17): 32 bytes of identifier, two reserved, two of sequence number. */
import { record, u16, bytes } from '#wire';

export const volumeTagBytes = 36;
const identifierBytes = 32;

const VOLUME_TAG = record(volumeTagBytes, { identifier: bytes(0, identifierBytes), sequence: u16(34) });

export interface VolumeTag {
  readonly identifier: string;
  readonly sequence: number;
}

/** Left-justified and padded with blanks; all zero when there is no tag. */
export function encodeVolumeTag(tag: VolumeTag | undefined): Buffer {
  if (tag === undefined) return Buffer.alloc(volumeTagBytes);
  const identifier = Buffer.from(tag.identifier.padEnd(identifierBytes), 'latin1');
  return VOLUME_TAG.encode({ identifier, sequence: tag.sequence });
}

/**
 * A template of SEND VOLUME TAG: "*" stands for any characters, "?" for one. Blanks and zeros at the end do not count.
 * Nothing is tried more often than the product of the two lengths, which are 32 at most.
 */
export function matchesTemplate(template: string, identifier: string): boolean {
  let at = 0;
  let star = -1;
  let retry = 0;
  for (let i = 0; i < identifier.length;) {
    const wanted = template[at];
    if (wanted === '*') {
      star = at;
      at += 1;
      retry = i;
    } else if (wanted === '?' || wanted === identifier[i]) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      at = star + 1;
      retry += 1;
      i = retry;
    } else {
      return false;
    }
  }
  return /^\**$/.test(template.slice(at));
}

/** GroupCipher: all that stands between the engine and the disk, in one place; in a group without encryption, nothing. */
import { type FingerprintCipher, plainFingerprints } from './fingerprint-cipher.js';
import { type FrameCipher, plainFrames } from './frame-cipher.js';
import { plainRegions, type RegionCipher } from './region-cipher.js';
import { plainVolumes, type VolumeCipher } from './volume-cipher.js';

export interface GroupCipher {
  readonly isSealed: boolean;
  readonly regions: RegionCipher;
  readonly fingerprints: FingerprintCipher;
  readonly frames: FrameCipher;
  readonly volumes: VolumeCipher;
  /** Of the files with its keys. */
  readonly bytes: number;
  /** Reads those files, and writes again what has rotted in them. True when something had. In the engine's turn. */
  repair(): Promise<boolean>;
}
export const plainGroup: GroupCipher = {
  isSealed: false,
  regions: plainRegions,
  fingerprints: plainFingerprints,
  frames: plainFrames,
  volumes: plainVolumes,
  bytes: 0,
  repair: async () => await Promise.resolve(false),
};

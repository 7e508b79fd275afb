import { type LogPage } from '#scsi';
import type { DrivePersonality } from './personality.js';
import type { TapeUnit } from './tape-unit.js';
export function tapeLogPages(_personality: DrivePersonality): readonly LogPage<TapeUnit>[] {
  return [];
}

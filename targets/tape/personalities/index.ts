/** All drive personalities by name. */
import type { DrivePersonality } from '../personality.js';
import { hpUltrium } from './hp-ultrium.table.js';
import { ibmUltrium } from './ibm-ultrium.table.js';
import { quantumUltrium } from './quantum-ultrium.table.js';

export const drivePersonalities: Readonly<Record<string, DrivePersonality>> = Object.fromEntries(
  [...ibmUltrium, ...hpUltrium, ...quantumUltrium].map((row) => [row.name, row]),
);

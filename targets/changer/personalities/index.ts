/** All library personalities by name. */
import type { LibraryPersonality } from '../personality.js';
import { hpLibraries } from './hp.table.js';
import { ibmLibraries } from './ibm.table.js';
import { otherLibraries } from './others.table.js';
import { quantumLibraries } from './quantum.table.js';
import { stkLibraries } from './stk.table.js';

export const libraryPersonalities: ReadonlyMap<string, LibraryPersonality> = new Map(
  [...ibmLibraries, ...stkLibraries, ...hpLibraries, ...quantumLibraries, ...otherLibraries].map((row) => [
    row.name,
    row,
  ]),
);

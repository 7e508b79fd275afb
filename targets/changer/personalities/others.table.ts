/** Spectra Logic and Overland libraries. */
import { libraryPersonality } from '../personality.js';

export const otherLibraries = [
  libraryPersonality({
    vendor: 'SPECTRA',
    product: 'PYTHON',
    revision: '2000',
    bases: { robot: 0x0001, drive: 0x0100, mail: 0x0010, slot: 0x1000 },
  }),
  // Real ones have one mail slot at address 0; more are moved behind the rest.
  libraryPersonality({
    vendor: 'OVERLAND',
    product: 'NEO Series',
    revision: '0523',
    bases: { robot: 0x0001, drive: 0x00ff, mail: 0x0000, slot: 0x0002 },
  }),
];

/** HP and HPE libraries. */
import { libraryPersonality } from '../personality.js';

const mslBases = { robot: 0x0001, drive: 0x01e0, mail: 0x01c0, slot: 0x0020 };

export const hpLibraries = [
  libraryPersonality({ vendor: 'HP', product: 'MSL G3 Series', revision: '3.00', bases: mslBases }),
  libraryPersonality({ vendor: 'HP', product: 'MSL6000 Series', revision: '0520', bases: mslBases }),
  libraryPersonality({
    vendor: 'HP',
    product: 'ESL E-Series',
    revision: '3.10',
    bases: { robot: 0x0001, drive: 0x01f4, mail: 0x000a, slot: 0x03e8 },
  }),
];

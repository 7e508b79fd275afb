/** Quantum libraries, and those of ADIC before. */
import { libraryPersonality } from '../personality.js';

const bases = { robot: 0x0001, drive: 0x0100, mail: 0x0010, slot: 0x1000 };

export const quantumLibraries = [
  libraryPersonality({ vendor: 'ADIC', product: 'Scalar i2000', revision: '100A', bases }),
  libraryPersonality({ vendor: 'ADIC', product: 'Scalar i500', revision: '520G', bases }),
  libraryPersonality({ vendor: 'QUANTUM', product: 'Scalar i500', revision: '607G', bases }),
];

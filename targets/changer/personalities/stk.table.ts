/** StorageTek, Sun, Oracle libraries. */
import { libraryPersonality } from '../personality.js';

const bases = { robot: 0x0001, drive: 0x01f4, mail: 0x000a, slot: 0x03e8 };

export const stkLibraries = [
  libraryPersonality({
    vendor: 'STK',
    product: 'L700',
    revision: '3.00',
    otherRevisions: ['550V', '0001'],
    bases,
    driveIdentifier: 'serial',
  }),
  libraryPersonality({ vendor: 'STK', product: 'SL500', revision: '1485', bases }),
  // The SL150 has its hand at address 0.
  libraryPersonality({
    vendor: 'STK',
    product: 'SL150',
    revision: '0225',
    bases: { ...bases, robot: 0x0000 },
  }),
];

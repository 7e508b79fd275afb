/** IBM libraries. */
import { libraryPersonality } from '../personality.js';

const firmware = (length: number) => ({
  page: 0xc0,
  name: 'Firmware levels',
  length,
  text: [{ byte: 4, span: 4, value: { from: 'revision' as const } }],
});

export const ibmLibraries = [
  // TS3500. Windows and some backup programs match the revision: 0402 is the one that they know.
  libraryPersonality({
    vendor: 'IBM',
    product: '03584L32',
    revision: '0402',
    otherRevisions: ['1.00'],
    bases: { robot: 0x0001, drive: 0x0101, mail: 0x0300, slot: 0x0400 },
    inquiry: { prefix: 'AB', serialBytes: 12, barcodeBit: true },
    serialForm: 'serial-and-storage',
    vendorVpdPages: [firmware(12)],
  }),
  // TS3100 and TS3200.
  libraryPersonality({
    vendor: 'IBM',
    product: '3573-TL',
    revision: '4.40',
    bases: { robot: 0x0001, drive: 0x0100, mail: 0x0010, slot: 0x1000 },
    inquiry: { prefix: '', serialBytes: 16, barcodeBit: true },
    vendorVpdPages: [firmware(12)],
  }),
];

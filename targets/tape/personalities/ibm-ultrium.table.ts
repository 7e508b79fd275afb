/**
 * IBM LTO drives: ULT3580-TDn full height and -HHn half height, and the names that other libraries' drives of that make carry,
 * ULTRIUM-TDn and -HHn. Sources: IBM LTO SCSI Reference GA32-0928 (INQUIRY, mode page 24h, VPD C0h and C1h), lists of strings
 * in facts/peers.md c.1.
 */
import { drivePersonality, type DrivePersonality, type VendorVpdPage } from '../personality.js';

const codeLevel: VendorVpdPage = {
  page: 0xc0,
  name: 'Drive Component Revision Levels',
  length: 39,
  text: [
    { byte: 4, span: 12, value: { from: 'revision' } },
    { byte: 16, span: 7, value: '120000' },
    { byte: 23, span: 8, value: '20240101' },
    { byte: 31, span: 12, value: 'lto_fl_f' },
  ],
};
const serialNumbers: VendorVpdPage = {
  page: 0xc1,
  name: 'Drive Serial Numbers',
  length: 24,
  text: [
    { byte: 4, span: 12, value: { from: 'serial' } },
    { byte: 16, span: 12, value: { from: 'serial' } },
  ],
};

const ibm = (product: string, generation: number, revision: string): DrivePersonality =>
  drivePersonality({
    vendor: 'IBM',
    product,
    revision,
    generation,
    mediumTypes: 'generation',
    inquiryTail: Uint8Array.of(),
    vendorModePages: generation >= 4 ? ['24', '25', '2f', '30/20'] : ['2f'],
    vendorLogPages: ['30', '32', '37'],
    vendorVpdPages: [codeLevel, serialNumbers],
  });

export const ibmUltrium: readonly DrivePersonality[] = [
  ibm('ULT3580-TD3', 3, '93G0'),
  ibm('ULT3580-TD4', 4, 'C7Q1'),
  ibm('ULT3580-TD5', 5, 'G9P1'),
  ibm('ULT3580-TD6', 6, 'J3W0'),
  ibm('ULT3580-TD7', 7, 'N3G0'),
  ibm('ULT3580-TD8', 8, 'P371'),
  ibm('ULT3580-TD9', 9, 'Q3F5'),
  ibm('ULT3580-TDA', 10, 'T331'),
  ibm('ULT3580-HH3', 3, '93G0'),
  ibm('ULT3580-HH4', 4, 'C7Q1'),
  ibm('ULT3580-HH5', 5, 'G9P1'),
  ibm('ULT3580-HH6', 6, 'J3W0'),
  ibm('ULT3580-HH7', 7, 'N3G0'),
  ibm('ULT3580-HH8', 8, 'P371'),
  ibm('ULT3580-HH9', 9, 'Q3F5'),
  ibm('ULT3580-HHA', 10, 'T331'),
  ibm('ULTRIUM-TD3', 3, '93G0'),
  ibm('ULTRIUM-TD4', 4, 'C7Q1'),
  ibm('ULTRIUM-TD5', 5, 'G9P1'),
  ibm('ULTRIUM-TD6', 6, 'J3W0'),
  ibm('ULTRIUM-TD7', 7, 'N3G0'),
  ibm('ULTRIUM-TD8', 8, 'P371'),
  ibm('ULTRIUM-TD9', 9, 'Q3F5'),
  ibm('ULTRIUM-HH4', 4, 'C7Q1'),
  ibm('ULTRIUM-HH5', 5, 'G9P1'),
  ibm('ULTRIUM-HH6', 6, 'J3W0'),
  ibm('ULTRIUM-HH7', 7, 'N3G0'),
  ibm('ULTRIUM-HH8', 8, 'P371'),
  ibm('ULTRIUM-HH9', 9, 'Q3F5'),
];

/** Quantum LTO drives: own make to LTO-6 ("ULTRIUM n"), IBM's mechanism from the half-height models on ("ULTRIUM-HHn"). */
import { drivePersonality, type DrivePersonality } from '../personality.js';

const quantum = (product: string, generation: number, revision: string): DrivePersonality =>
  drivePersonality({
    vendor: 'QUANTUM',
    product,
    revision,
    generation,
    mediumTypes: 'generation',
    inquiryTail: Uint8Array.of(),
    vendorModePages: product.includes('-HH') ? ['24', '25', '2f', '30/20'] : ['2f'],
    vendorLogPages: ['30', '32', '37'],
    vendorVpdPages: [],
  });

export const quantumUltrium: readonly DrivePersonality[] = [
  quantum('ULTRIUM 3', 3, '2170'),
  quantum('ULTRIUM 4', 4, '2210'),
  quantum('ULTRIUM 5', 5, '3210'),
  quantum('ULTRIUM 6', 6, '4110'),
  quantum('ULTRIUM-HH4', 4, 'C7Q1'),
  quantum('ULTRIUM-HH5', 5, 'G9P1'),
  quantum('ULTRIUM-HH6', 6, 'J3W0'),
  quantum('ULTRIUM-HH7', 7, 'N3G0'),
  quantum('ULTRIUM-HH8', 8, 'P371'),
  quantum('ULTRIUM-HH9', 9, 'Q3F5'),
];

/**
 * HP and HPE LTO drives. Sources: HP LTO Ultrium SCSI reference, volume 3 (component pages C0h to C5h, medium types), strings of
 * facts/peers.md c.1. The medium type says the kind only: 00h data, 01h WORM, 80h CD-ROM emulation (c.3).
 */
import { drivePersonality, type DrivePersonality, type VendorVpdPage } from '../personality.js';

/** HP's component pages: name 26, version 19, date 24 and variant 23 bytes of text. */
const component = (page: number, name: string): VendorVpdPage => ({
  page,
  name: `${name} revision`,
  length: 92,
  text: [
    { byte: 4, span: 26, value: name },
    { byte: 30, span: 19, value: { from: 'revision' } },
    { byte: 49, span: 24, value: '2024/01/01 12:00' },
    { byte: 73, span: 23, value: '' },
  ],
});

/** Byte 40: the drive takes WORM cartridges. */
const wormCapable = Uint8Array.of(0, 0, 0, 0, 1);

const hp = (vendor: 'HP' | 'HPE', generation: number, revision: string): DrivePersonality =>
  drivePersonality({
    vendor,
    product: `Ultrium ${generation}-SCSI`,
    revision,
    generation,
    mediumTypes: 'kind',
    inquiryTail: wormCapable,
    vendorModePages: [],
    vendorLogPages: ['30', '32', '37'],
    vendorVpdPages: [
      component(0xc0, 'Firmware'),
      component(0xc1, 'Hardware'),
      component(0xc2, 'PCA'),
      component(0xc3, 'Mechanism'),
      component(0xc4, 'Head Assy'),
      component(0xc5, 'ACI'),
    ],
  });

export const hpUltrium: readonly DrivePersonality[] = [
  hp('HP', 3, 'G63W'),
  hp('HP', 4, 'H64W'),
  hp('HP', 5, 'I6GW'),
  hp('HP', 6, 'J5SW'),
  hp('HPE', 7, 'J451'),
  hp('HPE', 8, 'J4D3'),
  hp('HPE', 9, 'N9H4'),
];

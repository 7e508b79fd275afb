/** Vital product data of tape drives (SSC-4 8.4), beside the pages of all device types; and text pages of the makers. */
import { vpdPage, type VpdPage } from '#scsi';
import { bytes, flag, u8 } from '#wire';
import type { DrivePersonality, VendorVpdPage } from './personality.js';
import { supportedFlags } from './tape-alert.js';
import type { TapeUnit } from './tape-unit.js';

const pageHeader = 4;

const SEQUENTIAL_ACCESS_CAPABILITIES = vpdPage({
  page: 0xb0,
  name: 'Sequential-access Device Capabilities',
  spec: 'SSC-4 8.4.2',
  length: 6,
  fields: { tapeStreamMirroring: flag(4, 1), worm: flag(4, 0), reserved: u8(5) },
  value: () => ({ tapeStreamMirroring: false, worm: true, reserved: 0 }), // every LTO drive from generation 3 on
});

const MANUFACTURER_SERIAL_NUMBER: VpdPage<TapeUnit> = {
  page: 0xb1,
  name: 'Manufacturer-assigned Serial Number',
  spec: 'SSC-4 8.4.3',
  body: (unit) => Buffer.from(unit.identity.serial, 'latin1'),
};

const TAPE_ALERT_SUPPORTED_FLAGS = vpdPage({
  page: 0xb2,
  name: 'TapeAlert Supported Flags',
  spec: 'SSC-4 8.4.4',
  length: 12,
  fields: { flags: bytes(4, 8) },
  value: () => ({ flags: supportedFlags() }),
});

/** The serial number of the library around the drive: how backup programs tell which robot serves it. */
const AUTOMATION_SERIAL_NUMBER: VpdPage<TapeUnit> = {
  page: 0xb3,
  name: 'Automation Device Serial Number',
  spec: 'SSC-4 8.4.5',
  body: (unit) => Buffer.from(unit.automation?.serial ?? '', 'latin1'),
};

const DRIVE_ELEMENT_ADDRESS: VpdPage<TapeUnit> = {
  page: 0xb4,
  name: 'Data Transfer Device Element Address',
  spec: 'SSC-4 8.4.6',
  body: (unit) => {
    const address = unit.automation?.elementAddress();
    if (address === undefined) return Buffer.alloc(0);
    return Buffer.from([address >> 8, address & 0xff]);
  },
};

/** One descriptor per method, "none" among them, as IBM drives do. */
const LOGICAL_BLOCK_PROTECTION: VpdPage<TapeUnit> = {
  page: 0xb5,
  name: 'Logical Block Protection',
  spec: 'SSC-4 8.4.7',
  body: (unit) => {
    const { protection } = unit.personality;
    const none = protectionDescriptor(0, 0, 0);
    const methods = { 'reed-solomon-crc': 1, crc32c: 2 } as const;
    const reserved = Buffer.alloc(4);
    return Buffer.concat([
      reserved,
      none,
      ...protection.map((name) => protectionDescriptor(methods[name], 4, 0xc0)),
    ]);
  },
};
const protectionDescriptor = (method: number, length: number, directions: number): Buffer =>
  Buffer.from([7, method, length, directions, 0, 0, 0, 0]);

/** A page of the maker's, as the personality describes it. */
function vendorPage(row: VendorVpdPage): VpdPage<TapeUnit> {
  return {
    page: row.page,
    name: row.name,
    spec: "the maker's",
    body: (unit) => {
      const page = Buffer.alloc(pageHeader + row.length);
      for (const { byte, span, value } of row.text) {
        const text = typeof value === 'string' ? value : unit.identity[value.from];
        page.write(text.slice(0, span).padEnd(span), byte, 'latin1');
      }
      return page.subarray(pageHeader);
    },
  };
}

export function tapeVpdPages(personality: DrivePersonality): readonly VpdPage<TapeUnit>[] {
  return [
    SEQUENTIAL_ACCESS_CAPABILITIES,
    MANUFACTURER_SERIAL_NUMBER,
    TAPE_ALERT_SUPPORTED_FLAGS,
    AUTOMATION_SERIAL_NUMBER,
    DRIVE_ELEMENT_ADDRESS,
    ...(personality.protection.length > 0 ? [LOGICAL_BLOCK_PROTECTION] : []),
    ...personality.vendorVpdPages.map(vendorPage),
  ];
}

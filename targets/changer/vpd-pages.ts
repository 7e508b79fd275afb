/** Vital product data of media changers: the pages of all device types, and text pages of the makers. */
import { spcVpdPages, type VpdPage } from '#scsi';
import type { ChangerUnit } from './changer-unit.js';
import type { LibraryPersonality, VendorVpdPage } from './personality.js';

const headerBytes = 4;
const unitSerialNumber = 0x80;

/** IBM's: the serial number of the library and, behind it, the first storage address, which tells logical libraries apart. */
const SERIAL_AND_STORAGE: VpdPage<ChangerUnit> = {
  page: unitSerialNumber,
  name: 'Unit Serial Number',
  spec: "SPC-5 7.7.19, the maker's form",
  body: (unit) => {
    const storage = unit.addresses.range('slot').first.toString(16).toUpperCase().padStart(4, '0');
    return Buffer.from(unit.identity.serial + storage, 'latin1');
  },
};

function vendorPage({ page, name, length, text }: VendorVpdPage): VpdPage<ChangerUnit> {
  return {
    page,
    name,
    spec: "the maker's",
    body: (unit) => {
      const whole = Buffer.alloc(headerBytes + length, ' ');
      for (const { byte, span, value } of text) {
        const words = typeof value === 'string' ? value : unit.identity[value.from];
        whole.write(words.slice(0, span).padEnd(span), byte, 'latin1');
      }
      return whole.subarray(headerBytes);
    },
  };
}

export function changerVpdPages(personality: LibraryPersonality): VpdPage<ChangerUnit>[] {
  const common: readonly VpdPage<ChangerUnit>[] =
    personality.serialForm === 'serial'
      ? spcVpdPages
      : [...spcVpdPages.filter(({ page }) => page !== unitSerialNumber), SERIAL_AND_STORAGE];
  return [...common, ...personality.vendorVpdPages.map(vendorPage)];
}

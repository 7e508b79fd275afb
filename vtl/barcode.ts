/** Barcode labels: `[A-Z0-9]{1,32}`, whose last two characters say what the cartridge is. */
import { MEDIA, type Medium, mediumOf } from './media.table.js';

export const barcodePattern = /^[A-Z0-9]{1,32}$/;
export const isBarcode = (text: string): boolean => barcodePattern.test(text);

export interface MediumKind {
  readonly medium: Medium;
  readonly worm: boolean;
  readonly cleaning: boolean;
}

/**
 * What the label says the cartridge is: cleaning when it begins with CLN or ends in CU, else by its suffix; undefined when
 * the suffix is none of ours.
 */
export function mediumOfBarcode(barcode: string): MediumKind | undefined {
  const suffix = barcode.slice(-2);
  if (barcode.startsWith('CLN') || (suffix === 'CU' && barcode.length > 2)) {
    // A universal cleaning cartridge fits every generation; the row only gives it a width.
    return { medium: mediumOf('LTO-1'), worm: false, cleaning: true };
  }
  for (const medium of MEDIA) {
    if (medium.suffix.data === suffix) return { medium, worm: false, cleaning: false };
    if (medium.suffix.worm === suffix) return { medium, worm: true, cleaning: false };
  }
  return undefined;
}

/** The same for a suffix alone, as `tape create --suffix` takes it. */
export const mediumOfSuffix = (suffix: string): MediumKind | undefined =>
  suffix.length === 2 ? mediumOfBarcode(`A${suffix}`) : undefined;

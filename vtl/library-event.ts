/** What a library tells those who watch it, once it is durable. */
import type { ElementRef } from './element.js';

export type LibraryEvent<C, D> =
  /** The robot moved something, for a host or an operator. */
  | { readonly kind: 'moved'; readonly cartridge: C; readonly from: ElementRef; readonly to: ElementRef }
  /** An operator changed what is where: nobody should rely on what they knew. */
  | { readonly kind: 'inventory-changed' }
  /** An operator reached into a mail slot. */
  | { readonly kind: 'import-export-accessed' }
  /** The number of elements of a kind changed. */
  | { readonly kind: 'elements-changed' }
  | { readonly kind: 'drive-added' | 'drive-removed'; readonly drive: D; readonly index: number };

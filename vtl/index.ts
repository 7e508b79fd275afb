/** Face of the machine room. */
export type {
  AlternateTag,
  ElementKind,
  ElementRef,
  ElementState,
  LibraryCartridge,
  LibraryDrive,
  LibraryErrorCode,
} from './element.js';
export { formatElement, LibraryError, sameElement } from './element.js';
export type { Cause, LibraryEvent, LibraryOptions } from './library.js';
export { Library } from './library.js';
export { Shelf } from './shelf.js';

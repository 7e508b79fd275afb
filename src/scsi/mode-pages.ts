/**
 * ModePages: the mode parameters of one logical unit (SPC-5 6.12 to 6.15 and 7.5): values by row, MODE SENSE bodies,
 * MODE SELECT lists, and what is saved. All pages are shared by all nexuses.
 *
 * MODE SELECT changes all that it asks for or nothing: a list is planned whole, then done.
 */
import { strict as assert } from 'node:assert';
import type { ModePage } from './mode-page.js';
import { invalidCdbField, invalidParameter, listLengthError } from './parameter-data.js';
import type { Persistence } from './persistence.js';
import { CheckCondition } from './sense.js';
import { SENSE } from './sense.table.js';

/** PC of MODE SENSE. */
export const PAGE_CONTROL = ['current', 'changeable', 'default', 'saved'] as const;
export type PageControl = (typeof PAGE_CONTROL)[number];

type Value = Readonly<Record<string, unknown>>;

/** A page as one unit has it: the row, and what a personality or the state of the machine makes of it. */
export interface ModePageUse {
  readonly row: ModePage;
  readonly defaults: Value;
  readonly changeable: readonly string[];
  readonly live: () => Value;
  readonly present: () => boolean;
  readonly selected: (value: Value) => void | Promise<void>;
}
export interface ModePageOptions<V> {
  /** Other defaults than the row's. */
  readonly defaults?: Partial<V>;
  /** Other changeable fields than the row's. */
  readonly changeable?: readonly (keyof V & string)[];
  /** Fields that show the state of the machine and not what was set. */
  readonly live?: () => Partial<V>;
  /** The page is there now; rows with the same code may take turns. */
  readonly present?: () => boolean;
  /** MODE SELECT has changed the page. */
  readonly selected?: (value: V) => void | Promise<void>;
}

/** The row as a unit uses it. */
export function usePage<V extends object>(row: ModePage<V>, options: ModePageOptions<V> = {}): ModePageUse {
  const { defaults, live, selected } = options;
  return {
    row: row as unknown as ModePage, // the use keeps row and values of one type together
    defaults: { ...(row.defaults as Value), ...(defaults as Value | undefined) },
    changeable: options.changeable ?? row.changeable,
    live: (live as (() => Value) | undefined) ?? (() => ({})),
    present: options.present ?? (() => true),
    selected: (selected as ModePageUse['selected'] | undefined) ?? (() => undefined),
  };
}

/** What MODE SELECT sends before the pages. */
export interface SentModeHeader {
  readonly mediumType: number;
  readonly deviceSpecific: number;
  /** Empty when none was sent. */
  readonly blockDescriptor: Buffer;
  /** Offsets in the parameter list, for field pointers. */
  readonly at: {
    readonly mediumType: number;
    readonly deviceSpecific: number;
    readonly blockDescriptor: number;
  };
}
/** The device type's part of the mode parameter list: header fields and block descriptor. */
export interface ModeHeader {
  sense(pageControl: PageControl): { readonly mediumType: number; readonly deviceSpecific: number };
  /** Eight bytes, or none. */
  blockDescriptor(pageControl: PageControl): Buffer;
  /** Checks; throws CheckCondition. Answers what to do once the whole list is found right; undefined: nothing changes. */
  select(sent: SentModeHeader): (() => void | Promise<void>) | undefined;
}
/** Device types without block descriptors, whose header says nothing (SMC). */
export const plainModeHeader: ModeHeader = {
  sense: () => ({ mediumType: 0, deviceSpecific: 0 }),
  blockDescriptor: () => Buffer.alloc(0),
  select: (sent) => {
    if (sent.mediumType !== 0) throw invalidParameter(sent.at.mediumType);
    if (sent.deviceSpecific !== 0) throw invalidParameter(sent.at.deviceSpecific);
    if (sent.blockDescriptor.length > 0) throw invalidParameter(sent.at.blockDescriptor);
    return undefined;
  },
};

export interface ModeSense {
  /** The header of ten-byte commands. */
  readonly long: boolean;
  readonly pageControl: PageControl;
  readonly page: number;
  readonly subpage: number;
  readonly disableBlockDescriptors: boolean;
}
export interface ModeSelect {
  readonly long: boolean;
  readonly savePages: boolean;
  /** RTD: back to default values, without a list. */
  readonly revertToDefaults: boolean;
}

const allPages = 0x3f;
const allSubpages = 0xff;
const savedKey = 'mode-pages';

export class ModePages {
  readonly #uses: readonly ModePageUse[];
  readonly #header: ModeHeader;
  readonly #persistence: Persistence | undefined;
  readonly #current = new Map<ModePage, Value>();
  readonly #saved = new Map<ModePage, Value>();

  /** Rows in any order; MODE SENSE answers them in the standard's. */
  constructor(
    pages: readonly ModePageUse[],
    header: ModeHeader = plainModeHeader,
    persistence?: Persistence,
  ) {
    this.#uses = pages.toSorted((a, b) => orderOf(a.row) - orderOf(b.row));
    this.#header = header;
    this.#persistence = persistence;
    this.reset();
  }

  /** Reads what was saved; call it once, before the unit is used. A saved page that no longer fits is left at its default. */
  async load(): Promise<void> {
    const bytes = await this.#persistence?.load(savedKey);
    for (const image of savedImages(bytes)) {
      const use = this.#uses.find(({ row }) => row.page === image.page && row.subpage === image.subpage);
      if (use?.row.saveable !== true || image.bytes.length !== use.row.length) continue;
      const value = use.row.select(use.defaults, image.bytes, use.changeable);
      if (!('badByte' in value)) this.#saved.set(use.row, value);
    }
    this.reset();
  }
  /** Power on, reset: current values are the saved ones, or the defaults (SPC-5 7.5). */
  reset(): void {
    this.#current.clear();
    for (const { row, defaults } of this.#uses) this.#current.set(row, this.#saved.get(row) ?? defaults);
  }

  get rows(): readonly ModePage[] {
    return this.#present.map(({ row }) => row);
  }
  has<V extends object>(row: ModePage<V>): boolean {
    return this.#current.has(row as unknown as ModePage);
  }
  /** Current value, with what the machine shows; undefined when the unit does not have the page. */
  find<V extends object>(row: ModePage<V>): V | undefined {
    const use = this.#uses.find((one) => one.row === (row as unknown as ModePage));
    return use === undefined ? undefined : (this.#value(use, 'current') as V); // the use was made from this row
  }
  /** Current value of a page that the unit has. */
  value<V extends object>(row: ModePage<V>): V {
    const value = this.find(row);
    assert(value !== undefined, `the unit has the page ${row.name}`);
    return value;
  }
  /** What was set of such a page, without what the machine shows in it: for what every command asks. */
  setting<V extends object>(row: ModePage<V>): V {
    const value = this.#current.get(row as unknown as ModePage);
    assert(value !== undefined, `the unit has the page ${row.name}`);
    return value as V; // it is kept for this row
  }
  /** A change from inside, e.g. by the medium just loaded. Nobody is told. */
  set<V extends object>(row: ModePage<V>, change: Partial<V>): void {
    const key = row as unknown as ModePage;
    const value = this.#current.get(key);
    assert(value !== undefined, `the unit has the page ${row.name}`);
    this.#current.set(key, { ...value, ...change });
  }

  // --- MODE SENSE -----------------------------------------------------------------------------------------------

  /** The mode parameter list. Throws CheckCondition. */
  sense(request: ModeSense): Buffer {
    const { long, pageControl } = request;
    const saveable = this.#uses.some(({ row }) => row.saveable);
    if (pageControl === 'saved' && !saveable) throw new CheckCondition(SENSE.savingParametersNotSupported);
    const pages = this.#asked(request.page, request.subpage).map((use) => this.#image(use, pageControl));
    const descriptor = request.disableBlockDescriptors
      ? Buffer.alloc(0)
      : this.#header.blockDescriptor(pageControl);
    const { mediumType, deviceSpecific } = this.#header.sense(pageControl);
    const header = Buffer.alloc(long ? 8 : 4);
    const list = Buffer.concat([header, descriptor, ...pages]);
    if (long) {
      list.writeUInt16BE(list.length - 2, 0);
      list[2] = mediumType;
      list[3] = deviceSpecific;
      list.writeUInt16BE(descriptor.length, 6);
      return list;
    }
    list[0] = Math.min(list.length - 1, 0xff); // more than one byte can count is for MODE SENSE(10)
    list[1] = mediumType;
    list[2] = deviceSpecific;
    list[3] = descriptor.length;
    return list.subarray(0, 0x100);
  }

  get #present(): readonly ModePageUse[] {
    return this.#uses.filter((use) => use.present());
  }
  #asked(page: number, subpage: number): readonly ModePageUse[] {
    const pages = this.#present.filter(({ row }) => page === allPages || row.page === page);
    // Page 00h is the vendor's (SPC-5 7.5.1). Linux st asks for it to get header and block descriptor, which is all it holds.
    if (page === 0 && subpage === 0) return pages;
    if (pages.length === 0) throw invalidCdbField(2, 5);
    if (subpage === allSubpages) return pages;
    const exact = pages.filter(({ row }) => row.subpage === subpage);
    if (exact.length === 0 || (page === allPages && subpage !== 0)) throw invalidCdbField(3);
    return exact;
  }
  #value(use: ModePageUse, pageControl: Exclude<PageControl, 'changeable'>): Value {
    const stored = pageControl === 'saved' ? this.#saved : this.#current;
    const value = pageControl === 'default' ? undefined : stored.get(use.row);
    return { ...(value ?? use.defaults), ...use.live() };
  }
  #image(use: ModePageUse, pageControl: PageControl): Buffer {
    const { row } = use;
    const image =
      pageControl === 'changeable' ? row.mask(use.changeable) : row.image(this.#value(use, pageControl));
    // SPC-5 6.14: saved values that a device server does not have are zero.
    if (pageControl === 'saved' && !row.saveable) image.fill(0, headerLength(image));
    if (row.saveable) image[0] = (image[0] ?? 0) | psBit;
    return image;
  }

  // --- MODE SELECT ----------------------------------------------------------------------------------------------

  /** Takes a parameter list. True when something has changed, so that other nexuses must be told. Throws CheckCondition. */
  async select(list: Buffer, how: ModeSelect): Promise<boolean> {
    if (how.savePages && !this.#uses.some(({ row }) => row.saveable)) throw invalidCdbField(1, 0);
    if (how.revertToDefaults) return await this.#revert(list, how.savePages);
    if (list.length === 0) return false;
    const { header, pagesAt } = readHeader(list, how.long);
    const applyHeader = this.#header.select(header);
    const planned = this.#plan(list, pagesAt);
    const changed = [...planned].filter(([use, value]) => !same(use, value, this.#value(use, 'current')));
    await applyHeader?.();
    for (const [{ row, selected }, value] of changed) {
      this.#current.set(row, value);
      await selected(value);
    }
    if (how.savePages) await this.#save();
    return applyHeader !== undefined || changed.length > 0;
  }

  async #revert(list: Buffer, savePages: boolean): Promise<boolean> {
    if (list.length > 0) throw invalidCdbField(1, 1);
    const changed = this.#present.filter((use) => !same(use, use.defaults, this.#value(use, 'current')));
    for (const { row, defaults, selected } of changed) {
      this.#current.set(row, defaults);
      await selected(defaults);
    }
    if (savePages) await this.#save();
    return changed.length > 0;
  }

  /** The value that each page sent would get. */
  #plan(list: Buffer, from: number): ReadonlyMap<ModePageUse, Value> {
    const planned = new Map<ModePageUse, Value>();
    for (let at = from; at < list.length;) {
      const { page, subpage, start, length, lengthAt } = readPageHeader(list, at);
      const use = this.#present.find(({ row }) => row.page === page && row.subpage === subpage);
      if (use === undefined) throw invalidParameter(at, 5);
      if (length > use.row.length || length < use.row.lengthMin) throw invalidParameter(lengthAt);
      if (start + length > list.length) throw listLengthError();
      const sent = list.subarray(start, start + length);
      const value = use.row.select(planned.get(use) ?? this.#value(use, 'current'), sent, use.changeable);
      if ('badByte' in value) {
        const bad = value as { badByte: number; badBit: number };
        throw invalidParameter(at + bad.badByte, bad.badBit);
      }
      planned.set(use, value);
      at += length;
    }
    return planned;
  }

  /** SP = 1 saves every saveable page, those not sent too (SPC-5 6.12). */
  async #save(): Promise<void> {
    const images: Buffer[] = [];
    for (const use of this.#uses) {
      if (!use.row.saveable) continue;
      const value = this.#current.get(use.row) ?? use.defaults;
      this.#saved.set(use.row, value);
      images.push(use.row.image(value));
    }
    await this.#persistence?.save(savedKey, Buffer.concat(images));
  }
}

const psBit = 0x80;
const spfBit = 0x40;

/** Ascending page codes, then subpages; page 00h comes last (SPC-5 7.5). */
const orderOf = (row: ModePage): number => (row.page === 0 ? 0x40 : row.page) * 0x100 + row.subpage;

const headerLength = (image: Buffer): number => (((image[0] ?? 0) & spfBit) === 0 ? 2 : 4);

const same = (use: ModePageUse, a: Value, b: Value): boolean =>
  use.row.image({ ...a, ...use.live() }).equals(use.row.image(b));

function readHeader(list: Buffer, long: boolean): { header: SentModeHeader; pagesAt: number } {
  const headerBytes = long ? 8 : 4;
  if (list.length < headerBytes) throw listLengthError();
  const descriptorBytes = long ? list.readUInt16BE(6) : list.readUInt8(3);
  if (headerBytes + descriptorBytes > list.length) throw listLengthError();
  if (long && (list.readUInt8(4) & 1) !== 0) throw invalidParameter(4, 0); // LONGLBA: no descriptor of 16 bytes here
  if (descriptorBytes !== 0 && descriptorBytes !== 8) throw invalidParameter(long ? 6 : 3);
  const at = { mediumType: long ? 2 : 1, deviceSpecific: long ? 3 : 2, blockDescriptor: headerBytes };
  const header = {
    mediumType: list.readUInt8(at.mediumType),
    deviceSpecific: list.readUInt8(at.deviceSpecific),
    blockDescriptor: list.subarray(headerBytes, headerBytes + descriptorBytes),
    at,
  };
  return { header, pagesAt: headerBytes + descriptorBytes };
}

interface PageHeader {
  readonly page: number;
  readonly subpage: number;
  readonly start: number;
  /** Of the whole page. */
  readonly length: number;
  readonly lengthAt: number;
}
function readPageHeader(list: Buffer, at: number): PageHeader {
  const first = list.readUInt8(at);
  const long = (first & spfBit) !== 0;
  if (at + (long ? 4 : 2) > list.length) throw listLengthError();
  const length = long ? list.readUInt16BE(at + 2) + 4 : list.readUInt8(at + 1) + 2;
  const subpage = long ? list.readUInt8(at + 1) : 0;
  return { page: first & 0x3f, subpage, start: at, length, lengthAt: at + (long ? 2 : 1) };
}

/** The pages of a saved blob; nothing of it when it is damaged, for defaults are better than half of a guess. */
function savedImages(bytes: Buffer | undefined): { page: number; subpage: number; bytes: Buffer }[] {
  const images: { page: number; subpage: number; bytes: Buffer }[] = [];
  for (let at = 0; bytes !== undefined && at < bytes.length;) {
    const long = (bytes.readUInt8(at) & spfBit) !== 0;
    if (at + (long ? 4 : 2) > bytes.length) return [];
    const { page, subpage, length } = readPageHeader(bytes, at);
    if (at + length > bytes.length) return [];
    images.push({ page, subpage, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return images;
}

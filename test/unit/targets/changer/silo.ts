/** A changer over a library of fakes, and what an initiator sees of it. */
import type { ExecutionContext } from 'ava';
import { Catalog } from '#catalog';
import { realEnv } from '#env';
import type { Nexus } from '#scsi';
import { type Answer, type FakeLibrary, fakeNexus, makeFakeLibrary, send } from '#support';
import type { Shelf } from '#vtl';
import {
  DESCRIPTOR_HEAD,
  IDENTIFIER_HEAD,
  PAGE_HEADER,
  STATUS_HEADER,
} from '../../../../targets/changer/element-status.js';
import { ChangerUnit } from '../../../../targets/changer/changer-unit.js';
import { libraryPersonalities } from '../../../../targets/changer/personalities/index.js';

export const host = fakeNexus('host');
export const otherHost = fakeNexus('other');

export interface Silo {
  readonly catalog: Catalog;
  readonly library: FakeLibrary;
  readonly shelf: Shelf<{ readonly id: string; readonly barcode: string }>;
  readonly unit: ChangerUnit;
  /** Sends a CDB as `host`. */
  readonly send: (
    cdb: readonly number[],
    options?: { out?: Buffer; nexus?: Nexus; lun?: number },
  ) => Promise<Answer>;
}

export async function silo(
  t: ExecutionContext,
  counts: Partial<Parameters<typeof makeFakeLibrary>[1]> = {},
  personalityName = 'IBM 03584L32',
): Promise<Silo> {
  const env = realEnv();
  const catalog = await Catalog.open(env, ':memory:');
  t.teardown(async () => await catalog.close());
  const whole = { slots: 8, mailSlots: 2, drives: 2, cartridges: 3, ...counts };
  const { library, shelf } = await makeFakeLibrary(catalog, whole);
  const personality = libraryPersonalities.get(personalityName);
  if (personality === undefined) throw new Error(`no personality ${personalityName}`);
  const { vendor, product, revision } = personality;
  const unit = new ChangerUnit({
    env,
    identity: {
      vendor,
      product,
      revision,
      serial: '000001234567',
      naa: Buffer.from('5000000000000001', 'hex'),
    },
    persistence: catalog.persistence.of('lib'),
    library,
    personality,
    driveIdentity: (id) => {
      const drive = library.drives.find((one) => one.id === id);
      return drive === undefined
        ? undefined
        : { vendor: 'IBM', product: 'ULT3580-TD8', serial: drive.serial };
    },
  });
  await unit.load();
  for (const nexus of [host, otherHost]) {
    unit.attach(nexus);
    unit.attentions.take(nexus.id); // the power on
  }
  return {
    catalog,
    library,
    shelf,
    unit,
    send: async (cdb, { out, nexus = host, lun = 0 } = {}) =>
      await send(unit, { cdb, nexus, lun, ...(out === undefined ? {} : { out }) }),
  };
}

// --- READ ELEMENT STATUS data ----------------------------------------------------------------------------------------

export interface Descriptor {
  readonly type: number;
  readonly address: number;
  readonly flags: ReturnType<typeof DESCRIPTOR_HEAD.decode>;
  readonly tag: string | undefined;
  readonly alternateTag: string | undefined;
  readonly identifier: string;
}
export interface Status {
  readonly header: ReturnType<typeof STATUS_HEADER.decode>;
  readonly pages: readonly ReturnType<typeof PAGE_HEADER.decode>[];
  readonly descriptors: readonly Descriptor[];
}

const text = (bytes: Buffer): string => bytes.toString('latin1').replace(/[\0 ]+$/, '');

/** Reads whole pages and descriptors until the data ends; throws when something is cut. */
export function parseStatus(data: Buffer): Status {
  const pages: Status['pages'][number][] = [];
  const descriptors: Descriptor[] = [];
  for (let at = STATUS_HEADER.length; at < data.length;) {
    const page = PAGE_HEADER.decode(data.subarray(at));
    pages.push(page);
    const end = Math.min(data.length, at + PAGE_HEADER.length + page.pageBytes);
    for (at += PAGE_HEADER.length; at < end; at += page.descriptorBytes) {
      const bytes = data.subarray(at, at + page.descriptorBytes);
      const flags = DESCRIPTOR_HEAD.decode(bytes);
      let next = DESCRIPTOR_HEAD.length;
      const take = (present: boolean): string | undefined => {
        if (!present) return undefined;
        next += 36;
        return text(bytes.subarray(next - 36, next - 4));
      };
      const tag = take(page.primaryVolumeTag);
      const alternateTag = take(page.alternateVolumeTag);
      const { identifierBytes } = IDENTIFIER_HEAD.decode(bytes.subarray(next));
      const identifier = text(bytes.subarray(next + 4, next + 4 + identifierBytes));
      descriptors.push({
        type: page.elementType,
        address: flags.elementAddress,
        flags,
        tag,
        alternateTag,
        identifier,
      });
    }
  }
  return { header: STATUS_HEADER.decode(data), pages, descriptors };
}

export const u16 = (value: number): [number, number] => [value >> 8, value & 0xff];
export const u24 = (value: number): [number, number, number] => [
  (value >> 16) & 0xff,
  (value >> 8) & 0xff,
  value & 0xff,
];

/** READ ELEMENT STATUS; `flags` is byte 6. */
export const statusCdb = (
  options: {
    type?: number;
    volumeTag?: boolean;
    from?: number;
    count?: number;
    flags?: number;
    allocation?: number;
  } = {},
): number[] => [
  0xb8,
  (options.volumeTag === false ? 0 : 0x10) | (options.type ?? 0),
  ...u16(options.from ?? 0),
  ...u16(options.count ?? 0xffff),
  options.flags ?? 0,
  ...u24(options.allocation ?? 0xff_ffff),
  0,
  0,
];
export const moveCdb = (from: number, to: number, robot = 0): number[] => [
  0xa5,
  0,
  ...u16(robot),
  ...u16(from),
  ...u16(to),
  0,
  0,
  0,
  0,
];
/** key, ASC, ASCQ. */
export const senseOf = ({ sense }: Answer): readonly number[] | undefined =>
  sense === undefined ? undefined : [sense.key, sense.asc, sense.ascq];

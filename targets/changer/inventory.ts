/** READ ELEMENT STATUS, SEND VOLUME TAG, REQUEST VOLUME ELEMENT ADDRESS (SMC-3 6.11, 6.17, 6.14). */
import {
  answer,
  CheckCondition,
  type Handler,
  invalidCdbField,
  listLengthError,
  receiveParameters,
  ReservationConflict,
  SENSE,
} from '#scsi';
import { bytes, record, u16 } from '#wire';
import type { AddressRange } from './addresses.js';
import type { ChangerUnit } from './changer-unit.js';
import { ELEMENT_TYPE, type ElementReport, elementStatus, selectElements } from './element-status.js';
import { faulted } from './faults.table.js';
import { matchesTemplate, type VolumeTag } from './volume-tag.js';

type Of<V> = Handler<ChangerUnit, V>;

const allTypes = 0;
const elementTypeMax = 4;

/** The kinds that ELEMENT TYPE CODE picks. Throws. */
function rangesOf(unit: ChangerUnit, elementTypeCode: number): readonly AddressRange[] {
  if (elementTypeCode > elementTypeMax) throw invalidCdbField(1, 3);
  const { ranges } = unit.addresses;
  return elementTypeCode === allTypes
    ? ranges
    : ranges.filter(({ kind }) => ELEMENT_TYPE[kind] === elementTypeCode);
}

export const readElementStatus: Of<{
  readonly volumeTag: boolean;
  readonly elementTypeCode: number;
  readonly startingElementAddress: number;
  readonly numberOfElements: number;
  readonly deviceIdentifier: boolean;
  readonly allocationLength: number;
}> = async (unit, task, cdb) => {
  const ranges = rangesOf(unit, cdb.elementTypeCode);
  const { data } = elementStatus(
    {
      volumeTags: cdb.volumeTag,
      identifiers: cdb.deviceIdentifier,
      pages: selectElements(ranges, cdb.startingElementAddress, cdb.numberOfElements),
      allocationLength: cdb.allocationLength,
    },
    (address) => unit.report(address),
  );
  await answer(task, data, cdb.allocationLength);
};

// --- volume tags ---------------------------------------------------------------------------------------------------

/** SEND ACTION CODE (SMC-3 table 37). */
const SEND_ACTION = {
  translateAll: 0x0,
  translatePrimary: 0x1,
  translateAlternate: 0x2,
  translateAllAnySequence: 0x4,
  translatePrimaryAnySequence: 0x5,
  translateAlternateAnySequence: 0x6,
  assertPrimary: 0x8,
  assertAlternate: 0x9,
  replacePrimary: 0xa,
  replaceAlternate: 0xb,
  undefinePrimary: 0xc,
  undefineAlternate: 0xd,
} as const;

const SEND_VOLUME_TAG_LIST = record(40, {
  template: bytes(0, 32),
  minimumSequence: u16(34),
  maximumSequence: u16(38),
});

interface TagList {
  readonly template: string;
  readonly minimumSequence: number;
  readonly maximumSequence: number;
}

interface SendVolumeTagCdb {
  readonly elementTypeCode: number;
  readonly elementAddress: number;
  readonly sendActionCode: number;
  readonly parameterListLength: number;
}

export const sendVolumeTag: Of<SendVolumeTagCdb> = async (unit, task, cdb) => {
  const list = await receiveParameters(task, cdb.parameterListLength);
  if (translates(cdb.sendActionCode)) {
    if (list.length === 0) return; // SMC-3 6.17: nothing to search for is no error
    const found = translate(unit, cdb, readTagList(list));
    unit.tagSearches.start(task.nexus.id, { sendActionCode: cdb.sendActionCode, found });
    return;
  }
  if (unit.elementReservations.blocks(task.nexus.id, cdb.elementAddress)) throw new ReservationConflict();
  await changeTag(unit, cdb, list);
  unit.tagSearches.start(task.nexus.id, {
    sendActionCode: cdb.sendActionCode,
    found: [cdb.elementAddress],
  });
};

const translates = (action: number): boolean =>
  action < SEND_ACTION.assertPrimary && (action & 0b11) !== 0b11;

function readTagList(list: Buffer): TagList {
  if (list.length !== SEND_VOLUME_TAG_LIST.length) throw listLengthError();
  const { template, minimumSequence, maximumSequence } = SEND_VOLUME_TAG_LIST.decode(list);
  const text = Buffer.from(template).toString('latin1').replace(/\0.*$/s, '').trimEnd(); // the first zero ends it
  return { template: text, minimumSequence, maximumSequence };
}

/** Addresses of the elements, from the given one up, whose tags match. */
function translate(unit: ChangerUnit, cdb: SendVolumeTagCdb, list: TagList): number[] {
  const anySequence = (cdb.sendActionCode & 0b100) !== 0;
  const which = cdb.sendActionCode & 0b11;
  const matches = (tag: VolumeTag | undefined): boolean =>
    tag !== undefined &&
    matchesTemplate(list.template, tag.identifier) &&
    (anySequence || (tag.sequence >= list.minimumSequence && tag.sequence <= list.maximumSequence));
  const searched = ({ primaryTag, alternateTag }: ElementReport): boolean =>
    (which !== SEND_ACTION.translateAlternate && matches(primaryTag)) ||
    (which !== SEND_ACTION.translatePrimary && matches(alternateTag));
  return selectElements(rangesOf(unit, cdb.elementTypeCode), cdb.elementAddress, Number.MAX_SAFE_INTEGER)
    .flatMap(({ addresses }) => addresses)
    .filter((address) => searched(unit.report(address)));
}

const tagPattern = /^[\x21-\x7e]+$/;

/** Alternate tags are the host's to give. Primary ones are what the bar code reader sees: printed, and not to be changed. */
async function changeTag(unit: ChangerUnit, cdb: SendVolumeTagCdb, list: Buffer): Promise<void> {
  const { sendActionCode: action, elementAddress, elementTypeCode } = cdb;
  const replaces = action === SEND_ACTION.replaceAlternate;
  const undefines = action === SEND_ACTION.undefineAlternate;
  if (!replaces && !undefines && action !== SEND_ACTION.assertAlternate) throw invalidCdbField(5, 4);
  if (elementTypeCode !== 0) throw invalidCdbField(1, 3); // reserved unless it translates
  const ref = unit.addresses.refOf(elementAddress);
  if (ref === undefined)
    throw new CheckCondition(SENSE.invalidElementAddress, { field: { in: 'cdb', byte: 2 } });
  if (undefines) {
    await faulted(async () => await unit.library.setAlternateTag(ref, undefined, true));
    return;
  }
  const { template, minimumSequence } = readTagList(list);
  if (!tagPattern.test(template) || /[*?]/.test(template))
    throw new CheckCondition(SENSE.invalidFieldInParameterList, { field: { in: 'parameters', byte: 0 } });
  const tag = { identifier: template, sequence: minimumSequence };
  await faulted(async () => await unit.library.setAlternateTag(ref, tag, replaces));
}

export const requestVolumeElementAddress: Of<{
  readonly volumeTag: boolean;
  readonly elementTypeCode: number;
  readonly elementAddress: number;
  readonly numberOfElements: number;
  readonly allocationLength: number;
}> = async (unit, task, cdb) => {
  const search = unit.tagSearches.of(task.nexus.id);
  if (search === undefined) throw new CheckCondition(SENSE.commandSequenceError);
  const ranges = rangesOf(unit, cdb.elementTypeCode);
  const wanted = search.found
    .filter((address) => address >= cdb.elementAddress)
    .filter((address) => ranges.some(({ first, count }) => address >= first && address < first + count))
    .slice(0, cdb.numberOfElements);
  const pages = ranges.map(({ kind, first, count }) => ({
    kind,
    addresses: wanted.filter((address) => address >= first && address < first + count),
  }));
  const { volumeTag: volumeTags, allocationLength } = cdb;
  const { sendActionCode } = search;
  const { data, reported } = elementStatus(
    { volumeTags, identifiers: false, pages, allocationLength, sendActionCode },
    (address) => unit.report(address),
  );
  const last = wanted[reported - 1];
  if (last !== undefined) unit.tagSearches.reported(task.nexus.id, last);
  await answer(task, data, allocationLength);
};

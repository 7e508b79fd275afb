/** Log pages of media changers (SMC-3 7.2): what the robot did, element by element, and TapeAlert. */
import { logPage, type LogPage, type LogParameter } from '#scsi';
import type { ChangerUnit } from './changer-unit.js';
import { alertFlags } from './tape-alert.table.js';

const counter = (
  code: number,
  name: string,
  value: (unit: ChangerUnit) => number,
): LogParameter<ChangerUnit> => ({ code, name, kind: 'counter', length: 4, value });

const TEMPERATURE = logPage<ChangerUnit>({
  page: 0x0d,
  name: 'Temperature',
  spec: 'SPC-5 7.3.21',
  parameters: [
    { code: 0, name: 'Temperature', kind: 'binary', length: 2, value: () => 25 },
    { code: 1, name: 'Reference temperature', kind: 'binary', length: 2, value: () => 60 },
  ],
});

/** What a virtual robot never has (retries, errors of axes) stays zero, truthfully. */
const MEDIA_CHANGER_STATISTICS = logPage<ChangerUnit>({
  page: 0x14,
  name: 'Media Changer Statistics',
  spec: 'SMC-3 7.2.4',
  parameters: [
    counter(0x00, 'Number of moves', (unit) => unit.statistics.moves),
    counter(0x01, 'Number of picks', (unit) => unit.statistics.picks),
    counter(0x02, 'Number of pick retries', () => 0),
    counter(0x03, 'Number of places', (unit) => unit.statistics.places),
    counter(0x04, 'Number of place retries', () => 0),
    counter(0x05, 'Number of determined volume identifiers', (unit) => unit.statistics.identifiersRead),
    counter(0x06, 'Number of unreadable volume identifiers', () => 0),
    counter(0x07, 'Number of library door opens', () => 0),
    counter(0x08, 'Number of import/export door opens', (unit) => unit.statistics.doorOpens),
    counter(0x09, 'Number of physical inventory scans', (unit) => unit.statistics.scans),
    counter(0x0a, 'Number of medium transport unrecovered errors', (unit) => unit.statistics.failures),
    counter(0x0b, 'Number of medium transport recovered errors', () => 0),
  ],
});

const elementBytes = 24;
/** PAGE LENGTH counts 65535 bytes, and each parameter has a header of four. */
const elementsMax = Math.floor(0xffff / (elementBytes + 4));

/** One parameter for each element, its code the element address; of a huge library the first that fit. */
const ELEMENT_STATISTICS = logPage<ChangerUnit>({
  page: 0x15,
  name: 'Element Statistics',
  spec: 'SMC-3 7.2.3',
  parameters: (unit) =>
    unit.addresses.ranges
      .flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => first + index))
      .slice(0, elementsMax)
      .map((address) => ({
        code: address,
        name: 'Element',
        kind: 'binary' as const,
        value: () => {
          const { places, picks } = unit.statistics.ofElement(unit.addresses.refOf(address));
          const value = Buffer.alloc(elementBytes);
          value.writeUInt32BE(places, 0);
          value.writeUInt32BE(picks, 8);
          value.writeUInt32BE(places, 16); // each cartridge placed had its label read
          return value;
        },
      })),
});

const TAPE_ALERT = logPage<ChangerUnit>({
  page: 0x2e,
  name: 'TapeAlert',
  spec: 'SMC-3 7.2.6',
  parameters: alertFlags.map(({ flag, name }) => ({
    code: flag,
    name,
    kind: 'binary' as const,
    length: 1,
    value: (unit: ChangerUnit) => (unit.alerts.has(flag) ? 1 : 0),
  })),
  read: (unit) => unit.alerts.clear(), // SMC-3 7.2.6: the flags are set to zero once they were read
});

export const changerLogPages: readonly LogPage<ChangerUnit>[] = [
  TEMPERATURE,
  MEDIA_CHANGER_STATISTICS,
  ELEMENT_STATISTICS,
  TAPE_ALERT,
];

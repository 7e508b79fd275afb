/** Sense data (SPC-5 4.4) as values: what happened, and the extras that a command adds. */
import { TapesiloError } from '../errors.js';

export const SENSE_KEY = {
  'no-sense': 0x0,
  'recovered-error': 0x1,
  'not-ready': 0x2,
  'medium-error': 0x3,
  'hardware-error': 0x4,
  'illegal-request': 0x5,
  'unit-attention': 0x6,
  'data-protect': 0x7,
  'blank-check': 0x8,
  'vendor-specific': 0x9,
  'copy-aborted': 0xa,
  'aborted-command': 0xb,
  'volume-overflow': 0xd,
  miscompare: 0xe,
  completed: 0xf,
} as const;
export type SenseKey = keyof typeof SENSE_KEY;

/** One row of sense.table.ts. */
export interface Sense {
  readonly key: SenseKey;
  readonly asc: number;
  readonly ascq: number;
  readonly name: string;
}
export const sense = (key: SenseKey, asc: number, ascq: number, name: string): Sense => ({
  key,
  asc,
  ascq,
  name,
});

export interface SenseExtras {
  /** INFORMATION: a residue or position, negative in two's complement. Sets VALID. */
  readonly information?: number | bigint;
  readonly filemark?: boolean;
  /** End of medium: at or past early warning, or at the beginning of a partition going backwards. */
  readonly eom?: boolean;
  /** Incorrect length indicator. */
  readonly ili?: boolean;
  readonly field?: FieldPointer;
  /** Concerns an earlier command (response codes 71h, 73h). */
  readonly deferred?: boolean;
  /** Progress, 0 … 1. */
  readonly progress?: number;
}
export interface FieldPointer {
  readonly in: 'cdb' | 'parameters';
  readonly byte: number;
  readonly bit?: number;
}

/** SCSI's expected "no". Thrown by handlers and gates, caught once, in LogicalUnit. */
export class CheckCondition extends TapesiloError<'check-condition'> {
  readonly sense: Sense;
  readonly extras: SenseExtras;
  constructor(what: Sense, extras: SenseExtras = {}, options?: ErrorOptions) {
    super(
      'check-condition',
      what.name,
      { key: what.key, asc: what.asc, ascq: what.ascq, ...extras },
      options,
    );
    this.sense = what;
    this.extras = extras;
  }
}

/** Ends a command with RESERVATION CONFLICT status. Thrown by handlers of reservation commands, caught in LogicalUnit. */
export class ReservationConflict extends TapesiloError<'reservation-conflict'> {
  constructor() {
    super(
      'reservation-conflict',
      'Another I_T nexus holds the reservation, or the key is not the registered one',
    );
  }
}

const senseBytes = 18;

/** Fixed format: response codes 70h and 71h (SPC-5 4.4.3). */
export function encodeFixed(what: Sense, extras: SenseExtras = {}): Buffer {
  const data = Buffer.alloc(senseBytes);
  const information = twosComplement(extras.information);
  const fits = information !== undefined && fitsFixed(extras.information);
  data[0] = (extras.deferred === true ? 0x71 : 0x70) | (fits ? 0x80 : 0);
  data[2] = streamBits(extras) | SENSE_KEY[what.key];
  if (fits) data.writeUInt32BE(Number(information & 0xffff_ffffn), 3);
  data[7] = senseBytes - 8;
  data[12] = what.asc;
  data[13] = what.ascq;
  keySpecific(what, extras)?.copy(data, 15);
  return data;
}

/** Descriptor format: response codes 72h and 73h (SPC-5 4.4.2). */
export function encodeDescriptor(what: Sense, extras: SenseExtras = {}): Buffer {
  const descriptors: Buffer[] = [];
  const information = twosComplement(extras.information);
  if (information !== undefined) {
    const descriptor = Buffer.from([0x00, 0x0a, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    descriptor.writeBigUInt64BE(information, 4);
    descriptors.push(descriptor);
  }
  const specific = keySpecific(what, extras);
  if (specific !== undefined)
    descriptors.push(Buffer.concat([Buffer.from([0x02, 0x06, 0, 0]), specific, Buffer.alloc(1)]));
  if (streamBits(extras) !== 0) descriptors.push(Buffer.from([0x04, 0x02, 0x00, streamBits(extras)]));
  const header = Buffer.from([
    extras.deferred === true ? 0x73 : 0x72,
    SENSE_KEY[what.key],
    what.asc,
    what.ascq,
    0,
    0,
    0,
    0,
  ]);
  const data = Buffer.concat([header, ...descriptors]);
  data[7] = data.length - 8;
  return data;
}

const streamBits = (extras: SenseExtras): number =>
  (extras.filemark === true ? 0x80 : 0) | (extras.eom === true ? 0x40 : 0) | (extras.ili === true ? 0x20 : 0);

const twosComplement = (value: number | bigint | undefined): bigint | undefined =>
  value === undefined ? undefined : BigInt.asUintN(64, BigInt(value));
const fitsFixed = (value: number | bigint | undefined): boolean =>
  value !== undefined && BigInt(value) >= -0x8000_0000n && BigInt(value) <= 0xffff_ffffn;

/** SENSE KEY SPECIFIC, three bytes (SPC-5 4.4.2.4). */
function keySpecific(what: Sense, extras: SenseExtras): Buffer | undefined {
  if (extras.field !== undefined && what.key === 'illegal-request') {
    const { byte, bit, in: where } = extras.field;
    const first = 0x80 | (where === 'cdb' ? 0x40 : 0) | (bit === undefined ? 0 : 0x08 | bit);
    return Buffer.from([first, byte >> 8, byte & 0xff]);
  }
  if (extras.progress !== undefined && (what.key === 'no-sense' || what.key === 'not-ready')) {
    const progress = Math.min(0xffff, Math.floor(extras.progress * 0x1_0000));
    return Buffer.from([0x80, progress >> 8, progress & 0xff]);
  }
  return undefined;
}

/** What bytes mean, for people: `tapesilo explain`, traces and logs. Made from the same rows that decode and encode. */
import { cdbLength, type Command } from './command.js';
import type { CommandTable } from './command-set.js';
import { type FieldPointer, SENSE_KEY, type SenseKey } from './sense.js';
import { SENSE } from './sense.table.js';

// --- sense data (SPC-5 4.4) ------------------------------------------------------------------------------------------

export interface ExplainedSense {
  readonly format: 'fixed' | 'descriptor';
  /** About an earlier command. */
  readonly deferred: boolean;
  readonly key: SenseKey;
  readonly asc: number;
  readonly ascq: number;
  /** Of our table; undefined for a code that we never report. */
  readonly name: string | undefined;
  /** INFORMATION, when valid, as a signed number: of 32 bits in fixed format, of 64 else. */
  readonly information: bigint | undefined;
  readonly filemark: boolean;
  readonly eom: boolean;
  readonly ili: boolean;
  readonly field: FieldPointer | undefined;
  /** 0 … 1 */
  readonly progress: number | undefined;
  /** One line a fact. */
  readonly lines: readonly string[];
}

/** Undefined when the bytes are no sense data: another response code, or too few of them. */
export function explainSense(sense: Buffer): ExplainedSense | undefined {
  const parts = splitSense(sense);
  if (parts === undefined) return undefined;
  const key = keyOf(parts.key);
  const rows = Object.values(SENSE).filter((row) => row.asc === parts.asc && row.ascq === parts.ascq);
  const name = (rows.find((row) => row.key === key) ?? rows[0])?.name;
  const flags = parts.stream;
  const facts: Omit<ExplainedSense, 'lines'> = {
    format: parts.format,
    deferred: parts.deferred,
    key,
    asc: parts.asc,
    ascq: parts.ascq,
    name,
    information: parts.information,
    filemark: (flags & 0x80) !== 0,
    eom: (flags & 0x40) !== 0,
    ili: (flags & 0x20) !== 0,
    ...keySpecificOf(key, parts.specific),
  };
  return { ...facts, lines: senseLines(facts) };
}

interface SenseParts {
  readonly format: 'fixed' | 'descriptor';
  readonly deferred: boolean;
  readonly key: number;
  readonly asc: number;
  readonly ascq: number;
  readonly information: bigint | undefined;
  /** FILEMARK, EOM and ILI in bits 7 to 5. */
  readonly stream: number;
  /** SENSE KEY SPECIFIC, three bytes. */
  readonly specific: Buffer | undefined;
}

const fixedBytesMin = 14;
const descriptorBytesMin = 8;

function splitSense(sense: Buffer): SenseParts | undefined {
  const first = sense[0] ?? 0;
  const code = first & 0x7f;
  const deferred = code === 0x71 || code === 0x73;
  if (code === 0x70 || code === 0x71) {
    if (sense.length < fixedBytesMin) return undefined;
    return {
      format: 'fixed',
      deferred,
      key: sense.readUInt8(2) & 0x0f,
      asc: sense.readUInt8(12),
      ascq: sense.readUInt8(13),
      information: (first & 0x80) === 0 ? undefined : BigInt(sense.readInt32BE(3)),
      stream: sense.readUInt8(2),
      specific: sense.length >= 18 ? sense.subarray(15, 18) : undefined,
    };
  }
  if ((code !== 0x72 && code !== 0x73) || sense.length < descriptorBytesMin) return undefined;
  const descriptors = descriptorsOf(sense);
  const information = descriptors.get(0x00);
  return {
    format: 'descriptor',
    deferred,
    key: sense.readUInt8(1) & 0x0f,
    asc: sense.readUInt8(2),
    ascq: sense.readUInt8(3),
    information:
      information?.length === 12 && (information.readUInt8(2) & 0x80) !== 0
        ? information.readBigInt64BE(4)
        : undefined,
    stream: descriptors.get(0x04)?.[3] ?? 0,
    specific: descriptors.get(0x02)?.subarray(4, 7),
  };
}

/** Whole descriptors by type, the first of each. */
function descriptorsOf(sense: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = descriptorBytesMin; at + 2 <= sense.length;) {
    const end = at + 2 + sense.readUInt8(at + 1);
    if (end > sense.length) break;
    const type = sense.readUInt8(at);
    if (!found.has(type)) found.set(type, sense.subarray(at, end));
    at = end;
  }
  return found;
}

function keyOf(code: number): SenseKey {
  const entry = Object.entries(SENSE_KEY).find(([, value]) => value === code);
  return (entry?.[0] ?? 'no-sense') as SenseKey; // Ch is the only code without a name: obsolete (was EQUAL)
}

function keySpecificOf(
  key: SenseKey,
  specific: Buffer | undefined,
): Pick<ExplainedSense, 'field' | 'progress'> {
  const first = specific?.[0] ?? 0;
  if (specific === undefined || specific.length < 3 || (first & 0x80) === 0) {
    return { field: undefined, progress: undefined };
  }
  const value = specific.readUInt16BE(1);
  if (key === 'illegal-request') {
    const pointer = { in: (first & 0x40) === 0 ? 'parameters' : 'cdb', byte: value } as const;
    return { field: (first & 0x08) === 0 ? pointer : { ...pointer, bit: first & 7 }, progress: undefined };
  }
  const progress = key === 'no-sense' || key === 'not-ready' ? value / 0x1_0000 : undefined;
  return { field: undefined, progress };
}

const hex = (value: number): string => `${value.toString(16).padStart(2, '0').toUpperCase()}h`;

function senseLines(facts: Omit<ExplainedSense, 'lines'>): string[] {
  const { field, information, progress } = facts;
  const stream = [facts.filemark ? 'FILEMARK' : '', facts.eom ? 'EOM' : '', facts.ili ? 'ILI' : ''].filter(
    Boolean,
  );
  const lines = [
    `${facts.deferred ? 'Deferred sense data' : 'Sense data'}, ${facts.format} format`,
    `Sense key: ${facts.key.replaceAll('-', ' ').toUpperCase()} (${hex(SENSE_KEY[facts.key])})`,
    `Additional sense: ${facts.name ?? 'not one of ours'} (${hex(facts.asc)}/${hex(facts.ascq)})`,
  ];
  if (information !== undefined) lines.push(`Information: ${information}`);
  if (stream.length > 0) lines.push(`Stream: ${stream.join(', ')}`);
  if (field !== undefined) {
    const bit = field.bit === undefined ? '' : `, bit ${field.bit}`;
    lines.push(`Field: byte ${field.byte}${bit} of the ${field.in === 'cdb' ? 'CDB' : 'parameter list'}`);
  }
  if (progress !== undefined) lines.push(`Progress: ${(100 * progress).toFixed(1)} %`);
  return lines;
}

// --- CDBs --------------------------------------------------------------------------------------------------------------

export interface ExplainedCdb {
  readonly row: Command;
  readonly fields: Readonly<Record<string, unknown>>;
  /** One line a fact. */
  readonly lines: readonly string[];
}

/** What a CDB asks for, by the first table that has its command; undefined when none has, or when it is too short. */
export function explainCdb(cdb: Buffer, tables: readonly CommandTable[]): ExplainedCdb | undefined {
  const row = tables.flatMap((table) => Object.values(table)).find((one) => isOf(one, cdb));
  if (row === undefined || cdb.length < row.length) return undefined;
  const fields = row.cdb.decode(cdb.subarray(0, row.length)) as Readonly<Record<string, unknown>>; // records are objects
  const lines = [`${row.name} (${row.spec})`];
  for (const [name, value] of Object.entries(fields)) {
    if (name !== 'opcode' && name !== 'serviceAction') lines.push(`${wordsOf(name)}: ${textOf(value)}`);
  }
  const stray = row.cdb.reservedBitSet(cdb.subarray(0, row.length));
  if (stray !== undefined) lines.push(`A reserved bit is set: byte ${stray.byte}, bit ${stray.bit}`);
  const expected = cdbLength(row.opcode) ?? row.length;
  if (cdb.subarray(expected).some((byte) => byte !== 0))
    lines.push(`Bytes after the ${expected} of the CDB are not zero`);
  return { row, fields, lines };
}

const isOf = (row: Command, cdb: Buffer): boolean =>
  row.opcode === cdb[0] && (row.serviceAction === undefined || row.serviceAction === ((cdb[1] ?? 0) & 0x1f));

/** "allocationLength" as "Allocation length". */
function wordsOf(name: string): string {
  const words = name.replaceAll(/([A-Z]|\d+)/g, ' $1').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value === 'number' && value > 9 ? `${value} (0x${value.toString(16)})` : String(value);
}

/** `tapesilo explain HEX`: what bytes say, from the tables that the product itself reads and writes them with. */
import { RefusedError } from '#errors';
import { PDU, type Pdu } from '#iscsi';
import { explainMessage, type NdmpVersion, XdrError } from '#ndmp';
import { cdbLength, type CommandTable, explainCdb, explainSense, spcTable } from '#scsi';
import { smcTable, tapeTable } from '#targets';
import { formatHex, parseHex } from '#wire';
import { EXIT } from './exit-codes.table.js';
import type { World } from './terminal.js';

type Given = Readonly<Record<string, unknown>>;
type What = 'cdb' | 'pdu' | 'sense' | 'ndmp';
type Device = 'tape' | 'changer';

export async function performExplain(world: World, given: Given): Promise<number> {
  const bytes = parseHex((given['hex'] as string[]).join(''));
  const what = (given['as'] as What | undefined) ?? guess(bytes);
  const device = given['device'] as Device; // yargs: choices
  const version = given['ndmp-version'] as NdmpVersion; // yargs: choices
  const lines = what === 'ndmp' ? messageLines(bytes, version) : explain(bytes, what, device);
  if (given['json'] === true) world.process.out(`${JSON.stringify({ as: what, lines })}\n`);
  else world.process.out(lines.map((line) => `${line}\n`).join(''));
  return await Promise.resolve(EXIT.ok);
}

const bhsBytes = 48;

function guess(bytes: Buffer): What {
  if (explainSense(bytes) !== undefined) return 'sense';
  return bytes.length >= bhsBytes && pduOf(bytes) !== undefined ? 'pdu' : 'cdb';
}

function explain(bytes: Buffer, what: Exclude<What, 'ndmp'>, device: Device): readonly string[] {
  switch (what) {
    case 'cdb':
      return cdbLines(bytes, device);
    case 'pdu':
      return pduLines(bytes, device);
    case 'sense':
      return (
        explainSense(bytes)?.lines ??
        refuse('This is no sense data: that begins with 70h to 73h and has 8 bytes or more')
      );
  }
}
function refuse(what: string): never {
  throw new RefusedError('usage', what);
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
const hexByte = (byte: number): string => `${byte.toString(16).padStart(2, '0').toUpperCase()}h`;

// --- CDBs ---------------------------------------------------------------------------------------------------------------

const tablesOf = (device: Device): readonly CommandTable[] => [
  device === 'tape' ? tapeTable : smcTable,
  spcTable,
];

function cdbLines(bytes: Buffer, device: Device): readonly string[] {
  const explained = explainCdb(bytes, tablesOf(device));
  if (explained !== undefined) return explained.lines;
  const opcode = bytes[0] ?? 0;
  const length = cdbLength(opcode) ?? 0;
  if (bytes.length < length) {
    return refuse(
      `A CDB with operation code ${hexByte(opcode)} has ${length} bytes; here are ${bytes.length}`,
    );
  }
  const other: Device = device === 'tape' ? 'changer' : 'tape';
  const isThere = explainCdb(bytes, tablesOf(other)) !== undefined;
  const hint = isThere ? `: a ${other} has it, see --device ${other}` : '';
  return refuse(
    `A ${device} has no command with operation code ${hexByte(opcode)} and this service action${hint}`,
  );
}

// --- PDUs ---------------------------------------------------------------------------------------------------------------

const pduOf = (bytes: Buffer): Pdu | undefined =>
  (Object.values(PDU) as unknown as readonly Pdu[]).find(({ opcode }) => opcode === ((bytes[0] ?? 0) & 0x3f));

function pduLines(bytes: Buffer, device: Device): readonly string[] {
  const row = pduOf(bytes);
  if (row === undefined) return refuse(`RFC 7143 has no PDU with opcode ${hexByte((bytes[0] ?? 0) & 0x3f)}`);
  if (bytes.length < bhsBytes) return refuse(`A PDU has ${bhsBytes} bytes or more; here are ${bytes.length}`);
  const fields = Object.entries(row.bhs.decode(bytes) as Readonly<Record<string, unknown>>).filter(
    ([name]) => name !== 'opcode' && name !== 'cdb',
  );
  const lines = [
    `${row.name} (RFC 7143 ${row.section}), from the ${row.from}`,
    ...fields.map(([name, value]) => `${name}: ${formatValue(value)}`),
  ];
  if (row.name === 'SCSI Command')
    lines.push('CDB:', ...indent(cdbLinesOr(bytes.subarray(32, bhsBytes), device)));
  const segmentAt = bhsBytes + (bytes[4] ?? 0) * 4;
  return [...lines, ...segmentLines(row, bytes.subarray(segmentAt, segmentAt + bytes.readUIntBE(5, 3)))];
}
const cdbLinesOr = (cdb: Buffer, device: Device): readonly string[] =>
  explainCdb(cdb, tablesOf(device))?.lines ?? [formatHex(cdb)];

function formatValue(value: unknown): string {
  if (value instanceof Uint8Array) return formatHex(value);
  return typeof value === 'number' && value > 9
    ? `${value} (0x${value.toString(16)})`
    : `${value as string | boolean}`;
}

function segmentLines(row: Pdu, segment: Buffer): string[] {
  if (segment.length === 0) return [];
  if (/^(Login|Text)/.test(row.name)) {
    const pairs = segment
      .toString('utf8')
      .split('\0')
      .filter((pair) => pair !== '');
    return ['Text:', ...indent(pairs.map((pair) => pair.replaceAll(/\p{Cc}/gu, '?')))];
  }
  const sense = row.name === 'SCSI Response' ? explainSense(segment.subarray(2)) : undefined; // SenseLength before it
  return sense === undefined ? [`Data segment: ${segment.length} bytes`] : ['Sense:', ...indent(sense.lines)];
}

// --- NDMP -----------------------------------------------------------------------------------------------------------------

function messageLines(bytes: Buffer, version: NdmpVersion): readonly string[] {
  try {
    return explainMessage(bytes, version);
  } catch (error) {
    if (!(error instanceof XdrError)) throw error;
    return refuse(`This is no message of NDMP version ${version}: ${error.message}`);
  }
}

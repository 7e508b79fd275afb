/** A message in words, for `tapesilo explain`. */
import { ndmpStatuses, Status } from './errors.table.js';
import { headerBytes, type NdmpHeader, parseMessage } from './header.js';
import { decodeReply, decodeRequest, isRequest, type MessageName, messageOf, rowOf } from './messages.js';
import { type NdmpVersion, XdrReader } from './xdr.js';

const markBytes = 4;

/** Lines about one message, with its record mark in front or without. Throws XdrError when it is not one of `version`. */
export function explainMessage(bytes: Buffer, version: NdmpVersion): readonly string[] {
  const { header, body } = parseMessage(withoutMark(bytes), version);
  const name = messageOf(header.code, version);
  const title = name === undefined ? 'unknown message' : rowOf(name).title;
  return [
    `${title} (0x${header.code.toString(16)}), ${header.type}, NDMP version ${version}`,
    `sequence: ${header.sequence}`,
    `time: ${new Date(header.timeStamp * 1000).toISOString()}`,
    ...(header.type === 'reply' ? [`reply to: ${header.replySequence}`] : []),
    ...(header.error === 0 ? [] : [`error of the message: ${statusOf(header.error, version)}`]),
    ...(name === undefined || header.error !== 0 ? [] : bodyLines(name, header, body, version)),
  ];
}

function withoutMark(bytes: Buffer): Buffer {
  const isMarked =
    bytes.length >= markBytes + headerBytes &&
    bytes.readUInt32BE(0) === 0x8000_0000 + bytes.length - markBytes;
  return isMarked ? bytes.subarray(markBytes) : bytes;
}

function statusOf(number: number, version: NdmpVersion): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return number < ndmpStatuses.length ? Status.read(new XdrReader(bytes, version)) : `${number}`;
}

function bodyLines(
  name: MessageName,
  header: NdmpHeader,
  body: Buffer,
  version: NdmpVersion,
): readonly string[] {
  if (header.type === 'request') return fieldLines(decodeRequest(name, body, version));
  if (!isRequest(name)) return [];
  const answer = decodeReply(name, body, version);
  return [`error: ${answer.error}`, ...fieldLines(answer.body)];
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
const fieldLines = (fields: object): string[] =>
  Object.entries(fields).flatMap(([field, value]) => valueLines(field, value));

function valueLines(field: string, value: unknown): string[] {
  if (Array.isArray(value)) {
    const items = (value as readonly unknown[]).flatMap((item, index) => valueLines(`${index}`, item));
    return [`${field}: ${value.length === 0 ? 'none' : ''}`.trimEnd(), ...indent(items)];
  }
  if (value instanceof Uint8Array) return [`${field}: ${bytesText(value)}`];
  if (typeof value === 'object' && value !== null) return [`${field}:`, ...indent(fieldLines(value))];
  return [`${field}: ${plain(`${value as string | number | bigint}`)}`];
}

const shownBytesMax = 64;
/** As text where it is some, as names of files are; else in hexadecimal. */
function bytesText(value: Uint8Array): string {
  const bytes = Buffer.from(value.subarray(0, shownBytesMax));
  const more = value.length > shownBytesMax ? `… (${value.length} bytes)` : '';
  const text = bytes.toString('latin1');
  return (/^[\x20-\x7e]+$/.test(text) ? `"${text}"` : bytes.toString('hex')) + more;
}
/** A peer's text must not move the cursor of whoever reads it. */
const plain = (text: string): string => text.replaceAll(/\p{Cc}/gu, '?');

/** TransportIDs of iSCSI initiator ports (SPC-5 7.6.4.6): the name, and the ISID that tells its ports apart. */
import { initiatorNameBytesMax } from '../limits.js';
import { invalidParameter } from './parameter-data.js';

const iscsiProtocol = 0x05;
const formatDevice = 0b00;
const formatPort = 0b01;
const headerBytes = 4;
/** SPC-5 7.6.4.6: at least 24 bytes in all, a multiple of four. */
const bodyBytesMin = 20;

export interface TransportId {
  /** iSCSI name of the initiator, in lower case as RFC 3722 makes it. */
  readonly initiatorName: string;
  /** Initiator port name, ",i,0x" and the ISID included; undefined: whatever port of that initiator. */
  readonly initiatorPort: string | undefined;
  /** Bytes taken. */
  readonly length: number;
}

/** The TransportID at `at` in a parameter list. Throws CheckCondition with a pointer to what is wrong. */
export function parseTransportId(list: Buffer, at: number): TransportId {
  if (at + headerBytes > list.length) throw invalidParameter(at);
  const first = list.readUInt8(at);
  const format = first >> 6;
  if ((first & 0x0f) !== iscsiProtocol) throw invalidParameter(at, 3);
  if (format !== formatDevice && format !== formatPort) throw invalidParameter(at, 7);
  const bodyBytes = list.readUInt16BE(at + 2);
  const end = at + headerBytes + bodyBytes;
  if (bodyBytes < bodyBytesMin || bodyBytes % 4 !== 0 || end > list.length) throw invalidParameter(at + 2);
  const body = list.subarray(at + headerBytes, end);
  const terminator = body.indexOf(0);
  if (terminator < 0 || body.subarray(terminator).some((byte) => byte !== 0))
    throw invalidParameter(at + headerBytes);
  const text = body.toString('utf8', 0, terminator).toLowerCase();
  const [initiatorName = '', isid] = text.split(',i,0x');
  const wellFormed = format === formatDevice ? isid === undefined : /^[0-9a-f]{12}$/.test(isid ?? '');
  if (initiatorName === '' || !wellFormed) throw invalidParameter(at + headerBytes);
  if (Buffer.byteLength(initiatorName) > initiatorNameBytesMax) throw invalidParameter(at + headerBytes);
  const initiatorPort = format === formatPort ? text : undefined;
  return { initiatorName, initiatorPort, length: headerBytes + bodyBytes };
}

/** The TransportID of an initiator port, format 01b. */
export function encodeTransportId(initiatorPort: string): Buffer {
  const text = Buffer.from(`${initiatorPort}\0`, 'utf8');
  const bodyBytes = Math.max(bodyBytesMin, Math.ceil(text.length / 4) * 4);
  const id = Buffer.alloc(headerBytes + bodyBytes);
  id[0] = (formatPort << 6) | iscsiProtocol;
  id.writeUInt16BE(bodyBytes, 2);
  text.copy(id, headerBytes);
  return id;
}

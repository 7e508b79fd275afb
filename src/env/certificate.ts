/**
 * A self-signed certificate with a new P-256 key (RFC 5280): for a server whose clients are told its fingerprint, or given
 * the certificate itself. Only as much DER as that needs.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { TlsIdentity } from './env.js';

export interface CertificateRequest {
  /** The first is the subject's common name too, where it is a DNS name. */
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes each. */
  readonly addresses: readonly Buffer[];
  readonly commonName: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly fromMs: number;
  readonly days: number;
  /** 16 bytes, drawn at random. */
  readonly serial: Buffer;
}

const dayMs = 86_400_000;

export function selfSigned(request: CertificateRequest): TlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const body = bodyOf(request, keyInfo);
  const signature = sign('sha256', body, privateKey);
  const certificate = sequence(body, ecdsaWithSha256, bitString(signature));
  return {
    certificate: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** TBSCertificate (4.1). */
function bodyOf({ commonName, fromMs, days, serial, ...names }: CertificateRequest, keyInfo: Buffer): Buffer {
  const name = sequence(
    set(sequence(oid(0x55, 0x04, 0x03), tagged(tag.utf8String, Buffer.from(commonName)))),
  );
  // 4.1.2.2: positive, and not 0.
  const number = Buffer.concat([Buffer.from([0x40 | ((serial[0] ?? 0) & 0x3f)]), serial.subarray(1)]);
  return sequence(
    tagged(0xa0, tagged(tag.integer, Buffer.from([2]))), // v3
    tagged(tag.integer, number),
    ecdsaWithSha256,
    name,
    sequence(time(fromMs), time(fromMs + days * dayMs)),
    name,
    keyInfo,
    tagged(0xa3, sequence(...extensions(names, keyInfo))),
  );
}

/** Alternative names (4.2.1.6), not a CA (4.2.1.9), signs handshakes (4.2.1.3) of servers (4.2.1.12), and its key's identifier. */
function extensions(
  { dnsNames, addresses }: Pick<CertificateRequest, 'dnsNames' | 'addresses'>,
  keyInfo: Buffer,
): Buffer[] {
  const extension = (id: number, isCritical: boolean, value: Buffer): Buffer =>
    sequence(
      oid(0x55, 0x1d, id),
      ...(isCritical ? [tagged(tag.boolean, Buffer.from([0xff]))] : []),
      tagged(tag.octetString, value),
    );
  const alternatives = sequence(
    ...dnsNames.map((one) => tagged(0x82, Buffer.from(one))),
    ...addresses.map((one) => tagged(0x87, one)),
  );
  const serverAuthentication = oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01);
  const keyIdentifier = createHash('sha1').update(keyInfo).digest();
  return [
    extension(0x11, false, alternatives),
    extension(0x13, true, sequence()),
    extension(0x0f, true, tagged(tag.bitString, Buffer.from([7, 0x80]))),
    extension(0x25, false, sequence(serverAuthentication)),
    extension(0x0e, false, tagged(tag.octetString, keyIdentifier)),
  ];
}

// --- DER (X.690) ----------------------------------------------------------------------------------------------------------

const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function tagged(type: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([type, length]), content]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([type, ...bytes]), content]);
}
const sequence = (...parts: readonly Buffer[]): Buffer => tagged(tag.sequence, Buffer.concat(parts));
const set = (...parts: readonly Buffer[]): Buffer => tagged(tag.set, Buffer.concat(parts));
const oid = (...bytes: readonly number[]): Buffer => tagged(tag.oid, Buffer.from(bytes));
const bitString = (bytes: Buffer): Buffer => tagged(tag.bitString, Buffer.concat([Buffer.alloc(1), bytes]));

/** 4.1.2.5: two digits of the year until 2049. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return text < '2050'
    ? tagged(tag.utcTime, Buffer.from(text.slice(2)))
    : tagged(tag.generalizedTime, Buffer.from(text));
}

const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));

const pem = (what: string, der: Buffer): string =>
  `-----BEGIN ${what}-----\n${der.toString('base64').replaceAll(/(.{64})(?=.)/g, '$1\n')}\n-----END ${what}-----\n`;

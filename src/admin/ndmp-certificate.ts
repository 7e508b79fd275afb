/** The certificate of NDMP over TLS. It is kept in the catalog with its key (the file is 0600), which is never shown. */
import type { Tables } from '#catalog';
import { type Env, readIdentity, selfSigned, type TlsIdentity } from '#env';
import { RefusedError } from '#errors';
import { parseIp } from './ip.js';

const certificateKey = 'ndmp-tls-certificate';
const secretKey = 'ndmp-tls-key';
/** A chain of a few certificates; RSA keys of 16384 bits. */
const pemBytesMax = 64 * 1024;
/** Clocks of clients may be behind. */
const earlierMs = 24 * 3600 * 1000;

export async function keptIdentity({ settings }: Pick<Tables, 'settings'>): Promise<TlsIdentity | undefined> {
  const certificate = await settings.get(certificateKey);
  const key = await settings.get(secretKey);
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}
export async function keepIdentity(
  { settings }: Pick<Tables, 'settings'>,
  { certificate, key }: TlsIdentity,
): Promise<void> {
  await settings.set(certificateKey, certificate);
  await settings.set(secretKey, key);
}

/** RefusedError 'usage' when the files cannot be read, or are not what they should be. */
export async function identityOfFiles(
  { secrets }: Pick<Env, 'secrets'>,
  certificateFile: string,
  keyFile: string,
): Promise<TlsIdentity> {
  const identity = { certificate: await pemOf(secrets, certificateFile), key: await pemOf(secrets, keyFile) };
  try {
    readIdentity(identity);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RefusedError(
      'usage',
      `${certificateFile} and ${keyFile} are no certificate with its key: ${why}`,
      {},
      { cause },
    );
  }
  return identity;
}
async function pemOf(secrets: Env['secrets'], path: string): Promise<string> {
  try {
    return (await secrets.file(path, pemBytesMax)).bytes.toString();
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    throw new RefusedError('usage', `${path} cannot be read: ${errno}`, {}, { cause });
  }
}

/** For clients that are given the certificate, or its fingerprint. */
export function newIdentity(
  { clock, random }: Pick<Env, 'clock' | 'random'>,
  names: string,
  days: number,
): TlsIdentity {
  const list = names.split(',');
  const addresses = list.flatMap((name) => {
    const bytes = parseIp(name);
    if (bytes === undefined) return [];
    return [name.includes(':') ? bytes : bytes.subarray(12)];
  });
  const dnsNames = list.filter((name) => parseIp(name) === undefined);
  const wrong = dnsNames.find((name) => !/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(name));
  if (wrong !== undefined) throw new RefusedError('usage', `${wrong} is neither a host name nor an address`);
  return selfSigned({
    commonName: (list[0] ?? '').slice(0, 64), // ub-common-name
    dnsNames,
    addresses,
    fromMs: clock.wallMs() - earlierMs,
    days,
    serial: random.bytes(16),
  });
}

/** What is shown. */
export function viewIdentity({ certificate, key }: TlsIdentity) {
  const { subject, issuer, names, validFromMs, validToMs, fingerprint } = readIdentity({ certificate, key });
  return {
    subject,
    issuer,
    names,
    validFrom: new Date(validFromMs).toISOString(),
    validTo: new Date(validToMs).toISOString(),
    fingerprint,
    certificate,
  };
}

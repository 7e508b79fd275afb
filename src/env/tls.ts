/** TLS over node:tls, as links like others; the only place that touches it. */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls';
import { tlsConnectionsMax, tlsHandshakeTimeoutMs } from '../limits.js';
import type { Address, Link, TlsIdentity, TlsListener } from './env.js';
import { bound, overSocket } from './socket-link.js';

/** Whoever has not finished the handshake costs a socket and nothing else, and that for a short time. */
export async function listenTls(
  { host, port }: Address,
  identity: TlsIdentity,
  accept: (link: Link) => void,
): Promise<TlsListener> {
  const server = createServer({
    ...contextOf(identity),
    handshakeTimeout: tlsHandshakeTimeoutMs,
    noDelay: true,
  });
  server.maxConnections = tlsConnectionsMax;
  server.on('secureConnection', (socket: TLSSocket) => accept(overSocket(socket)));
  // Strangers, probes and clients that trust somebody else: theirs is the connection, and it ends.
  server.on('tlsClientError', (_error: Error, socket: TLSSocket) => socket.destroy());
  const listener = await bound(server, { host, port });
  return { ...listener, use: (next) => renew(server, next) };
}
const renew = (server: Server, identity: TlsIdentity): void => server.setSecureContext(contextOf(identity));

const contextOf = ({ certificate, key }: TlsIdentity) =>
  ({ cert: certificate, key, minVersion: 'TLSv1.2' }) as const;

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** "tapes.example.com", "192.0.2.7". */
  readonly names: readonly string[];
  /** Milliseconds since 1970-01-01 UTC. */
  readonly validFromMs: number;
  readonly validToMs: number;
  /** SHA-256, as openssl writes it: "AB:CD:…". */
  readonly fingerprint: string;
}

/** What the first certificate of the chain says. Throws an Error in plain words when the two are not what they should be. */
export function readIdentity({ certificate, key }: TlsIdentity): CertificateFacts {
  const first = parsed('the certificate', () => new X509Certificate(certificate));
  const secret = parsed('the key', () => createPrivateKey(key));
  if (!first.checkPrivateKey(secret)) throw new Error('the key is not that of the certificate');
  checkUsable({ certificate, key });
  const names = (first.subjectAltName ?? '').split(', ').flatMap((name) => {
    const [, value] = /^(?:DNS|IP Address):"?([^"]+)"?$/.exec(name) ?? [];
    return value === undefined ? [] : [value];
  });
  return {
    subject: oneLine(first.subject),
    issuer: oneLine(first.issuer),
    names,
    validFromMs: Date.parse(first.validFrom),
    validToMs: Date.parse(first.validTo),
    fingerprint: first.fingerprint256,
  };
}
/** What OpenSSL will not serve with, weak keys for example, is found out here and not when somebody connects. */
function checkUsable(identity: TlsIdentity): void {
  try {
    createSecureContext(contextOf(identity));
  } catch (error) {
    const why = error instanceof Error ? (error.message.split(':').at(-1) ?? '') : String(error);
    throw new Error(`OpenSSL does not take them (${why})`, { cause: error });
  }
}
const oneLine = (name: string | undefined): string => (name ?? '').replaceAll('\n', ', ');

/** Without `cause`: what OpenSSL says of a key may quote it. */
function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new Error(`${what} is not in PEM form, or needs a passphrase`);
  }
}

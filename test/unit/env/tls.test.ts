/** TLS against node's own client, and certificates against node's own reader and openssl. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import {
  type CertificateRequest,
  type Link,
  readIdentity,
  realEnv,
  selfSigned,
  type TlsIdentity,
} from '#env';
import { runProgram, tempFolder, testWith } from '#support';

const { net } = realEnv();
const loopback = { host: '127.0.0.1', port: 0 };
const request: CertificateRequest = {
  commonName: 'tapes.example.com',
  dnsNames: ['tapes.example.com', 'localhost'],
  addresses: [Buffer.from([127, 0, 0, 1]), Buffer.from('20010db8000000000000000000000007', 'hex')],
  fromMs: Date.UTC(2026, 10, 22, 3, 0, 0),
  days: 10_000, // past 2050, where the form of the time changes
  serial: Buffer.alloc(16, 0xff),
};

async function served(t: ExecutionContext, identity: TlsIdentity, accept: (link: Link) => void) {
  const listener = await net.listenTls(loopback, identity, accept);
  t.teardown(async () => await listener.close());
  return listener;
}
/** Trusts that certificate alone, and checks the name. */
async function client(t: ExecutionContext, port: number, { certificate }: TlsIdentity): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: certificate, servername: 'localhost' });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

test('bytes go both ways over TLS, also many of them, and the end is told', async (t) => {
  const identity = selfSigned(request);
  let heard = 0;
  const big = Buffer.alloc(3_000_000, 7);
  const listener = await served(t, identity, (link) => {
    link.start({
      data: (chunk) => {
        heard += chunk.length;
        if (heard === big.length) link.write([big.subarray(0, 1000), big.subarray(1000)], () => link.end());
      },
      closed: () => undefined,
    });
  });
  const socket = await client(t, listener.address.port, identity);
  t.regex(socket.getProtocol() ?? '', /^TLSv1\.[23]$/);
  socket.write(big);
  let back = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) back += chunk.length;
  t.is(back, big.length);
  t.is(heard, big.length);
});

test('a link waits for its start, and knows both addresses', async (t) => {
  const identity = selfSigned(request);
  let accepted: (link: Link) => void = () => undefined;
  const handed = new Promise<Link>((resolve) => (accepted = resolve));
  const listener = await served(t, identity, (link) => accepted(link));
  const socket = await client(t, listener.address.port, identity);
  socket.write('early');
  const link = await handed;
  t.like(link.remote, { host: '127.0.0.1', port: socket.localPort });
  t.is(link.local.port, listener.address.port);
  const first = await new Promise<string>((resolve) => {
    link.start({ data: (chunk) => resolve(chunk.toString()), closed: () => undefined });
  });
  t.is(first, 'early');
});

test('who speaks no TLS, or an old one, is dropped; others are served', async (t) => {
  const identity = selfSigned(request);
  let accepted = 0;
  const listener = await served(t, identity, () => (accepted += 1));
  const { port } = listener.address;
  const stranger = connectPlain({ host: '127.0.0.1', port });
  stranger.on('error', () => undefined); // it may be reset
  stranger.write('\x80\x00\x00\x18 no handshake of TLS');
  await once(stranger, 'close');
  const old = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }); // prettier-ignore
  await t.throwsAsync(once(old, 'secureConnect'));
  t.is(accepted, 0);
  await client(t, port, identity);
  t.pass();
});

test('another certificate is used from the next connection on', async (t) => {
  const [first, second] = [selfSigned(request), selfSigned(request)];
  const listener = await served(t, first, () => undefined);
  await client(t, listener.address.port, first);
  listener.use(second);
  await client(t, listener.address.port, second);
  await t.throwsAsync(client(t, listener.address.port, first), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
});

test('a certificate says what was asked for', (t) => {
  const identity = selfSigned(request);
  const { certificate } = identity;
  const x509 = new X509Certificate(certificate);
  t.true(x509.verify(x509.publicKey));
  t.false(x509.ca);
  t.is(x509.checkHost('tapes.example.com'), 'tapes.example.com');
  t.is(x509.checkIP('2001:db8::7'), '2001:db8::7');
  t.is(x509.checkIP('127.0.0.2'), undefined);
  t.deepEqual(readIdentity(identity), {
    subject: 'CN=tapes.example.com',
    issuer: 'CN=tapes.example.com',
    names: ['tapes.example.com', 'localhost', '127.0.0.1', '2001:DB8:0:0:0:0:0:7'],
    validFromMs: request.fromMs,
    validToMs: request.fromMs + request.days * 86_400_000,
    fingerprint: x509.fingerprint256,
  });
});

testWith(['openssl'], 'openssl takes the certificate for one', async (t) => {
  const file = join(await tempFolder(t), 'tls.pem');
  await writeFile(file, selfSigned({ ...request, serial: Buffer.alloc(16) }).certificate);
  const args = ['verify', '-CAfile', file, '-purpose', 'sslserver', '-x509_strict', '-check_ss_sig', file];
  const { status, stdout, stderr } = await runProgram('openssl', args);
  t.is(status, 0, stderr);
  t.regex(stdout, /: OK/);
});

test('what is no certificate, no key, or not the key, is said without a word of it', (t) => {
  const [one, other] = [selfSigned(request), selfSigned(request)];
  const said = (identity: TlsIdentity) => t.throws(() => readIdentity(identity))?.message;
  t.is(said({ ...one, certificate: 'x' }), 'the certificate is not in PEM form, or needs a passphrase');
  t.is(said({ ...one, key: 'secret' }), 'the key is not in PEM form, or needs a passphrase');
  t.is(said({ ...one, key: other.key }), 'the key is not that of the certificate');
});

testWith(
  ['openssl'],
  'a key that is too weak to serve with is refused before somebody connects',
  async (t) => {
    const folder = await tempFolder(t);
    const [certificate, key] = [join(folder, 'weak.pem'), join(folder, 'weak.key')];
    const subject = ['-subj', '/CN=weak', '-days', '3'];
    const made = ['req', '-x509', '-newkey', 'rsa:512', '-nodes', '-keyout', key, '-out', certificate];
    t.is((await runProgram('openssl', [...made, ...subject])).status, 0);
    const weak = { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
    t.throws(() => readIdentity(weak), { message: /^OpenSSL does not take them \(.*too small\)$/ });
  },
);

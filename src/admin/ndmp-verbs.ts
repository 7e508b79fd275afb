/** ndmp verbs: settings, users, roots, networks, portals, certificate, devices, sessions. */
import { basename } from 'node:path';
import type { NdmpUserRow } from '#catalog';
import type { TlsIdentity } from '#env';
import { RefusedError } from '#errors';
import type { NdmpSessionView } from '#ndmp';
import { formatAddress, parseAddress } from './address.js';
import type { Installation } from './installation.js';
import { isLoopback, parseIp, parseNetwork } from './ip.js';
import { keepNdmpSettings, type NdmpSettings } from './ndmp-access.js';
import { identityOfFiles, keepIdentity, newIdentity, viewIdentity } from './ndmp-certificate.js';
import type { NdmpRoot } from './ndmp-face.js';
import { portOfNdmp, viewNdmpPortal } from './ndmp-portals.js';
import type { NdmpSite } from './ndmp-site.js';
import { checkFolder, freeName, ownFoldersIn } from './ndmp-roots.js';
import {
  sessionsOf,
  viewDevices,
  viewNdmp,
  viewRoot,
  viewSession,
  viewSessionShort,
  viewUser,
} from './ndmp-views.js';
import type { InputOf, Told, VerbHandlers } from './verb.js';
import type { verbs } from './verbs.table.js';

type Verbs = typeof verbs;

export const ndmpVerbs = (installation: Installation, site: NdmpSite) => ({
  ...settingsVerbs(site),
  ...userVerbs(installation, site),
  ...rootVerbs(installation, site),
  ...networkVerbs(installation, site),
  ...portalVerbs(site),
  ...certificateVerbs(installation, site),
  ...sessionVerbs(installation, site),
});

const settingsVerbs = (site: NdmpSite) =>
  ({
    NDMP_SHOW: async () => await Promise.resolve(viewNdmp(site)),
    NDMP_SET: async (input, told) => {
      const changes = settingsOf(input);
      if (Object.keys(changes).length === 0) {
        const flags =
          '--text-authentication, --anonymous, --stream-addresses, --stream-ports or --version-max';
        throw new RefusedError('usage', `Say what to change: ${flags}`);
      }
      await keepNdmpSettings(site.catalog, { ...site.access.settings, ...changes });
      await site.refresh();
      told.note('Changed: holds from now on, for logins from the next one on');
      if (changes.textAuthentication === 'always')
        told.note('Passwords in plain text can be read by whoever sees the network between here and there');
      if (changes.anonymous === 'loopback')
        told.note('Any program of this machine may use the library and the roots without a password');
      return viewNdmp(site);
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

/** What was given, and nothing else. The row holds it to these words and numbers. */
function settingsOf(input: InputOf<Verbs['NDMP_SET']>): Partial<NdmpSettings> {
  const { streamAddresses, streamPorts, ...others } = input;
  const { textAuthentication, anonymous, versionMax } = others as Partial<NdmpSettings>;
  const addresses = streamAddresses === 'session' ? [] : streamAddresses?.split(',');
  const wrong = addresses?.find((address) => parseIp(address) === undefined);
  if (wrong !== undefined)
    throw new RefusedError('usage', `${wrong} is no address: give one such as 192.0.2.1`);
  return {
    ...(textAuthentication === undefined ? {} : { textAuthentication }),
    ...(anonymous === undefined ? {} : { anonymous }),
    ...(versionMax === undefined ? {} : { versionMax }),
    ...(addresses === undefined ? {} : { streamAddresses: addresses }),
    ...(streamPorts === undefined ? {} : { streamPorts: portsOf(streamPorts) }),
  };
}

/** As many as there could be streams at a time, and no more than a few thousand to try. */
const streamPortsMax = 4096;
function portsOf(text: string): NdmpSettings['streamPorts'] {
  if (text === 'any') return 'any';
  const [first = 0, last = 0] = text.split('-').map(Number);
  if (first >= 1024 && last >= first && last <= 65_535 && last - first < streamPortsMax)
    return { first, last };
  throw new RefusedError(
    'usage',
    `stream-ports: ${text} are not up to ${streamPortsMax} ports from 1024 to 65535 in their order: give two such as 30100-30199`,
  );
}

// --- users ----------------------------------------------------------------------------------------------------------------

/** What MD5 authentication looks at; longer passwords are of use as text only. */
const md5SecretBytes = 32;
/** A digest can be guessed at by whoever has seen it (RFC 7143 9.2.1 says 96 bits of CHAP, for the same reason). */
const safeSecretBytes = 12;
const secretBytesMax = 255;

function secretBytes(secret: string, told: Told): Buffer {
  const bytes = Buffer.from(secret);
  const count = bytes.length;
  if (count === 0 || count > secretBytesMax) {
    throw new RefusedError(
      'usage',
      `secret: a password has 1 to ${secretBytesMax} bytes; this one has ${count}`,
    );
  }
  if (count < safeSecretBytes)
    told.note(`A password of ${count} bytes can be guessed: ${safeSecretBytes} or more are better`);
  if (count > md5SecretBytes) told.note(`MD5 authentication looks at its first ${md5SecretBytes} bytes only`);
  return bytes;
}

const userVerbs = ({ env }: Installation, site: NdmpSite) =>
  ({
    NDMP_USER_CREATE: async ({ name, secret }, told) => {
      if (site.access.all.some((row) => row.name === name)) {
        const other = `give this one another password with \`tapesilo ndmp user set ${name} --secret-file FILE\``;
        throw new RefusedError(
          'conflict',
          `There is an NDMP user ${name} already: choose another name, or ${other}`,
        );
      }
      const row = { name, secret: secretBytes(secret, told), enabled: true, createdMs: env.clock.wallMs() };
      await site.catalog.ndmp.addUser(row);
      await site.refresh();
      told.note(`Made NDMP user ${name}`);
      return viewUser(site, row);
    },
    NDMP_USER_LIST: async () => await Promise.resolve(site.access.all.map((row) => viewUser(site, row))),
    NDMP_USER_SET: async (input, told) => {
      const { name, secret } = userNamed(site, input.name);
      const changes = userChanges(input, told);
      await site.catalog.ndmp.setUser(name, changes);
      await site.refresh();
      told.note(`Changed NDMP user ${name}: holds for the next login`);
      if (changes.enabled === false || changes.secret?.equals(secret) === false) tellOpen(site, name, told);
      return viewUser(site, userNamed(site, name));
    },
    NDMP_USER_DELETE: async ({ name }, told) => {
      const row = userNamed(site, name);
      const view = viewUser(site, row);
      await site.catalog.ndmp.removeUser(name);
      await site.refresh();
      told.note(`Deleted NDMP user ${name}`);
      tellOpen(site, name, told);
      return view;
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

function userNamed({ access }: NdmpSite, name: string): NdmpUserRow {
  const found = access.all.find((row) => row.name === name);
  if (found !== undefined) return found;
  throw new RefusedError('not-found', `There is no NDMP user ${name}: see \`tapesilo ndmp user list\``);
}
function userChanges({ secret, enable, disable }: InputOf<Verbs['NDMP_USER_SET']>, told: Told) {
  if (enable === true && disable === true)
    throw new RefusedError('usage', 'Give either --enable or --disable');
  if (secret === undefined && enable !== true && disable !== true) {
    throw new RefusedError(
      'usage',
      'Say what to change: --secret (or --secret-file, --secret-command), --disable or --enable',
    );
  }
  return {
    ...(secret === undefined ? {} : { secret: secretBytes(secret, told) }),
    ...(enable === true || disable === true ? { enabled: enable === true } : {}),
  };
}
function tellOpen({ server }: NdmpSite, name: string, told: Told): void {
  const open = sessionsOf(server.sessions(), name);
  const ids = open.map(({ id }) => `${id}`).join(', ');
  const drop = `\`tapesilo ndmp session drop ${open[0]?.id}\``;
  if (open.length === 1) told.note(`Session ${ids} of ${name} goes on: end it with ${drop}`);
  if (open.length > 1) told.note(`Sessions ${ids} of ${name} go on: end each with ${drop}`);
}

// --- roots ----------------------------------------------------------------------------------------------------------------

const rootVerbs = (installation: Installation, site: NdmpSite) =>
  ({
    NDMP_ROOT_ADD: async ({ path, name, readOnly }, told) => {
      const folder = checkFolder(site.ownFolders(), site.roots(), path);
      const row = {
        name: name ?? freeName(basename(folder), site.roots()),
        path: folder,
        readOnly: readOnly === true,
        createdMs: installation.env.clock.wallMs(),
      };
      if (site.roots().some((one) => one.name === row.name)) {
        throw new RefusedError('conflict', `There is a root ${row.name} already: choose another --name`);
      }
      await site.catalog.ndmp.addRoot(row);
      await site.refresh();
      const what = row.readOnly ? `back up ${folder}` : `back up ${folder} and restore into it`;
      told.note(`NDMP users may ${what}; its name is ${row.name}`);
      const own = ownFoldersIn(site.ownFolders(), folder);
      if (own.length > 0) told.note(`Jobs pass over what the daemon itself keeps there: ${own.join(', ')}`);
      const view = await viewRoot(installation, row);
      if (view.state === 'missing') told.warn(`${folder} is not there now: jobs fail until it is`);
      return view;
    },
    NDMP_ROOT_LIST: async () =>
      await Promise.all(site.roots().map(async (root) => await viewRoot(installation, root))),
    NDMP_ROOT_SET: async ({ root, readOnly, writable }, told) => {
      const { name, path } = rootNamed(site, root);
      if ((readOnly === true) === (writable === true))
        throw new RefusedError('usage', 'Give either --read-only or --writable');
      await site.catalog.ndmp.setRoot(name, { readOnly: readOnly === true });
      await site.refresh();
      told.note(readOnly === true ? `Nothing is restored into ${path}` : `Users may restore into ${path}`);
      return await viewRoot(installation, rootNamed(site, name));
    },
    NDMP_ROOT_REMOVE: async ({ root }, told) => {
      const found = rootNamed(site, root);
      const view = await viewRoot(installation, found);
      await site.catalog.ndmp.removeRoot(found.name);
      await site.refresh();
      told.note(`${found.path} is no root any more; the folder is as it was`);
      return view;
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

/** By its name, or by its path. */
function rootNamed(site: NdmpSite, given: string): NdmpRoot {
  const path = given.replace(/(?<=.)\/+$/, '');
  const all = site.roots();
  const found = all.find(({ name }) => name === given) ?? all.find((one) => one.path === path);
  if (found !== undefined) return found;
  throw new RefusedError('not-found', `There is no root ${given}: see \`tapesilo ndmp root list\``);
}

// --- networks, portals, certificate -----------------------------------------------------------------------------------------

const networkVerbs = ({ env }: Installation, site: NdmpSite) =>
  ({
    NDMP_NETWORK_ADD: async ({ network }, told) => {
      const { prefixBits } = parseNetwork(network);
      if (site.networks.some((row) => row.network === network))
        throw new RefusedError('conflict', `${network} is in the list already`);
      await site.catalog.ndmp.addNetwork({ network, createdMs: env.clock.wallMs() });
      await site.refresh();
      if (site.networks.length === 1)
        told.note(
          'From now on image streams come only from the networks in this list, and from the ends of a session',
        );
      told.note(`Image streams may go to ${network} and come from there`);
      if (prefixBits === 0 || (!network.includes(':') && prefixBits === 96))
        told.note(
          'That is everywhere: whoever knows a password can have this machine connect to any address',
        );
      return { network };
    },
    NDMP_NETWORK_LIST: async () => await Promise.resolve(site.networks.map(({ network }) => ({ network }))),
    NDMP_NETWORK_REMOVE: async ({ network }, told) => {
      if (!site.networks.some((row) => row.network === network)) {
        throw new RefusedError(
          'not-found',
          `${network} is not in the list: see \`tapesilo ndmp network list\``,
        );
      }
      await site.catalog.ndmp.removeNetwork(network);
      await site.refresh();
      told.note(`Image streams do not go to ${network} any more`);
      if (site.networks.length === 0) told.note('The list is empty: they may come from anywhere again');
      return { network };
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

const portalVerbs = (site: NdmpSite) =>
  ({
    NDMP_PORTAL_CREATE: async ({ address, tls }, told) => {
      const isTls = tls === true;
      const portal = await site.portals.keep(parseAddress(address, portOfNdmp(isTls)), isTls);
      told.note(
        `Listening for NDMP${isTls ? ' over TLS' : ''} on ${formatAddress(portal.address)}, now and after every start`,
      );
      if (!isTls && !isLoopback(portal.address.host))
        told.note('Only passwords are kept secret (MD5): what is backed up crosses the network as it is');
      if (site.access.all.length === 0)
        told.note('There is no user yet: make one with `tapesilo ndmp user create NAME --secret-file FILE`');
      return viewNdmpPortal(portal);
    },
    NDMP_PORTAL_LIST: async () => await Promise.resolve(site.portals.all.map(viewNdmpPortal)),
    NDMP_PORTAL_DELETE: async ({ portal: given }, told) => {
      const portal = site.portals.find(parseAddress(given, portOfNdmp(false)));
      await site.portals.remove(portal);
      told.note(`No longer listening for NDMP on ${formatAddress(portal.address)}`);
      return viewNdmpPortal(portal);
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

const certificateVerbs = ({ env }: Installation, site: NdmpSite) =>
  ({
    NDMP_CERTIFICATE_CREATE: async ({ names, days }, told) => {
      const identity = newIdentity(env, names, days);
      await keepIdentity(site.catalog, identity);
      await site.identify(identity);
      told.note(
        'Made a certificate: let clients trust it (`tapesilo ndmp certificate export`), or compare its fingerprint',
      );
      return viewIdentity(identity);
    },
    NDMP_CERTIFICATE_IMPORT: async ({ certificate, key }, told) => {
      const identity = await identityOfFiles(env, certificate, key);
      await keepIdentity(site.catalog, identity);
      await site.identify(identity);
      told.note('Copied the certificate and its key: import them again when they are renewed');
      const view = viewIdentity(identity);
      if (Date.parse(view.validTo) < env.clock.wallMs())
        told.warn(`It has expired: valid to ${view.validTo}`);
      return view;
    },
    NDMP_CERTIFICATE_SHOW: async () => await Promise.resolve(viewIdentity(identityOf(site))),
    NDMP_CERTIFICATE_EXPORT: async () => await Promise.resolve(identityOf(site).certificate.trimEnd()),
  }) satisfies Partial<VerbHandlers<Verbs>>;

function identityOf({ identity }: NdmpSite): TlsIdentity {
  if (identity !== undefined) return identity;
  throw new RefusedError(
    'not-found',
    'There is no certificate: make one with `tapesilo ndmp certificate create NAME`, or use your own with `tapesilo ndmp certificate import`',
  );
}

// --- devices, sessions ------------------------------------------------------------------------------------------------------

const sessionVerbs = (installation: Installation, site: NdmpSite) =>
  ({
    NDMP_DEVICE_LIST: async ({ library }) => await Promise.resolve(viewDevices(installation, site, library)),
    NDMP_SESSION_LIST: async () => await Promise.resolve(site.server.sessions().map(viewSessionShort)),
    NDMP_SESSION_SHOW: async ({ id }) => await Promise.resolve(viewSession(sessionOf(site, id))),
    NDMP_SESSION_DROP: async ({ id }, told) => {
      const session = sessionOf(site, id);
      if (!site.server.dropSession(id)) throw noSession(id);
      const who = `${session.user === undefined ? '' : `${session.user} at `}${formatAddress(session.peer)}`;
      const freed = [session.tape, session.scsi].filter((name) => name !== undefined);
      const freedText = `${freed.join(' and ')} ${freed.length === 1 ? 'is' : 'are'} free`;
      told.note(`Ended NDMP session ${id} of ${who}${freed.length === 0 ? '' : `; ${freedText}`}`);
      return await Promise.resolve(viewSession(session));
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

function sessionOf({ server }: NdmpSite, id: number): NdmpSessionView {
  const found = server.sessions().find((one) => one.id === id);
  if (found === undefined) throw noSession(id);
  return found;
}
const noSession = (id: number): RefusedError =>
  new RefusedError('not-found', `There is no NDMP session ${id}: see \`tapesilo ndmp session list\``);

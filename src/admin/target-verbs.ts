/** target, lun and initiator verbs. */
import type { ChapAccountRow, InitiatorRow, LunRow } from '#catalog';
import { RefusedError } from '#errors';
import { formatAddress, parseAddress } from './address.js';
import type { Installation, InstalledTarget } from './installation.js';
import { parseNetwork } from './ip.js';
import type { Network } from './network.js';
import { createTarget, freeLun, plug, unplug } from './plugging.js';
import type { InputOf, Told, VerbHandlers } from './verb.js';
import type { verbs } from './verbs.table.js';
import { viewLun } from './views.js';

type Verbs = typeof verbs;

export const targetVerbs = (installation: Installation, network: Network) =>
  ({
    TARGET_CREATE: async ({ name, alias, user, secret, initiator }, told) => {
      checkPair('user', user, secret);
      const accounts = accountsOf({ user, secret });
      const target = await createTarget(installation, name, alias ?? '', { accounts, initiator });
      told.note(`Made target ${name}: give it LUNs with \`tapesilo lun create\``);
      return await viewTarget(installation, target);
    },
    TARGET_LIST: async () =>
      await Promise.all(installation.targets.map(async (one) => await viewTargetShort(installation, one))),
    TARGET_SHOW: async ({ name }) => await viewTarget(installation, installation.target(name)),
    TARGET_SET: async (input, told) => {
      const target = installation.target(input.name);
      await installation.catalog.targets.set(target.row.id, targetChanges(input));
      await installation.refreshTarget(target);
      told.note(`Changed target ${target.row.name}`);
      return await viewTarget(installation, target);
    },
    TARGET_DELETE: async ({ name }, told) => {
      const target = installation.target(name);
      const view = await viewTarget(installation, target);
      await installation.closeTarget(target);
      await installation.catalog.targets.remove(target.row.id);
      told.note(`Deleted target ${name}`);
      return view;
    },
    TARGET_CHAP: async (input, told) => {
      const target = installation.target(input.name);
      if (input.off === true) await forgetAccounts(installation, network, target, undefined);
      else if (input.remove !== undefined) await forgetAccounts(installation, network, target, input.remove);
      else await setAccounts(installation, target, input);
      await installation.refreshTarget(target);
      tellChap(target, told);
      return await viewTarget(installation, target);
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

function targetChanges({ alias, redirect, permanent, noRedirect }: InputOf<Verbs['TARGET_SET']>) {
  if (alias === undefined && redirect === undefined && noRedirect !== true) {
    throw new RefusedError('usage', 'Say what to change: --alias, --redirect ADDR[:PORT] or --no-redirect');
  }
  if (redirect !== undefined && noRedirect === true) {
    throw new RefusedError('usage', 'Give either --redirect or --no-redirect');
  }
  return {
    ...(alias === undefined ? {} : { alias }),
    ...(redirect === undefined
      ? {}
      : { redirectAddress: formatAddress(parseAddress(redirect)), redirectPermanent: permanent === true }),
    ...(noRedirect === true ? { redirectAddress: undefined, redirectPermanent: false } : {}),
  };
}

// --- CHAP ---------------------------------------------------------------------------------------------------------------

/** RFC 7143 9.2.1: secrets of fewer than 96 bits are not for use without IPsec. */
const secretBytesMin = 12;
const secretBytesMax = 255;

function secretBytes(name: string, secret: string): Buffer {
  const bytes = Buffer.from(secret);
  if (bytes.length >= secretBytesMin && bytes.length <= secretBytesMax) return bytes;
  throw new RefusedError(
    'usage',
    `${name}: a CHAP secret has ${secretBytesMin} to ${secretBytesMax} bytes; this one has ${bytes.length}`,
  );
}

type Account = Omit<ChapAccountRow, 'id' | 'targetId'>;

function checkPair(name: string, user: string | undefined, secret: string | undefined): void {
  if ((user === undefined) === (secret === undefined)) return;
  const flag = name === 'user' ? 'secret' : 'mutual-secret';
  throw new RefusedError('usage', `Give both --${name} and --${flag} (or --${flag}-file, --${flag}-command)`);
}
function accountsOf(input: {
  readonly user?: string | undefined;
  readonly secret?: string | undefined;
  readonly mutualUser?: string | undefined;
  readonly mutualSecret?: string | undefined;
}): Account[] {
  const { user, secret, mutualUser, mutualSecret } = input;
  const accounts: Account[] = [];
  if (user !== undefined && secret !== undefined) {
    accounts.push({ direction: 'initiator', user, secret: secretBytes('secret', secret) });
  }
  if (mutualUser !== undefined && mutualSecret !== undefined) {
    accounts.push({
      direction: 'target',
      user: mutualUser,
      secret: secretBytes('mutual-secret', mutualSecret),
    });
  }
  return accounts;
}
/** A target proves itself with one account; of the initiators' there is one for each user. */
const replaces = (account: Account, old: ChapAccountRow): boolean =>
  account.direction === old.direction && (old.direction === 'target' || account.user === old.user);

async function setAccounts(
  { catalog }: Installation,
  { row }: InstalledTarget,
  input: InputOf<Verbs['TARGET_CHAP']>,
): Promise<void> {
  checkPair('user', input.user, input.secret);
  checkPair('mutual-user', input.mutualUser, input.mutualSecret);
  const wanted = accountsOf(input);
  if (wanted.length === 0)
    throw new RefusedError('usage', 'Give --user and --secret, or --remove USER, or --off');
  const known = await catalog.access.accounts(row.id);
  const kept = known.filter((old) => !wanted.some((account) => replaces(account, old)));
  const all = [...kept, ...wanted];
  checkSecretsDiffer(all);
  if (!all.some(({ direction }) => direction === 'initiator')) {
    throw new RefusedError(
      'usage',
      'Mutual CHAP needs a user of the initiators too: give --user and --secret',
    );
  }
  await catalog.transaction(async ({ access }) => {
    for (const old of known) if (!kept.includes(old)) await access.removeAccount(old.id);
    for (const account of wanted) await access.addAccount({ ...account, targetId: row.id });
  });
}

/** RFC 7143 9.2.1: the secrets of the two directions must not be the same. */
function checkSecretsDiffer(accounts: readonly Account[]): void {
  const ours = accounts.find(({ direction }) => direction === 'target');
  if (ours === undefined || !accounts.some((one) => one !== ours && one.secret.equals(ours.secret))) return;
  throw new RefusedError('usage', 'The mutual secret must not be that of a user: choose another');
}

async function forgetAccounts(
  { catalog }: Installation,
  network: Network,
  target: InstalledTarget,
  user: string | undefined,
): Promise<void> {
  const known = await catalog.access.accounts(target.row.id);
  const gone = known.filter((account) => user === undefined || account.user === user);
  if (user !== undefined && gone.length === 0) {
    throw new RefusedError('not-found', `Target ${target.row.name} knows no CHAP user ${user}`);
  }
  const left = known.filter((account) => !gone.includes(account) && account.direction === 'initiator');
  const initiators = await catalog.access.initiators(target.row.id);
  network.checkMayOpen(target, left.length === 0 && initiators.length === 0);
  await catalog.transaction(async ({ access }) => {
    for (const { id } of gone) await access.removeAccount(id);
  });
}

function tellChap({ row, access }: InstalledTarget, told: Told): void {
  const chap = access.chap();
  if (chap === undefined) told.note(`${row.name} asks for no CHAP user now`);
  else
    told.note(
      `${row.name} asks for CHAP${chap.mutual === undefined ? '' : ' both ways'} from the next login on`,
    );
}

// --- views ----------------------------------------------------------------------------------------------------------------

async function viewTargetShort({ catalog, server }: Installation, target: InstalledTarget) {
  const accounts = await catalog.access.accounts(target.row.id);
  const initiators = await catalog.access.initiators(target.row.id);
  const mutual = accounts.some(({ direction }) => direction === 'target');
  const chap = accounts.some(({ direction }) => direction === 'initiator');
  return {
    name: target.row.name,
    alias: target.row.alias,
    luns: target.luns.length,
    sessions: server.sessions().filter(({ targetName }) => targetName === target.row.name).length,
    authentication: chap ? (mutual ? 'mutual CHAP' : 'CHAP') : 'none',
    initiators: initiators.length === 0 ? 'all' : initiators.length,
    redirect: target.row.redirectAddress ?? null,
  };
}
async function viewTarget(installation: Installation, target: InstalledTarget) {
  const accounts = await installation.catalog.access.accounts(target.row.id);
  const initiators = await installation.catalog.access.initiators(target.row.id);
  return {
    ...(await viewTargetShort(installation, target)),
    ...(target.row.redirectAddress === undefined ? {} : { redirectPermanent: target.row.redirectPermanent }),
    users: accounts.filter(({ direction }) => direction === 'initiator').map(({ user }) => user),
    mutualUser: accounts.find(({ direction }) => direction === 'target')?.user ?? null,
    initiators: initiators.length === 0 ? 'all' : initiators.map((row) => viewInitiator(installation, row)),
    luns: target.luns.map((row) => viewLun(installation, row)),
  };
}
function viewInitiator(installation: Installation, row: InitiatorRow) {
  return {
    id: row.id,
    initiator: row.name ?? null,
    address: row.address ?? null,
    target: installation.targets.find((target) => target.row.id === row.targetId)?.row.name ?? null,
    luns: row.luns ?? 'all',
  };
}

// --- LUNs -------------------------------------------------------------------------------------------------------------------

const viewTargetLun = (installation: Installation, { row }: InstalledTarget, lun: LunRow) => ({
  target: row.name,
  ...viewLun(installation, lun),
});

export const lunVerbs = (installation: Installation) =>
  ({
    LUN_CREATE: async (input, told) => {
      const target = installation.target(input.target);
      const installed = installation.library(input.library);
      const drive = input.unit === 'changer' ? undefined : installation.drive(installed, input.unit);
      const unit = drive === undefined ? { libraryId: installed.row.id } : { driveId: drive.row.id };
      const there = target.luns.find(
        (row) => row.libraryId === unit.libraryId && row.driveId === unit.driveId,
      );
      if (there !== undefined) {
        throw new RefusedError('conflict', `${input.unit} is LUN ${there.lun} of ${target.row.name} already`);
      }
      const lun = input.lun ?? freeLun(target);
      if (target.luns.some((row) => row.lun === lun)) {
        throw new RefusedError('conflict', `${target.row.name} has a LUN ${lun} already: choose another`);
      }
      await plug(installation, target, { targetId: target.row.id, lun, ...unit });
      told.note(`${input.unit} is LUN ${lun} of ${target.row.name}`);
      return target.luns
        .filter((row) => row.lun === lun)
        .map((row) => viewTargetLun(installation, target, row));
    },
    LUN_LIST: async ({ target }) => {
      const targets = target === undefined ? installation.targets : [installation.target(target)];
      return await Promise.resolve(
        targets.flatMap((one) => one.luns.map((row) => viewTargetLun(installation, one, row))),
      );
    },
    LUN_DELETE: async (input, told) => {
      const target = installation.target(input.target);
      const row = target.luns.find(({ lun }) => lun === input.lun);
      if (row === undefined) {
        throw new RefusedError(
          'not-found',
          `${target.row.name} has no LUN ${input.lun}: see \`tapesilo lun list\``,
        );
      }
      const view = viewTargetLun(installation, target, row);
      await unplug(installation, target, row);
      told.note(`${target.row.name} has no LUN ${input.lun} any more`);
      return view;
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

// --- initiators ---------------------------------------------------------------------------------------------------------------

export const initiatorVerbs = (installation: Installation, network: Network) =>
  ({
    INITIATOR_CREATE: async (input, told) => {
      const target = installation.target(input.target);
      const { initiator: name, address } = input;
      if (name === undefined && address === undefined) {
        throw new RefusedError('usage', 'Give the name of the initiator, --address CIDR, or both');
      }
      if (address !== undefined) parseNetwork(address);
      const { access } = installation.catalog;
      const known = await access.initiators(target.row.id);
      if (known.some((row) => row.name === name && row.address === address)) {
        throw new RefusedError('conflict', `${name ?? address} is in the list of ${target.row.name} already`);
      }
      const id = await access.addInitiator({
        targetId: target.row.id,
        ...(name === undefined ? {} : { name }),
        ...(address === undefined ? {} : { address }),
        ...(input.luns === undefined ? {} : { luns: parseLuns(input.luns) }),
      });
      await installation.refreshTarget(target);
      if (known.length === 0)
        told.note(`${target.row.name} now admits nobody but the initiators in its list`);
      else told.note(`${target.row.name} admits ${name ?? address}`);
      return viewInitiator(installation, (await entry(installation, id)).row);
    },
    INITIATOR_LIST: async (input) => {
      const targets = input.target === undefined ? installation.targets : [installation.target(input.target)];
      const lists = await Promise.all(
        targets.map(async ({ row }) => await installation.catalog.access.initiators(row.id)),
      );
      return lists.flat().map((row) => viewInitiator(installation, row));
    },
    INITIATOR_SHOW: async ({ id }) => viewInitiator(installation, (await entry(installation, id)).row),
    INITIATOR_SET: async ({ id, luns, allLuns }, told) => {
      const { row, target } = await entry(installation, id);
      if ((luns === undefined) === (allLuns !== true)) {
        throw new RefusedError('usage', 'Give either --luns or --all-luns');
      }
      await installation.catalog.access.setInitiator(id, {
        luns: luns === undefined ? undefined : parseLuns(luns),
      });
      await installation.refreshTarget(target);
      told.note(`${row.name ?? row.address} sees ${luns === undefined ? 'all LUNs' : `LUNs ${luns}`} now`);
      return viewInitiator(installation, (await entry(installation, id)).row);
    },
    INITIATOR_DELETE: async ({ id }, told) => {
      const { row, target } = await entry(installation, id);
      const left = (await installation.catalog.access.initiators(target.row.id)).length - 1;
      network.checkMayOpen(target, left === 0 && target.access.chap() === undefined);
      await installation.catalog.access.removeInitiator(id);
      await installation.refreshTarget(target);
      told.note(`${row.name ?? row.address} is no longer in the list of ${target.row.name}`);
      if (left === 0) told.warn(`The list of ${target.row.name} is empty: it admits every initiator`);
      return viewInitiator(installation, row);
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

async function entry(
  installation: Installation,
  id: number,
): Promise<{ readonly row: InitiatorRow; readonly target: InstalledTarget }> {
  for (const target of installation.targets) {
    const rows = await installation.catalog.access.initiators(target.row.id);
    const row = rows.find((one) => one.id === id);
    if (row !== undefined) return { row, target };
  }
  throw new RefusedError('not-found', `No list has an entry ${id}: see \`tapesilo initiator list\``);
}

const lunsMax = 1024;

/** LUNs of "0,2-4", ascending. */
function parseLuns(text: string): number[] {
  const luns = new Set<number>();
  for (const part of text.split(',')) {
    const [first = 0, last = first] = part.split('-').map(Number);
    if (first > last || last - first >= lunsMax)
      throw new RefusedError('usage', `${part} is no range of LUNs`);
    for (let lun = first; lun <= last; lun++) luns.add(lun);
  }
  if (luns.size > lunsMax) throw new RefusedError('usage', `Give at most ${lunsMax} LUNs`);
  return [...luns].toSorted((a, b) => a - b);
}

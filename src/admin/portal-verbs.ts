/** portal, session and daemon verbs. */
import { RefusedError } from '#errors';
import { formatAddress, parseAddress } from './address.js';
import type { SessionFacts } from './factory.js';
import type { Installation } from './installation.js';
import { viewNdmpPortal } from './ndmp-portals.js';
import type { NdmpSite } from './ndmp-site.js';
import { announcedAddress, type Network, type Portal } from './network.js';
import type { VerbHandlers } from './verb.js';
import type { verbs } from './verbs.table.js';
import { viewLun } from './views.js';

type Verbs = typeof verbs;

export function viewPortal(portal: Portal) {
  const announce = announcedAddress(portal);
  return {
    portal: formatAddress(portal.address),
    address: portal.address.host,
    port: portal.address.port,
    groupTag: portal.groupTag,
    announce: announce === undefined ? null : formatAddress(announce),
    kept: portal.rowId !== undefined,
    state: portal.problem ?? 'open',
  };
}

/** What the daemon serves: the ready line, and `daemon show`. */
export function viewServed(
  installation: Installation,
  network: Network,
  site: NdmpSite,
  { home, pid }: { readonly home: string; readonly pid: number },
) {
  return {
    home,
    pid,
    // Those of this run first: who asked for any free port looks there.
    portals: network.portals.toSorted((a, b) => (a.rowId ?? 0) - (b.rowId ?? 0)).map(viewPortal),
    ndmpPortals: site.portals.all.map(viewNdmpPortal),
    targets: installation.targets.map((target) => ({
      name: target.row.name,
      luns: target.luns.map((row) => viewLun(installation, row)),
    })),
  };
}

export type ServedView = ReturnType<typeof viewServed>;

export const portalVerbs = (network: Network) =>
  ({
    PORTAL_CREATE: async (input, told) => {
      const announce = input.announce === undefined ? undefined : parseAddress(input.announce, 0);
      const portal = await network.keep(parseAddress(input.address), input.groupTag, announce);
      told.note(`Listening on ${formatAddress(portal.address)}, now and after every start`);
      return viewPortal(portal);
    },
    PORTAL_LIST: async () => await Promise.resolve(network.portals.map(viewPortal)),
    PORTAL_SHOW: async (input) => await Promise.resolve(viewPortal(network.find(parseAddress(input.portal)))),
    PORTAL_SET: async (input, told) => {
      const portal = network.find(parseAddress(input.portal));
      if ((input.announce === undefined) === (input.noAnnounce !== true)) {
        throw new RefusedError('usage', 'Give either --announce ADDR[:PORT] or --no-announce');
      }
      const announce = input.announce === undefined ? undefined : parseAddress(input.announce, 0);
      await network.setAnnounce(portal, announce);
      const as = announce === undefined ? 'the address that is reached' : formatAddress(announce);
      told.note(`Discovery gives ${as} for ${formatAddress(portal.address)}`);
      return viewPortal(portal);
    },
    PORTAL_DELETE: async (input, told) => {
      const portal = network.find(parseAddress(input.portal));
      await network.remove(portal);
      told.note(`No longer listening on ${formatAddress(portal.address)}`);
      return viewPortal(portal);
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

export const sessionVerbs = (installation: Installation) =>
  ({
    SESSION_LIST: async ({ target }) => {
      const name = target === undefined ? undefined : installation.target(target).row.name;
      const all = installation.server.sessions();
      const wanted = all.filter((one) => name === undefined || one.targetName === name);
      return await Promise.resolve(wanted.map(viewSession));
    },
    SESSION_SHOW: async ({ id }) => {
      const found = installation.server.sessions().find((one) => one.id === id);
      if (found === undefined) throw noSession(id);
      return await Promise.resolve(viewSession(found));
    },
    SESSION_DROP: async ({ id }, told) => {
      const found = installation.server.sessions().find((one) => one.id === id);
      if (found === undefined || !(await installation.server.dropSession(id))) throw noSession(id);
      told.note(`Ended session ${id} of ${found.initiatorName}`);
      const { initiatorName, targetName } = found;
      return { id, initiatorName, targetName: targetName ?? null };
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

function viewSession(session: SessionFacts) {
  const { openedAtMs, ...rest } = session;
  return { ...rest, openedAt: new Date(openedAtMs).toISOString() };
}
const noSession = (id: number): RefusedError =>
  new RefusedError('not-found', `There is no session ${id}: see \`tapesilo session list\``);

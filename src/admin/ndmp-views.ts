/** What is shown of NDMP: plain values for JSON and for tables. Names are part of the contract with scripts. */
import type { NdmpUserRow } from '#catalog';
import type { DataView, MoverView, NdmpSessionView } from '#ndmp';
import type { LogicalUnit } from '#scsi';
import { formatAddress } from './address.js';
import type { Installation } from './installation.js';
import type { NdmpRoot } from './ndmp-face.js';
import { viewNdmpPortal } from './ndmp-portals.js';
import type { NdmpSite } from './ndmp-site.js';

export function viewNdmp(site: NdmpSite) {
  const { access, portals, networks, server } = site;
  const streamHosts = site.streamHosts();
  const ports = site.streamPorts();
  return {
    portals: portals.all.map(viewNdmpPortal),
    ...access.settings,
    streamAddresses: streamHosts.length === 0 ? 'session' : streamHosts,
    streamPorts: ports === undefined ? 'any' : `${ports.first}-${ports.last}`,
    users: access.all.filter(({ enabled }) => enabled).length,
    roots: site.roots().length,
    networks: networks.map(({ network }) => network),
    certificate: site.identity !== undefined,
    sessions: server.sessions().length,
  };
}

export const viewUser = ({ server }: NdmpSite, { name, enabled, createdMs }: NdmpUserRow) => ({
  name,
  enabled,
  created: new Date(createdMs).toISOString(),
  sessions: sessionsOf(server.sessions(), name).length,
});
export const sessionsOf = (all: readonly NdmpSessionView[], user: string): readonly NdmpSessionView[] =>
  all.filter((one) => one.user === user);

export async function viewRoot({ env }: Installation, { name, path, readOnly }: NdmpRoot) {
  const isThere = await env.disk.exists(path);
  return { name, path, access: readOnly ? 'read-only' : 'read-write', state: isThere ? 'there' : 'missing' };
}

/** With who has them open. */
export function viewDevices(installation: Installation, site: NdmpSite, library: string | undefined) {
  return installation.librariesNamed(library).flatMap((installed) => {
    const prefix = `${installed.row.name}/`;
    return site.devices
      .list()
      .filter(({ name }) => name.startsWith(prefix))
      .map((device) => {
        const holder = site.holderOf(device.name);
        const drive = device.kind === 'tape' ? device.drive : undefined;
        return {
          name: device.name,
          kind: device.kind,
          library: installed.row.name,
          model: device.model,
          serial: device.serial,
          state: drive?.state ?? null,
          barcode: drive?.cartridge?.barcode ?? null,
          session: holder?.id ?? null,
          heldBy: holder === undefined ? (reservedBy(device.unit) ?? null) : describeHolder(holder),
        };
      });
  });
}
/** A host that keeps NDMP sessions out of the unit (DEVICE_BUSY). */
function reservedBy({ reservations, nexuses }: LogicalUnit): string | undefined {
  const id = reservations.reservedBy;
  if (id !== undefined) {
    const host = nexuses.find((nexus) => nexus.id === id)?.initiatorName ?? id;
    return `reserved by ${host}`;
  }
  const [first] = reservations.state.registrations;
  return first === undefined ? undefined : `registered by ${first.initiatorPort.split(',')[0] ?? ''}`;
}
/** "session 3, backup at 192.0.2.7". */
export const describeHolder = ({ id, user, peer }: NdmpSessionView): string =>
  `session ${id}, ${user === undefined ? '' : `${user} at `}${peer.host}`;

// --- sessions -------------------------------------------------------------------------------------------------------------

/** What there is to say in a line of a table; `viewSession` has the rest. */
export function viewSessionShort(session: NdmpSessionView) {
  const { id, peer, user, authorized, version, tls, tape, scsi, mover, data } = session;
  return {
    id,
    peer: formatAddress(peer),
    user: user ?? (authorized ? 'anonymous' : null),
    version,
    tls,
    tape: tape ?? null,
    changer: scsi ?? null,
    mover: viewMover(mover),
    data: viewData(data),
    bytes: Number(data.state === 'idle' ? mover.bytesMoved : data.bytes),
    percent: percentOf(data) ?? null,
  };
}
export function viewSession(session: NdmpSessionView) {
  const { mover, data, bytes: _bytes, percent: _percent, changer, ...short } = viewSessionShort(session);
  return {
    ...short,
    tapeMode: session.tapeMode ?? null,
    changer,
    local: formatAddress(session.local),
    openedAt: new Date(session.openedAtMs).toISOString(),
    requests: session.requests,
    mover,
    data,
  };
}

/** What the standard calls READ is read from the stream, and goes to the tape. */
const directions = { read: 'to tape', write: 'from tape' } as const;

function viewMover({ state, mode, pauseReason, haltReason, recordSize, recordNum, bytesMoved }: MoverView) {
  if (state === 'idle') return { state };
  const reasons: Readonly<Record<string, string>> = { paused: pauseReason, halted: haltReason };
  const direction = mode === 'read' || mode === 'write' ? directions[mode] : null;
  return {
    state,
    reason: reasons[state] ?? direction,
    direction,
    recordBytes: recordSize,
    records: recordNum,
    movedBytes: Number(bytesMoved),
  };
}
function viewData(data: DataView) {
  const { state, reason, operation, path, bytes, estimateBytes, files } = data;
  if (state === 'idle') return { state };
  const percent = percentOf(data);
  return {
    state,
    reason: reason ?? operation ?? null,
    operation: operation ?? null,
    path: path ?? null,
    files,
    processedBytes: Number(bytes),
    ...(estimateBytes === undefined ? {} : { estimateBytes: Number(estimateBytes) }),
    ...(percent === undefined ? {} : { percent }),
  };
}
/** Of a job that runs and can tell; never more than 99, as an estimate may be short. */
function percentOf({ state, bytes, estimateBytes = 0n }: DataView): number | undefined {
  if (state !== 'active' || estimateBytes <= 0n) return undefined;
  const percent = Number((100n * bytes) / estimateBytes);
  return percent > 99 ? 99 : percent;
}

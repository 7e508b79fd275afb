/**
 * CONFIG (spec4 3.2): who we are, how to authenticate, and which devices there are. Backup types and file systems are the data
 * service's to tell.
 */
import type { DeviceInfo } from './config-messages.table.js';
import type { NdmpDevice } from './devices.js';
import { TAPE_ATTRIBUTE } from './flags.table.js';
import type { NdmpSession } from './session.js';

/** Devices of one kind by model, as DMAs list them. */
export function deviceInfo({ devices, version }: NdmpSession, kind: NdmpDevice['kind']): DeviceInfo[] {
  const models = new Map<string, NdmpDevice[]>();
  for (const device of devices.list()) {
    if (device.kind === kind) models.set(device.model, [...(models.get(device.model) ?? []), device]);
  }
  const attr = kind === 'tape' && version === 4 ? TAPE_ATTRIBUTE.raw : 0;
  return [...models].map(([model, list]) => ({
    model,
    caplist: list.map((device) => ({ device: device.name, attr, capability: capabilityOf(device) })),
  }));
}

/** What DMAs read to tell devices apart, whatever they are called. */
const capabilityOf = ({ kind, model, serial }: NdmpDevice): { name: string; value: string }[] => [
  { name: 'SERIAL_NUMBER', value: serial },
  { name: 'ALIAS', value: `${kind === 'tape' ? 'tape' : 'mc'} ${serial}` },
  { name: 'EXECUTE_CDB', value: kind === 'tape' ? 'b' : 's' }, // by TAPE and SCSI requests, or by SCSI alone
  { name: 'PRODUCT_ID', value: model },
];

export function hostInfo({ options, connect, version }: NdmpSession) {
  const { hostName, osType, osVersion, hostId } = options.identity;
  const authTypes = version === 2 ? connect.types : [];
  return { hostname: hostName, osType, osVers: osVersion, hostid: hostId, authTypes };
}
export function serverInfo({ options, connect }: NdmpSession) {
  const { vendor, product, revision } = options.identity;
  return { vendorName: vendor, productName: product, revisionNumber: revision, authTypes: connect.types };
}

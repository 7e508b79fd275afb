/** TargetNode: one iSCSI target name: its device, who may use it, and the sessions that do (RFC 7143 4.4, 6.3). */
import type { TargetDevice, Nexus } from '#scsi';
import type { AccessPolicy } from './access-policy.js';

export interface TargetSpec {
  readonly name: string;
  readonly alias: string;
  readonly device: TargetDevice;
  readonly access: AccessPolicy;
}

/** The I_T nexus of an initiator port and this target's port, which is its portal group (RFC 7143 4.4, SPC-5 7.6.4.6). */
export function nexusOf(targetName: string, groupTag: number, initiatorName: string, isid: Buffer): Nexus {
  const initiatorPort = `${initiatorName},i,0x${isid.toString('hex')}`;
  const targetPort = `${targetName},t,0x${groupTag.toString(16).padStart(4, '0')}`;
  return {
    id: `${initiatorPort} ${targetPort}`,
    initiatorName,
    initiatorPort,
    transportId: transportIdOf(initiatorPort),
    targetPort,
    relativeTargetPort: groupTag,
  };
}

/** TransportID of an initiator port, format 01b: name, separator, ISID, ended by NUL and padded to words. */
function transportIdOf(initiatorPort: string): Buffer {
  const text = Buffer.from(`${initiatorPort}\0`, 'utf8');
  const padded = Math.max(20, Math.ceil(text.length / 4) * 4);
  const id = Buffer.alloc(4 + padded);
  id[0] = 0x45; // TPID FORMAT 01b, PROTOCOL IDENTIFIER 5h (iSCSI)
  id.writeUInt16BE(padded, 2);
  text.copy(id, 4);
  return id;
}

export class TargetNode implements TargetSpec {
  readonly name: string;
  readonly alias: string;
  readonly device: TargetDevice;
  readonly access: AccessPolicy;

  constructor({ name, alias, device, access }: TargetSpec) {
    this.name = name;
    this.alias = alias;
    this.device = device;
    this.access = access;
  }
}

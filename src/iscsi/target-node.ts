/** TargetNode: one iSCSI target name: its device, who may use it, and the sessions that do (RFC 7143 4.4, 6.3). */
import { encodeTransportId, type Nexus, type TargetDevice, type TargetPort } from '#scsi';
import type { AccessPolicy } from './access-policy.js';

export interface TargetSpec {
  readonly name: string;
  readonly alias: string;
  readonly device: TargetDevice;
  readonly access: AccessPolicy;
}

/** A target's SCSI port is its portal group (RFC 7143 4.4). */
export const targetPortOf = (targetName: string, groupTag: number): TargetPort => ({
  targetPort: `${targetName},t,0x${groupTag.toString(16).padStart(4, '0')}`,
  relativeTargetPort: groupTag,
});

/** The I_T nexus of an initiator port and this target's port. */
export function nexusOf(targetName: string, groupTag: number, initiatorName: string, isid: Buffer): Nexus {
  const initiatorPort = `${initiatorName},i,0x${isid.toString('hex')}`;
  const port = targetPortOf(targetName, groupTag);
  return {
    id: `${initiatorPort} ${port.targetPort}`,
    initiatorName,
    initiatorPort,
    transportId: encodeTransportId(initiatorPort),
    ...port,
  };
}

export class TargetNode implements TargetSpec {
  readonly name: string;
  readonly device: TargetDevice;
  readonly access: AccessPolicy;
  readonly #spec: TargetSpec;

  constructor(spec: TargetSpec) {
    const { name, device, access } = spec;
    this.#spec = spec;
    this.name = name;
    this.device = device;
    this.access = access;
  }
  /** Asked for at each login: an operator may change it. */
  get alias(): string {
    return this.#spec.alias;
  }
}

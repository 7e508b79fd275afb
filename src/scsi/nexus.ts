/** I_T nexus: one initiator port at one target port (SAM-5 4.8). A value; two sessions of one port are one nexus. */
export interface Nexus {
  /** Unique text of the pair of ports; what maps are keyed by. */
  readonly id: string;
  /** iSCSI name of the initiator device. */
  readonly initiatorName: string;
  /** SCSI port name of the initiator: name, ",i,0x" and the ISID (RFC 7143 4.4 and 4.6.2). */
  readonly initiatorPort: string;
  /** TransportID of the initiator port (SPC-5 7.6.4.6), as persistent reservations keep it. */
  readonly transportId: Buffer;
  /** SCSI port name of the target: name, ",t,0x" and the portal group tag. */
  readonly targetPort: string;
  /** Relative target port identifier, 1 … 65535. */
  readonly relativeTargetPort: number;
}

/** A SCSI target port of ours: an iSCSI portal group of a target (RFC 7143 4.4). */
export interface TargetPort {
  /** SCSI port name: target name, ",t,0x" and the portal group tag. */
  readonly targetPort: string;
  /** Relative target port identifier, 1 … 65535. */
  readonly relativeTargetPort: number;
}

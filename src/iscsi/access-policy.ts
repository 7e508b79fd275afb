/** Who may log in and what they see. Asked live at every login, so a change takes effect with the next one. */
import type { ChapCredentials } from './chap.js';

export interface AccessPolicy {
  /** By initiator name and address (text of an IP address). */
  admits(initiator: { name: string; address: string }): boolean;
  /** Undefined: no authentication is asked for. */
  chap(initiatorName: string): ChapCredentials | undefined;
  /** LUN mask. Asked at each command, so a change takes effect at once. */
  sees(initiator: { name: string; address: string }, lun: number): boolean;
  /** Sends the initiator elsewhere: `address` is `host:port`, IPv6 in brackets, with `,groupTag` if need be. */
  redirect?(): { address: string; permanent: boolean } | undefined;
}

/** What a discovery session needs: it belongs to no target. */
export type DiscoveryPolicy = Pick<AccessPolicy, 'admits' | 'chap'>;

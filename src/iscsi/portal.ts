/** Portal: one listening address and the portal group it belongs to (RFC 7143 4.4). */
import { RefusedError } from '#errors';
import type { Address, Link, Listener, Net } from '#env';
import type { ReachablePortal } from './send-targets.js';

export interface PortalSpec {
  readonly address: Address;
  /** 1 … 65535; also the relative target port of the SCSI port that the group is. */
  readonly groupTag: number;
  /** What SendTargets says instead of the address: behind NAT, or a guest's view of its host. Read again for every answer. */
  readonly announce?: Address | undefined;
}
export interface PortalView {
  readonly id: number;
  readonly address: Address;
  readonly groupTag: number;
  readonly announce?: Address;
}

export class Portal implements ReachablePortal {
  readonly id: number;
  readonly groupTag: number;
  readonly #spec: PortalSpec;
  readonly #listener: Listener;
  /** As asked for, with the real port. */
  readonly address: Address;

  private constructor(id: number, spec: PortalSpec, listener: Listener) {
    this.id = id;
    this.groupTag = spec.groupTag;
    this.#spec = spec;
    this.#listener = listener;
    this.address = listener.address;
  }

  static async open(id: number, spec: PortalSpec, net: Net, accept: (link: Link) => void): Promise<Portal> {
    if (!Number.isInteger(spec.groupTag) || spec.groupTag < 1 || spec.groupTag > 0xffff) {
      throw new RefusedError('usage', `Portal group tag ${spec.groupTag} is not in 1 … 65535`);
    }
    return new Portal(id, spec, await net.listen(spec.address, accept));
  }

  get announce(): Address | undefined {
    return this.#spec.announce;
  }
  get view(): PortalView {
    const { id, address, groupTag, announce } = this;
    return announce === undefined ? { id, address, groupTag } : { id, address, groupTag, announce };
  }
  async close(): Promise<void> {
    await this.#listener.close();
  }
}

/**
 * Data connections: where the image streams of one session are listened for, connected and closed. The mover and the data
 * service have the same one.
 */
import { strict as assert } from 'node:assert';
import type { Env, Link, Listener, Logger, Timer } from '#env';
import { StoreError } from '#errors';
import { imageConnectMs, imageLingerMs } from '#limits';
import type { AddressPolicy, SessionEnds } from './address-policy.js';
import { NdmpError } from './errors.table.js';
import { plainHost } from './hosts.js';
import type { PortRange } from './server-options.js';
import type { Lingering } from './lingering.js';
import type { Address, Endpoint } from './types.js';

const anyPort: PortRange = { first: 0, last: 0 };
const isTaken = (error: unknown): boolean =>
  error instanceof StoreError && error.facts['errno'] === 'EADDRINUSE';

/** IPv6 by the connection address extension. */
export type StreamType = 'tcp' | 'tcp-ipv6';
export const isStream = (address: Address): address is Address & { readonly type: StreamType } =>
  address.type === 'tcp' || address.type === 'tcp-ipv6';

/** One connection is awaited. */
export interface Listening {
  /** Where: for the reply. */
  readonly address: Address;
  /**
   * Resolves when a connection that was made before has been accepted. A client asks for the next thing as soon as its
   * connection is up, and that request may be read before the listener has been: so settle before judging a request.
   */
  settle(): Promise<void>;
  close(): void;
}

export interface ConnectorParts {
  /** Of all sessions. */
  readonly lingering: Lingering;
  readonly env: Pick<Env, 'clock' | 'net'>;
  readonly log: Logger;
  readonly policy: AddressPolicy;
  readonly session: SessionEnds;
  /** Hosts to listen on; without any, the one that the client came to, which is how it reaches us. */
  readonly hosts?: (() => readonly string[]) | undefined;
  /** The lowest free one of these ports; any free one where nothing is said. */
  readonly ports?: (() => PortRange | undefined) | undefined;
}

export class DataConnector {
  readonly #parts: ConnectorParts;
  readonly #open = new Set<() => void>();
  #ended = false;

  constructor(parts: ConnectorParts) {
    this.#parts = parts;
  }

  /**
   * Takes one connection on a free port of each host of that family, then listens no more. Throws NdmpError 'connect', also
   * when the client came by the other family.
   */
  async listen(accept: (link: Link) => void, type: StreamType = 'tcp'): Promise<Listening> {
    const { env, log, session, policy } = this.#parts;
    const named = this.#parts.hosts?.() ?? [];
    const ours = named.length > 0 ? named : [plainHost(session.local.host)];
    const hosts = ours.filter((host) => host.includes(':') === (type === 'tcp-ipv6'));
    const listeners: Listener[] = [];
    let isOpen = true;
    let isKnown = false; // nobody who may come knows where before the reply
    const close = (): void => {
      isOpen = false;
      this.#open.delete(close);
      for (const listener of listeners.splice(0)) void listener.close();
    };
    const take = (link: Link): void => {
      if (isOpen && isKnown && policy.mayAccept(plainHost(link.remote.host), session)) {
        close();
        accept(link);
        return;
      }
      log.warn('An image stream was refused', { from: link.remote.host });
      link.destroy();
    };
    this.#open.add(close);
    const endpoints: Endpoint[] = [];
    for (const host of hosts) {
      const listener = await this.#listenOn(host, take);
      if (listener === undefined) continue;
      endpoints.push({ host, port: listener.address.port, env: [] });
      if (isOpen) listeners.push(listener);
      else void listener.close();
    }
    if (endpoints.length === 0) {
      close();
      throw new NdmpError('connect', 'Nowhere to listen for the image stream', { hosts: ours });
    }
    isKnown = true;
    return { address: { type, endpoints }, settle: async () => await env.clock.sleep(0), close };
  }
  async #listenOn(host: string, take: (link: Link) => void): Promise<Listener | undefined> {
    const { env, log, ports } = this.#parts;
    const { first, last } = ports?.() ?? anyPort;
    for (let port = first; port <= last; port += 1) {
      try {
        return await env.net.listen({ host, port }, take);
      } catch (error) {
        if (port < last && isTaken(error)) continue;
        log.warn('Listening for an image stream failed', { host, port, error: String(error) });
        return undefined;
      }
    }
    return undefined;
  }

  /** The first endpoint that answers and that the policy allows. Throws NdmpError 'illegal-args' and 'connect'. */
  async connect(address: Address): Promise<Link> {
    const { log, policy, session } = this.#parts;
    if (!isStream(address)) throw new NdmpError('illegal-args', 'Only TCP addresses are connected to');
    for (const { host, port } of address.endpoints) {
      if (this.#ended) break; // nobody wants it any more
      const facts = { host, port };
      if (!policy.mayReach(plainHost(host), session)) {
        log.warn('An address outside the configured networks was not connected to', facts);
        continue;
      }
      try {
        return await this.#connectTo(host, port);
      } catch (error) {
        log.info('Connecting an image stream failed', { ...facts, error: String(error) });
      }
    }
    throw new NdmpError('connect', 'No address of the image stream could be reached');
  }
  async #connectTo(host: string, port: number): Promise<Link> {
    const { clock, net } = this.#parts.env;
    if (port === 0) throw new NdmpError('connect', 'There is no port 0');
    return await new Promise<Link>((resolve, reject) => {
      let isDue = true;
      const fail = (error: Error): void => {
        isDue = false;
        timer.cancel();
        this.#open.delete(end);
        reject(error);
      };
      const end = (): void => fail(new NdmpError('connect', 'The session has ended'));
      const timer = clock.after(imageConnectMs, () => fail(new NdmpError('timeout', 'No answer in time')));
      this.#open.add(end);
      net.connect({ host, port }).then(
        (link) => {
          timer.cancel();
          this.#open.delete(end);
          if (isDue && !this.#ended) resolve(link);
          else link.destroy();
        },
        (error: unknown) => {
          if (isDue) fail(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  /**
   * Closes a link in order: what was written goes out first. It is cut when the peer takes nothing for a while. What is
   * returned is to be called when the link is closed. Goes on behind the end of the session: the client may leave before the
   * last bytes have reached the other side.
   */
  linger(link: Link): () => void {
    const { env, lingering } = this.#parts;
    const { clock } = env;
    let timer: Timer | undefined;
    let queued = Infinity;
    const look = (): void => {
      if (link.queuedBytes >= queued) {
        link.destroy();
        return;
      }
      queued = link.queuedBytes === 0 ? -1 : link.queuedBytes;
      timer = clock.after(imageLingerMs, look);
    };
    link.end();
    lingering.add(link);
    look();
    return () => {
      timer?.cancel();
      lingering.remove(link);
    };
  }

  /** The session has ended: nothing is listened for or waited for any more. Links are their owners'. */
  end(): void {
    this.#ended = true;
    for (const close of this.#open) close();
    assert(this.#open.size === 0);
  }
}

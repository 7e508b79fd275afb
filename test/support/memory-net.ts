/** A network in this process: listeners by port, connections as pairs of links. What nobody listens on refuses. */
import type { Address, Link, Net } from '#env';
import { type Cut, linkPair } from './link-pair.js';

const portsFrom = 50_000;
const refuse = async (): Promise<never> => await Promise.reject(new Error('Not in this network'));

export class MemoryNet implements Net {
  readonly #host: string;
  readonly #cut: Cut | undefined;
  readonly #listeners = new Map<number, (link: Link) => void>();
  #lastPort = portsFrom;

  /** `host` is where connections come from. `cut` says in which pieces bytes arrive where somebody listens. */
  constructor(host: string, cut?: Cut) {
    this.#host = host;
    this.#cut = cut;
  }
  /** Ports that somebody listens on. */
  get ports(): readonly number[] {
    return [...this.#listeners.keys()];
  }
  async listen(at: Address, accept: (link: Link) => void): ReturnType<Net['listen']> {
    const port = at.port === 0 ? ++this.#lastPort : at.port;
    if (this.#listeners.has(port)) throw new Error(`Port ${port} is taken`);
    this.#listeners.set(port, accept);
    const close = async (): Promise<void> => {
      if (this.#listeners.get(port) === accept) this.#listeners.delete(port);
      await Promise.resolve();
    };
    return await Promise.resolve({ address: { host: at.host, port }, close });
  }
  async connect(to: Address): Promise<Link> {
    await Promise.resolve();
    const accept = this.#listeners.get(to.port);
    if (accept === undefined) throw new Error(`Nobody listens on port ${to.port}`);
    const { near, far } = linkPair(this.#cut, this.#host, to);
    accept(far);
    return near;
  }
  readonly listenTls = refuse;
  readonly listenPath = refuse;
  readonly connectPath = refuse;
}

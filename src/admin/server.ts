/** AdminServer: the admin socket of the daemon. One request after another per connection; connections side by side. */
import { AssertionError } from 'node:assert';
import type { Env, Link, Listener, Logger } from '#env';
import { encodeLine, Lines, parseRequest, type Reply, requestBytesMax, type Success } from './protocol.js';
import { failureOf } from './faults.table.js';

const connectionsMax = 64;

/** Does a verb by its name: the face of AdminService that skins use. */
export interface Performer {
  perform(verb: string, input: unknown): Promise<Success>;
}

export class AdminServer {
  readonly #performer: Performer;
  readonly #log: Logger;
  readonly #onBug: (error: unknown) => void;
  readonly #links = new Set<Link>();
  #listener: Listener | undefined;

  /** `onBug` gets failed assertions: the daemon must not go on after one (E3). */
  constructor(performer: Performer, log: Logger, onBug: (error: unknown) => void) {
    this.#performer = performer;
    this.#log = log;
    this.#onBug = onBug;
  }

  async listen(net: Env['net'], path: string): Promise<void> {
    this.#listener = await net.listenPath(path, (link) => this.#accept(link));
  }
  async close(): Promise<void> {
    for (const link of this.#links) link.destroy();
    await this.#listener?.close();
  }

  #accept(link: Link): void {
    if (this.#links.size >= connectionsMax) {
      link.destroy();
      return;
    }
    this.#links.add(link);
    const lines = new Lines(requestBytesMax);
    let last = Promise.resolve();
    link.start({
      data: (chunk) => {
        try {
          for (const line of lines.push(chunk)) last = last.then(async () => await this.#answer(link, line));
        } catch (error) {
          this.#log.warn('Admin connection dropped', { error: String(error) });
          link.destroy();
        }
      },
      closed: () => this.#links.delete(link),
    });
  }

  async #answer(link: Link, line: string): Promise<void> {
    link.write([encodeLine(await this.#reply(line))]);
  }
  async #reply(line: string): Promise<Reply> {
    try {
      const { verb, input } = parseRequest(line);
      return await this.#performer.perform(verb, input);
    } catch (error) {
      if (error instanceof AssertionError) this.#onBug(error);
      return { ok: false, error: failureOf(error) };
    }
  }
}

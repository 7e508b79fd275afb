/**
 * Lingering: image streams that we have closed and whose peers have not taken everything yet, of all sessions. They outlive
 * movers and sessions, so nobody else counts them: of too many the oldest is cut.
 */
import type { Link } from '#env';
import { imageLingersMax } from '#limits';

export class Lingering {
  readonly #links = new Set<Link>();

  add(link: Link): void {
    const [oldest] = this.#links;
    if (oldest !== undefined && this.#links.size >= imageLingersMax) {
      this.#links.delete(oldest);
      oldest.destroy();
    }
    this.#links.add(link);
  }
  /** It has been closed. */
  remove(link: Link): void {
    this.#links.delete(link);
  }
}

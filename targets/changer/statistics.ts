/** Statistics: what the robot did since the process started; the Media Changer and Element Statistics log pages show it. */
import { type ElementRef, formatElement } from '#vtl';

interface ElementCounts {
  readonly places: number;
  readonly picks: number;
}
const none: ElementCounts = { places: 0, picks: 0 };

export class Statistics {
  readonly #elements = new Map<string, ElementCounts>();
  moves = 0;
  /** Cartridges taken from elements, and put into elements. */
  picks = 0;
  places = 0;
  doorOpens = 0;
  scans = 0;
  identifiersRead = 0;
  failures = 0;

  moved(from: ElementRef, to: ElementRef): void {
    this.moves += 1;
    this.picks += 1;
    this.places += 1;
    this.#count(from, ({ picks, places }) => ({ picks: picks + 1, places }));
    this.#count(to, ({ picks, places }) => ({ picks, places: places + 1 }));
  }
  scanned(cartridges: number): void {
    this.scans += 1;
    this.identifiersRead += cartridges;
  }
  ofElement(ref: ElementRef | undefined): ElementCounts {
    return (ref === undefined ? undefined : this.#elements.get(formatElement(ref))) ?? none;
  }
  #count(ref: ElementRef, change: (counts: ElementCounts) => ElementCounts): void {
    const key = formatElement(ref);
    this.#elements.set(key, change(this.#elements.get(key) ?? none));
  }
}

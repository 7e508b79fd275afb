/**
 * Pressure: how hard new regions are compressed when the setting is 'adaptive'. Densely costs three times the time: it is done when the
 * crew had nothing else to do for several regions on end, and no more as soon as work piles up. Without threads there is no
 * telling, so fast; optimizing compresses it again when drives are idle.
 */
import type { Crew } from './crew.js';
import type { Means } from './means.js';
import type { ContainerTools } from './open-container.js';
import { EFFORT, type Effort } from './slips.js';

const calmRegions = 4;

export class Pressure {
  readonly #crew: Crew;
  #calm = 0;
  constructor(crew: Crew) {
    this.#crew = crew;
  }
  /** Of the region that is full now. */
  get effort(): Effort {
    if (!this.#crew.isBeside || this.#crew.busy > 0) this.#calm = 0;
    else this.#calm += 1;
    return this.#calm > calmRegions ? EFFORT.dense : EFFORT.fast;
  }
}
/** What containers are made with: effort as the pressure allows. */
export function toolsOf(means: Means): ContainerTools {
  const pressure = new Pressure(means.crew);
  return {
    ...means,
    get effort(): Effort {
      return pressure.effort;
    },
  };
}

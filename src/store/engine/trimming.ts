/**
 * Trimming: a run that was cut inside names chunks that do not count any more, and would keep them alive. How many do count is said by
 * the directory of its container. Whoever is about to store or to mark runs trims them first; a run whose directory cannot be read
 * stays as it is.
 */
import type { Engine } from './engine.js';
import { isUnreadable } from './unreadable.js';
import type { Runs } from './recipe.js';

export async function trimCuts(engine: Engine, runs: Runs): Promise<void> {
  for (const index of runs.cuts) {
    const { container } = runs.at(index);
    try {
      const directory =
        engine.containers.openOf(container)?.directory ?? (await engine.containers.loadDirectory(container));
      if (index >= runs.length || !runs.cuts.includes(index)) continue; // cut again meanwhile
      const run = runs.at(index);
      let bytes = run.to - run.from;
      let count = 0;
      for (; bytes > 0 && count < run.count; count++) {
        const length = directory.lengths[directory.indexOf(run.first + count)];
        if (length === undefined) break;
        bytes -= length;
      }
      if (bytes <= 0) runs.trim(index, count);
    } catch (cause) {
      if (!isUnreadable(cause)) throw cause;
    }
  }
}

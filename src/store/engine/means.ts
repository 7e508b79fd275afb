/** Means: what everything that is done to bytes stands on: memory, and who does it. One set for a life of the engine. */
import { strict as assert } from 'node:assert';
import { askForHugePages, type Logger } from '#env';
import { Arena, arenaBytesMax } from './arena.js';
import { type Crew, InlineCrew, ThreadCrew } from './crew.js';
import type { Kernels } from './kernels.js';
import { openWasmKernels } from './wasm-kernels.js';

export interface Means {
  readonly arena: Arena;
  /** For this thread. */
  readonly kernels: Kernels;
  readonly crew: Crew;
}
export interface MeansOptions {
  /** Others than the compiled ones. */
  readonly kernels?: Kernels | undefined;
  /** Threads beside this one; without any, everything is done here. */
  readonly threads: number;
  /** Somebody else who works: a simulated one. */
  readonly crew?: ((arena: Arena, kernels: Kernels) => Crew) | undefined;
  /** Memory that is there already. */
  readonly arena?: Arena | undefined;
}

/** Beside the main thread: measured on two processors, two are faster than one (`npm run bench`). */
export const threadsFor = (processors: number): number => Math.max(2, processors - 1);

/** `log` hears of threads that die. */
export async function openMeans(options: MeansOptions, log: Logger): Promise<Means> {
  const arena = options.arena ?? new Arena();
  if (options.threads === 0) {
    const kernels = options.kernels ?? (await openWasmKernels(arena));
    return { arena, kernels, crew: options.crew?.(arena, kernels) ?? new InlineCrew(arena, kernels) };
  }
  assert(options.kernels === undefined, 'threads have the compiled kernels');
  // All of it is gone through again and again: with small pages the processor looks for them for 3 % of the time.
  await askForHugePages(arena.view(0, 1), arenaBytesMax);
  const kernels = await openWasmKernels(arena);
  return { arena, kernels, crew: new ThreadCrew(arena, kernels, options.threads, log) };
}

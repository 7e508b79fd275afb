/** What the command line may do with the world, so that tests can be it. */
import type { ServeOptions } from '#admin';
import type { Env, Process } from '#env';

export interface World {
  readonly process: Process;
  readonly env: Pick<Env, 'disk' | 'net' | 'clock'>;
  /** Runs the daemon until it is told to stop; its exit status. */
  serve(options: ServeOptions): Promise<number>;
  readonly version: string;
}

/** Waiting for long work of the daemon, with its progress on the terminal of a person. */
import { AdminError, type AdminClient, type Success, type Verb, type WorkView } from '#admin';
import type { World } from './terminal.js';

const askAgainMs = 250;

/** What the verb has begun, when it has ended: its report is the result. AdminError when it failed or was stopped. */
export async function follow(
  world: World,
  client: AdminClient,
  row: Verb & { readonly follow: string },
  begun: Success,
): Promise<Success> {
  const progress = new Progress(world, row.verb);
  let work = begun.result as WorkView; // what such verbs return
  try {
    while (work.state === 'running') {
      progress.show(work);
      await world.env.clock.sleep(askAgainMs);
      const { result } = await client.call(row.follow, { name: work.group });
      const now = (result as { readonly progress?: WorkView }).progress;
      if (now?.id !== work.id) throw new AdminError('conflict', 'Something else was begun meanwhile', {});
      work = now;
    }
  } finally {
    progress.end();
  }
  if (work.report === undefined) {
    throw new AdminError(
      work.error?.code ?? 'conflict',
      work.state === 'stopped' ? 'It was stopped' : (work.error?.message ?? 'It failed'),
      work.error?.facts ?? {},
    );
  }
  const { summary, warning, ...result } = work.report;
  const warnings = warning === undefined ? [] : [warning];
  return {
    ...begun,
    result: { group: work.group, ...result, seconds: work.seconds },
    notes: [summary],
    warnings,
  };
}

/** One line that is written over again and again; nothing where no person watches. */
class Progress {
  readonly #world: World;
  readonly #what: string;
  #width = 0;

  constructor(world: World, what: string) {
    this.#world = world;
    this.#what = what;
  }
  show({ group, percent, seconds }: WorkView): void {
    if (!this.#world.process.isInteractive) return;
    const far = percent === undefined ? '' : ` ${percent} %`;
    const line = `${this.#what} ${group}:${far} (${Math.round(seconds)} s)`;
    this.#world.process.err(`\r${line.padEnd(this.#width)}`);
    this.#width = line.length;
  }
  end(): void {
    if (this.#width > 0) this.#world.process.err(`\r${' '.repeat(this.#width)}\r`);
  }
}

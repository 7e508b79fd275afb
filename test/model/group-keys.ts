/** GroupKeys: which key opens an encrypted group: after a change that was cut short, the old one or the new one. */
import type { Env } from '#env';
import { RefusedError } from '#errors';
import type { DedupGroup, KeySource } from '#store';

/** Key files of 32 bytes that follow from their names. */
export const keyFiles: Env['secrets'] = {
  file: async (path) => await Promise.resolve({ bytes: Buffer.alloc(32, path), mode: 0o600 }),
  command: async () => await Promise.reject(new Error('There is none')),
};

export class GroupKeys {
  #made = 0;
  #possible: readonly string[];

  constructor(possible: readonly string[] = ['/key-0']) {
    this.#possible = possible;
  }
  /** As it is now. */
  copy(): GroupKeys {
    return new GroupKeys(this.#possible);
  }

  async open(open: (source: KeySource) => Promise<DedupGroup>): Promise<DedupGroup> {
    for (const path of this.#possible) {
      try {
        const group = await open({ kind: 'file', path });
        this.#possible = [path];
        return group;
      } catch (error) {
        if (!(error instanceof RefusedError) || error.code !== 'unauthorized') throw error;
      }
    }
    throw new Error(`None of ${this.#possible.join(', ')} opens the group`);
  }
  async change(group: DedupGroup): Promise<void> {
    const path = `/key-${(this.#made += 1)}`;
    this.#possible = [...this.#possible, path];
    await group.rotateKey({ kind: 'file', path });
    this.#possible = [path];
  }
}

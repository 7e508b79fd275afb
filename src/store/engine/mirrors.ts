/**
 * Mirrors: a second copy, in a file of its own, of every container with recipes and states of volumes. They are a hundredth of what
 * is stored, and without them the rest is of no use.
 */
import { dirname, join } from 'node:path';
import type { Disk } from '#env';
import { StoreError } from '../../errors.js';
import { type ContainerKind, KIND } from './container.format.js';

const suffix = '.mirror';
interface Named {
  readonly id: number;
  readonly generation: number;
  readonly kind: ContainerKind;
}

export class Mirrors {
  readonly #disk: Disk;
  readonly #folder: string;
  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }
  #name({ id, generation }: Omit<Named, 'kind'>): string {
    return `${id.toString(10).padStart(10, '0')}-${generation}${suffix}`;
  }
  /** Durable when it resolves. Nothing, for containers of other kinds. */
  async write(named: Named, image: Buffer): Promise<void> {
    if (named.kind !== KIND.meta) return;
    await this.#disk.makeDirectory(this.#folder);
    await this.#disk.syncDirectory(dirname(this.#folder));
    const file = await this.#disk.open(join(this.#folder, this.#name(named)), 'create');
    try {
      await file.writeAt(image, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#disk.syncDirectory(this.#folder);
  }
  /** Bytes from `offset` of the container on; fewer when there is no such copy. */
  async read(named: Named, offset: number, target: Buffer): Promise<number> {
    if (named.kind !== KIND.meta) return 0;
    try {
      const file = await this.#disk.open(join(this.#folder, this.#name(named)), 'existing');
      try {
        return await file.readAt(target, offset);
      } finally {
        await file.close();
      }
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === 'missing') return 0;
      throw cause;
    }
  }
  /** Removes copies of containers that are not there any more. */
  async clean(isThere: (id: number, generation: number) => boolean): Promise<void> {
    for (const name of await this.#disk.list(this.#folder)) {
      const [id, generation] = name.slice(0, -suffix.length).split('-');
      if (!isThere(Number(id), Number(generation))) await this.#disk.remove(join(this.#folder, name));
    }
  }
}

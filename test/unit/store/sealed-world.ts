/** An encrypted group on a simulated disk, and what somebody sees who has that disk. */
import { type Disk, type Env, realEnv } from '#env';
import { DedupGroup, type KeySource, plainKernels } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import type { Volume } from '#store';
import { SimRandom } from '../../sim/sim-random.js';

const tuning = { checkpointBytes: 16 * 1024, pieceRuns: 8, indexEntries: 60, passphraseCost: 4 };

export const fileKey = (path: string): KeySource => ({ kind: 'file', path });
export const passphrase = (text: string): KeySource => ({
  kind: 'passphrase',
  passphrase: async () => await Promise.resolve(text),
});

export class SealedWorld {
  readonly disk: SimDisk;
  /** Key files, by path. */
  readonly files = new Map<string, { bytes: Buffer; mode: number }>();
  readonly random: SimRandom;
  life: Disk;

  constructor(seed = 1) {
    this.disk = new SimDisk({ dice: new SimRandom(seed) });
    this.random = new SimRandom(seed + 1000);
    this.life = this.disk.begin();
    for (const name of ['one', 'two']) this.files.set(name, { bytes: this.random.bytes(40), mode: 0o600 });
  }
  get env(): Env {
    const secrets: Env['secrets'] = {
      file: async (path) => {
        const found = this.files.get(path);
        if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
        return await Promise.resolve({ bytes: Buffer.from(found.bytes), mode: found.mode });
      },
      command: async (command) => await Promise.resolve(Buffer.from(`${command.join(' ')}\n`)),
    };
    return { ...realEnv(), random: this.random, disk: this.life, secrets };
  }
  async open(source: KeySource | 'none' = fileKey('one'), id?: string): Promise<DedupGroup> {
    const keySource = source === 'none' ? undefined : source;
    const memoryBytes = 16 * 1024 * 1024;
    const options = { folder: 'group', reserveBytes: 0, memoryBytes, kernels: plainKernels, tuning };
    return await DedupGroup.open({
      env: this.env,
      ...options,
      keySource,
      ...(id === undefined ? {} : { id }),
    });
  }
  /** Another world in which everything is as it is in this one, and durable. */
  async copy(seed: number): Promise<SealedWorld> {
    const other = new SealedWorld(seed);
    for (const [name, file] of this.files) other.files.set(name, file);
    await other.restore(await this.contents());
    return other;
  }
  /** Does it until the disk has been asked so many times; then the power fails. True: it was done before. */
  async interrupted(
    act: () => Promise<unknown>,
    calls: number,
    fate: 'drop' | 'keep' | 'prefix' | 'torn',
  ): Promise<boolean> {
    let left = calls;
    const died = new Promise<boolean>((resolve) => {
      this.disk.fault = () => {
        left -= 1;
        if (left >= 0) return undefined;
        resolve(false);
        return 'hang';
      };
    });
    const done = await Promise.race([act().then(() => true), died]);
    this.disk.fault = undefined;
    this.crash(fate);
    return done;
  }
  crash(fate: 'drop' | 'keep' | 'prefix' | 'torn' = 'drop'): void {
    this.disk.crash(fate);
    this.life = this.disk.begin();
  }
  /** Of all files under the folder, by path. */
  async contents(folder = 'group'): Promise<Map<string, Buffer>> {
    const all = new Map<string, Buffer>();
    for (const name of await this.life.list(folder)) {
      const path = `${folder}/${name}`;
      const below = await this.contents(path);
      for (const [one, bytes] of below) all.set(one, bytes);
      if (below.size === 0 && !(await this.isFolder(path))) all.set(path, this.disk.contentOf(path));
    }
    return all;
  }
  async isFolder(path: string): Promise<boolean> {
    return await this.life.syncDirectory(path).then(
      () => true,
      () => false,
    );
  }
  /** Puts files as they were: what a thief's copy, or a copy-on-write file system, still has. */
  async restore(contents: ReadonlyMap<string, Buffer>): Promise<void> {
    for (const path of (await this.contents()).keys()) await this.life.remove(path);
    for (const [path, bytes] of contents) {
      const names = path.split('/').slice(0, -1);
      await this.life.makeDirectory(names.join('/'));
      const file = await this.life.open(path, 'create');
      await file.writeAt(bytes, 0);
      await file.sync();
      for (let depth = names.length; depth >= 0; depth--)
        await this.life.syncDirectory(names.slice(0, depth).join('/'));
    }
  }
}

export async function write(group: DedupGroup, id: string, bytes: Buffer, label = id): Promise<void> {
  const volume = (await group.list()).includes(id) ? await group.open(id) : await group.create(id);
  await volume.stream('data').append([bytes]);
  await volume.commit(Buffer.from(label));
  await volume.close();
}
export async function read(volume: Volume): Promise<Buffer> {
  const stream = volume.stream('data');
  if (stream.length === 0) return Buffer.alloc(0);
  const slab = await stream.read(0, stream.length);
  const bytes = copyOf(slab);
  slab.release();
  return bytes;
}
export async function readFrom(group: DedupGroup, id: string): Promise<Buffer> {
  const volume = await group.open(id);
  try {
    return await read(volume);
  } finally {
    await volume.close();
  }
}

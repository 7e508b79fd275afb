/** A drive that writes whole files as records onto cartridges of a deduplicating group, as a host would, without the network. */
import { availableParallelism } from 'node:os';
import { realEnv } from '#env';
import { DedupGroup, type Density, threadsFor } from '#store';
import { Cartridge, Drive, mediumOf } from '#vtl';
import type { Slab } from '#wire';

const env = realEnv();

/** As a daemon has it: with a thread for each processor but one, unless told otherwise. */
export async function openGroup(
  folder: string,
  density: Density = 'adaptive',
  threads = threadsFor(availableParallelism()),
): Promise<DedupGroup> {
  return await DedupGroup.open({ env, folder, density, threads, reserveBytes: 0 });
}
export class TapeWriter {
  readonly #group: DedupGroup;
  readonly #drive: Drive;
  readonly #id: string;

  private constructor(group: DedupGroup, drive: Drive, id: string) {
    this.#group = group;
    this.#drive = drive;
    this.#id = id;
  }
  /** With an empty cartridge of that name in the drive. */
  static async begin(group: DedupGroup, id: string): Promise<TapeWriter> {
    const drive = new Drive({ env, id: `drive-${id}`, serial: id.toUpperCase(), generation: 8 });
    const options = { env, group, id, barcode: 'BENCH0L8', medium: mediumOf('LTO-8') };
    await drive.insert(await Cartridge.create(options));
    return new TapeWriter(group, drive, id);
  }
  async write(bytes: Buffer, recordBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += recordBytes)
      await this.record(bytes.subarray(at, at + recordBytes));
  }
  async record(bytes: Buffer): Promise<void> {
    await this.#drive.writeRecord({ length: bytes.length, slices: [bytes], release: () => undefined });
  }
  /** Undefined when it is written. */
  put(record: Slab): Promise<unknown> | undefined {
    const writing = this.#drive.writeRecord(record);
    return writing instanceof Promise ? writing : undefined;
  }
  async commit(): Promise<void> {
    await this.#drive.synchronize();
  }
  /** A filemark behind it, all of it durable; the cartridge out of the drive. */
  async end(): Promise<void> {
    await this.#drive.writeFilemarks(1, { immediate: false });
    await this.#drive.remove();
  }
  async erase(): Promise<void> {
    await this.#group.remove(this.#id);
  }
}

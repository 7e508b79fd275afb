/** A tape unit over a real drive and a store in memory, and short words for what an initiator does with it. */
import { type Env, realEnv } from '#env';
import { type Nexus, STATUS } from '#scsi';
import { type DrivePersonality, drivePersonalities, TapeUnit } from '#targets';
import { Cartridge, type CartridgeOptions, Drive, mediumOf } from '#vtl';
import { parseHex, SlabPool } from '#wire';
import { type Answer, fakeNexus, type FakeTaskOptions, send, type SenseView } from './fake-task.js';
import { MemoryGroup } from './memory-group.js';
import { MemoryPersistence } from './scsi.js';

const MB = 1e6;

export interface BenchOptions {
  readonly personality?: string;
  readonly cartridge?: Partial<CartridgeOptions> | 'none';
  readonly env?: Env;
}

export class TapeBench {
  readonly env: Env;
  readonly group = new MemoryGroup();
  readonly persistence = new MemoryPersistence();
  readonly pool = new SlabPool({ blockBytes: 256 * 1024, blocksMax: 80 });
  readonly personality: DrivePersonality;
  readonly drive: Drive;
  readonly unit: TapeUnit;
  readonly nexus: Nexus;
  #cartridges = 0;

  private constructor({ personality = 'IBM ULT3580-TD8', env = realEnv() }: BenchOptions) {
    const row = drivePersonalities[personality];
    if (row === undefined) throw new Error(`There is no personality ${personality}`);
    this.env = env;
    this.personality = row;
    const serial = 'TS00000001';
    this.drive = new Drive({ env, id: 'drive0', serial, vendor: row.vendor, generation: row.generation });
    this.unit = new TapeUnit({
      env,
      drive: this.drive,
      personality: row,
      pool: this.pool,
      persistence: this.persistence,
      identity: {
        vendor: row.vendor,
        product: row.product,
        revision: row.revision,
        serial,
        naa: parseHex('5000000000000001'),
      },
      automation: { serial: 'LIB0000001', elementAddress: () => 0x101 },
    });
    this.nexus = this.attach('one');
  }
  /** A unit that one nexus has talked to, with a cartridge of 100 MB in it. */
  static async make(options: BenchOptions = {}): Promise<TapeBench> {
    const bench = new TapeBench(options);
    await bench.unit.load();
    if (options.cartridge !== 'none') {
      await bench.drive.insert(await bench.cartridge(options.cartridge ?? {}));
      bench.calm(bench.nexus);
    }
    return bench;
  }

  async cartridge(options: Partial<CartridgeOptions> = {}): Promise<Cartridge> {
    this.#cartridges += 1;
    const { generation } = this.personality;
    const medium = options.medium ?? mediumOf(`LTO-${generation}` as 'LTO-8');
    return await Cartridge.create({
      env: this.env,
      group: this.group,
      id: `volume-${this.#cartridges}`,
      barcode: `TS000${this.#cartridges}L${generation}`,
      medium,
      sizeBytes: 100 * MB,
      ...options,
    });
  }
  attach(name: string): Nexus {
    const nexus = fakeNexus(name);
    this.unit.attach(nexus);
    this.calm(nexus);
    return nexus;
  }
  /** Takes the pending unit attentions of a nexus: their ASC and ASCQ. */
  calm(nexus: Nexus): string[] {
    const taken: string[] = [];
    for (let next = this.unit.attentions.take(nexus.id); next !== undefined;) {
      taken.push(`${hex(next.asc)}/${hex(next.ascq)}`);
      next = this.unit.attentions.take(nexus.id);
    }
    return taken;
  }

  /** Sends a CDB given in hexadecimal. */
  async send(cdb: string, options: Omit<FakeTaskOptions, 'cdb'> = {}): Promise<Answer> {
    return await send(this.unit, { nexus: this.nexus, ...options, cdb: parseHex(cdb) });
  }
  /** The same; throws unless it ends GOOD. */
  async good(cdb: string, options: Omit<FakeTaskOptions, 'cdb'> = {}): Promise<Answer> {
    const answer = await this.send(cdb, options);
    if (answer.status !== STATUS.good) throw new Error(`${cdb}: ${JSON.stringify(answer.sense)}`);
    return answer;
  }

  // --- what an initiator does all the time

  async write(data: Buffer): Promise<Answer> {
    return await this.send(`0a 00 ${hex(data.length, 6)} 00`, { out: data });
  }
  /** READ(6), variable, without SILI. */
  async read(length: number, flags = 0): Promise<Answer> {
    return await this.send(`08 ${hex(flags)} ${hex(length, 6)} 00`);
  }
  async filemarks(count: number): Promise<Answer> {
    return await this.send(`10 00 ${hex(count, 6)} 00`);
  }
  async rewind(): Promise<void> {
    await this.good('01 00 00 00 00 00');
  }
  async setBlockLength(length: number): Promise<void> {
    await this.good('15 10 00 00 0c 00', { out: parseHex(`00 00 10 08 00 000000 00 ${hex(length, 6)}`) });
  }
  /** Writes records of these sizes, and a filemark for each 0; each record is filled with its number. */
  async record(...sizes: readonly number[]): Promise<void> {
    for (const [index, size] of sizes.entries()) {
      const answer = size === 0 ? await this.filemarks(1) : await this.write(Buffer.alloc(size, index + 1));
      if (answer.status !== STATUS.good) throw new Error(`record ${index}: ${JSON.stringify(answer.sense)}`);
    }
  }
  /** Partition, object and file number, by READ POSITION long form. */
  async where(): Promise<{ partition: number; object: number; file: number; flags: number }> {
    const { data } = await this.good('34 06 0000000000 0000 00');
    return {
      flags: data.readUInt8(0),
      partition: data.readUInt32BE(4),
      object: Number(data.readBigUInt64BE(8)),
      file: Number(data.readBigUInt64BE(16)),
    };
  }
}

export const hex = (value: number, digits = 2): string => value.toString(16).padStart(digits, '0');

/** Key, ASC, ASCQ and what is set, as one short text: "0 00/01 fm valid 5". */
export function senseText(sense: SenseView | undefined): string {
  if (sense === undefined) return 'good';
  const marks = [
    ...(sense.filemark ? ['fm'] : []),
    ...(sense.eom ? ['eom'] : []),
    ...(sense.ili ? ['ili'] : []),
    ...(sense.deferred ? ['deferred'] : []),
    ...(sense.valid ? [`info ${sense.information}`] : []),
  ];
  return [`${sense.key.toString(16)} ${hex(sense.asc)}/${hex(sense.ascq)}`, ...marks].join(' ');
}

/** A transport for unit tests of SCSI: runs one CDB on a unit and gathers what comes back. */
import { type LogicalUnit, type Nexus, type Outcome, type Persistence, type Task, type TaskAttribute } from '#scsi';
import { CanceledError } from '#errors';
import { copyOf, ownedSlab, parseHex, type Slab } from '#wire';

/** iSCSI TransportID of an initiator port: format 01b, name, ",i,0x", ISID; null-terminated, multiple of four. */
export function transportIdOf(port: string): Buffer {
  const name = Buffer.from(`${port}\0`);
  const id = Buffer.alloc(4 + Math.max(20, Math.ceil(name.length / 4) * 4));
  id[0] = 0x45;
  id.writeUInt16BE(id.length - 4, 2);
  name.copy(id, 4);
  return id;
}

/** A nexus called by one letter or word. */
export function testNexus(letter: string, relativeTargetPort = 1): Nexus {
  const initiatorName = `iqn.2026-01.test:${letter}`;
  const initiatorPort = `${initiatorName},i,0x00023d000001`;
  const targetPort = `iqn.2026-01.test:target,t,0x${relativeTargetPort.toString(16).padStart(4, '0')}`;
  return {
    id: `${initiatorPort} ${targetPort}`,
    initiatorName,
    initiatorPort,
    transportId: transportIdOf(initiatorPort),
    targetPort,
    relativeTargetPort,
  };
}

export interface Ran extends Outcome {
  readonly data: Buffer;
  /** "key asc ascq" in hexadecimal, such as "5 24 00"; empty without sense. */
  readonly why: string;
}

export interface TestTaskOptions {
  readonly out?: Buffer;
  readonly expectedIn?: number;
  readonly attribute?: TaskAttribute;
  readonly lun?: number;
}

export class TestTask implements Task {
  static #tags = 1;
  readonly nexus: Nexus;
  readonly lun = Buffer.alloc(8);
  readonly tag = TestTask.#tags++;
  readonly attribute: TaskAttribute;
  readonly cdb: Buffer;
  readonly expectedOut: number;
  readonly expectedIn: number;
  readonly sent: Buffer[] = [];
  canceled = false;
  #out: Buffer;

  constructor(nexus: Nexus, cdb: Buffer | string, options: TestTaskOptions = {}) {
    this.nexus = nexus;
    const given = typeof cdb === 'string' ? parseHex(cdb) : cdb;
    this.cdb = Buffer.concat([given, Buffer.alloc(Math.max(0, 16 - given.length))]);
    this.#out = options.out ?? Buffer.alloc(0);
    this.expectedOut = this.#out.length;
    this.expectedIn = options.expectedIn ?? 1 << 24;
    this.attribute = options.attribute ?? 'simple';
    this.lun.writeUInt16BE(options.lun ?? 0, 0);
  }
  async receive(length: number): Promise<Slab> {
    if (this.canceled) throw new CanceledError();
    const part = this.#out.subarray(0, length);
    this.#out = this.#out.subarray(part.length);
    return await Promise.resolve(ownedSlab(Buffer.from(part)));
  }
  async send(data: Slab): Promise<void> {
    if (this.canceled) throw new CanceledError();
    this.sent.push(copyOf(data));
    data.release();
    return await Promise.resolve();
  }
  cancel(): void {
    this.canceled = true;
  }
}

/** `fixed`: the sense bytes as text. */
export function whyOf(sense: Buffer | undefined): string {
  if (sense === undefined) return '';
  const fixed = ((sense[0] ?? 0) & 0x7f) < 0x72;
  const [key, asc, ascq] = fixed ? [sense[2], sense[12], sense[13]] : [sense[1], sense[2], sense[3]];
  const hex = (byte: number | undefined): string => (byte ?? 0).toString(16).padStart(2, '0');
  return `${((key ?? 0) & 0x0f).toString(16)} ${hex(asc)} ${hex(ascq)}`;
}

export async function run(
  unit: { execute(task: Task): Promise<Outcome> },
  nexus: Nexus,
  cdb: Buffer | string,
  options: TestTaskOptions = {},
): Promise<Ran> {
  const task = new TestTask(nexus, cdb, options);
  const outcome = await unit.execute(task);
  return { ...outcome, data: Buffer.concat(task.sent), why: whyOf(outcome.sense) };
}

/** Attaches a nexus and takes the unit attention that it starts with. */
export async function attached(unit: LogicalUnit, nexus: Nexus): Promise<Nexus> {
  unit.attach(nexus);
  while (unit.attentions.take(nexus.id) !== undefined);
  return await Promise.resolve(nexus);
}

/** What a catalog would keep, in memory. `failing` makes every save fail. */
export class MemoryPersistence implements Persistence {
  readonly blobs = new Map<string, Buffer>();
  failing = false;
  async load(key: string): Promise<Buffer | undefined> {
    return await Promise.resolve(this.blobs.get(key));
  }
  async save(key: string, value: Buffer): Promise<void> {
    if (this.failing) throw new Error('the disk is gone');
    this.blobs.set(key, Buffer.from(value));
    return await Promise.resolve();
  }
}
